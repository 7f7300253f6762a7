"""The connections to a real API, beside servers that write what a test says, byte by byte."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from orgbilling_openapi.http_client import failure_cause
from orgbilling_stubs.beside.direct_connections import DirectConnections, PoolLimits, TimeLimits

WAIT_S = 60.0
HEADERS = [(b"host", b"real.example"), (b"accept", b"*/*")]
OK = b"HTTP/1.1 200 OK\r\n"
Handle = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def connected(
    handle: Handle,
    *,
    most: int = 10,
    times: TimeLimits | None = None,
    tls: tuple[Path, ssl.SSLContext] | None = None,
) -> AsyncIterator[DirectConnections]:
    """Connections to a server that handles each of them so; tls: its certificate, which is trusted, too."""
    trusting = None if tls is None else ssl.create_default_context(cafile=tls[0])

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handle(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls and tls[1])
    port = server.sockets[0].getsockname()[1]
    limits = PoolLimits(most, most, WAIT_S)
    pool = DirectConnections("127.0.0.1", port, trusting, limits, times or TimeLimits(WAIT_S, WAIT_S, WAIT_S))
    try:
        yield pool
    finally:
        await pool.aclose()
        server.close()


def answering(*answers: bytes, closes: bool = False) -> Handle:
    """Give each request of a connection the next of some answers, and then close it, if told so."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
        if not closes:
            await reader.read()

    return handle


async def fetch(pool: DirectConnections, method: str = "GET") -> tuple[int, bytes]:
    response = await pool.send(method, b"/org/billing?x=%2F..", HEADERS, None)
    try:
        return response.status, b"".join([piece async for piece in response])
    finally:
        await response.aclose()


def test_a_connection_is_used_again():
    opened = []

    async def handle(reader, writer):
        opened.append(writer)
        await answering(*[OK + b"Content-Length: 2\r\n\r\nok"] * 3)(reader, writer)

    async def run():
        async with connected(handle) as pool:
            assert [await fetch(pool) for _ in range(3)] == [(200, b"ok")] * 3

    asyncio.run(run())
    assert len(opened) == 1


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n", b"onetwo"),
        (OK + b"Content-Length: 0\r\n\r\n", b""),
        (OK + b"\r\nuntil the end", b"until the end"),
        (b"HTTP/1.0 200 OK\r\n\r\nold", b"old"),
        (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nok", b"ok"),
    ],
    ids=["chunked", "empty", "until-closed", "http-1.0", "interim"],
)
def test_a_body_ends_where_its_framing_says(answer, body):
    async def run():
        async with connected(answering(answer, closes=True)) as pool:
            assert await fetch(pool) == (200, body)

    asyncio.run(run())


def test_head_has_no_body_whatever_its_length_says():
    async def run():
        async with connected(answering(*[OK + b"Content-Length: 99\r\n\r\n"] * 2)) as pool:
            assert [await fetch(pool, "HEAD") for _ in range(2)] == [(200, b"")] * 2

    asyncio.run(run())


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        OK + b"Content-Length: 99\r\n\r\nshort",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nonl",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok",
        OK + b"X-Long: " + b"x" * 300_000,
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    ],
    ids=["nothing", "short", "cut", "other-protocol", "two-lengths", "long-head", "upgrade"],
)
def test_what_is_no_whole_answer_is_an_error(answer):
    async def run():
        async with connected(answering(answer, closes=True)) as pool:
            with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
                await fetch(pool)

    asyncio.run(run())


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_comes_unasked_is_taken_for_no_answer(method):
    forged = OK + b"Content-Length: 6\r\n\r\nforged"
    answer = OK + b"Content-Length: 2\r\n\r\n" + (b"" if method == "HEAD" else b"ok")

    async def run():
        async with connected(answering(answer + forged)) as pool:
            expected = (200, b"" if method == "HEAD" else b"ok")
            assert [await fetch(pool, method) for _ in range(2)] == [expected] * 2

    asyncio.run(run())


