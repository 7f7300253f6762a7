"""A transparent proxy in process: an Ask comes in, an Answer goes out, a Spoil stands between."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Ask:
    """A request."""

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name.lower()), None)

    def having(self, name: str, value: str | None) -> Ask:
        """The same with one header replaced, or removed when `value` is None."""
        rest = tuple(pair for pair in self.headers if pair[0] != name.lower())
        return replace(self, headers=rest if value is None else (*rest, (name.lower(), value)))

    def carrying(self, document: Any) -> Ask:
        """The same with another JSON body."""
        body = json.dumps(document).encode()
        return replace(self.having("content-length", str(len(body))), body=body)

    def document(self) -> Any:
        """The JSON body; None when there is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


@dataclass(frozen=True)
class Answer:
    """A response."""

    status: int
    headers: Headers
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name.lower()), None)

    def having(self, name: str, value: str | None) -> Answer:
        rest = tuple(pair for pair in self.headers if pair[0] != name.lower())
        return replace(self, headers=rest if value is None else (*rest, (name.lower(), value)))

    def bearing(self, body: bytes) -> Answer:
        """The same with other bytes; the tag of the old ones goes."""
        return replace(self.having("etag", None).having("content-length", str(len(body))), body=body)

    def carrying(self, document: Any) -> Answer:
        return self.bearing(json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode())

    def document(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError:
            return None


Forward = Callable[[Ask], Awaitable[Answer]]
Spoil = Callable[[Ask, Forward], Awaitable[Answer]]


async def sound(ask: Ask, forward: Forward) -> Answer:
    """Spoil nothing."""
    return await forward(ask)


class Proxy:
    """An ASGI application that stands before another one."""

    def __init__(self, app: Any, spoil: Spoil = sound) -> None:
        self._app = app
        self._spoil = spoil

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def forward(ask: Ask) -> Answer:
            return await _forward(self._app, scope, ask)

        answer = await self._spoil(await _read(scope, receive), forward)
        headers = [(key.encode("latin-1"), value.encode("latin-1")) for key, value in answer.headers]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer.body})


async def _read(scope: Any, receive: Any) -> Ask:
    chunks, more = [], True
    while more:
        message = await receive()
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    headers = tuple(
        (key.decode("latin-1").lower(), value.decode("latin-1")) for key, value in scope["headers"]
    )
    return Ask(
        scope["method"], scope["path"], scope["query_string"].decode("latin-1"), headers, b"".join(chunks)
    )


async def _forward(app: Any, scope: Any, ask: Ask) -> Answer:
    messages: list[Any] = [{"type": "http.request", "body": ask.body, "more_body": False}]
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop() if messages else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    inner = {
        **scope,
        "method": ask.method,
        "path": ask.path,
        "raw_path": ask.path.encode(),
        "query_string": ask.query.encode("latin-1"),
        "headers": [(key.encode("latin-1"), value.encode("latin-1")) for key, value in ask.headers],
    }
    await app(inner, receive, send)
    start = next(request for request in sent if request["type"] == "http.response.start")
    headers = tuple(
        (key.decode("latin-1").lower(), value.decode("latin-1")) for key, value in start["headers"]
    )
    body = b"".join(request.get("body", b"") for request in sent if request["type"] == "http.response.body")
    return Answer(start["status"], headers, body)
