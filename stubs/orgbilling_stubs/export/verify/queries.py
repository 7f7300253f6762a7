"""What laws are made of: SQL that finds the rows that break them.

The queries run on views in which every number is an integer: money in micro-USD, prices in nano-USD, instants
in epoch milliseconds, dates in days. They are written for SQLite and DuckDB alike; a division would not be.
"""

# ruff: noqa: S608 -- all names in the queries are the schema's

from __future__ import annotations

from typing import NamedTuple

from orgbilling_stubs.billing.instants import DAY_MS
from orgbilling_stubs.export.columnar.billing_days import SETTLES_MS

LATE = DAY_MS - SETTLES_MS - 1


class Law(NamedTuple):
    """An equation; `broken` selects the rows that break it, first what names the row."""

    name: str
    equation: str
    tables: tuple[str, ...]
    broken: str


def day(at: str) -> str:
    """The first millisecond of the UTC day of an instant."""
    return f"({at} - {at} % {DAY_MS})"


def unless_empty(broken: str, moment: str, less: str) -> str:
    """Rows that break a law, without those that charged less because no credits were left on that day.

    moment: when it was charged; less: that it was less.
    """
    return (
        f"SELECT * FROM ({broken}) AS suspects WHERE NOT ({less} AND EXISTS (SELECT 1 FROM v_empty e "
        f"WHERE e.organization_id = suspects.organization_id AND e.from_ms <= {moment} "
        f"AND (e.until_ms IS NULL OR e.until_ms > {moment} - {DAY_MS})))"
    )


EMPTY = (
    "CREATE TEMP TABLE v_empty AS SELECT organization_id, created_at AS from_ms, next_ms AS until_ms FROM "
    "(SELECT organization_id, created_at, sum(amount_credits) OVER w AS balance, "
    "lead(created_at) OVER w AS next_ms FROM v_ledger "
    "WINDOW w AS (PARTITION BY organization_id ORDER BY number)) AS balances WHERE balance = 0"
)
"""When organizations had no credits: those that stop at zero are charged what is left, and no more."""


def as_priced(law: Law) -> Law:
    """The law without organizations whose prices were changed by hand: theirs was another price then."""
    query = (
        f"SELECT * FROM ({law.broken}) AS priced WHERE NOT EXISTS (SELECT 1 FROM v_organizations o "
        "WHERE o.organization_id = priced.organization_id AND o.repriced = 1)"
    )
    return law._replace(broken=query, tables=tuple(dict.fromkeys((*law.tables, "organizations"))))


def near(charge: str, exact: str, scale: int, roundings: str) -> str:
    """Whether a charge is further from what it should be than its roundings explain."""
    return f"2 * abs(CAST({charge} AS HUGEINT) * {scale} - ({exact})) > {roundings} * {scale}"


def sums(name: str, equation: str, tables: tuple[str, ...], by: str, parts: tuple[str, str]) -> Law:
    """Two sums that are equal in every group: rows of both, one side negative, add up to nothing."""
    query = (
        f"SELECT {by}, sum(left_side) AS left_side, sum(right_side) AS right_side "
        f"FROM ({parts[0]} UNION ALL {parts[1]}) AS sides "
        f"GROUP BY {by} HAVING sum(left_side) <> sum(right_side)"
    )
    return Law(name, equation, tables, query)
