"""Which sockets `orgbilling serve` listens on."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from orgbilling_stubs.cli import listeners
from orgbilling_stubs.cli.listeners import ListenerError, addresses, listen


@contextmanager
def listening(host: str, port: int = 0) -> Iterator[list[socket.socket]]:
    sockets = listen(host, port)
    try:
        yield sockets
    finally:
        for listener in sockets:
            listener.close()


def names(sockets: list[socket.socket]) -> list[str]:
    return [listener.getsockname()[0] for listener in sockets]


def test_localhost_has_one_port_at_both_addresses() -> None:
    with listening("localhost") as sockets:
        port = sockets[0].getsockname()[1]
        assert names(sockets) == ["127.0.0.1", "::1"]
        assert {listener.getsockname()[1] for listener in sockets} == {port}
        assert addresses(sockets) == f"127.0.0.1:{port} and [::1]:{port}"


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_an_address_is_one_socket(host: str) -> None:
    with listening(host) as sockets:
        assert names(sockets) == [host]


@pytest.mark.parametrize(("host", "where"), [("127.0.0.1", ""), ("::1", " on ::1")])
def test_a_port_that_one_address_has_taken_is_an_error_that_leaves_nothing_open(
    host: str, where: str
) -> None:
    with listening(host) as (taken,):
        port = taken.getsockname()[1]
        with pytest.raises(ListenerError, match=f"^port {port} is taken{where}; choose another with --port"):
            listen("localhost", port)
    with listening("localhost", port) as sockets:
        assert len(sockets) == 2


def test_a_free_port_is_one_that_is_free_at_both_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first two ports that the system gives at 127.0.0.1 are taken at ::1."""
    bind, refused = socket.socket.bind, []

    def bind_twice_in_vain(self: socket.socket, address: tuple[str, int]) -> None:
        if self.family == socket.AF_INET6 and len(refused) < 2:
            refused.append(address)
            raise OSError(errno.EADDRINUSE, "taken")
        bind(self, address)

    monkeypatch.setattr(socket.socket, "bind", bind_twice_in_vain)
    with listening("localhost") as sockets:
        assert names(sockets) == ["127.0.0.1", "::1"]
    assert len(refused) == 2
    monkeypatch.setattr(listeners, "PORT_ATTEMPTS", 1)
    refused.clear()
    with pytest.raises(ListenerError, match="is taken on ::1"):
        listen("localhost", 0)


@pytest.mark.parametrize(("absent", "present"), [("::1", "127.0.0.1"), ("127.0.0.1", "::1")])
@pytest.mark.parametrize("code", [errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT])
def test_an_address_that_the_machine_does_not_have_is_left_out(
    monkeypatch: pytest.MonkeyPatch, absent: str, present: str, code: int
) -> None:
    bind = socket.socket.bind

    def bind_present(self: socket.socket, address: tuple[str, int]) -> None:
        if address[0] == absent:
            raise OSError(code, "absent")
        bind(self, address)

    monkeypatch.setattr(socket.socket, "bind", bind_present)
    with listening("localhost") as sockets:
        assert names(sockets) == [present]
    with pytest.raises(ListenerError, match=r"cannot listen on .*: absent"):
        listen(absent, 0)


def test_an_address_of_another_machine_is_an_error() -> None:
    with pytest.raises(ListenerError, match=r"^cannot listen on 203\.0\.113\.1:0: "):
        listen("203.0.113.1", 0)
