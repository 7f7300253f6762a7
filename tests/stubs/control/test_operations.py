from __future__ import annotations

from typing import Any

from orgbilling_openapi import control_description
from orgbilling_stubs.control import operations
from orgbilling_stubs.faults import handlers as faults
from orgbilling_stubs.journal import handlers as journal

STANDIN: Any = None
"""No handler is called here, so none needs what it drives."""


def test_every_operation_has_exactly_one_function() -> None:
    listed = {
        operation["operationId"]
        for item in control_description.load()["paths"].values()
        for method, operation in item.items()
        if method != "parameters"
    }
    tables = [
        operations.control_handlers(STANDIN, STANDIN),
        faults.fault_handlers(STANDIN),
        journal.journal_handlers(STANDIN),
        journal.coverage_handlers(STANDIN),
    ]
    assert sorted(operation_id for table in tables for operation_id in table) == sorted(listed)
