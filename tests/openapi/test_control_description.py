from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import validate
from orgbilling_fixtures import scenarios
from orgbilling_openapi import control_description, description
from orgbilling_openapi.json_pointer import follow
from orgbilling_stubs.auth import bad_tokens
from orgbilling_stubs.tenants import clock_commands

METHODS = ("get", "put", "post", "delete", "patch")


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, item[method])
        for path, item in control_description.load()["paths"].items()
        for method in METHODS
        if method in item
    ]


@pytest.mark.slow
def test_the_twin_is_what_the_source_says() -> None:
    assert control_description.TWIN.read_text("utf-8") == control_description.twin()


@pytest.mark.slow
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
    instants = schemas["JumpTarget"]["anyOf"][0]["enum"]
    assert sorted(instants) == sorted(clock_commands.NAMED_INSTANTS)


def unexplained_patterns(node: Any, path: str = "", explained: bool = False) -> list[str]:
    """Where a schema has a pattern, and neither it nor its union says in words what it takes."""
    if isinstance(node, list):
        return [
            place
            for number, child in enumerate(node)
            for place in unexplained_patterns(child, f"{path}/{number}", explained)
        ]
    if not isinstance(node, dict):
        return []
    explained = "x-expected" in node or (explained and path.rpartition("/")[0].endswith(("anyOf", "oneOf")))
    if isinstance(node.get("pattern"), str) and not explained:
        return [path]
    return [
        place
        for name, child in node.items()
        for place in unexplained_patterns(child, f"{path}/{name}", explained and name in ("anyOf", "oneOf"))
    ]


def test_every_pattern_is_said_in_words() -> None:
    assert unexplained_patterns({"a": {"pattern": "^x"}}) == ["/a"]
    assert unexplained_patterns({"x-expected": "an x", "anyOf": [{"pattern": "^x"}]}) == []
    assert unexplained_patterns(control_description.load()) == []


def is_described(document: Any, schema: Any) -> bool:
    """Whether a schema says what it is for, or the only schema that it stands for does; null is none."""
    if not isinstance(schema, dict) or schema.get("description"):
        return True
    if "$ref" in schema:
        return is_described(document, follow(document, schema))
    parts = [part for part in schema.get("allOf", schema.get("anyOf", [])) if part != {"type": "null"}]
    return len(parts) == 1 and is_described(document, parts[0])


def undescribed_members(document: Any, schema: Any, place: str) -> Iterator[str]:
    """The members of a schema, and of what it consists of, that do not say what they are for."""
    schema = follow(document, schema)
    if not isinstance(schema, dict):
        return
    for keyword in ("allOf", "anyOf", "oneOf"):
        for part in schema.get(keyword, ()):
            yield from undescribed_members(document, part, place)
    if "items" in schema:
        yield from undescribed_members(document, schema["items"], f"{place}[]")
    for name, member in schema.get("properties", {}).items():
        tells_alternatives_apart = "type" not in member and ("const" in member or "enum" in member)
        if not is_described(document, member) and not tells_alternatives_apart:
            yield f"{place}.{name}"
        yield from undescribed_members(document, member, f"{place}.{name}")


def test_each_member_of_each_request_body_is_described() -> None:
    members = {"properties": {"a": {"type": "string"}, "b": {"items": {"properties": {"c": {}}}}}}
    assert list(undescribed_members({}, members, "x")) == ["x.a", "x.b", "x.b[].c"]
    document = control_description.load()
    assert [
        place
        for _, _, operation in operations()
        for media in operation.get("requestBody", {}).get("content", {}).values()
        for place in undescribed_members(document, media.get("schema", {}), operation["operationId"])
    ] == []
