from __future__ import annotations

from orgbilling_stubs.http.specification import ApiSpecification

RAW = {
    "openapi": "3.1.0",
    "info": {"title": "x", "version": "1"},
    "servers": [{"url": "https://host.example/{stage}/v1/", "variables": {"stage": {"default": "live"}}}],
    "paths": {
        "/a": {
            "parameters": [{"$ref": "#/components/parameters/P"}],
            "get": {
                "parameters": [{"name": "own", "in": "query"}],
                "responses": {200: {"$ref": "#/components/responses/R"}},
            },
        },
        "/b": {"$ref": "#/paths/~1a"},
    },
    "components": {
        "parameters": {"P": {"name": "p", "in": "query"}},
        "responses": {
            "R": {"description": "ok", "content": {"x": {"schema": {"$ref": "#/components/schemas/S"}}}}
        },
        "schemas": {"S": {"properties": {"next": {"$ref": "#/components/schemas/S"}}}},
    },
}


def test_openapi_31_is_admitted_and_the_prefix_is_that_of_the_first_server():
    document = ApiSpecification(RAW)
    assert document.version == (3, 1, 0)
    assert document.base_path == "/live/v1"


def test_references_around_schemas_are_followed_and_schemas_keep_theirs():
    operation = ApiSpecification(RAW).get_operation("/b", "get")
    content = operation["responses"]["200"]["content"]
    assert content["x"]["schema"] == {"$ref": "#/components/schemas/S"}
    assert ApiSpecification(RAW).get_path_params("/a") == [{"name": "p", "in": "query"}]


def test_connexion_may_change_its_lists_without_changing_the_contract():
    document = ApiSpecification(RAW)
    document.get_operation("/a", "get")["parameters"] += document.get_path_params("/a")
    assert len(RAW["paths"]["/a"]["get"]["parameters"]) == 1


def test_a_copy_can_have_another_prefix():
    document = ApiSpecification(RAW)
    assert document.with_base_path("/other").base_path == "/other"
    assert document.base_path == "/live/v1"
