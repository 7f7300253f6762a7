from __future__ import annotations

import pytest
from orgbilling_openapi import json_pointer


@pytest.mark.parametrize(
    ("path", "text"),
    [((), "#"), (("paths", "/org/a~b", "get"), "#/paths/~1org~1a~0b/get"), (("tags", 0), "#/tags/0")],
)
def test_pointers(path: tuple[str | int, ...], text: str) -> None:
    assert json_pointer.text(path) == text
    assert json_pointer.keys(text) == tuple(str(key) for key in path)


def test_a_pointer_finds_members_and_items() -> None:
    document = {"a/b": [{"c d": 1}]}
    assert json_pointer.find(document, "#/a~1b/0/c%20d") == 1
    assert json_pointer.find(document, "/a~1b/0") == {"c d": 1}
    for nowhere in ("#/x", "#/a~1b/1", "#/a~1b/x", "#/a~1b/0/c%20d/e"):
        with pytest.raises(LookupError):
            json_pointer.find(document, nowhere)
    with pytest.raises(ValueError, match="not a JSON pointer"):
        json_pointer.find(document, "a/b")


def test_children_of_anything() -> None:
    assert list(json_pointer.children({"a": 1})) == [("a", 1)]
    assert list(json_pointer.children(["a"])) == [(0, "a")]
    assert list(json_pointer.children("a")) == []


def test_a_reference_is_followed_to_what_it_names() -> None:
    document = {"a": {"$ref": "#/b/0"}, "b": [{"$ref": "#/c"}], "c": 1, "d": {"$ref": "#/d"}}
    assert json_pointer.follow(document, document["a"]) == 1
    assert json_pointer.locate(document, document["a"], ("a",)) == (1, ("c",))
    assert json_pointer.locate(document, document["b"], ("b",)) == (document["b"], ("b",))
    with pytest.raises(LookupError, match="leads to itself"):
        json_pointer.follow(document, document["d"])
    with pytest.raises(LookupError, match="nothing at"):
        json_pointer.follow(document, {"$ref": "#/e"})
    with pytest.raises(ValueError, match="another document"):
        json_pointer.follow(document, {"$ref": "other.yaml#/x"})


@pytest.mark.parametrize(
    ("document", "reported", "path"),
    [
        ({"a": [{"b": 1}]}, ["a", 0, "b"], ("a", 0, "b")),
        ({"0": {"b": 1}}, [0, "b"], ("0", "b")),
        ({"x": 1, "007": {"b": 1}}, [7, "b"], ("007", "b")),
        ({"+": 1, "+0": 2}, [0], ("+0",)),
        ({"": {"0": 1}}, [0], ()),
        ({"": 1}, [], ()),
    ],
)
def test_a_reported_path_is_found_in_the_document(
    document: object, reported: list[str | int], path: tuple[str | int, ...]
) -> None:
    assert json_pointer.path_in(document, reported) == path
