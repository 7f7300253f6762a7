"""What the stub has answered is asked of the real API, too, and the two answers are compared.

Only documented GETs are asked, one at a time for each of the client's requests, without making the client
wait. When the real API asks for patience (429, 503), or cannot be reached, nothing is asked for a while.
"""

from __future__ import annotations

import asyncio

from orgbilling_conformance.exchange import Response as JudgedResponse
from orgbilling_openapi.http_client import is_loopback

from orgbilling_stubs.beside.forwarded_headers import request_headers
from orgbilling_stubs.beside.settings import PREFIX, BesideSettings
from orgbilling_stubs.beside.traffic import MOST_COPIED_BYTES, ForwardedExchange, TrafficObserver
from orgbilling_stubs.beside.upstream import Upstream, UpstreamResponse, upstream_problem
from orgbilling_stubs.http.context import Headers, RequestContext, Response
from orgbilling_stubs.http.errors import Problem
from orgbilling_stubs.tenants.clock import wall_ns

REMOTE_RATE = 5.0
"""How many comparisons a second beyond loopback, as `orgbilling conform` asks."""
MOST_AT_ONCE = 8
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
CONDITIONS = (b"if-none-match", b"if-modified-since", b"range", b"accept-encoding", b"prefer")
"""Request headers that a comparison leaves out: it needs the whole answer of both."""


class StubComparison:
    """Asks the real API what the stub was asked."""

    def __init__(self, settings: BesideSettings, upstream: Upstream, observer: TrafficObserver) -> None:
        rate = settings.rate
        if rate is None:
            rate = 0.0 if is_loopback(settings.host) else REMOTE_RATE
        self._gap_ns = int(1e9 / rate) if rate else 0
        self._upstream = upstream
        self._observer = observer
        self._token = settings.token
        self._tasks: set[asyncio.Task[None]] = set()
        self._next_ns = 0
        self._pause_s = FIRST_PAUSE_S
        self._paused_until_ns = 0

    def compare(self, context: RequestContext, response: Response) -> None:
        """Ask the same of the real API, later; never waits, and raises nothing."""
        now_ns = wall_ns()
        observation = self._observer.observation
        if context.fault is not None or response.deliver is not None or response.status == 304:
            return
        if now_ns < self._paused_until_ns:
            observation.skip("the real API was given a pause")
        elif len(self._tasks) >= MOST_AT_ONCE or now_ns < self._next_ns:
            observation.skip("more was asked than may be compared")
        else:
            self._next_ns = now_ns + self._gap_ns
            task = asyncio.get_running_loop().create_task(self._ask(context, response))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _ask(self, context: RequestContext, response: Response) -> None:
        received: Headers = [pair for pair in context.raw_headers if pair[0] not in CONDITIONS]
        headers = request_headers(received, self._upstream.host, has_body=False, token=self._token)
        query = context.query.decode("latin-1")
        path = context.path.removeprefix(PREFIX)
        began_ns = wall_ns()
        try:
            answer = await self._upstream.send("GET", f"{path}?{query}" if query else path, headers)
            seconds = (wall_ns() - began_ns) / 1e9
            content, whole = await _content(answer, self._upstream.base)
        except Problem as problem:
            self._observer.observation.skip(problem.detail)
            self._pause(None)
            return
        if answer.status in (429, 503):
            self._pause(answer.header(b"retry-after") or None)
        else:
            self._pause_s = FIRST_PAUSE_S
        self._observer.submit(
            ForwardedExchange(
                context.trace_id,
                "GET",
                path,
                query,
                received,
                None,
                answer.status,
                list(answer.headers),
                content,
                whole,
                seconds,
                began_ns // 1_000_000,
                context.operation.operation_id,
                JudgedResponse(response.status, _texts(response.headers), response.body),
            )
        )

    def _pause(self, retry_after: str | None) -> None:
        """Ask nothing for as long as the real API says, else for twice as long as the last time."""
        seconds = self._pause_s
        if retry_after is not None and retry_after.isdecimal():
            seconds = min(float(retry_after[:6]), LONGEST_PAUSE_S * 10)
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
        self._paused_until_ns = wall_ns() + int(seconds * 1e9)


async def _content(answer: UpstreamResponse, base: str) -> tuple[bytes | None, bool]:
    """The body as encoded, and whether it is whole; None where it is too long to be judged.

    Raises Problem.
    """
    pieces: list[bytes] = []
    length = 0
    try:
        async for piece in answer:
            pieces.append(piece)
            length += len(piece)
            if length > MOST_COPIED_BYTES:
                return None, True
    except Exception as error:
        raise upstream_problem(error, base) from None
    finally:
        await answer.aclose()
    return b"".join(pieces), True


def _texts(headers: Headers) -> tuple[tuple[str, str], ...]:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)
