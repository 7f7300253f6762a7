from __future__ import annotations

import asyncio
from urllib.parse import unquote

import pytest
from connexion.middleware import ConnexionMiddleware
from connexion.middleware.abstract import AbstractRoutingAPI, SpecMiddleware
from connexion.resolver import Resolver
from orgbilling_openapi import description as descriptions
from orgbilling_stubs.http.routing import (
    ApiSpecification,
    CompiledAPI,
    CompiledApplication,
    HandlerResolver,
    Router,
    Routing,
)


def test_the_table_of_routes_is_built_by_connexion(ask):
    assert isinstance(ask.app, ConnexionMiddleware)
    assert issubclass(Routing, SpecMiddleware)
    assert issubclass(CompiledAPI, AbstractRoutingAPI)
    assert issubclass(HandlerResolver, Resolver)
    assert issubclass(CompiledApplication, ConnexionMiddleware)


def test_every_operation_has_a_route_and_those_of_the_table_are_compiled(ask):
    routes = ask.app.routing.exact
    contract = descriptions.load()
    for path, item in contract["paths"].items():
        for method in item:
            assert method.upper() in routes["/api/v1" + path].methods
    assert routes["/api/v1/org/billing"].methods["GET"].responses is not None
    assert routes["/api/v1/org/characters"].methods["GET"].responses is None


def test_a_broken_description_does_not_start(make):
    contract = descriptions.load()
    schema = contract["components"]["schemas"]["TenantBillingProfile"]
    schema["properties"]["billingMode"] = {"$ref": "#/components/schemas/Nobody"}
    with pytest.raises(LookupError):
        make(contract=contract)


@pytest.mark.parametrize("path", ["/org/billing/", "/org//billing", "/ORG/billing", "/org", "", "/"])
def test_other_spellings_of_a_path_are_unknown(ask, path):
    assert ask("GET", "/api/v1" + path).status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "TRACE", "CONNECT", "FOO", "get", ""])
def test_other_methods_are_not_allowed(ask, method):
    answer = ask(method, "/org/billing")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


def test_a_websocket_is_closed(ask):
    sent = []

    async def send(message):
        sent.append(message["type"])

    asyncio.run(ask.app({"type": "websocket", "path": "/"}, None, send))
    assert sent == ["websocket.close"]


def test_the_prefix_is_that_of_the_description():
    assert ApiSpecification(descriptions.load()).base_path == "/api/v1"


@pytest.fixture
def router() -> Router:
    router = Router()
    for path in ("/a", "/a/{x}", "/a/fixed", "/a/{y}/b", "/f/{name}.json", "/r/{from}-{to}", "/a/{x}/{z}/c"):
        router.route(path).add("get", path)
    return router


@pytest.mark.parametrize(
    ("path", "template", "values"),
    [
        ("/a", "/a", {}),
        ("/a/1", "/a/{x}", {"x": "1"}),
        ("/a/fixed", "/a/fixed", {}),
        ("/a/1/b", "/a/{y}/b", {"y": "1"}),
        ("/a/fixed/b", "/a/{y}/b", {"y": "fixed"}),
        ("/a/1/2/c", "/a/{x}/{z}/c", {"x": "1", "z": "2"}),
        ("/a/x%2Fy", "/a/{x}", {"x": "x/y"}),
        ("/a/%FF%", "/a/{x}", {"x": "\ufffd%"}),
        ("/f/x.y.json", "/f/{name}.json", {"name": "x.y"}),
        ("/r/1-2", "/r/{from}-{to}", {"from": "1", "to": "2"}),
    ],
)
def test_a_path_finds_its_template_and_values(router, path, template, values):
    route, parameters = router.match(unquote(path), path.encode())
    assert (route.path, parameters) == (template, values)


@pytest.mark.parametrize("path", ["", "/", "/a/", "/a//b", "/A", "/f/json", "/a/1/2", "/r/12", "//a"])
def test_anything_else_is_unknown(router, path):
    assert router.match(path, path.encode()) == (None, {})


def test_allow_lists_head_and_options(router):
    route = router.route("/a")
    route.add("post", "x")
    assert route.allow == b"GET, HEAD, OPTIONS, POST"


SPECIFICATION = {
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
    document = ApiSpecification(SPECIFICATION)
    assert document.version == (3, 1, 0)
    assert document.base_path == "/live/v1"


def test_references_around_schemas_are_followed_and_schemas_keep_theirs():
    operation = ApiSpecification(SPECIFICATION).get_operation("/b", "get")
    content = operation["responses"]["200"]["content"]
    assert content["x"]["schema"] == {"$ref": "#/components/schemas/S"}
    assert ApiSpecification(SPECIFICATION).get_path_params("/a") == [{"name": "p", "in": "query"}]


def test_connexion_may_change_its_lists_without_changing_the_description():
    document = ApiSpecification(SPECIFICATION)
    document.get_operation("/a", "get")["parameters"] += document.get_path_params("/a")
    assert len(SPECIFICATION["paths"]["/a"]["get"]["parameters"]) == 1


def test_a_copy_can_have_another_prefix():
    document = ApiSpecification(SPECIFICATION)
    assert document.with_base_path("/other").base_path == "/other"
    assert document.base_path == "/live/v1"


@pytest.mark.parametrize(
    ("template", "segment", "texts"),
    [
        ("{id}.{format}", "a.b.json", ("a", "b.json")),
        ("{id}.{format}", "..json", (".", "json")),
        ("{id}.{format}", ".json", None),
        ("{id}.{format}", "a.", None),
        ("v{id}", "v", None),
        ("v{id}x", "vx", None),
        ("v{id}x", "vxx", ("x",)),
        ("{a}{b}", "xyz", ("x", "yz")),
        ("{a}-{b}.json", "1-2-3.json", ("1", "2-3")),
        ("{a}-{b}.json", "1-.json", None),
    ],
)
def test_each_parameter_of_a_segment_is_as_short_as_it_can_be(template, segment, texts):
    router = Router()
    router.route(f"/{template}")
    route, parameters = router.match("", f"/{segment}".encode())
    assert (tuple(parameters.values()) if route else None) == texts
