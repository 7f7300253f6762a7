"""The journal through the control API; the fixtures serve it behind a real uvicorn."""

from __future__ import annotations

from orgbilling_openapi import control_description
from orgbilling_stubs.journal import handlers


def test_every_journal_operation_of_the_contract_has_its_handler():
    tagged = [
        operation["operationId"]
        for item in control_description.load()["paths"].values()
        for operation in item.values()
        if isinstance(operation, dict) and "journal" in operation.get("tags", ())
    ]
    assert sorted(handlers.journal_handlers(None)) == sorted(tagged)
