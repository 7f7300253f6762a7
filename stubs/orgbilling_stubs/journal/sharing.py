"""The journal and the coverage of all processes that share a store.

    request at A ─▶ journal of A ─▶ what is to be written ─▶ thread, every quarter of a second ─▶ table
    someone asks B for its journal, or follows it: B reads what the table has had since B last looked

While a request is answered, its exchange is only put into a second journal, of what is to be written. A
thread writes what has come, at most so much as a journal keeps. So a client that has its answer finds the
exchange at once in the process that answered, and within about half a second in every other. While the
database is away, requests do not notice; what cannot be written then is written later, or forgotten.

Whoever clears the journal, or resets the coverage, waits until that is in the table. A clearing names an
instant: exchanges that began before it are left out wherever they turn up later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from threading import Event, Lock, Thread

from orgbilling_openapi.strict_json import JsonObject

from orgbilling_stubs.journal.encoding import UnknownEncodingError, decode, encode
from orgbilling_stubs.journal.exchange import Exchange
from orgbilling_stubs.journal.shared_coverage import SharedCoverage
from orgbilling_stubs.journal.store import Journal
from orgbilling_stubs.tenants.clock import wall_ms, wall_ns
from orgbilling_stubs.tenants.store.errors import OUTCOME_UNKNOWN, UNREACHABLE, StoreError
from orgbilling_stubs.tenants.store.exchange_table import (
    CHANGE,
    CLEARING,
    EXCHANGE,
    ExchangeRow,
    ExchangeTable,
    StoredExchangeRow,
)
from orgbilling_stubs.tenants.store.retry import report

WRITE_EVERY_S = 0.25
FLOOD_EVERY_S = 1.0
"""How often is written while more comes than a journal keeps: so a flood costs no more than a hundredth of a
core for each organization."""
PAUSE_S = 2.0
"""How long nothing is written after the database could not be used."""
POLL_MS = 200
"""How often whoever follows the journal looks for exchanges of other processes."""
PAGE = 500
"""How many rows are read at once, before other requests have their turn."""
CLOSE_S = 2.0
"""How long a server that stops waits for its last exchanges to be written."""
MOST_CLEARINGS = 10_000


class JournalSharing:
    """Tells other processes of the exchanges of this one, and this one of theirs."""

    def __init__(self, table: ExchangeTable, journal: Journal, coverage: SharedCoverage) -> None:
        self._table = table
        self._journal = journal
        self._coverage = coverage
        self._last = 0
        """The number of the last row that was read."""
        self._read_ms = 0
        self._cleared_ns: dict[str | None, int] = {}
        """Until when exchanges of an organization, or all, have been cleared."""
        self._mutex = Lock()
        self._waiting = self._empty()
        """The exchanges that are to be written: as many as a journal would keep."""
        self._changed = False
        self._commands: list[tuple[Callable[[], None], Future[None]]] = []
        self._arrival, self._urgent = Event(), Event()
        self._is_flooded = False
        self._closing = False
        self._thread: Thread | None = None
        coverage.begin(table)
        journal.follow(self._add)
        journal.sharing = self
        table.before_close.append(self.close)

    def _empty(self) -> Journal:
        return Journal(self._journal.per_organization, self._journal.total_bytes // 4)

    def _add(self, exchange: Exchange) -> None:
        """Have an exchange written. Called with every request."""
        with self._mutex:
            self._waiting.append(exchange)
        self._wake()

    def note_change(self) -> None:
        """Tell other processes that something was changed without an exchange."""
        self._changed = True
        self._wake()

    def _wake(self) -> None:
        """Let the thread write; it is started with the first thing that there is to write."""
        if not self._arrival.is_set():
            self._arrival.set()
            if self._thread is None and not self._closing:
                self._thread = Thread(target=self._run, name="orgbilling-journal", daemon=True)
                self._thread.start()

    async def clear(self, organization: str | None) -> None:
        """Clear the exchanges of an organization, or all, in every process; raises StoreError."""
        now_ns = wall_ns()
        row = ExchangeRow(CLEARING, organization, now_ns // 1_000_000, str(now_ns).encode())
        await self._command(lambda: self._table.append([row]))
        self._clear(organization, now_ns)

    async def reset_coverage(self) -> None:
        """Begin to count anew in every process; raises StoreError."""
        now_ns = wall_ns()
        await self._command(lambda: self._coverage.reset(self._table, now_ns))

    async def coverage_report(self) -> JsonObject:
        """What the requests of all processes have met (the schema Coverage); raises StoreError."""
        await self._command(lambda: self._coverage.write(self._table))  # whoever has an answer finds it here
        return self._coverage.report(self._table)

    async def written(self) -> None:
        """Wait until other processes can read what this one has answered, unless the database is away."""
        with suppress(StoreError):
            await self._command(lambda: None)

    async def _command(self, act: Callable[[], None]) -> None:
        """Have the thread do something at once, and wait for it; raises what it raises."""
        done: Future[None] = Future()
        with self._mutex:
            if self._closing:
                raise StoreError("the server is stopping", UNREACHABLE)
            self._commands.append((act, done))
        self._wake()
        self._urgent.set()
        await asyncio.wrap_future(done)

    async def catch_up(self) -> None:
        """Read what other processes have written since the last call."""
        while True:
            try:
                rows = self._table.read(self._last, PAGE)
            except StoreError as error:
                report(error)  # the exchanges of this process are there all the same
                return
            self._take(rows)
            self._read_ms = wall_ms()
            if len(rows) < PAGE:
                return
            await asyncio.sleep(0)

    async def poll(self) -> None:
        """Catch up, unless that was done a moment ago."""
        if not 0 <= wall_ms() - self._read_ms < POLL_MS:
            await self.catch_up()

    def _take(self, rows: Sequence[StoredExchangeRow]) -> None:
        """Put what other processes have written into the journal."""
        arrived: list[Exchange] = []
        changed = False
        for row in rows:
            if row.number <= self._last:
                continue  # another request has read it meanwhile
            self._last = row.number
            if row.instance == self._table.instance:
                continue
            if row.kind == CLEARING:
                self._clear(row.organization, int(row.content))
            elif row.kind == EXCHANGE:
                try:
                    arrived.append(decode(row.content))
                except UnknownEncodingError as error:
                    report(StoreError(f"an exchange of another version is left out: {error}"))
            changed = changed or row.kind == CHANGE
        self._journal.merge([exchange for exchange in arrived if not self._is_cleared(exchange)])
        if changed:
            self._journal.follow_change()

    def _clear(self, organization: str | None, until_ns: int) -> None:
        if organization is None:
            self._cleared_ns.clear()
        elif len(self._cleared_ns) >= MOST_CLEARINGS:
            self._cleared_ns.pop(next(iter(self._cleared_ns)))
        self._cleared_ns[organization] = until_ns
        self._journal.clear(organization, until_ns)
        with self._mutex:
            self._waiting.clear(organization, until_ns)
        self._journal.follow_change()

    def _is_cleared(self, exchange: Exchange) -> bool:
        cleared = self._cleared_ns
        return exchange.began_ns <= max(cleared.get(None, 0), cleared.get(exchange.organization, 0))

    def close(self) -> None:
        """Write what is still to be written, and end the thread."""
        with self._mutex:
            self._closing = True
        self._arrival.set()
        self._urgent.set()
        if self._thread is not None:
            self._thread.join(CLOSE_S)

    def _run(self) -> None:
        """Write what comes, some times a second, until the server stops."""
        while not self._closing:
            self._arrival.wait()
            self._urgent.wait(FLOOD_EVERY_S if self._is_flooded else WRITE_EVERY_S)
            self._arrival.clear()
            self._urgent.clear()
            if not self._write() and not self._closing:
                self._arrival.set()
                self._urgent.wait(PAUSE_S)
        self._write()

    def _write(self) -> bool:
        """Write what is waiting, then do what was asked for; whether the database could be used."""
        with self._mutex:
            commands, self._commands = self._commands, []
            taken, self._waiting = self._waiting, self._empty()
            changed, self._changed = self._changed, False
        written = self._append(list(taken.newest())[::-1], changed)
        for act, done in commands:
            if done.set_running_or_notify_cancel():
                try:
                    done.set_result(act())
                except Exception as error:
                    done.set_exception(error)
        return written

    def _append(self, exchanges: Sequence[Exchange], changed: bool) -> bool:
        """Write exchanges, that something was changed, and what is to be counted; whether it was possible."""
        self._is_flooded = len(exchanges) >= self._journal.per_organization
        rows = [
            ExchangeRow(EXCHANGE, exchange.organization, exchange.began_ns // 1_000_000, encode(exchange))
            for exchange in exchanges
        ]
        if changed:
            rows.append(ExchangeRow(CHANGE, None, wall_ms(), b""))
        try:
            if rows:
                self._table.append(rows)
            rows = []
            self._coverage.write(self._table)
        except StoreError as error:
            report(error)
            if rows and error.code != OUTCOME_UNKNOWN.code:
                self._write_later(exchanges, changed)
            return False
        except CancelledError:
            return False
        return True

    def _write_later(self, exchanges: Sequence[Exchange], changed: bool) -> None:
        """Put back what could not be written, as far as there is room."""
        with self._mutex:
            self._waiting.merge(exchanges)
            self._changed = self._changed or changed
