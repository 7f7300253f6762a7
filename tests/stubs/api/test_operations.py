from typing import Any

from orgbilling_openapi import description
from orgbilling_openapi.operations import operations, operations_by_id
from orgbilling_stubs.api.operations import operation_handlers


def test_every_operation_has_exactly_one_handler(dashboard: Any) -> None:
    document = description.load()
    assert operation_handlers(document, dashboard.app.service).keys() == operations_by_id(document).keys()


def test_every_operation_has_an_id_of_its_own() -> None:
    document = description.load()
    assert len(operations_by_id(document)) == len([*operations(document)])
