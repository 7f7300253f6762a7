"""A target that writes down what it is asked, before anything answers."""

from __future__ import annotations

from typing import Any


class Recorder:
    """An ASGI application before another one; `seen`: method and path of every request, in order."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.seen: list[tuple[str, str]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            self.seen.append((scope["method"], scope["path"]))
        await self._app(scope, receive, send)
