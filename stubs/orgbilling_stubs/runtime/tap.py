"""What may watch the exchanges of a server and meddle with them: faults, the journal, coverage."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple, Protocol, TypeAlias

from orgbilling_stubs.runtime.cors import Headers
from orgbilling_stubs.runtime.exchange import Handler

Detour: TypeAlias = Callable[[Any, Any, Mapping[str, str]], Awaitable[None]]
"""Answers a request in place of its operation; gets `receive`, `send` and the path parameters."""


class Answered(NamedTuple):
    """One exchange, as it is reported just before its answer is sent.

    operation: the compiled operation. began: what `Tap.begin` gave. headers: of the request, the first of
    each name. body: of the request, parsed. out: headers of the answer. error: why it is no success.
    """

    operation: Any
    scope: Mapping[str, Any]
    headers: Mapping[bytes, bytes]
    trace: str
    began: int
    principal: Any
    body: Any
    status: int
    out: Headers
    payload: bytes
    error: Exception | None


class Tap(Protocol):
    """Hears of every exchange, on the hot path: what is expensive has to wait until it is asked for."""

    def begin(self, operation: Any, scope: Mapping[str, Any], headers: Mapping[bytes, bytes]) -> int | Detour:
        """A request arrived: the instant, to be given back by `record`, or who answers instead."""

    def around(self, operation: Any, handler: Handler) -> Handler:
        """The handler that an operation shall use, asked once at the start."""

    def record(self, answered: Answered) -> None:
        """An answer is about to be sent: whoever has read it finds it recorded."""
