"""The sockets that `orgbilling serve` listens on.

A client looks for `localhost` at 127.0.0.1, at ::1, or at one after the other. So `localhost` means both, as
far as this machine has them, with one port.
"""

from __future__ import annotations

import errno
import socket

LOOPBACKS = ("127.0.0.1", "::1")
PORT_ATTEMPTS = 20
"""How many free ports of one address are tried at the other."""
BACKLOG = 2048
_ABSENT = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


class ListenerError(Exception):
    """An address that nobody can listen on now; the text is one line for the user."""


def listen(host: str, port: int) -> list[socket.socket]:
    """Listen at a host: at an address, or at all addresses of `localhost`. Raises ListenerError.

    port: 0 takes a free one.
    """
    if host != "localhost":
        return [_listener(host, port)]
    attempts = PORT_ATTEMPTS if port == 0 else 1
    while True:
        attempts -= 1
        try:
            return _loopback_listeners(port)
        except _PortTakenError:
            if attempts == 0:
                raise


def addresses(listeners: list[socket.socket]) -> str:
    """Where they listen, as text: "127.0.0.1:4010 and [::1]:4010"."""
    return " and ".join(_address(*listener.getsockname()[:2]) for listener in listeners)


def _loopback_listeners(port: int) -> list[socket.socket]:
    """Listen on every loopback address that there is. Raises ListenerError if the port of one is taken."""
    listeners: list[socket.socket] = []
    absence: ListenerError | None = None
    for address in LOOPBACKS:
        try:
            listeners.append(_listener(address, port))
        except _AddressAbsentError as error:
            absence = error
        except ListenerError:
            for listener in listeners:
                listener.close()
            raise
        else:
            port = listeners[0].getsockname()[1]
    if absence is not None and not listeners:
        raise absence
    return listeners


def _listener(host: str, port: int) -> socket.socket:
    """Listen at one address. Raises ListenerError."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            listener.listen(BACKLOG)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise _listener_error(host, port, error) from error
    listener.setblocking(False)
    return listener


class _PortTakenError(ListenerError):
    """Somebody else listens there."""


class _AddressAbsentError(ListenerError):
    """This machine has no such address."""


def _listener_error(host: str, port: int, error: OSError) -> ListenerError:
    if error.errno == errno.EADDRINUSE:
        where = f" on {host}" if ":" in host else ""
        return _PortTakenError(
            f"port {port} is taken{where}; choose another with --port, or --port 0 for a free one"
        )
    text = f"cannot listen on {_address(host, port)}: {error.strerror or error}"
    return (_AddressAbsentError if error.errno in _ABSENT else ListenerError)(text)


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
