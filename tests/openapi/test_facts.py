"""The contract says what the vendor's published document says, fact by fact.

`published_facts.yaml` holds these facts in a compact notation, so that no copy of the document is needed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from orgbilling_openapi import description
from orgbilling_openapi.json_pointer import text as pointer
from orgbilling_openapi.operations import operations_by_id

PUBLISHED = yaml.safe_load((Path(__file__).parent / "published_facts.yaml").read_text())


def facts(document: dict[str, Any]) -> dict[str, Any]:
    """Operations and schemas; `name?` is optional, `[X]` an array, `{X}` a map, `|null` nullable."""
    return {
        "operations": {
            operation["operationId"]: _operation(path, method, operation)
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
        },
        "schemas": {name: _members(schema) for name, schema in document["components"]["schemas"].items()},
    }


def _operation(path: str, method: str, operation: dict[str, Any]) -> list[str]:
    row = [
        f"{method.upper()} {path}",
        *operation["tags"],
        *(name for requirement in operation["security"] for name in requirement),
    ]
    for parameter in operation.get("parameters", []):
        if "$ref" not in parameter:
            schema = parameter["schema"]
            row.append(
                f"{parameter['in']} {parameter['name']}? {_type(schema)} default {schema['default']} "
                f"{schema['minimum']}..{schema['maximum']} explode {parameter['explode']}"
            )
    if "requestBody" in operation:
        body = operation["requestBody"]
        row.append(f"takes {_content(body)}{'' if body['required'] else '?'}")
    row += [f"{status} {_content(operation['responses'][status])}" for status in ("200", "default")]
    return row


def _content(part: dict[str, Any]) -> str:
    return ", ".join(f"{media} {_type(row['schema'])}" for media, row in part["content"].items())


def _members(schema: dict[str, Any]) -> dict[str, str]:
    required = schema.get("required", [])
    rows = {
        name if name in required else f"{name}?": _type(part)
        for name, part in sorted(schema["properties"].items())
    }
    return rows if schema["additionalProperties"] is False else {**rows, "*": "any"}


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[1]
    told = schema.get("type", "any")
    kinds = [told] if isinstance(told, str) else told
    kind = kinds[0]
    if kind == "array":
        text = f"[{_type(schema['items'])}]"
    elif kind == "object":
        text = "{" + _type(schema["additionalProperties"]) + "}"
    else:
        text = " ".join([kind, *([schema["format"]] if "format" in schema else [])])
    if schema.get("readOnly"):
        text += " read-only"
    return text + ("|null" if "null" in kinds else "")


@pytest.mark.parametrize("operation", PUBLISHED["operations"])
def test_an_operation_states_every_published_fact(operation: str) -> None:
    assert facts(description.load())["operations"][operation] == PUBLISHED["operations"][operation]


@pytest.mark.parametrize("schema", PUBLISHED["schemas"])
def test_a_schema_states_every_published_fact(schema: str) -> None:
    assert facts(description.load())["schemas"][schema] == PUBLISHED["schemas"][schema]


def test_any_other_operation_or_schema_is_assumed() -> None:
    document, origins = description.load(), description.origins()
    nodes = {name: operation.location for name, operation in operations_by_id(document).items()}
    nodes |= {name: ("components", "schemas", name) for name in document["components"]["schemas"]}
    facts_of_the_vendor = {name for name, path in nodes.items() if origins.of(pointer(path)).fact}
    assert facts_of_the_vendor == PUBLISHED["operations"].keys() | PUBLISHED["schemas"].keys()
