"""The API description says what the vendor's published document says, fact by fact.

`published_facts.yaml` holds these facts in a compact notation, so that no copy of the document is needed.
What we assume beside them, such as another member of a response, is no part of the comparison.
"""

from __future__ import annotations

import copy
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from orgbilling_openapi import composition, description
from orgbilling_openapi.json_pointer import text as pointer
from orgbilling_openapi.operations import operations_by_id


def without_assumed_parts(document: dict[str, Any], origins: description.NodeOrigins) -> dict[str, Any]:
    """A copy of the document without the members and parameters that we assume."""

    def is_fact(*path: str | int) -> bool:
        return origins.of(pointer(path)).fact

    document = copy.deepcopy(document)
    for name, schema in document["components"]["schemas"].items():
        if is_fact("components", "schemas", name):
            schema["properties"] = {
                member: part
                for member, part in schema["properties"].items()
                if is_fact("components", "schemas", name, "properties", member)
            }
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            operation["parameters"] = [
                parameter
                for index, parameter in enumerate(operation.get("parameters", []))
                if is_fact("paths", path, method, "parameters", index)
            ]
    return document


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
        if "$ref" not in parameter and parameter["in"] == "query":
            schema = parameter["schema"]
            row.append(
                f"{parameter['in']} {parameter['name']}? {_type(schema)} default {schema['default']} "
                f"{schema['minimum']}..{schema['maximum']} explode {parameter.get('explode', True)}"
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
    type_name = schema.get("type", "any")
    kinds = [type_name] if isinstance(type_name, str) else type_name
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


@cache
def published() -> dict[str, Any]:
    """The facts of the published document."""
    document: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "published_facts.yaml").read_text())
    return document


@cache
def our_facts() -> dict[str, Any]:
    """The facts of the API description."""
    return facts(without_assumed_parts(description.load(), description.origins()))


@pytest.mark.parametrize("kind", ["operations", "schemas"])
def test_every_published_fact_is_stated(kind: str) -> None:
    assert published()[kind]
    assert {name: our_facts()[kind].get(name) for name in published()[kind]} == published()[kind]


def test_what_we_assume_of_a_schema_of_the_vendor_is_no_fact(tmp_path: Path) -> None:
    layers = shutil.copytree(composition.HERE / "layers", tmp_path / "layers")
    file = layers / "assumed.overlay.yaml"
    overlay = yaml.safe_load(file.read_text())
    overlay["actions"].append(
        {
            "target": "$.components.schemas.TenantBillingProfile",
            "x-reason": "a test",
            "update": {"properties": {"overdrawn": {"type": "boolean"}}, "required": ["overdrawn"]},
        }
    )
    file.write_text(yaml.safe_dump(overlay))
    composed = composition.compose(layers)
    assert "overdrawn" in facts(composed.document)["schemas"]["TenantBillingProfile"]
    file = layers / "descriptions.overlay.yaml"
    more = "example:\n      overdrawn: false\n      $schema"
    file.write_text(file.read_text().replace("example:\n      $schema", more))
    assert composition.described_facts(layers) == composition.described_facts()
    stated = facts(without_assumed_parts(composed.document, description.NodeOrigins(composed.origins)))
    assert stated["schemas"] == our_facts()["schemas"]


def test_any_other_operation_or_schema_is_assumed() -> None:
    document, origins = description.load(), description.origins()
    nodes = {name: operation.location for name, operation in operations_by_id(document).items()}
    nodes |= {name: ("components", "schemas", name) for name in document["components"]["schemas"]}
    facts_of_the_vendor = {name for name, path in nodes.items() if origins.of(pointer(path)).fact}
    assert facts_of_the_vendor == published()["operations"].keys() | published()["schemas"].keys()
