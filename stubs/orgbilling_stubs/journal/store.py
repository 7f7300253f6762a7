"""The journal: the last exchanges of each organization, bounded in number and in bytes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from orgbilling_stubs.auth.principal import Principal

EACH = 500
TOTAL_BYTES = 32 * 1024 * 1024
EXCERPT_BYTES = 4096
OVERHEAD_BYTES = 1024


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

    credentials: `bearer`, `cookie`, `malformed` or nothing. body, payload: the first bytes of each; size: of
    the whole answer. status: 0 when no answer was finished. before, after: the tenant's version around it
    (after is 0 when there is no tenant), now_ms: the tenant's instant. held_bytes: about how much memory
    it takes.
    """

    trace: str
    began_ns: int
    took_ns: int
    organization: str
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
    before: int
    after: int
    now_ms: int
    fault: Fired | None
    held_bytes: int


Follower = Callable[[Exchange], None]


class Journal:
    """The last exchanges: `each` of every organization, and of all together what fits into `total_bytes`.

    Trace ids sort in the order of the requests. explain: says why an answer is what it is (see
    `journal.explain`). What is appended has a `trace` and its `held_bytes`; `digest` makes an exchange of it.
    """

    def __init__(
        self,
        each: int = EACH,
        total_bytes: int = TOTAL_BYTES,
        explain: Callable[[Exchange], dict[str, Any]] = lambda exchange: {},
    ) -> None:
        self.each = each
        self.total_bytes = total_bytes
        self.explain = explain
        self.held_bytes = 0
        self.followers: list[Follower] = []
        """Called with every new exchange."""
        self.digest: Callable[[Any], Exchange] = lambda exchange: exchange
        self.settle: Callable[[], None] = lambda: None
        """Brings in what still waits to be appended; called before anything is read."""
        self._shelves: dict[str, deque[Any]] = {}

    def __len__(self) -> int:
        self.settle()
        return sum(len(shelf) for shelf in list(self._shelves.values()))

    def append(self, organization: str, entry: Any, held_bytes: int) -> None:
        """Keep an exchange, and forget the oldest where there are too many."""
        shelf = self._shelves.get(organization)
        if shelf is None:
            shelf = self._shelves[organization] = deque()
        elif len(shelf) >= self.each:
            held_bytes -= shelf.popleft().held_bytes
        shelf.append(entry)
        self.held_bytes += held_bytes
        if self.held_bytes > self.total_bytes:
            self._shrink()
        if self.followers:
            exchange = self.digest(entry)
            for follower in self.followers:
                follower(exchange)

    def get(self, trace: str) -> Exchange | None:
        """The exchange with this `X-Trace-Id`, if it is still there."""
        found = next((each for each in self._newest() if each.trace == trace), None)
        return None if found is None else self.digest(found)

    def newest(self, organization: str | None = None) -> Iterator[Exchange]:
        """The exchanges of an organization, or all, newest first."""
        return map(self.digest, self._newest(organization))

    def _newest(self, organization: str | None = None) -> Iterator[Any]:
        self.settle()
        if organization is not None:
            return iter(list(self._shelves.get(organization, ()))[::-1])
        return (entry for _, entry in self._all())

    def clear(self, organization: str | None = None) -> int:
        """Forget the exchanges of an organization, or all; how many they were."""
        gone = list(self._newest(organization))
        if organization is None:
            self._shelves.clear()
        else:
            self._shelves.pop(organization, None)
        self.held_bytes -= sum(each.held_bytes for each in gone)
        return len(gone)

    def _shrink(self) -> None:
        """Forget the oldest of all until a tenth is free, so that this is seldom necessary."""
        kept: list[tuple[str, Any]] = []
        held_bytes = 0
        for organization, entry in self._all():
            held_bytes += entry.held_bytes
            if held_bytes > self.total_bytes * 9 // 10:
                held_bytes -= entry.held_bytes
                break
            kept.append((organization, entry))
        self._shelves.clear()
        for organization, entry in reversed(kept):
            self._shelves.setdefault(organization, deque()).append(entry)
        self.held_bytes = held_bytes

    def _all(self) -> list[tuple[str, Any]]:
        """Everything with its organization, newest first."""
        every = [(name, each) for name, shelf in list(self._shelves.items()) for each in list(shelf)]
        return sorted(every, key=lambda shelved: str(shelved[1].trace), reverse=True)


def matching(exchanges: Iterator[Exchange], **wanted: Any) -> Iterator[Exchange]:
    """Those exchanges whose fields have the wanted values; None means any."""
    asked = {name: value for name, value in wanted.items() if value is not None}
    return (each for each in exchanges if all(getattr(each, name) == value for name, value in asked.items()))
