"""What can be requested: every operation of both API descriptions, every page, every document."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from orgbilling_openapi import control_description, description
from orgbilling_openapi.json_pointer import follow
from orgbilling_openapi.operations import operations
from orgbilling_openapi.strict_json import JsonObject, JsonValue
from orgbilling_stubs.agents.endpoint import ENDPOINT, TEXTS
from orgbilling_stubs.agents.tools import TOOLS
from orgbilling_stubs.app import App
from orgbilling_stubs.checkout.app import hosted_pages
from orgbilling_stubs.console.app import PAGES
from orgbilling_stubs.control.probes import BODIES
from starlette.routing import Route as StarletteRoute

MOUNTED = {
    "/_mock/checkout/",
    "/_mock/portal/",
    "/_mock/v1",
    "/_mock/docs",
    "/_mock",
    ENDPOINT,
    *TEXTS,
    *BODIES,
}
"""The prefixes whose requests other applications answer."""
FORM_TYPE = "application/x-www-form-urlencoded"
FORMS: Mapping[str, JsonValue] = {
    name: {"type": "string"}
    for name in ("action", "decision", "webhook", "number", "expiry", "cvc", "name", "email", "country")
}
"""The fields of the forms on hosted pages."""
ACTIONS = ["getOrganization", "listScenarios", "createVoucher", "recordUsage", "takeSnapshot", "undoCommand"]
"""The operations of the control API that are requested through a form of the console, too."""
MESSAGE: JsonObject = {
    "type": "object",
    "required": ["jsonrpc", "id", "method", "params"],
    "properties": {
        "jsonrpc": {"const": "2.0"},
        "id": {"type": "integer"},
        "method": {"enum": ["tools/call", "tools/call", "tools/list", "initialize", "ping"]},
        "params": {
            "type": "object",
            "required": ["name", "arguments"],
            "properties": {
                "name": {"enum": [tool.name for tool in TOOLS if tool.name != "add_fault"]},
                "arguments": {
                    "type": "object",
                    "required": ["organization"],
                    "properties": {"organization": {"type": "string"}, "name": {"type": "string"}},
                },
                "_meta": {"type": "object"},
                "protocolVersion": {"type": "string"},
            },
        },
    },
}
"""A message to the MCP endpoint."""
ACTION_FIELDS: Mapping[str, JsonValue] = {
    name: {"type": "string"}
    for name in ("path.organization", "body", "body.code", "body.name", "body.x.y", "title", "back")
}
"""The fields of the forms of the console."""


@dataclass(frozen=True)
class Route:
    """What can be requested at one path with one method.

    template: the path, with parameters in braces. parameters: their descriptions, of path, query, header and
    cookie. body: the schema of the body and its media type; None where it has none. examples: of the body, as
    documented. document: what the schemas are part of.
    """

    name: str
    method: str
    template: str
    parameters: Sequence[JsonObject] = ()
    body: JsonValue = None
    media_type: str = "application/json"
    examples: Sequence[JsonValue] = ()
    document: JsonObject = field(default_factory=dict)


def all_routes(app: App) -> list[Route]:
    """Every route of a built stub."""
    api = _described(description.load(), "/api/v1")
    control = _described(control_description.load(), "/_mock/v1")
    return [*api, *control, *_pages(app), *_documents(app)]


def _described(document: JsonObject, prefix: str) -> Iterator[Route]:
    for operation in operations(document):
        body, media_type, examples = None, "", []
        content = follow(document, operation.node.get("requestBody", {})).get("content", {})
        for name, described in content.items():
            media_type = name
            body = described.get("schema", {})
            examples = [
                example["value"] for example in described.get("examples", {}).values() if "value" in example
            ]
            examples += [described["example"]] if "example" in described else []
        item = document["paths"][operation.path]
        parameters = [*item.get("parameters", ()), *operation.node.get("parameters", ())]
        yield Route(
            operation.node["operationId"],
            operation.method.upper(),
            prefix + operation.path,
            [follow(document, parameter) for parameter in parameters],
            body,
            media_type,
            examples,
            document,
        )


def _pages(app: App) -> Iterator[Route]:
    control = control_description.load()
    outcome = {"$ref": "#/components/schemas/CheckoutOutcome"}
    for route in hosted_pages(app.service).routes:
        assert isinstance(route, StarletteRoute), "the fuzzer does not know how to request this kind of route"
        template = re.sub(r":\w+\}", "}", route.path)
        names = re.findall(r"\{(\w+)\}", template)
        parameters: list[JsonObject] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names
        ]
        query = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in ("webhook", "card")]
        for method in sorted((route.methods or {"GET"}) - {"HEAD"}):
            name = f"{method} {template}"
            if template.endswith("/complete"):
                yield Route(name, method, template, parameters, outcome, document=control)
                continue
            form = {"type": "object", "properties": FORMS} if method == "POST" else None
            yield Route(name, method, template, [*parameters, *query], form, FORM_TYPE)


def _documents(app: App) -> Iterator[Route]:
    site = vars(vars(app.asgi.routing)["app"])
    mounted = {*site["_routes"]}
    assert mounted == MOUNTED, "the fuzzer does not know what is requested below these prefixes"
    others = (
        "/_mock/docs",
        "/api/v1/schemas/{name}.json",
        "/_mock/static/{name}",
        "/{name}",
        "/_mock/{name}",
    )
    for path in [*site["_documents"], *others, *PAGES, *TEXTS, *BODIES, ENDPOINT]:
        names = re.findall(r"\{(\w+)\}", path)
        parameters = [{"name": name, "in": "path", "schema": {"type": "string"}} for name in names]
        yield Route(f"GET {path}", "GET", path, parameters)
    yield Route(f"POST {ENDPOINT}", "POST", ENDPOINT, (), MESSAGE)
    action = "/_mock/actions/{operation}"
    operation = {"name": "operation", "in": "path", "schema": {"enum": ACTIONS}}
    form = {"type": "object", "properties": ACTION_FIELDS}
    yield Route(f"POST {action}", "POST", action, [operation], form, FORM_TYPE)
