"""A transparent proxy in process: a request comes in, a response goes out, a mutation changes either."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Request:
    """A request."""

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name.lower()), None)

    def with_header(self, name: str, value: str | None) -> Request:
        """The same with one header replaced, or removed when `value` is None."""
        rest = tuple(pair for pair in self.headers if pair[0] != name.lower())
        return replace(self, headers=rest if value is None else (*rest, (name.lower(), value)))

    def with_document(self, document: Any) -> Request:
        """The same with another JSON body."""
        body = json.dumps(document).encode()
        return replace(self.with_header("content-length", str(len(body))), body=body)

    def document(self) -> Any:
        """The JSON body; None when there is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


@dataclass(frozen=True)
class Response:
    """A response."""

    status: int
    headers: Headers
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name.lower()), None)

    def with_header(self, name: str, value: str | None) -> Response:
        rest = tuple(pair for pair in self.headers if pair[0] != name.lower())
        return replace(self, headers=rest if value is None else (*rest, (name.lower(), value)))

    def with_body(self, body: bytes) -> Response:
        """The same with other bytes; the tag of the old ones goes."""
        return replace(
            self.with_header("etag", None).with_header("content-length", str(len(body))), body=body
        )

    def with_document(self, document: Any) -> Response:
        return self.with_body(json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode())

    def document(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError:
            return None


Forward = Callable[[Request], Awaitable[Response]]
Mutation = Callable[[Request, Forward], Awaitable[Response]]


async def sound(request: Request, forward: Forward) -> Response:
    """Change nothing."""
    return await forward(request)


class Proxy:
    """An ASGI application that stands before another one."""

    def __init__(self, app: Any, mutate: Mutation = sound) -> None:
        self._app = app
        self._mutate = mutate

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def forward(request: Request) -> Response:
            return await _forward(self._app, scope, request)

        response = await self._mutate(await _read(scope, receive), forward)
        headers = [(key.encode("latin-1"), value.encode("latin-1")) for key, value in response.headers]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send(
            {"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else response.body}
        )


async def _read(scope: Any, receive: Any) -> Request:
    chunks, more = [], True
    while more:
        message = await receive()
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    headers = tuple(
        (key.decode("latin-1").lower(), value.decode("latin-1")) for key, value in scope["headers"]
    )
    return Request(
        scope["method"], scope["path"], scope["query_string"].decode("latin-1"), headers, b"".join(chunks)
    )


async def _forward(app: Any, scope: Any, request: Request) -> Response:
    messages: list[Any] = [{"type": "http.request", "body": request.body, "more_body": False}]
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop() if messages else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    inner = {
        **scope,
        "method": request.method,
        "path": request.path,
        "raw_path": request.path.encode(),
        "query_string": request.query.encode("latin-1"),
        "headers": [(key.encode("latin-1"), value.encode("latin-1")) for key, value in request.headers],
    }
    await app(inner, receive, send)
    start = next(request for request in sent if request["type"] == "http.response.start")
    headers = tuple(
        (key.decode("latin-1").lower(), value.decode("latin-1")) for key, value in start["headers"]
    )
    body = b"".join(request.get("body", b"") for request in sent if request["type"] == "http.response.body")
    return Response(start["status"], headers, body)
