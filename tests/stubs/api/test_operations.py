from typing import Any

from orgbilling_openapi import description as contracts
from orgbilling_stubs.api.operations import table


def test_the_table_is_the_contracts_list_of_operations(dashboard: Any) -> None:
    document = contracts.load()
    declared = [
        operation["operationId"]
        for path in document["paths"].values()
        for operation in path.values()
        if isinstance(operation, dict) and "operationId" in operation
    ]
    assert sorted(table(document, dashboard.app.service)) == sorted(declared)
    assert len(declared) == 13
