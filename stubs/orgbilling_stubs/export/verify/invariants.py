"""The invariants of an export: SQL queries that select the rows that violate them.

They stand in `templates`, in SQL whose placeholders and loops are Jinja's, as in dbt's tests of data. What
several of them read is made once, as a derived table.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import cache
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from orgbilling_fixtures.populations.regions import REGIONS
from orgbilling_fixtures.usage.patterns import SOURCES

from orgbilling_stubs.billing.billing_days import MONTH_OPENS_MS, PAYMENT_TERMS_MS, SETTLEMENT_MS
from orgbilling_stubs.billing.instants import DAY_MS
from orgbilling_stubs.billing.ledger_posting import METER_CHARGES
from orgbilling_stubs.billing.opening_balance import CHARGES
from orgbilling_stubs.export.population.price_history import PLANS
from orgbilling_stubs.export.schema import BY_NAME, NAMES, TABLES


class SqlInvariant(NamedTuple):
    """An invariant of an export's tables.

    violations: a query that selects the rows that violate it; its first columns name the row.
    """

    name: str
    equation: str
    violations: str

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables of the export that the query reads, in its order, also through derived tables."""
        found: list[str] = []
        for view in re.findall(r"\bv_(\w+)", self.violations):
            derived_table = derived().get(view)
            found += [view] if derived_table is None else derived_table.tables
        return tuple(dict.fromkeys(found))


TEMPLATES = ("invariants.sql", "cell_invariants.sql", "population_invariants.sql")
DERIVED = "derived_tables.sql"
COUNTED = ("price_changes", "payments", "usage_by_day", "ledger")
"""Tables whose `number` counts the rows of an organization from 0, which an invariant of each checks."""


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
        "counted": COUNTED,
        # SQL writes a list of texts as Python does.
        "charges": str(CHARGES),
        "meter_charges": METER_CHARGES,
        "currencies": {region: REGIONS[region].currency for region in REGIONS},
        "plans": str((*(name for name, *_ in PLANS), "contract")),
        "sources": [*SOURCES],
        "day_ms": DAY_MS,
        "month_opens_ms": MONTH_OPENS_MS,
        "payment_terms_ms": PAYMENT_TERMS_MS,
        "settlement_ms": SETTLEMENT_MS,
        "uuid": "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    }
    return environment.get_template(name)


def _blocks(*templates: str) -> Iterator[SqlInvariant]:
    """Comments with name and equation, and the queries after them."""
    text = "\n".join(template(name).render() for name in templates)
    for block in re.findall(r"^-- ([\w-]+): (.+)\n([^;]+);", text, re.MULTILINE):
        yield SqlInvariant(*block)


@cache
def load() -> tuple[SqlInvariant, ...]:
    """Every invariant."""
    return (*_blocks(*TEMPLATES),)


@cache
def derived() -> dict[str, SqlInvariant]:
    """Tables that several invariants read, by name: what their rows are, and the query that makes them."""
    return {table.name: table for table in _blocks(DERIVED)}


def applicable(tables: Collection[str]) -> list[SqlInvariant]:
    """The invariants about these tables alone."""
    return [invariant for invariant in load() if {*invariant.tables} <= {*tables}]
