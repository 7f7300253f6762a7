from __future__ import annotations

from orgbilling_openapi import control_description
from orgbilling_stubs.journal import handlers
from orgbilling_stubs.journal.coverage import CoverageItems, CoverageTally


def test_every_coverage_operation_of_the_contract_has_its_handler():
    tagged = [
        operation["operationId"]
        for item in control_description.load()["paths"].values()
        for operation in item.values()
        if isinstance(operation, dict) and "coverage" in operation.get("tags", ())
    ]
    assert sorted(handlers.coverage_handlers(None)) == sorted(tagged)


def test_coverage_is_read_and_reset():
    tally = CoverageTally(CoverageItems(["getA"], [], [], [], {}), 0)
    tally.client.statuses["getA", 200] = 1
    assert handlers.get_coverage(tally, None).body["percent"] == 100.0
    assert handlers.reset_coverage(tally, None).status == 204
    assert handlers.get_coverage(tally, None).body["percent"] == 0.0
    assert tally.since_ms > 1_700_000_000_000
