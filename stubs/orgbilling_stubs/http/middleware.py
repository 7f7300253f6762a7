"""What may watch the exchanges of a server and meddle with them: faults, the journal, coverage."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeAlias

from orgbilling_stubs.http.context import Handler
from orgbilling_stubs.http.cors import Headers
from orgbilling_stubs.http.responses import Responder

Detour: TypeAlias = Callable[[Any, Any, Mapping[str, str]], Awaitable[None]]
"""Answers a request in place of its operation; gets `receive`, `send` and the path parameters."""


class Turn:
    """One request on its way through an operation, and what a tap notes of it when it is answered.

    headers: the first of each name. began: what `Tap.begin` gave. raw, body: of the request, as sent and
    parsed. error: why it is no success. The rest is the tap's (see `journal.watch`), which also makes of
    `headers`, `raw` and `body` what it needs.
    """

    __slots__ = (
        "after",
        "before",
        "began",
        "body",
        "ended",
        "error",
        "fault",
        "headers",
        "held_bytes",
        "method",
        "now_ms",
        "operation",
        "origin",
        "out",
        "path",
        "payload",
        "principal",
        "query",
        "raw",
        "scope",
        "sent",
        "size",
        "status",
        "trace",
    )
    scope: Any
    headers: Any
    origin: Any
    principal: Any
    body: Any
    out: Any
    fault: Any
    error: Any
    operation: str
    method: str
    path: str
    sent: bytes
    query: bytes
    raw: bytes
    payload: bytes
    status: int
    size: int
    ended: int
    before: int
    after: int
    now_ms: int
    held_bytes: int

    def __init__(
        self, scope: Mapping[str, Any], headers: dict[bytes, bytes], responder: Responder, began: int
    ) -> None:
        self.scope = scope
        self.headers = headers
        self.began = began
        self.origin = responder.origins.of(scope, headers)
        self.trace = responder.trace()
        self.principal = None
        self.raw = b""
        self.body = None
        self.error = None


class Tap(Protocol):
    """Hears of every exchange, on the hot path: what is expensive has to wait until it is asked for."""

    def begin(self, operation: Any, scope: Mapping[str, Any], headers: Mapping[bytes, bytes]) -> int | Detour:
        """A request arrived: the instant, to be given back by `record`, or who answers instead."""

    def around(self, operation: Any, handler: Handler) -> Handler:
        """The handler that an operation shall use, asked once at the start."""

    def record(self, operation: Any, turn: Turn, status: int, out: Headers, payload: bytes) -> None:
        """An answer is about to be sent: whoever has read it finds it recorded."""
