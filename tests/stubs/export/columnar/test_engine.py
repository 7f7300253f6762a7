from __future__ import annotations

import pytest
from orgbilling_openapi import invariants
from orgbilling_stubs.export import selection
from orgbilling_stubs.export.columnar import engine
from orgbilling_stubs.export.columnar.columns import values
from orgbilling_stubs.export.schema import NAMES

from ..conftest import AS_OF_MS, small_cast


def test_tables_are_the_same_with_and_without_numpy(monkeypatch):
    cast = small_cast(4)
    made = engine.Engine(cast)
    for person in cast.people:
        fast = made.tables(person)
        with monkeypatch.context() as patched:
            patched.setattr(engine, "fast", lambda: False)
            slow = made.tables(person)
        assert [*fast] == [*slow] == [*NAMES]
        for name in NAMES:
            assert [*map(values, fast[name].values())] == [*map(values, slow[name].values())]


def test_what_columns_cannot_hold_comes_from_the_engine():
    cast = selection.cast(selection.chosen(["extreme_numbers"]), 1, AS_OF_MS)
    ledger = engine.Engine(cast).tables(cast.people[0], ("ledger",))["ledger"]
    assert max(values(ledger["tokens"])) > 2**53


@pytest.mark.parametrize("name", ["standard", "nulls"])
def test_bodies_are_those_of_the_api_and_lawful(name):
    cast = selection.cast(selection.chosen([name]), 1, AS_OF_MS, 60 if name == "standard" else None)
    bodies = engine.Engine(cast).bodies(cast.people[0])
    assert invariants.broken(bodies) == []
    assert {f"getOrgLedger?days={days}" for days in (*engine.WINDOWS, "all")} <= bodies.keys()
