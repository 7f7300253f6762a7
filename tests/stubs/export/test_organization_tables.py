from __future__ import annotations

import pytest
from orgbilling_openapi import invariants
from orgbilling_stubs.export import organization_tables, selection
from orgbilling_stubs.export.columnar.columns import values
from orgbilling_stubs.export.schema import NAMES

from .conftest import AS_OF_MS, small_selection


def test_tables_are_the_same_with_and_without_numpy(monkeypatch):
    selected = small_selection(4)
    builder = organization_tables.OrganizationTables(selected)
    for organization in selected.organizations:
        fast = builder.tables(organization)
        with monkeypatch.context() as patched:
            patched.setattr(organization_tables, "numpy_installed", lambda: False)
            slow = builder.tables(organization)
        assert [*fast] == [*slow] == [*NAMES]
        for name in NAMES:
            assert [*map(values, fast[name].values())] == [*map(values, slow[name].values())]


def test_what_columns_cannot_hold_comes_row_by_row():
    selected = selection.select(selection.by_persona(["extreme_numbers"]), 1, AS_OF_MS)
    ledger = organization_tables.OrganizationTables(selected).tables(selected.organizations[0], ("ledger",))[
        "ledger"
    ]
    assert max(values(ledger["tokens"])) > 2**53


@pytest.mark.parametrize("name", ["standard", "nulls"])
def test_responses_are_those_of_the_api_and_hold_its_invariants(name):
    selected = selection.select(selection.by_persona([name]), 1, AS_OF_MS, 60 if name == "standard" else None)
    bodies = organization_tables.OrganizationTables(selected).responses(selected.organizations[0])
    assert invariants.broken(bodies) == []
    assert {
        f"getOrgLedger?days={days}" for days in (*organization_tables.WINDOWS_DAYS, "all")
    } <= bodies.keys()
