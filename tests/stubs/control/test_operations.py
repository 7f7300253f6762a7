from __future__ import annotations

from typing import Any

import pytest
from orgbilling_openapi import control_description
from orgbilling_openapi.json_pointer import follow
from orgbilling_openapi.operations import operations_by_id
from orgbilling_stubs.beside import handlers as real_api
from orgbilling_stubs.control import operations
from orgbilling_stubs.faults import handlers as faults
from orgbilling_stubs.http.json_schemas import Schemas, Side
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
        operations.control_handlers(STANDIN, STANDIN, STANDIN, STANDIN),
        faults.fault_handlers(STANDIN),
        journal.journal_handlers(STANDIN, STANDIN),
        journal.coverage_handlers(STANDIN),
        real_api.real_api_handlers(STANDIN),
    ]
    assert sorted(operation_id for table in tables for operation_id in table) == sorted(listed)


def _contents(part: str) -> list[tuple[str, str, Any]]:
    """The operation, media type and content of each request body, or of each response with one."""
    document = control_description.load()
    contents = []
    for item in document["paths"].values():
        for operation in (item[method] for method in item if method != "parameters"):
            bodies = [operation["requestBody"]] if part == "request" and "requestBody" in operation else []
            if part == "response":
                bodies = [
                    follow(document, response)
                    for status, response in operation["responses"].items()
                    if status.startswith("2")
                ]
            for body in bodies:
                for media_type, content in body.get("content", {}).items():
                    contents.append((operation["operationId"], media_type, content))
    return contents


@pytest.mark.parametrize("side", ["request", "response"])
def test_every_body_has_an_example_that_fits_its_schema(side: Side) -> None:
    schemas = Schemas(control_description.load())
    contents = _contents(side)
    assert len(contents) > 15
    for operation_id, media_type, content in contents:
        named = content.get("examples", {})
        examples = [named[name]["value"] for name in named] or [content["example"]]
        validator = schemas.validator(content["schema"], side)
        for example in examples:
            assert list(validator.iter_errors(example)) == [], (operation_id, media_type)


def test_every_operation_has_an_example_of_its_success() -> None:
    document = control_description.load()
    with_example = {operation_id for operation_id, _, _ in _contents("response")}
    without_body = {
        name
        for name, operation in operations_by_id(document).items()
        if [status for status in operation.node["responses"] if status.startswith("2")] == ["204"]
    }
    assert with_example | without_body == set(operations_by_id(document))
    assert not with_example & without_body
