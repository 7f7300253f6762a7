"""The journal: the last exchanges of each organisation, bounded in number and in bytes."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from orgbilling_stubs.auth.principal import Principal

EACH = 500
TOTAL_BYTES = 32 * 1024 * 1024
EXCERPT_BYTES = 4096
OVERHEAD_BYTES = 1024


class Mark(NamedTuple):
    """A place in a tenant's log: sequence numbers before and after an exchange, and the instant then."""

    before: int
    after: int
    now_ms: int


class Fired(NamedTuple):
    """What spoiled an answer: `text` in one line, and the rules (id, number of the match) behind it."""

    text: str
    override: str = ""
    rules: tuple[tuple[str, int], ...] = ()


class Refusal(NamedTuple):
    """Why an answer is no success: the refusal's name, and where validation found what."""

    name: str
    detail: str
    findings: tuple[tuple[str, str], ...] = ()


class Exchange(NamedTuple):
    """One request and its answer, as little of each as will explain it later. Holds no token.

    status: 0 when no answer was finished. body, payload: the first bytes of each; size: of the whole
    answer. credentials: `bearer`, `cookie`, `malformed` or nothing.
    """

    trace: str
    began_ns: int
    took_ns: int
    organisation: str
    operation: str
    method: str
    path: str
    query: bytes
    headers: Sequence[tuple[bytes, bytes]]
    credentials: str
    principal: Principal | None
    body: bytes
    status: int
    out: Sequence[tuple[bytes, bytes]]
    payload: bytes
    size: int
    refusal: Refusal | None
    mark: Mark | None
    fault: Fired | None

    @property
    def held_bytes(self) -> int:
        """About how much memory it takes."""
        return OVERHEAD_BYTES + len(self.payload) + len(self.body) + len(self.query)


Follower = Callable[[Exchange], None]


class Journal:
    """The last exchanges: `each` of every organisation, and of all together what fits into `total_bytes`.

    explain: says why an answer is what it is (see `journal.explain`).
    """

    def __init__(
        self,
        each: int = EACH,
        total_bytes: int = TOTAL_BYTES,
        explain: Callable[[Exchange], dict[str, Any]] = lambda exchange: {},
    ) -> None:
        self.each = each
        self.explain = explain
        self.total_bytes = total_bytes
        self.held_bytes = 0
        self.followers: list[Follower] = []
        """Called with every new exchange."""
        self._all: OrderedDict[str, Exchange] = OrderedDict()
        self._shelves: dict[str, deque[str]] = {}

    def __len__(self) -> int:
        return len(self._all)

    def append(self, exchange: Exchange) -> None:
        """Keep an exchange, and forget the oldest where there are too many."""
        self._all[exchange.trace] = exchange
        self.held_bytes += exchange.held_bytes
        shelf = self._shelves.get(exchange.organisation)
        if shelf is None:
            shelf = self._shelves[exchange.organisation] = deque()
        shelf.append(exchange.trace)
        if len(shelf) > self.each:
            self.held_bytes -= self._all.pop(shelf.popleft()).held_bytes
        while self.held_bytes > self.total_bytes:
            self._forget_oldest()
        for follower in self.followers:
            follower(exchange)

    def get(self, trace: str) -> Exchange | None:
        """The exchange with this `X-Trace-Id`, if it is still there."""
        return self._all.get(trace)

    def newest(self, organisation: str | None = None) -> Iterator[Exchange]:
        """The exchanges of an organisation, or all, newest first."""
        if organisation is None:
            yield from reversed(list(self._all.values()))
            return
        for trace in reversed(list(self._shelves.get(organisation, ()))):
            yield self._all[trace]

    def clear(self, organisation: str | None = None) -> int:
        """Forget the exchanges of an organisation, or all; how many they were."""
        gone = list(self._all) if organisation is None else list(self._shelves.get(organisation, ()))
        for trace in gone:
            self.held_bytes -= self._all.pop(trace).held_bytes
        if organisation is None:
            self._shelves.clear()
        else:
            self._shelves.pop(organisation, None)
        return len(gone)

    def _forget_oldest(self) -> None:
        _, oldest = self._all.popitem(last=False)
        self.held_bytes -= oldest.held_bytes
        shelf = self._shelves[oldest.organisation]
        shelf.popleft()
        if not shelf:
            del self._shelves[oldest.organisation]


def matching(exchanges: Iterator[Exchange], **wanted: Any) -> Iterator[Exchange]:
    """Those exchanges whose fields have the wanted values; None means any."""
    asked = {name: value for name, value in wanted.items() if value is not None}
    return (each for each in exchanges if all(getattr(each, name) == value for name, value in asked.items()))
