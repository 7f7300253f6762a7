from __future__ import annotations

import pytest
from orgbilling_openapi.reference_page import SampleError, named_schema, sample_schema

TABLE = [
    (0.1, {"type": "number", "format": "double"}),
    (0, {"type": "integer"}),
    (True, {"type": "boolean"}),
    (None, {}),
    ("string", {"type": "string"}),
    ("2019-08-24T14:15:22Z", {"type": "string", "format": "date-time"}),
    ("/api/v1/schemas/Shelf.json", {"type": "string"}),
    ("oak", {"type": "string", "examples": ["oak"]}),
    (["string"], {"type": "array", "items": {"type": "string"}}),
    (
        {"property1": 0.1, "property2": 0.1},
        {"type": "object", "additionalProperties": {"type": "number", "format": "double"}},
    ),
    ({"a": 0}, {"type": "object", "properties": {"a": {"type": "integer"}}}),
]  # fmt: skip


@pytest.mark.parametrize(("sample", "expected"), TABLE)
def test_each_sample_shows_its_type(sample: object, expected: object) -> None:
    assert sample_schema(sample) == expected


@pytest.mark.parametrize("sample", [[], [1, 2], {"property1": 1, "property2": "string"}, {1}])
def test_a_sample_that_shows_nothing_is_an_error(sample: object) -> None:
    with pytest.raises(SampleError):
        sample_schema(sample)


def test_the_name_of_a_schema_comes_with_its_prefix() -> None:
    assert named_schema({"$schema": "/api/v1/schemas/Shelf.json"}) == ("/api/v1", "Shelf")
    assert named_schema({"a": 1}) is None
    assert named_schema([0]) is None


@pytest.mark.parametrize("link", ["Shelf", 3, "/schemas/../Shelf.json"])
def test_a_strange_schema_link_is_rejected(link: object) -> None:
    with pytest.raises(SampleError):
        named_schema({"$schema": link})