def test_a_long_body_waits_for_its_reader():
    body = bytes(range(256)) * 40_000

    async def run():
        answer = OK + b"Content-Length: %d\r\n\r\n" % len(body) + body
        async with connected(answering(answer)) as pool:
            response = await pool.send("GET", b"/", HEADERS, None)
            first = await anext(aiter(response))
            await asyncio.sleep(0)
            rest = b"".join([piece async for piece in response])
            await response.aclose()
            assert first + rest == body

    asyncio.run(run())


def test_a_request_body_of_unknown_length_is_chunked():
    received = []

    async def handle(reader, writer):
        received.append(await reader.readuntil(b"0\r\n\r\n"))
        writer.write(OK + b"Content-Length: 0\r\n\r\n")

    async def pieces():
        yield b"one"
        yield b""
        yield b"two"

    async def run():
        async with connected(handle) as pool:
            response = await pool.send("POST", b"/redeem", HEADERS, pieces())
            await response.aclose()

    asyncio.run(run())
    head, _, body = received[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /redeem HTTP/1.1\r\nhost: real.example\r\n")
    assert b"transfer-encoding: chunked" in head
    assert body == b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"


def test_nobody_waits_longer_than_the_limits():
    async def run():
        quick = TimeLimits(0.05, WAIT_S, 0.05)
        async with connected(answering(closes=False), most=1, times=quick) as pool:
            with pytest.raises(httpx.ReadTimeout):
                await fetch(pool)
        headed = answering(OK + b"Content-Length: 2\r\n\r\n")
        async with connected(headed, most=1, times=TimeLimits(0.05, WAIT_S, WAIT_S)) as pool:
            response = await pool.send("GET", b"/", HEADERS, None)
            with pytest.raises(httpx.PoolTimeout):
                await fetch(pool)
            await response.aclose()

    asyncio.run(run())


def test_a_place_in_the_pool_is_free_again_after_a_failure():
    async def run():
        async with connected(answering(b"", closes=True), most=1) as pool:
            for _ in range(3):
                with pytest.raises(httpx.RemoteProtocolError):
                    await fetch(pool)

    asyncio.run(run())


def test_answers_over_tls_are_whole_and_share_a_connection(certificate):
    body = b"x" * 1_000_000
    answer = OK + b"content-length: %d\r\n\r\n" % len(body) + body
    seen = []

    async def handle(reader, writer):
        seen.append(writer.get_extra_info("peername"))
        await answering(answer, answer)(reader, writer)

    async def run():
        async with connected(handle, tls=certificate) as pool:
            assert [await fetch(pool), await fetch(pool)] == [(200, body)] * 2

    asyncio.run(run())
    assert len(seen) == 1


def test_a_certificate_that_nobody_trusts_is_refused(certificate):
    async def run():
        limits, times = PoolLimits(1, 1, WAIT_S), TimeLimits(WAIT_S, WAIT_S, WAIT_S)
        async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, ssl=certificate[1]) as server:
            port = server.sockets[0].getsockname()[1]
            pool = DirectConnections("127.0.0.1", port, ssl.create_default_context(), limits, times)
            with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                await fetch(pool)

    asyncio.run(run())


def test_a_connection_that_cannot_be_made_says_why():
    async def run(port, tls=None):
        limits, times = PoolLimits(1, 1, WAIT_S), TimeLimits(WAIT_S, WAIT_S, WAIT_S)
        with pytest.raises(httpx.ConnectError) as raised:
            await fetch(DirectConnections("localhost", port, tls, limits, times))
        return failure_cause(raised.value, f"http://localhost:{port}")

    async def plain(reader, writer):
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async def run_tls():
        async with await asyncio.start_server(plain, "127.0.0.1", 0) as server:
            return await run(server.sockets[0].getsockname()[1], ssl.create_default_context())

    assert asyncio.run(run(1)) == "connection refused: nothing listens there"
    assert asyncio.run(run_tls()).startswith("TLS: wrong version number")
