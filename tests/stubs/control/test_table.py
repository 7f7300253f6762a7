from __future__ import annotations

from orgbilling_openapi import control_description
from orgbilling_stubs.control.table import TABLE
from orgbilling_stubs.faults import handlers as faults
from orgbilling_stubs.journal import coverage_handlers as coverage
from orgbilling_stubs.journal import handlers as journal

ELSEWHERE = {
    **faults.TABLE,
    **journal.TABLE,
    **coverage.TABLE,
}
"""Operations whose functions stand in the tables of other packages."""


def test_every_operation_has_exactly_one_function() -> None:
    listed = {
        operation["operationId"]
        for item in control_description.load()["paths"].values()
        for method, operation in item.items()
        if method != "parameters"
    }
    assert not ELSEWHERE.keys() & TABLE.keys()
    assert listed == ELSEWHERE.keys() | TABLE.keys()
