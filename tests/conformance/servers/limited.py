"""A sound server that lets nobody ask more than so often: the others are 429 with Retry-After."""

from __future__ import annotations

from collections import deque
from time import monotonic
from typing import Any

from .huma import Huma
from .minimal_http import Request, Response, asgi, dump

WINDOW_S = 1.0


def app(most: int = 60) -> Any:
    """A fresh server that answers `most` requests in any second."""
    inner, times = Huma(), deque[float]()

    def answer(request: Request) -> Response:
        now = monotonic()
        while times and now - times[0] > WINDOW_S:
            times.popleft()
        if len(times) < most:
            times.append(now)
            return inner.answer(request)
        body = dump({"title": "Too Many Requests", "status": 429})
        return Response(
            429, body, "application/problem+json", {"retry-after": "1", "x-ratelimit-limit": str(most)}
        )

    return asgi(answer)
