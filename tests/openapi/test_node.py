from __future__ import annotations

from orgbilling_openapi.schema_flattening import Node


def test_a_member_is_below_its_node() -> None:
    node = Node({"a/b": [{"c": 1}]}, ("x",))
    assert node.child("a/b").child(0).child("c") == Node(1, ("x", "a/b", 0, "c"))
    assert node.at("a/b") == "#/x/a~1b"
    assert node.child("a/b").pointer == "#/x/a~1b"


def test_what_is_not_there_has_a_place_and_no_value() -> None:
    assert Node({}, ("x",)).child("y").child("z") == Node(None, ("x", "y", "z"))


def test_a_merged_member_is_where_it_was_written() -> None:
    node = Node({"a": 1, "b": 2}, ("x",), {"b": Node(2, ("y", "b"))})
    assert (node.at("a"), node.at("b")) == ("#/x/a", "#/y/b")
    assert node.child("b").value == 2
