"""The invariants of an export: SQL queries that select the rows that violate them.

They stand in `templates`, in SQL whose placeholders and loops are Jinja's, as in dbt's tests of data.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from orgbilling_stubs.billing.billing_days import SETTLEMENT_MS
from orgbilling_stubs.billing.instants import DAY_MS
from orgbilling_stubs.billing.ledger_posting import METER_CHARGES
from orgbilling_stubs.billing.opening_balance import CHARGES
from orgbilling_stubs.export.schema import BY_NAME, NAMES, TABLES

EMPTY = """
    CREATE TEMP TABLE v_empty AS
    SELECT organization_id, created_at AS from_ms, lead(created_at) OVER by_number AS until_ms
    FROM v_ledger
    WINDOW by_number AS (PARTITION BY organization_id ORDER BY number)
    QUALIFY sum(amount_credits) OVER by_number = 0
"""
"""Creates `v_empty`: the spans of time in which an organization had no credits.

An organization that stops at zero is charged what is left and no more, so that in these spans, and nowhere
else, a charge may be less than count × price.
"""


class SqlInvariant(NamedTuple):
    """An invariant of an export's tables.

    violations: a query that selects the rows that violate it; its first columns name the row.
    """

    name: str
    equation: str
    violations: str

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that the query reads, in its order; `v_empty` is made of the ledger."""
        views = re.findall(r"\bv_(\w+)", self.violations)
        return tuple(dict.fromkeys("ledger" if view == "empty" else view for view in views))


TEMPLATES = ("invariants.sql", "cell_invariants.sql")


def template(name: str = TEMPLATES[0]) -> Template:
    """Queries with their placeholders; the macros of the first are what several queries have in common."""
    environment = Environment(
        loader=PackageLoader("orgbilling_stubs.export.verify"),
        autoescape=False,  # noqa: S701 -- SQL of names and numbers of ours
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "tables": TABLES,
        "names": NAMES,
        "by_name": BY_NAME,
        # SQL writes a list of texts as Python does.
        "charges": str(CHARGES),
        "meter_charges": METER_CHARGES,
        "day_ms": DAY_MS,
        "settlement_ms": SETTLEMENT_MS,
        "uuid": "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    }
    return environment.get_template(name)


@cache
def load() -> tuple[SqlInvariant, ...]:
    """Every invariant, out of comments with name and equation, and the queries after them."""
    text = "\n".join(template(name).render() for name in TEMPLATES)
    blocks = re.findall(r"^-- ([\w-]+): (.+)\n([^;]+);", text, re.MULTILINE)
    return tuple(SqlInvariant(*block) for block in blocks)


def applicable(tables: Collection[str]) -> list[SqlInvariant]:
    """The invariants about these tables alone."""
    return [invariant for invariant in load() if {*invariant.tables} <= {*tables}]
