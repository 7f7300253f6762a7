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


def met(rows):
    return {row["name"]: row["met"] for row in rows}


def test_nothing_met(tally):
    found = coverage_report(tally)
    assert (found["percent"], found["since"]) == (0.0, "2026-11-22T11:00:00Z")
    schema = {"$ref": "#/components/schemas/Coverage", "components": control_description.load()["components"]}
    jsonschema_rs.Draft202012Validator(schema, validate_formats=True).validate(found)


def test_every_item_counts_the_same(tally):
    tally.client.statuses |= {("getA", 200): 3, ("getA", 500): 1}
    tally.client.scenarios["slow"] = 1
    found = coverage_report(tally)
    assert met(found["operations"]) == {"getA": 4, "getB": 0}
    assert met(found["statuses"]) == {"getA 200": 3, "getA 404": 0}
    assert met(found["values"]) == {"A.kind=x": 0}
    assert found["percent"] == 42.8  # getA, its 200, and the scenario, of 7 items


def test_everything_met(tally):
    tally.client.statuses |= {("getA", 200): 1, ("getA", 404): 1, ("getB", 200): 1}
    tally.client.values[("A", "kind", "x")] = 1
    tally.client.scenarios["slow"] = 1
    tally.client.parameters[("getA", "days")] = 1
    assert coverage_report(tally)["percent"] == 100.0


def test_what_the_conformance_suite_meets_is_no_part_of_the_percentage(tally):
    tally.conformance.statuses |= {("getA", 200): 2}
    found = coverage_report(tally)
    assert found["percent"] == 0.0
    assert found["statuses"][0] == {"name": "getA 200", "met": 0, "conformance": 2}
    assert found["operations"][0] == {"name": "getA", "met": 0, "conformance": 2}


def test_a_hundred_is_all_and_nothing_less():
    rows = [{"name": "", "met": 1}] * 9_999
    assert percent([*rows, {"name": "", "met": 0}]) == 99.9
    assert percent(rows) == 100.0
    assert percent([]) == 100.0
