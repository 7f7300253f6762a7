from __future__ import annotations

import asyncio

import pytest
from connexion.middleware import ConnexionMiddleware
from connexion.middleware.abstract import AbstractRoutingAPI, SpecMiddleware
from connexion.resolver import Resolver
from orgbilling_openapi import description as descriptions
from orgbilling_stubs.http.routing import CompiledAPI, CompiledApplication, HandlerResolver, Routing
from orgbilling_stubs.http.specification import ApiSpecification


def test_connexion_owns_the_contract(ask):
    assert isinstance(ask.app, ConnexionMiddleware)
    assert issubclass(Routing, SpecMiddleware)
    assert issubclass(CompiledAPI, AbstractRoutingAPI)
    assert issubclass(HandlerResolver, Resolver)
    assert issubclass(CompiledApplication, ConnexionMiddleware)


def test_every_operation_has_a_route_and_those_of_the_table_are_compiled(ask):
    routes = {route.path: route for route in ask.app.app.router.routes()}
    contract = descriptions.load()
    for path, item in contract["paths"].items():
        for method in item:
            assert method.upper() in routes["/api/v1" + path].methods
    assert "responses" in vars(routes["/api/v1/org/billing"].methods["GET"])
    assert "responses" not in vars(routes["/api/v1/org/characters"].methods["GET"])


def test_a_table_without_a_fallback_must_be_complete():
    class Spec:
        operation_id, method, path = None, "get", "/x"

    assert HandlerResolver({"GET /x": str}).resolve(Spec).function is str
    with pytest.raises(LookupError, match="GET /x"):
        HandlerResolver({}).resolve(Spec)


def test_a_broken_contract_does_not_start(make):
    contract = descriptions.load()
    schema = contract["components"]["schemas"]["TenantBillingProfile"]
    schema["properties"]["billingMode"] = {"$ref": "#/components/schemas/Nobody"}
    with pytest.raises(LookupError):
        make(contract=contract)


@pytest.mark.parametrize("path", ["/org/billing/", "/org//billing", "/ORG/billing", "/org", "", "/"])
def test_other_spellings_of_a_path_are_unknown(ask, path):
    assert ask("GET", "/api/v1" + path).status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "TRACE", "CONNECT", "FOO", "get", ""])
def test_other_methods_are_refused(ask, method):
    answer = ask(method, "/org/billing")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


def test_a_websocket_is_closed(ask):
    sent = []

    async def send(message):
        sent.append(message["type"])

    asyncio.run(ask.app({"type": "websocket", "path": "/"}, None, send))
    assert sent == ["websocket.close"]


def test_the_prefix_is_that_of_the_contract():
    assert ApiSpecification(descriptions.load()).base_path == "/api/v1"
