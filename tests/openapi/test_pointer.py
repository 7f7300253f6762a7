from __future__ import annotations

import pytest
from orgbilling_openapi import pointer


@pytest.mark.parametrize(
    ("path", "text"),
    [((), "#"), (("paths", "/org/a~b", "get"), "#/paths/~1org~1a~0b/get"), (("tags", 0), "#/tags/0")],
)
def test_pointers(path: tuple[str | int, ...], text: str) -> None:
    assert pointer.text(path) == text
    assert pointer.keys(text) == tuple(str(key) for key in path)


def test_a_pointer_finds_members_and_items() -> None:
    document = {"a/b": [{"c d": 1}]}
    assert pointer.find(document, "#/a~1b/0/c%20d") == 1
    assert pointer.find(document, "/a~1b/0") == {"c d": 1}
    for nowhere in ("#/x", "#/a~1b/1", "#/a~1b/x", "#/a~1b/0/c%20d/e"):
        with pytest.raises(LookupError):
            pointer.find(document, nowhere)
    with pytest.raises(ValueError, match="not a JSON pointer"):
        pointer.find(document, "a/b")


def test_children_of_anything() -> None:
    assert list(pointer.children({"a": 1})) == [("a", 1)]
    assert list(pointer.children(["a"])) == [(0, "a")]
    assert list(pointer.children("a")) == []
