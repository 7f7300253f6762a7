"""What passes between the client and the real API: a bounded copy of each exchange, judged in a thread.

The client waits for none of it: an exchange is judged when nothing has come for a moment, because the thread
takes the interpreter from the thread that passes answers on. `orgbilling beside` judges in another process,
for which the thread waits. Exchanges are judged one after the other; when more come than can be judged, some
are not, and the report says how many.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from queue import Empty, Full, Queue
from threading import Event, Lock, Thread

from orgbilling_conformance.content_codings import CodingError, decoded
from orgbilling_conformance.exchange import NotJudged, Request, Response
from orgbilling_conformance.observation import Observation, request_of
from orgbilling_conformance.reports.report import Finding

from orgbilling_stubs.beside.observation_process import ObservationProcess
from orgbilling_stubs.http.context import Headers

LOG = logging.getLogger("orgbilling")

MOST_COPIED_BYTES = 8 * 1024 * 1024
"""How much of a body is copied for judging; what is longer passes, and is not judged."""
MOST_DECODED_BYTES = 32 * 1024 * 1024
MOST_WAITING = 400
"""How many exchanges may wait to be judged. When half as many wait, they are judged while others come."""
MOST_WAITING_BYTES = 64 * 1024 * 1024
"""How many bytes of answers may wait; half as many have the same effect."""
QUIET_S = 0.01
"""How long no exchange must have come before one is judged."""
IDLE_S = 0.5
"""After how long without an exchange those that came are compared with each other."""
CLOSE_S = 3.0


@dataclass(frozen=True, slots=True)
class ForwardedExchange:
    """One exchange with the real API, as it went over the wire.

    path: below the prefix. received: the headers of the client's request. body: what the client sent; None
    where it was not copied. content: the body of the response, as encoded; None where it was too long, or was
    cut. seconds: until the head of the response was here. at_ms: when it began. stub: what the stub has
    answered, where the two are compared. failure: `timeout` or `broken`
    where no answer came; the status is 0 then.
    """

    trace: str
    method: str
    path: str
    query: str
    received: Headers
    body: bytes | None
    status: int
    headers: Headers
    content: bytes | None
    whole: bool
    seconds: float
    at_ms: int
    operation: str = ""
    stub: Response | None = None
    failure: str = ""

    def decoded(self) -> bytes | None:
        """The body without its content codings; None where there is no copy. Raises CodingError."""
        if self.content is None:
            return None
        return decoded(self.content, Response(self.status, _texts(self.headers)).codings, MOST_DECODED_BYTES)


Listener = Callable[[ForwardedExchange], None]
FindingListener = Callable[[Sequence[Finding], str], None]
"""Called with the findings that are new, and the trace id of their exchange: empty for several exchanges."""


class TrafficObserver:
    """Applies the conformance rules to exchanges, in a thread of its own.

    listeners: called with each exchange, also with those that show nothing of the API.
    """

    def __init__(self, observation: Observation | ObservationProcess) -> None:
        self.observation = observation
        self.listeners: list[Listener] = []
        self.finding_listeners: list[FindingListener] = []
        self.change_listeners: list[Callable[[], None]] = []
        """Called in the server's loop after everything that was waiting has been judged."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: Queue[ForwardedExchange | None] = Queue(MOST_WAITING)
        self._waiting_bytes = 0
        self._submitted = 0
        self._lock = Lock()
        """Guards the number of bytes, which two threads change."""
        self._thread: Thread | None = None
        self._idle = Event()
        self._closing = Event()

    def submit(self, exchange: ForwardedExchange) -> None:
        """Judge an exchange soon; never waits. It is called in the server's loop."""
        if self._thread is None:
            self._loop = asyncio.get_running_loop()
            self._thread = Thread(target=self._run, name="traffic-observer", daemon=True)
            self._thread.start()
        self._idle.clear()
        self._submitted += 1
        size = len(exchange.content or b"")
        try:
            if self._waiting_bytes + size > MOST_WAITING_BYTES:
                raise Full
            self._waiting.put_nowait(exchange)
        except Full:
            self.observation.skip("more came than could be judged")
        else:
            self._count_bytes(size)

    def wait(self, timeout_s: float) -> bool:
        """Wait until everything that was submitted is judged; False when the time is over."""
        return self._thread is None or self._idle.wait(timeout_s)

    def close(self) -> None:
        """Judge what is waiting, for a few seconds, and stop; what is still waiting then is counted."""
        self._closing.set()
        self.wait(CLOSE_S)
        thread, self._thread = self._thread, None
        if thread is not None:
            with suppress(Empty):
                while self._waiting.get_nowait() is not None:
                    self.observation.skip("the server was stopped before")
            self._waiting.put_nowait(None)
            thread.join(CLOSE_S)

    def _run(self) -> None:
        compared = True
        while True:
            try:
                exchange = self._waiting.get(timeout=IDLE_S)
            except Empty:
                if not compared:
                    self._guarded(self._compare)
                    compared = True
                self._idle.set()
                continue
            if exchange is None:
                return
            compared = False
            self._wait_for_quiet()
            self._guarded(partial(self._check, exchange))
            self._count_bytes(-len(exchange.content or b""))

    def _wait_for_quiet(self) -> None:
        """Wait until nothing comes for a moment, or until half of what may wait is waiting."""
        while self._waiting.qsize() < MOST_WAITING // 2 and self._waiting_bytes < MOST_WAITING_BYTES // 2:
            submitted = self._submitted
            if self._closing.wait(QUIET_S) or self._submitted == submitted:
                return

    def _count_bytes(self, added: int) -> None:
        with self._lock:
            self._waiting_bytes += added

    def _guarded(self, work: Callable[[], None]) -> None:
        """Do some work, and log whatever it raises: an odd answer must not end the thread."""
        try:
            work()
        except Exception as error:
            self.observation.skip("judging it failed")
            LOG.warning("an exchange could not be judged: %s", type(error).__name__)

    def _compare(self) -> None:
        self._tell(self.observation.compare_exchanges(), "")
        for listener in self.change_listeners:
            if self._loop is not None and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(listener)

    def _check(self, exchange: ForwardedExchange) -> None:
        for listener in self.listeners:
            listener(exchange)
        if not exchange.operation:
            self.observation.skip("it is no operation of the API description")
            return
        request, response = judged_exchange(exchange)
        found = self.observation.consider(request, response, authorization_of(exchange.received))
        if exchange.stub is not None:
            found += self.observation.differ(request, exchange.stub, response)
        self._tell(found, exchange.trace)

    def _tell(self, findings: Sequence[Finding], trace: str) -> None:
        if findings:
            for listener in self.finding_listeners:
                listener(findings, trace)


