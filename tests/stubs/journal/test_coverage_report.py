from __future__ import annotations

import jsonschema_rs
import pytest
from orgbilling_openapi import control_description
from orgbilling_stubs.journal.coverage import CoverageItems, CoverageTally, coverage_report, percent

ITEMS = CoverageItems(
    ["getA", "getB"], [("getA", 200), ("getA", 404)], [("getA", "days")], [("A", "kind", "x")], {}
)


@pytest.fixture
def tally():
    return CoverageTally(ITEMS, 1_795_345_200_000, lambda: ["slow"])


def test_nothing_met(tally):
    found = coverage_report(tally)
    assert (found["percent"], found["since"]) == (0.0, "2026-11-22T11:00:00Z")
    schema = {"$ref": "#/components/schemas/Coverage", "components": control_description.load()["components"]}
    jsonschema_rs.Draft202012Validator(schema, validate_formats=True).validate(found)


def test_every_item_counts_the_same(tally):
    tally._statuses = {"getA": {200: 3, 500: 1}}
    tally.scenario("slow")
    found = coverage_report(tally)
    assert found["operations"] == [{"name": "getA", "met": 4}, {"name": "getB", "met": 0}]
    assert found["statuses"] == [{"name": "getA 200", "met": 3}, {"name": "getA 404", "met": 0}]
    assert found["values"] == [{"name": "A.kind=x", "met": 0}]
    assert found["percent"] == 42.8  # getA, its 200, and the scenario, of 7 items


def test_everything_met(tally):
    tally._statuses = {"getA": {200: 1, 404: 1}, "getB": {200: 1}}
    tally.values[("A", "kind", "x")] = 1
    tally.scenario("slow")
    tally._requests[("getA", 1)] = 1
    tally._names[("getA", 1)] = ("days",)
    assert coverage_report(tally)["percent"] == 100.0


def test_a_hundred_is_all_and_nothing_less():
    rows = [{"name": "", "met": 1}] * 9_999
    assert percent([*rows, {"name": "", "met": 0}]) == 99.9
    assert percent(rows) == 100.0
    assert percent([]) == 100.0
