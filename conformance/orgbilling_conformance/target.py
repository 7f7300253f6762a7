"""Targets of the conformance suite: an address, or an ASGI application in this process."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import quote, unquote_to_bytes

from orgbilling_openapi import api_address
from orgbilling_openapi.http_client import (
    CONFORMANCE_USER_AGENT,
    DEFAULT_TLS,
    CertificateOptions,
    NetworkError,
    failure_cause,
    http_client,
    is_loopback,
)

from orgbilling_conformance import clock
from orgbilling_conformance.content_codings import CodingError, Decoder, can_be_undone, decoded, known
from orgbilling_conformance.exchange import Headers, NotJudged, Request, Response
from orgbilling_conformance.options import UsageError
from orgbilling_conformance.reports.report import counted

if TYPE_CHECKING:
    import httpx

PREFIX = api_address.API_PATH
REPEATABLE = ("GET", "HEAD", "OPTIONS")
RECONNECT_S = (0.25, 0.75, 2.0)
"""The pauses, in seconds, before a connection that fails during a run is tried again: servers restart."""
LARGEST = 64 << 20
"""Bytes of a response, decoded; what is beyond is not read."""

Message = MutableMapping[str, Any]
"""A scope or an event of ASGI: its values are of many types."""

Application = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]
"""An ASGI 3 application."""

T = TypeVar("T")


class UnreachableError(Exception):
    """No connection at all; the text says why, in one line."""


class BrokenError(Exception):
    """An answer that no client can read."""


class Target(Protocol):
    """Something that answers. base: the address in front of the described paths."""

    base: str
    host: str
    local: bool
    dropped: int
    """Requests that were sent again, because the connection closed before a response began."""

    def send(self, request: Request, authorization: str | None) -> Response:
        """Send one request as it is, follow nothing; raises `UnreachableError`."""

    def close(self) -> None:
        """Let go of connections and threads."""


def parsed_address(url: str) -> api_address.ApiAddress:
    """The server that an address means; raises `UsageError`."""
    if "@" in url:
        raise UsageError("an address holds no password; use --token-env")
    try:
        return api_address.parse(url)
    except ValueError:
        raise UsageError(f"{url!r}: an address like https://api.example.com/api/v1") from None


class UrlTarget:
    """An API behind HTTP. An address without a path gets ``/api/v1``, the path of the described server."""

    def __init__(self, url: str, timeout: float = 10.0, tls: CertificateOptions = DEFAULT_TLS) -> None:
        address = parsed_address(url)
        try:
            import httpx
        except ImportError:
            raise UsageError(
                "install what the conformance suite needs: pip install 'orgbilling[conformance]'"
            ) from None
        self._httpx, self._timeout, self._answers = httpx, timeout, 0
        self.dropped = 0
        self.host = address.host
        self.local = is_loopback(self.host)
        self._root, self.base = address.origin, address.base
        try:
            _ = httpx.URL(self.base).host
        except (httpx.InvalidURL, UnicodeError) as error:  # a name that IDNA does not allow
            raise UsageError(f"{url!r}: {error}") from None
        try:
            self._client = http_client(self.base, timeout, tls)
        except NetworkError as error:
            raise UsageError(str(error)) from None

    def send(self, request: Request, authorization: str | None) -> Response:
        """Send one request; raises `UnreachableError`."""
        headers = [("User-Agent", CONFORMANCE_USER_AGENT), *request.headers]
        if request.header("accept-encoding") is None:
            headers.append(("Accept-Encoding", ", ".join(name for name in known() if name != "x-gzip")))
        if request.body:
            # Whoever does not read a body takes it for the next request, unless there is none.
            headers.append(("Connection", "close"))
        if authorization is not None:
            headers.append(("Authorization", authorization))
        query = f"?{request.query}" if request.query else ""
        front = self._root if request.rooted else self.base
        sent = self._client.build_request(
            request.method, f"{front}{request.path}{query}", headers=headers, content=request.body
        )
        began = clock.seconds()
        try:
            response = self._answer(sent)
        except self._httpx.TimeoutException:
            response = Response(0, failure="timeout")
        except (self._httpx.HTTPError, BrokenError) as error:
            response = Response(0, (), str(error).encode(), failure="broken")
        self._answers += 1
        return replace(response, seconds=clock.seconds() - began)

    def _answer(self, sent: httpx.Request) -> Response:
        """The response; raises `UnreachableError` and what httpx raises.

        A server may close a connection that it keeps open while the next request is on its way. So a request
        that changes nothing, and that nothing answers, is sent once more (RFC 9110, 9.2.2).
        """
        unanswered = (self._httpx.RemoteProtocolError, self._httpx.ReadError, self._httpx.WriteError)
        try:
            answer = self._opened(sent)
        except unanswered:
            if sent.method not in REPEATABLE:
                raise
            self.dropped += 1
            answer = self._opened(sent)
        try:
            return self._read(answer)
        finally:
            answer.close()

    def _opened(self, sent: httpx.Request) -> httpx.Response:
        """The status and headers. A connection that fails after it worked is tried again for some seconds."""
        pauses = list(RECONNECT_S) if self._answers else []
        while True:
            try:
                return self._client.send(sent, stream=True)
            except (self._httpx.ConnectError, self._httpx.ConnectTimeout, self._httpx.ProxyError) as error:
                if pauses:
                    clock.pause(pauses.pop(0))
                    continue
                after = f" (after {counted(self._answers, 'answer')})" if self._answers else ""
                raise UnreachableError(f"{self.base}: {failure_cause(error, self.base)}{after}") from None

    def _read(self, answer: httpx.Response) -> Response:
        """The whole response, within the time and the size that one may have.

        Raises `BrokenError`, and what httpx raises.
        """
        headers, ends = tuple(answer.headers.multi_items()), clock.seconds() + self._timeout
        codings = Response(answer.status_code, headers).codings
        decoder = Decoder(codings) if can_be_undone(codings) else None
        content = bytearray()
        try:
            for chunk in answer.iter_raw():
                content += decoder.decode(chunk, LARGEST + 1 - len(content)) if decoder else chunk
                if clock.seconds() > ends:
                    return Response(0, failure="timeout")
                if len(content) > LARGEST:
                    not_judged = NotJudged("body-cut", f"more than {LARGEST >> 20} MiB")
                    body = bytes(content[:LARGEST])
                    return Response(answer.status_code, headers, body, not_judged=not_judged)
            if decoder:
                decoder.finish()
        except CodingError as error:
            raise BrokenError(str(error)) from None
        return Response(answer.status_code, headers, bytes(content))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


class AppTarget:
    """An ASGI application in this process, on an event loop of its own."""

    host = "in process"
    local = True
    dropped = 0
    base = f"http://127.0.0.1:4010{PREFIX}"

    def __init__(self, app: Application, timeout: float = 10.0) -> None:
        self._app, self._timeout = app, timeout
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="orgbilling-conformance", daemon=True
        )
        self._thread.start()
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._lifespan = self._call(self._start())

    def send(self, request: Request, authorization: str | None) -> Response:
        """Send one request."""
        began = clock.seconds()
        try:
            status, headers, body = self._call(
                asyncio.wait_for(self._ask(request, authorization), self._timeout)
            )
        except TimeoutError:
            return Response(0, seconds=clock.seconds() - began, failure="timeout")
        except BrokenError as error:
            return Response(0, (), str(error).encode(), clock.seconds() - began, "broken")
        except Exception as error:  # what a server would do for any application
            headers = (("content-type", "text/plain"),)
            return Response(500, headers, type(error).__name__.encode(), clock.seconds() - began)
        return Response(status, headers, body, clock.seconds() - began)

    def close(self) -> None:
        """Shut the application down and end the loop."""
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, coroutine: Coroutine[object, object, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def _ask(self, request: Request, authorization: str | None) -> tuple[int, Headers, bytes]:
        scope = _scope(request, authorization)
        incoming: list[Message] = [{"type": "http.request", "body": request.body or b"", "more_body": False}]
        sent: list[Message] = []

        async def receive() -> Message:
            if incoming:
                return incoming.pop()
            await asyncio.sleep(3600)
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        start = next(request for request in sent if request["type"] == "http.response.start")
        body = b"".join(
            request.get("body", b"") for request in sent if request["type"] == "http.response.body"
        )
        if request.method == "HEAD":  # a server would not send it, whatever the application says
            body = b""
        headers = tuple((key.decode("latin-1"), value.decode("latin-1")) for key, value in start["headers"])
        codings = Response(start["status"], headers).codings
        if can_be_undone(codings):
            try:
                body = decoded(body, codings, LARGEST)
            except CodingError as error:
                raise BrokenError(str(error)) from None
        return start["status"], headers, body

    async def _start(self) -> asyncio.Task[None]:
        """Run the lifespan of an application that has one."""
        ready = asyncio.Event()

        async def send(message: Message) -> None:
            ready.set()

        async def lifespan() -> None:
            try:
                await self._app({"type": "lifespan", "asgi": {"version": "3.0"}}, self._inbox.get, send)
            except Exception:  # an application without a lifespan may refuse it any way it likes
                ready.set()
            ready.set()

        await self._inbox.put({"type": "lifespan.startup"})
        task = asyncio.ensure_future(lifespan())
        await asyncio.wait_for(ready.wait(), 60)
        return task

    async def _stop(self) -> None:
        await self._inbox.put({"type": "lifespan.shutdown"})
        rest = [all_task for all_task in asyncio.all_tasks() if all_task is not asyncio.current_task()]
        if rest:
            await asyncio.wait(rest, timeout=1)
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)


def _scope(request: Request, authorization: str | None) -> Message:
    own = [("host", "127.0.0.1:4010"), ("user-agent", CONFORMANCE_USER_AGENT)]
    headers = [*own, *((key.lower(), value) for key, value in request.headers)]
    if request.header("accept") is None:
        headers.append(("accept", "*/*"))
    if request.body is not None:
        headers.append(("content-length", str(len(request.body))))
    if authorization is not None:
        headers.append(("authorization", authorization))
    raw = quote(("" if request.rooted else PREFIX) + request.path, safe="/%~:@!$&'()*+,;=").encode()
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": unquote_to_bytes(raw).decode("utf-8", "replace"),
        "raw_path": raw,
        "query_string": request.query.encode("utf-8", "surrogateescape"),
        "root_path": "",
        "headers": [(key.encode("latin-1"), value.encode("latin-1", "replace")) for key, value in headers],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 4010),
    }


def application(name: str) -> Application:
    """The application called ``module:attribute``; a function without parameters is called for it.

    Raises `UsageError`.
    """
    module, _, attribute = name.partition(":")
    sys.path.insert(0, "")
    try:
        loaded: Any = importlib.import_module(module)
        for part in (attribute or "app").split("."):
            loaded = getattr(loaded, part)
        if inspect.isroutine(loaded) and not inspect.signature(loaded).parameters:
            loaded = loaded()
    except Exception as error:
        raise UsageError(f"--app: {name}: {type(error).__name__}: {' '.join(str(error).split())}") from None
    finally:
        sys.path.remove("")
    if not callable(loaded):
        raise UsageError(f"--app: {name}: not an ASGI application")
    return loaded  # type: ignore[no-any-return]