def judged_exchange(exchange: ForwardedExchange) -> tuple[Request, Response]:
    """An exchange as it is judged: its body decoded, and said where it is not what the real API has sent."""
    request = request_of(
        exchange.method, exchange.path, exchange.query, _texts(exchange.received), exchange.body
    )
    if exchange.failure:
        return request, Response(0, (), b"no whole answer", exchange.seconds, failure=exchange.failure)
    body: bytes | None = b""
    not_judged = None if exchange.whole else NotJudged("body-cut")
    if exchange.whole and exchange.method != "HEAD":
        try:
            body = exchange.decoded()
        except CodingError as error:
            if error.reason in ("cut", "damaged"):
                broken = str(error).encode()
                return request, Response(0, (), broken, exchange.seconds, failure="broken")
            not_judged = NotJudged("body-encoded" if error.reason == "unknown" else "body-cut", str(error))
        if body is None:
            not_judged = NotJudged("body-cut", f"more than {MOST_COPIED_BYTES >> 20} MiB")
    headers = _texts(exchange.headers)
    return request, Response(exchange.status, headers, body or b"", exchange.seconds, not_judged=not_judged)


def authorization_of(headers: Sequence[tuple[bytes, bytes]]) -> str | None:
    """The credentials of a request; None for none, empty where they may be in a cookie or another header."""
    named: Mapping[bytes, bytes] = dict(reversed(headers))
    value = named.get(b"authorization")
    if value is not None:
        return value.decode("latin-1")
    elsewhere = any(name == b"cookie" or b"key" in name or b"token" in name for name in named)
    return "" if elsewhere else None


def _texts(headers: Sequence[tuple[bytes, bytes]]) -> tuple[tuple[str, str], ...]:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)
