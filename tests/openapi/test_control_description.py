from __future__ import annotations

from collections import Counter
from typing import Any

from openapi_spec_validator import validate
from orgbilling_fixtures import scenarios
from orgbilling_openapi import control_description, description
from orgbilling_stubs.auth import bad_tokens
from orgbilling_stubs.tenants import timeline

METHODS = ("get", "put", "post", "delete", "patch")


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, item[method])
        for path, item in control_description.load()["paths"].items()
        for method in METHODS
        if method in item
    ]


def test_the_twin_is_what_the_source_says() -> None:
    assert control_description.TWIN.read_text("utf-8") == control_description.twin()


def test_it_is_openapi() -> None:
    validate(control_description.load())


def unquoted(node: Any, path: str = "") -> list[str]:
    """Where YAML took a part of a text for a member: such a member has no value."""
    if isinstance(node, dict):
        empty = [f"{path}/{name}" for name, value in node.items() if value is None and name != "default"]
        return empty + [place for name, value in node.items() for place in unquoted(value, f"{path}/{name}")]
    if isinstance(node, list):
        return [place for number, value in enumerate(node) for place in unquoted(value, f"{path}/{number}")]
    return []


def test_texts_are_quoted_where_they_have_to_be() -> None:
    assert unquoted({"a": [{"description": "one", "two": None}]}) == ["/a/0/two"]
    assert [place for place in unquoted(control_description.load()) if "/example" not in place] == []


def test_every_operation_is_named_once_and_described() -> None:
    names = Counter(operation["operationId"] for _, _, operation in operations())
    assert [name for name, times in names.items() if times > 1] == []
    assert not names.keys() & {
        operation["operationId"]
        for item in description.load()["paths"].values()
        for operation in item.values()
    }
    for _, path, operation in operations():
        assert operation["summary"], path
        assert operation["description"].endswith("."), path
        assert "4XX" in operation["responses"], path


def test_every_body_has_an_example() -> None:
    for _, path, operation in operations():
        media = operation.get("requestBody", {}).get("content", {}).get("application/json")
        assert media is None or "example" in media or "examples" in media, path


def test_the_bad_tokens_are_those_that_can_be_minted() -> None:
    listed = control_description.load()["components"]["schemas"]["TokenRequest"]["properties"]["bad"]["enum"]
    assert listed == list(bad_tokens.BAD_TOKENS)


def test_the_scenarios_and_the_named_instants_are_those_there_are() -> None:
    schemas = control_description.load()["components"]["schemas"]
    names = schemas["ScenarioChoice"]["properties"]["scenario"]["anyOf"][0]["enum"]
    assert names == [scenario.name for scenario in scenarios.load()]
    instants = schemas["Jump"]["properties"]["to"]["anyOf"][0]["enum"]
    assert sorted(instants) == sorted(timeline.NAMED_INSTANTS)
