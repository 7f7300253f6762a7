"""The ledger: immutable rows in time order, with the balance after each.

A row has two amounts, in micro-USD: what it adds to the credits, and the money behind it. A charge of a
postpaid tenant has no credits, and a bonus has no money. The balance is the sum of the credits of all rows.
It is exact: every charge is rounded to micro-USD, half to even, before it is posted (`billing.money`), and
nothing is rounded afterwards.

Example: 1,234 input tokens at 0.0001 USD per 1,000 are 123.4 micro-USD, posted as 123. A charge of 123.5
would be posted as 124, one of 122.5 as 122: over many rows the halves cancel out, unlike with rounding up.

Rows come in time order, so the rows of a window are found by two binary searches.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import NamedTuple


class LedgerRow(NamedTuple):
    """One ledger entry; credits add to the balance and debits are negative, in micro-USD."""

    number: int
    at_ms: int
    kind: str
    credits_micros: int
    usd_micros: int
    tokens: int
    description: str
    created_by: str | None
    source: str | None


class Ledger:
    """Append-only rows; nothing in it is ever changed or removed."""

    __slots__ = (
        "_balances",
        "_outstanding",
        "_sequences",
        "_times",
        "balance_micros",
        "event_sequence",
        "outstanding_micros",
        "rows",
    )

    def __init__(self) -> None:
        self.rows: list[LedgerRow] = []
        self.event_sequence: int | None = None
        """Number of the record whose event is being applied; None while time brings rows by itself."""
        self._sequences: list[int | None] = []
        self._times: list[int] = []
        self._balances: list[int] = []
        self._outstanding: list[int] = []
        self.balance_micros = 0
        """Sum of all credits."""
        self.outstanding_micros = 0
        """What a postpaid tenant owes."""

    def post(
        self,
        at_ms: int,
        kind: str,
        credits_micros: int,
        usd_micros: int,
        description: str,
        *,
        tokens: int = 0,
        created_by: str | None = None,
        source: str | None = None,
        owed_micros: int = 0,
    ) -> LedgerRow:
        """Append a row; rows come in time order. owed_micros: what it adds to what a postpaid tenant owes."""
        times = self._times
        assert not times or at_ms >= times[-1], "ledger rows are posted in time order"
        row = LedgerRow(
            len(times), at_ms, kind, credits_micros, usd_micros, tokens, description, created_by, source
        )
        self.rows.append(row)
        times.append(at_ms)
        self._sequences.append(self.event_sequence)
        self.balance_micros += credits_micros
        self._balances.append(self.balance_micros)
        self.outstanding_micros += owed_micros
        self._outstanding.append(self.outstanding_micros)
        return row

    def window(self, after_ms: int, until_ms: int) -> tuple[int, int]:
        """Index range [low, high) of the rows with after < time <= until."""
        return bisect_right(self._times, after_ms), bisect_right(self._times, until_ms)

    def balance_at(self, at_ms: int) -> int:
        """The balance after every row up to and including the instant, in micro-USD."""
        index = bisect_right(self._times, at_ms)
        return self._balances[index - 1] if index else 0

    def balance_after(self, number: int) -> int:
        """The balance right after a row, in micro-USD; 0 for the row before the first (-1)."""
        return self._balances[number] if number >= 0 else 0

    def outstanding_after(self, number: int) -> int:
        """What was owed right after a row, in micro-USD; 0 for the row before the first (-1)."""
        return self._outstanding[number] if number >= 0 else 0

    def posted_by(self, number: int) -> int | None:
        """The sequence number of the record whose event posted a row; None for what time brought."""
        return self._sequences[number]

    def last_ms(self) -> int | None:
        """Time of the newest row."""
        return self._times[-1] if self._times else None
