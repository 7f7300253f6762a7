"""A later as-of instant adds rows to what was exported, and changes none of what has happened."""

from __future__ import annotations

from random import Random

import pytest
from orgbilling_stubs.billing import instants
from orgbilling_stubs.export.columnar.columns import values
from orgbilling_stubs.export.organization_tables import OrganizationTables
from orgbilling_stubs.export.schema import BY_NAME
from orgbilling_stubs.export.selection import SelectionOptions

HISTORY = ("ledger", "projects", "events", "services")
"""Tables whose rows have happened."""

DAYS = (
    "2025-12-31",
    "2026-01-01",
    "2026-01-02T13:30:00Z",
    "2026-01-03",
    "2026-02-01T00:04:00Z",
    "2026-03-20",
)


def rows_at(as_of: str, population: str, **options):
    """Every row of every table, by table and key."""
    selected = SelectionOptions(
        instants.parse(as_of), 5, orgs=14, population=population, **options
    ).selection()
    source = OrganizationTables(selected)
    found = {}
    for organization in selected.organizations:
        for name, columns in source.tables(organization).items():
            names, key = BY_NAME[name].names, BY_NAME[name].key
            for row in zip(*(values(columns[column]) for column in names), strict=True):
                cells = dict(zip(names, row, strict=True))
                found.setdefault(name, {})[tuple(cells[column] for column in key)] = cells
    return found


@pytest.mark.slow
@pytest.mark.parametrize("population", ["startup", "scale-up", "enterprise"])
def test_what_has_happened_stays_as_it_was(population):
    before = rows_at(DAYS[0], population)
    for as_of in DAYS[1:]:
        after = rows_at(as_of, population)
        for name in HISTORY:
            assert before[name].items() <= after[name].items(), name
        assert len(before["ledger"]) < len(after["ledger"])
        assert before["organizations"].keys() <= after["organizations"].keys()
        since_ms = max(row["created_at"] for row in before["ledger"].values())
        added = [row for key, row in after["ledger"].items() if key not in before["ledger"]]
        assert min(row["created_at"] for row in added) > since_ms - instants.DAY_MS
        before = after


def test_new_rows_are_after_the_instant_of_the_rows_before():
    before, after = rows_at(DAYS[2], "startup"), rows_at(DAYS[3], "startup")
    added = [row for key, row in after["ledger"].items() if key not in before["ledger"]]
    assert min(row["created_at"] for row in added) > instants.parse(DAYS[2])


@pytest.mark.slow
def test_an_export_has_what_had_happened_at_its_instant_to_the_millisecond():
    """The ledger and the payments at any instant are those of a later export up to it.

    Instants next to purchases, because an automatic one is made before the charge that it covers.
    """
    launched_day = instants.parse("2022-05-16") // instants.DAY_MS
    options = {"orgs": 16, "population": "scale-up", "launched_day": launched_day}
    later = SelectionOptions(instants.parse("2025-07-01"), 3, **options).selection()
    chance, tried = Random(5), 0
    for organization in later.organizations:
        after = OrganizationTables(later).tables(organization)
        bought = [
            at_ms for at_ms in values(after["payments"]["created_at"]) if at_ms > organization.sign_up.at_ms
        ]
        for at_ms in chance.sample(bought, min(2, len(bought))):
            for as_of_ms in (at_ms - 1, at_ms, at_ms + chance.randrange(1, 59_000)):
                earlier = SelectionOptions(as_of_ms, 3, **options).selection()
                before = OrganizationTables(earlier).tables(
                    earlier.organizations[organization.sign_up.number]
                )
                for name in ("ledger", "payments"):
                    columns = {column: [*values(after[name][column])] for column in after[name]}
                    count = sum(created_ms <= as_of_ms for created_ms in columns["created_at"])
                    known = {column: listed[:count] for column, listed in columns.items()}
                    assert {column: [*values(before[name][column])] for column in before[name]} == known
                tried += 1
    assert tried > 20


def test_a_launch_that_is_given_stays_where_it_is():
    launched_day = instants.parse("2023-04-01") // instants.DAY_MS
    before = rows_at("2024-12-31", "startup", launched_day=launched_day)
    after = rows_at("2025-02-28", "startup", launched_day=launched_day)
    for name in HISTORY:
        assert before[name].items() <= after[name].items(), name
    assert min(row["created_at"] for row in after["organizations"].values()) >= launched_day * instants.DAY_MS
