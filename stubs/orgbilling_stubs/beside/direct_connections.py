"""Connections to one origin without a proxy: HTTP/1.1 with keep-alive, parsed by httptools.

httpx takes more than a millisecond of processor for each answer, most of it for parsing in Python and for
what a gateway does not need: cookies, redirects, decoding. Here it is a tenth of that. The errors are those
of httpx, so this module is imported when the first request is made, as httpx is.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import cast

import httpx
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from orgbilling_stubs.http.context import Headers

MOST_HEAD_BYTES = 256 * 1024
"""The longest head of an answer, with what comes in the same piece."""
MOST_WAITING_BYTES = 256 * 1024
"""How much of a body may wait for its reader; then nothing more is read from the connection."""


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """open: connections at once. idle: those that are kept for the next request, for so many seconds."""

    open: int
    idle: int
    idle_s: float


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """Seconds for a place in the pool, for connecting, and for each wait for bytes, in either direction."""

    pool_s: float
    connect_s: float
    bytes_s: float


class DirectConnections:
    """A pool of connections to one origin. tls: None for plain HTTP."""

    def __init__(
        self, host: str, port: int, tls: ssl.SSLContext | None, limits: PoolLimits, times: TimeLimits
    ) -> None:
        self._host = host
        self._port = port
        self._tls = tls
        self._limits = limits
        self._times = times
        self._idle: list[_Connection] = []
        self._free = asyncio.Semaphore(limits.open)

    async def send(
        self, method: str, target: bytes, headers: Headers, body: bytes | AsyncIterator[bytes] | None
    ) -> DirectResponse:
        """Send a request; the response has its head, and its body is still to be read.

        headers: without those that say how long the body is, unless its length is known. Raises
        `httpx.TransportError`.
        """
        async with _limited(self._times.pool_s, httpx.PoolTimeout):
            await self._free.acquire()
        exchange: DirectResponse | None = None
        try:
            connection = self._idle_connection() or await self._connect(self._times.connect_s)
            exchange = DirectResponse(connection, method == "HEAD", self._times.bytes_s, self._release)
            await exchange.send(method, target, headers, body)
            await exchange.head()
        except BaseException:
            if exchange is not None:
                exchange.connection.close()
            self._free.release()
            raise
        return exchange

    async def aclose(self) -> None:
        """Close the connections that nobody uses."""
        while self._idle:
            self._idle.pop().close()

    def _idle_connection(self) -> _Connection | None:
        """The connection that was used last, if it is still good; older ones than may be kept are closed."""
        oldest_s = asyncio.get_running_loop().time() - self._limits.idle_s
        while self._idle and self._idle[0].idle_since_s < oldest_s:
            self._idle.pop(0).close()
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed:
                return connection
        return None

    async def _connect(self, timeout_s: float) -> _Connection:
        """A new connection to the first address of the host that takes one."""
        loop = asyncio.get_running_loop()
        name = self._host if self._tls is not None else None
        failure: OSError = OSError("the name has no address")
        async with _limited(timeout_s, httpx.ConnectTimeout):
            try:
                found = await loop.getaddrinfo(self._host, self._port, type=1)  # SOCK_STREAM
                addresses = list(dict.fromkeys(address[0] for *_, address in found))
                for address in addresses:
                    share_s = timeout_s / len(addresses)
                    try:
                        async with asyncio.timeout(share_s):
                            _, connection = await loop.create_connection(
                                _Connection, str(address), self._port, ssl=self._tls, server_hostname=name
                            )
                            return connection
                    except TimeoutError:
                        if address == addresses[-1]:
                            raise
                    except OSError as error:
                        failure = error
            except OSError as error:  # of the name, and a time limit is one, too
                if isinstance(error, TimeoutError):
                    raise
                failure = error
        raise httpx.ConnectError(str(failure)) from failure

    def _release(self, connection: _Connection, *, is_reusable: bool) -> None:
        """Take a connection back."""
        self._free.release()
        if is_reusable and not connection.is_closed and len(self._idle) < self._limits.idle:
            connection.exchange = None
            connection.idle_since_s = asyncio.get_running_loop().time()
            self._idle.append(connection)
        else:
            connection.close()


class _Connection(asyncio.Protocol):
    """One connection, and the exchange that it is used for."""

    def __init__(self) -> None:
        self.exchange: DirectResponse | None = None
        self.is_closed = False
        self.idle_since_s = 0.0
        self.is_writable = asyncio.Event()
        self.is_writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self.exchange is None:  # an answer to nothing: what follows would be taken for one of ours
            self.close()
        else:
            self.exchange.feed(data)

    def connection_lost(self, error: Exception | None) -> None:
        self.is_closed = True
        self.is_writable.set()
        if self.exchange is not None:
            self.exchange.lost(error)

    def pause_writing(self) -> None:
        self.is_writable.clear()

    def resume_writing(self) -> None:
        self.is_writable.set()

    def close(self) -> None:
        """Close it at once, also where something has not been sent."""
        self.is_closed = True
        with suppress(RuntimeError):  # its loop may have ended
            self.transport.abort()


class DirectResponse:
    """The response to one request; iterating over it gives its body as it comes, still encoded."""

    def __init__(
        self,
        connection: _Connection,
        head_only: bool,
        timeout_s: float,
        release: Callable[..., None],
    ) -> None:
        self.connection = connection
        self.status = 0
        self.headers: Headers = []
        self._head_only = head_only
        self._timeout_s: float | None = timeout_s
        self._release: Callable[..., None] | None = release
        self._parser = HttpResponseParser(self)
        self._has_head = False
        self._is_whole = False
        self._is_reusable = False
        self._has_more = False
        """Whether more than the response has come: it would be taken for the next one."""
        self._error: httpx.TransportError | None = None
        self._pieces: list[bytes] = []
        self._head_bytes = 0
        self._waiting_bytes = 0
        self._waiter: asyncio.Future[None] | None = None
        connection.exchange = self

    async def send(
        self, method: str, target: bytes, headers: Headers, body: bytes | AsyncIterator[bytes] | None
    ) -> None:
        """Send a request."""
        lines = [method.encode("ascii") + b" " + target + b" HTTP/1.1"]
        lines += [name + b": " + value for name, value in headers]
        has_length = any(name == b"content-length" for name, _ in headers)
        is_chunked = body is not None and not isinstance(body, bytes) and not has_length
        if is_chunked:
            lines.append(b"transfer-encoding: chunked")
        elif isinstance(body, bytes) and not has_length:
            lines.append(b"content-length: %d" % len(body))
        head = b"\r\n".join(lines) + b"\r\n\r\n"
        write = self.connection.transport.write
        if body is None or isinstance(body, bytes):
            write(head + (body or b""))
            return
        write(head)
        async for piece in body:
            if self._has_head or self._error:  # it was answered before it was heard
                return
            if piece:
                write(b"%x\r\n%s\r\n" % (len(piece), piece) if is_chunked else piece)
            async with _limited(self._timeout_s, httpx.WriteTimeout):
                await self.connection.is_writable.wait()
        if is_chunked:
            write(b"0\r\n\r\n")

    async def head(self) -> None:
        """Wait for the head of the response."""
        while not self._has_head:
            await self._changed()

    def header(self, name: bytes) -> str:
        """The first value of a header, whose name is in lower case; empty where there is none."""
        found = (value for key, value in self.headers if key.lower() == name)
        return next(found, b"").decode("latin-1")

    def wait_without_limit(self) -> None:
        """Let the body come as slowly as it likes."""
        self._timeout_s = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            pieces, self._pieces = self._pieces, []
            self._waiting_bytes = 0
            for piece in pieces:
                yield piece
            if self._pieces:
                continue
            if self._is_whole:
                return
            self._resume_reading()
            await self._changed()

    async def aclose(self) -> None:
        """Give the connection back; one whose answer was not read to its end is closed."""
        release, self._release = self._release, None
        if release is not None:
            self._resume_reading()
            release(self.connection, is_reusable=self._is_whole and self._is_reusable and not self._has_more)

    async def _changed(self) -> None:
        """Wait until something has come."""
        if self._error is not None:
            raise self._error
        self._waiter = asyncio.get_running_loop().create_future()
        async with _limited(self._timeout_s, httpx.ReadTimeout):
            await self._waiter

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _resume_reading(self) -> None:
        if not self.connection.is_closed:
            self.connection.transport.resume_reading()

    def feed(self, data: bytes) -> None:
        """Take what has come on the connection."""
        if self._is_whole:
            self._has_more = True
            return
        if not self._has_head:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self._fail(httpx.RemoteProtocolError(f"the answer is not HTTP/1.1: {error}"))
        if not self._has_head and self._head_bytes > MOST_HEAD_BYTES:
            self._fail(httpx.RemoteProtocolError("the head of the answer is too long"))
        if self._waiting_bytes > MOST_WAITING_BYTES and not self._is_whole:
            self.connection.transport.pause_reading()
        self._wake()

    def lost(self, error: Exception | None) -> None:
        """Take it that the connection has ended."""
        names = {name.lower() for name, _ in self.headers}
        if self._is_whole:
            return
        if error is None and self._has_head and not names & {b"content-length", b"transfer-encoding"}:
            self._is_whole = True  # a body that ends with its connection
        elif error is not None:
            self._fail(httpx.ReadError(str(error)))
        else:
            self._fail(httpx.RemoteProtocolError("the connection was closed before the end of the answer"))
        self._wake()

    def _fail(self, error: httpx.TransportError) -> None:
        self._error = self._error or error
        self.connection.close()

    def on_message_begin(self) -> None:
        """Begin a message; called by the parser, as what follows. An interim response (1xx) is one, too."""
        if self._is_whole:  # nobody has asked for it
            self._has_more = True
        else:
            self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        if not self._is_whole:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Have the head; the parser does not know that a response to HEAD ends with it."""
        if self._is_whole:
            return
        self.status = self._parser.get_status_code()
        if self.status >= 200:
            self._has_head = True
            self._is_reusable = self._parser.should_keep_alive()
            self._is_whole = self._head_only

    def on_body(self, piece: bytes) -> None:
        """Keep a piece of the body for its reader."""
        if self._is_whole:
            self._has_more = True
        else:
            self._pieces.append(piece)
            self._waiting_bytes += len(piece)

    def on_message_complete(self) -> None:
        """Have the end of the body."""
        if self._has_head:
            self._is_whole = True


@asynccontextmanager
async def _limited(seconds: float | None, error: type[httpx.TimeoutException]) -> AsyncIterator[None]:
    """Raise an error of httpx when something takes longer."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise error("") from None
