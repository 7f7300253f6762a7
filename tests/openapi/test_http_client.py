"""One policy for requests to other machines: proxies, certificates, redirects, time, and why one failed."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from orgbilling_openapi.http_client import (
    CertificateOptions,
    NetworkError,
    StatusError,
    client_options,
    fetch,
    http_client,
)

Serve = Callable[..., str]
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a server that answers each connection with bytes, or with what a function does."""
    stopped = threading.Event()
    listeners: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def start(answer: bytes | Callable[[socket.socket], None], tls: ssl.SSLContext | None = None) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(0.05)
        listeners.append(listener)

        def run() -> None:
            while not stopped.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                except OSError:
                    return
                connection.settimeout(5)
                with suppress(OSError), ExitStack() as opened:
                    opened.enter_context(connection)
                    if tls is not None:
                        connection = opened.enter_context(tls.wrap_socket(connection, server_side=True))
                    connection.recv(65_536)
                    connection.sendall(answer) if isinstance(answer, bytes) else answer(connection)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        threads.append(thread)
        return f"{'https' if tls else 'http'}://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    stopped.set()
    for listener, thread in zip(listeners, threads, strict=True):
        thread.join(10)
        listener.close()


def failure(url: str, deadline_s: float = 10, **options: CertificateOptions) -> str:
    with pytest.raises(NetworkError) as caught:
        fetch(url, 1000, deadline_s, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_loopback_is_asked_directly_whatever_proxy_there_is(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = serve(OK)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert fetch(url, 10, 10) == b"ok"
    with http_client(url, 10) as client:
        assert client.get(url).text == "ok"


def test_other_machines_are_asked_through_the_proxy(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", serve(OK))
    assert fetch("http://api.example.com/x", 10, 10) == b"ok"


def test_a_proxy_that_does_not_answer_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://user:pass@127.0.0.1:1")
    assert failure("http://api.example.com/x") == (
        "http://api.example.com/x: connection refused: nothing listens there "
        "(through the proxy http://[redacted]@127.0.0.1:1)"
    )


def test_a_proxy_that_refuses_says_so(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = serve(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    problem = failure("https://api.example.com/x")
    assert problem == f"https://api.example.com/x: the proxy {proxy} refuses it: 403 Forbidden"


def test_a_proxy_of_another_kind_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "gopher://proxy.example.com")
    assert "gopher" in failure("http://api.example.com/x")
    with pytest.raises(NetworkError, match="gopher"):
        http_client("http://api.example.com/x", 1)


def test_a_certificate_that_is_not_trusted_is_said_so(
    serve: Serve, certificate: tuple[Path, ssl.SSLContext]
) -> None:
    url = serve(OK, certificate[1])
    assert failure(url) == (
        f"{url}: TLS: the certificate is not trusted (self-signed certificate); "
        "name its authority with --ca-file or SSL_CERT_FILE"
    )


def test_a_certificate_is_trusted_by_file_by_environment_and_by_nobody(
    serve: Serve, certificate: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, context = certificate
    url = serve(OK, context)
    assert fetch(url, 10, 10, CertificateOptions(ca_file=path)) == b"ok"
    assert fetch(url, 10, 10, CertificateOptions(insecure=True)) == b"ok"
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    assert fetch(url, 10, 10) == b"ok"
    with http_client(url, 10) as client:
        assert client.get(url).text == "ok"


def test_insecure_is_for_this_machine_alone() -> None:
    problem = failure("https://api.example.com/", tls=CertificateOptions(insecure=True))
    assert problem == "https://api.example.com/: --insecure is for this machine alone; use --ca-file"


def test_certificates_that_cannot_be_read_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    url = "https://127.0.0.1:1/"
    assert failure(url, tls=CertificateOptions(ca_file=empty)) == f"--ca-file {empty}: no certificates in it"
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    assert failure(url) == f"SSL_CERT_FILE {tmp_path}/none.pem: no such file or directory"


def test_a_redirect_is_named_and_not_followed(serve: Serve) -> None:
    url = serve(
        b"HTTP/1.1 302 Found\r\nlocation: https://elsewhere.example/a?token=abc\r\ncontent-length: 0\r\n\r\n"
    )
    with pytest.raises(StatusError) as caught:
        fetch(url, 10, 10)
    assert (
        str(caught.value) == f"{url}: answers 302, a redirect to https://elsewhere.example/a?token=[redacted]"
    )
    assert caught.value.status == 302


def test_the_cause_of_a_failure_is_one_line(serve: Serve) -> None:
    assert failure("http://127.0.0.1:1/") == "http://127.0.0.1:1/: connection refused: nothing listens there"
    assert failure("http://no-such-host.invalid/") == (
        "http://no-such-host.invalid/: the name no-such-host.invalid cannot be resolved"
    )
    plain = serve(OK)
    https = plain.replace("http://", "https://")
    assert failure(https).startswith(f"{https}: TLS: ")
    assert "Server disconnected" in failure(serve(b""))
    assert "answers 500" in failure(serve(b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n"))
    assert failure("http://user:pass@127.0.0.1:1/").startswith("http://[redacted]@127.0.0.1:1/: ")
    assert failure("http://127.0.0.1:99999/") == "http://127.0.0.1:99999/: Port out of range 0-65535"


def _dripping(first: bytes) -> Callable[[socket.socket], None]:
    def drip(connection: socket.socket) -> None:
        connection.sendall(first)
        for _ in range(100):
            connection.sendall(b"x")
            time.sleep(0.05)

    return drip


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize(
    "first",
    [b"HTTP/1.1 200 OK\r\nx-head: ", b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n"],
    ids=["head", "body"],
)
def test_a_server_that_drips_is_given_up_at_the_deadline(serve: Serve, first: bytes) -> None:
    url = serve(_dripping(first))
    started = time.perf_counter()
    assert failure(url, 0.3) == f"{url}: no whole answer within 0.3 seconds"
    assert time.perf_counter() - started < 3


def test_no_more_is_read_than_asked_for(serve: Serve) -> None:
    answer = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + b"x" * 100_000
    assert len(fetch(serve(answer), 1000, 10)) == 1001


def test_an_address_over_plain_http_needs_no_certificates() -> None:
    assert client_options("http://api.example.com", 1)["verify"] is False
