from __future__ import annotations

import pytest
from orgbilling_stubs.http.json_schemas import Schemas, types

DOCUMENT = {
    "components": {
        "schemas": {
            "Tree": {
                "type": "object",
                "required": ["id", "name"],
                "properties": {
                    "id": {"type": "string", "readOnly": True},
                    "name": {"type": "string"},
                    "secret": {"type": "string", "writeOnly": True},
                    "size": {"type": "integer", "format": "int64"},
                    "small": {"type": "integer", "format": "int32", "minimum": 5},
                    "children": {"type": ["array", "null"], "items": {"$ref": "#/components/schemas/Tree"}},
                },
            },
            "Alias": {"$ref": "#/components/schemas/Tree"},
        }
    }
}
TREE = {"$ref": "#/components/schemas/Tree"}


@pytest.fixture
def valid():
    schemas = Schemas(DOCUMENT)
    return lambda instance, side: schemas.validator(TREE, side).is_valid(instance)


def test_what_only_the_server_writes_may_not_be_sent_and_is_not_missed(valid):
    assert valid({"name": "a"}, "request")
    assert not valid({"name": "a", "id": "1"}, "request")
    assert not valid({"name": "a", "children": [{"name": "b", "id": "2"}]}, "request")
    assert not valid({"name": "a"}, "response")


def test_what_only_the_client_writes_never_comes_back(valid):
    assert valid({"name": "a", "secret": "x"}, "request")
    assert not valid({"name": "a", "id": "1", "secret": "x"}, "response")


@pytest.mark.parametrize(
    ("member", "value", "good"),
    [
        ("size", 2**63 - 1, True),
        ("size", 2**63, False),
        ("small", 2**31, False),
        ("small", 4, False),
        ("small", 5, True),
    ],
)
def test_integers_have_the_range_of_their_format(valid, member, value, good):
    assert valid({"name": "a", member: value}, "request") is good


def test_the_tolerant_side_lets_the_servers_own_members_pass():
    assert Schemas(DOCUMENT, tolerant=True).validator(TREE, "request").is_valid({"name": "a", "id": "1"})


def test_a_standalone_schema_brings_only_what_it_needs():
    schemas = Schemas({"components": {"schemas": {**DOCUMENT["components"]["schemas"], "Other": {}}}})
    assert set(schemas.standalone(TREE, "request")["components"]["schemas"]) == {"Tree"}


def test_a_validator_is_compiled_once():
    schemas = Schemas(DOCUMENT)
    assert schemas.validator(TREE, "request") is schemas.validator(dict(TREE), "request")


def test_a_broken_reference_is_an_error_at_start():
    with pytest.raises(LookupError):
        Schemas(DOCUMENT).validator({"$ref": "#/components/schemas/Nobody"}, "request")


def test_types_follow_references_and_forget_null():
    assert types(DOCUMENT, {"$ref": "#/components/schemas/Alias"}) == ("object",)
    assert types(DOCUMENT, {"type": ["array", "null"]}) == ("array",)
    assert types(DOCUMENT, True) == ()
