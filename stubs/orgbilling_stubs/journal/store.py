"""The journal: the last exchanges of each organization, bounded in number and in bytes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from threading import RLock
from typing import TYPE_CHECKING, Any

from orgbilling_stubs.journal.exchange import Exchange

if TYPE_CHECKING:
    from orgbilling_stubs.journal.sharing import JournalSharing

PER_ORGANIZATION = 500
TOTAL_BYTES = 32 * 1024 * 1024


Follower = Callable[[Exchange], None]


class Journal:
    """The last exchanges: `per_organization` of each, and of all together what fits into `total_bytes`.

    The order of exchanges is that of their requests: by millisecond, then by trace id, which tells the
    process and the number of the request in it. explain: says why an answer is what it is (see
    `journal.explain`).
    """

    def __init__(
        self,
        per_organization: int = PER_ORGANIZATION,
        total_bytes: int = TOTAL_BYTES,
        explain: Callable[[Exchange], dict[str, Any]] = lambda exchange: {},
    ) -> None:
        self.per_organization = per_organization
        self.total_bytes = total_bytes
        self.explain = explain
        self.held_bytes = 0
        self.before_reading: Callable[[], None] = lambda: None
        """Records what has been answered and is not yet recorded (see `journal.recorder`)."""
        self.sharing: JournalSharing | None = None
        """What tells other processes of the exchanges, and this one of theirs, where there are others."""
        self.followers: list[Follower] = []
        """Called with every new exchange of this process, at once."""
        self.merge_followers: list[Follower] = []
        """Called with every exchange of another process, as soon as it is known here."""
        self.change_followers: list[Callable[[], None]] = []
        """Called after every command that is no exchange, whichever process has carried it out."""
        self.changing = RLock()
        """Held while exchanges are added or forgotten. Whoever reads the journal has exchanges recorded, and
        an embedded server's journal is read from another thread."""
        self._recorded: dict[str, deque[Exchange]] = {}
        """By organization, the oldest first."""

    @property
    def _exchanges(self) -> dict[str, deque[Exchange]]:
        """All that has been answered until now, by organization."""
        self.before_reading()
        return self._recorded

    def __len__(self) -> int:
        return sum(map(len, self._exchanges.values()))

    def append(self, exchange: Exchange) -> None:
        """Add an exchange, and forget the oldest where there are too many. Runs with every request."""
        held_bytes = exchange.held_bytes
        exchanges = self._recorded.get(exchange.organization)
        if exchanges is None:
            exchanges = self._recorded[exchange.organization] = deque()
        elif len(exchanges) >= self.per_organization:
            held_bytes -= exchanges.popleft().held_bytes
        exchanges.append(exchange)
        self.held_bytes += held_bytes
        if self.held_bytes > self.total_bytes:
            self._shrink()
        for follower in self.followers:
            follower(exchange)

    def merge(self, exchanges: Sequence[Exchange]) -> None:
        """Add exchanges of other processes, in their places among those that are here."""
        by_organization: dict[str, list[Exchange]] = {}
        for exchange in exchanges:
            by_organization.setdefault(exchange.organization, []).append(exchange)
        with self.changing:
            recorded = self._exchanges
            for organization, added in by_organization.items():
                present = recorded.get(organization, ())
                newest = sorted([*present, *added], key=_place)[-self.per_organization :]
                recorded[organization] = deque(newest)
                self.held_bytes += _held_bytes(newest) - _held_bytes(present)
            if self.held_bytes > self.total_bytes:
                self._shrink()
        for exchange in exchanges:
            for follower in self.merge_followers:
                follower(exchange)

    def follow(self, follower: Follower) -> None:
        """Have a function called with every exchange of this process from now on, at once."""
        self.before_reading()  # what was answered until now is not told
        self.followers.append(follower)

    @contextmanager
    def followed_by(self, follower: Follower) -> Iterator[None]:
        """Have a function called with every exchange, of this process or another, in a `with` statement."""
        self.follow(follower)
        self.merge_followers.append(follower)
        try:
            yield
        finally:
            self.followers.remove(follower)
            self.merge_followers.remove(follower)

    def note_change(self) -> None:
        """Tell followers that a command of the control API or of a hosted page has been carried out.

        It may have changed what they show, although no exchange tells of it.
        """
        self.follow_change()
        if self.sharing is not None:
            self.sharing.note_change()

    def follow_change(self) -> None:
        """Tell the followers of this process that something was changed."""
        for follower in self.change_followers:
            follower()

    def get(self, trace: str) -> Exchange | None:
        """The exchange with this `X-Trace-Id`, if it is still there."""
        return next((exchange for exchange in self.newest() if exchange.trace == trace), None)

    def newest(self, organization: str | None = None) -> Iterator[Exchange]:
        """The exchanges of an organization, or all, newest first."""
        if organization is not None:
            return iter(sorted(self._exchanges.get(organization, ()), key=_place, reverse=True))
        return iter(_newest_first(self._exchanges))

    def clear(self, organization: str | None = None, until_ns: int | None = None) -> int:
        """Forget the exchanges of an organization, or all; how many they were.

        until_ns: only those that began until this instant.
        """
        forgotten = 0
        with self.changing:
            recorded = self._exchanges
            for name in list(recorded) if organization is None else [organization]:
                present = recorded.pop(name, ())
                kept = [row for row in present if until_ns is not None and row.began_ns > until_ns]
                if kept:
                    recorded[name] = deque(kept)
                self.held_bytes += _held_bytes(kept) - _held_bytes(present)
                forgotten += len(present) - len(kept)
        return forgotten

    def _shrink(self) -> None:
        """Forget the oldest of all until a tenth is free, so that this is seldom necessary.

        It does not ask for what is still to be recorded: that would be recorded within, and each of 64
        exchanges would have the whole journal sorted.
        """
        kept: list[Exchange] = []
        held_bytes = 0
        for exchange in _newest_first(self._recorded):
            if held_bytes + exchange.held_bytes > self.total_bytes * 9 // 10:
                break
            held_bytes += exchange.held_bytes
            kept.append(exchange)
        recorded: dict[str, deque[Exchange]] = {}
        for exchange in reversed(kept):
            recorded.setdefault(exchange.organization, deque()).append(exchange)
        self._recorded = recorded  # at once: another thread may read the journal meanwhile
        self.held_bytes = held_bytes


def _newest_first(recorded: Mapping[str, Iterable[Exchange]]) -> list[Exchange]:
    """The exchanges of all organizations."""
    # Copies, because a thread that reads an embedded server's journal must not see it grow meanwhile.
    copies = [list(exchanges) for exchanges in list(recorded.values())]
    return sorted(chain.from_iterable(copies), key=_place, reverse=True)


def _held_bytes(exchanges: Iterable[Exchange]) -> int:
    return sum(exchange.held_bytes for exchange in exchanges)


def _place(exchange: Exchange) -> tuple[int, str]:
    """What exchanges are sorted by."""
    return exchange.began_ns // 1_000_000, exchange.trace
