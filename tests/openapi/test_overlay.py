from __future__ import annotations

import copy
from typing import Any

import pytest
from orgbilling_openapi.overlay import OverlayError, apply, select

DOCUMENT: dict[str, Any] = {
    "paths": {"/a": {"get": {"tags": ["x"]}}, "/b": {"get": {"tags": ["y", "z"]}}},
    "n": {"m": 1},
}


@pytest.mark.parametrize(
    ("target", "paths"),
    [
        ("$", [()]),
        ("$.n.m", [("n", "m")]),
        ("$.paths['/a'].get", [("paths", "/a", "get")]),
        ("$.paths['/a','/b'].get", [("paths", "/a", "get"), ("paths", "/b", "get")]),
        ("$.paths.*.get.tags[1]", [("paths", "/b", "get", "tags", 1)]),
        ("$.paths['/a'].get.tags.*", [("paths", "/a", "get", "tags", 0)]),
        ("$.nothing.here", []),
    ],
)
def test_a_target_selects_nodes(target: str, paths: list[tuple[str | int, ...]]) -> None:
    assert list(select(DOCUMENT, target)) == paths


@pytest.mark.parametrize("target", ["paths", "$..tags", "$.a[?(@.b)]", "$.a[-1]", "$['a", "$.a["])
def test_other_jsonpath_is_rejected(target: str) -> None:
    with pytest.raises(OverlayError):
        list(select(DOCUMENT, target))


def changed(
    action: dict[str, Any], *, only_add: bool = False
) -> tuple[dict[str, Any], list[tuple[str | int, ...]]]:
    document, written = copy.deepcopy(DOCUMENT), list[tuple[str | int, ...]]()
    apply(document, action, written.append, only_add=only_add)
    return document, written


def test_an_update_merges_objects_and_appends_to_arrays() -> None:
    document, written = changed({"target": "$.paths['/a'].get", "update": {"tags": ["w"], "id": {"deep": 1}}})
    assert document["paths"]["/a"]["get"] == {"tags": ["x", "w"], "id": {"deep": 1}}
    here = ("paths", "/a", "get")
    assert written == [(*here, "tags", 1), (*here, "id"), (*here, "id", "deep")]


def test_an_update_of_an_array_appends() -> None:
    document, written = changed({"target": "$.paths['/b'].get.tags", "update": ["w"]})
    assert document["paths"]["/b"]["get"]["tags"] == ["y", "z", "w"]
    assert written == [("paths", "/b", "get", "tags", 2)]


def test_targets_do_not_share_what_they_are_given() -> None:
    document, _ = changed({"target": "$.paths.*.get", "update": {"more": {}}})
    assert document["paths"]["/a"]["get"]["more"] is not document["paths"]["/b"]["get"]["more"]


def test_remove_takes_items_from_the_end() -> None:
    document, _ = changed({"target": "$.paths.*.get.tags.*", "remove": True})
    assert [path["get"]["tags"] for path in document["paths"].values()] == [[], []]


def test_an_action_can_be_told_to_only_add() -> None:
    update = {"m": 2, "k": 3}
    assert changed({"target": "$.n", "update": update}, only_add=True)[0]["n"] == {"m": 1, "k": 3}
    assert changed({"target": "$.n", "remove": True}, only_add=True)[0] == DOCUMENT
    tags = {"target": "$.paths['/a'].get", "update": {"tags": ["w", {"k": 1}]}}
    assert changed(tags, only_add=True)[0]["paths"]["/a"]["get"]["tags"] == ["x", {"k": 1}]
    reference = {"target": "$.paths['/a']", "update": {"get": {"$ref": "#/n"}}}
    assert changed(reference, only_add=True)[0] == DOCUMENT


@pytest.mark.parametrize(
    "action",
    [
        {},
        {"target": "$.n"},
        {"target": "$.n", "remove": False},
        {"target": "$.n", "update": {}, "remove": True},
        {"target": "$", "remove": True},
        {"target": "$.n.m", "update": {"a": 1}},
    ],
)
def test_an_action_that_makes_no_sense_is_rejected(action: dict[str, Any]) -> None:
    with pytest.raises(OverlayError):
        apply(copy.deepcopy(DOCUMENT), action)
