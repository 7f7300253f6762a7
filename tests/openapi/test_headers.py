"""Headers of responses: what breaks who reads them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from orgbilling_openapi import composition, description, diff
from orgbilling_openapi.diff import compare
from orgbilling_openapi.schema_diff import SchemaComparison
from orgbilling_openapi.schema_flattening import Node

Document = dict[str, Any]

RATE = {"required": True, "schema": {"type": "integer", "minimum": 0}}
TAGS = {"schema": {"type": "array"}}
OLD: Document = {
    "headers": {"X-Rate": RATE, "X-Tags": TAGS, "X-Page": {"content": {"text/plain": {"schema": {}}}}}
}

CASES: dict[str, tuple[Callable[[Document], object], list[tuple[str, str, bool]]]] = {
    "the same": (lambda h: None, []),
    "another case": (lambda h: h.update({"x-rate": h.pop("X-Rate")}), []),
    "a content type": (lambda h: h.update({"Content-Type": {"schema": {}}}), []),
    "removed": (lambda h: h.pop("X-Rate"), [("removed", "the response header X-Rate", True)]),
    "optional removed": (lambda h: h.pop("X-Page"), [("removed", "the response header X-Page", True)]),
    "added": (
        lambda h: h.update(Link={"schema": {}}),
        [("added", "the optional response header Link", False)],
    ),
    "required added": (
        lambda h: h.update(Link={"required": True}),
        [("added", "the required response header Link", False)],
    ),
    "optional now": (
        lambda h: h["X-Rate"].update(required=False),
        [("changed", "the response header X-Rate may be absent now", True)],
    ),
    "required now": (
        lambda h: h["X-Page"].update(required=True),
        [("changed", "the response header X-Page is required now", False)],
    ),
    "another type": (
        lambda h: h["X-Rate"]["schema"].update(type="string"),
        [("changed", "type integer → string", True)],
    ),
    "narrower": (
        lambda h: h["X-Rate"]["schema"].update(minimum=1),
        [("changed", "minimum 0 → 1", False)],
    ),
    "a number exploded": (lambda h: h["X-Rate"].update(explode=True), []),
    "exploded": (
        lambda h: h["X-Tags"].update(explode=True),
        [("changed", "explode of the response header X-Tags False → True", True)],
    ),
    "another way to write it": (
        lambda h: h.update({"X-Page": {"schema": {}}}),
        [("changed", "the response header X-Page is written otherwise", True)],
    ),
    "another schema in a content": (
        lambda h: h["X-Page"]["content"]["text/plain"]["schema"].update(type="string"),
        [("changed", "type any → string", False)],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_change_of_headers(case: str) -> None:
    change, expected = CASES[case]
    new = copy.deepcopy(OLD)
    change(new["headers"])
    found = diff.compare_headers(SchemaComparison(OLD, new), Node(OLD, ()), Node(new, ()))
    changes = [(each.kind, each.what, each.breaking) for each in found]
    assert changes == expected


def test_references_are_followed() -> None:
    new: Document = {"headers": {"X-Rate": {"$ref": "#/rate"}}, "rate": {"schema": {"type": "integer"}}}
    old: Document = {"headers": {"X-Rate": {"schema": {"type": "integer"}}}}
    assert [*diff.compare_headers(SchemaComparison(old, new), Node(old, ()), Node(new, ()))] == []


@pytest.mark.slow
def test_a_header_that_is_gone_or_may_be_absent_breaks_a_client_of_the_contract() -> None:
    ours = description.load()
    theirs = copy.deepcopy(ours)
    response = theirs["paths"]["/org/billing"]["get"]["responses"]["200"]
    response["headers"].pop("ETag")
    (changes,) = compare(ours, ours, theirs, description.origins())[:1]
    assert (changes.severity, changes.kind, changes.what) == (
        "breaking",
        "removed",
        "the response header ETag",
    )
    assert changes.operations == ("GET /org/billing",)


def test_what_only_we_say_of_headers_cannot_break() -> None:
    ours = description.load()
    found = compare(composition.vendor_facts(), ours, composition.vendor_facts(), description.origins())
    gone = [each for each in found if "response header" in each.what]
    assert {each.severity for each in gone} == {"assumed"}
    assert {each.what for each in gone} >= {"the response header Link", "the response header ETag"}
