"""The responses of an organization as they are now: what each operation would answer, without asking it.

Each request goes through the pipeline of the API from fault injection on, with three differences: commands
are decided and not carried out, fault rules do not count it and delay nothing, and it is not recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import orjson
from orgbilling_openapi.json_pointer import follow
from orgbilling_openapi.operations import operations_by_id
from orgbilling_openapi.strict_json import JsonObject, JsonValue, is_too_deep
from starlette.types import Message

from orgbilling_stubs.auth.credentials import HeaderValues
from orgbilling_stubs.auth.principal import NEVER_EXPIRES_MS, Principal
from orgbilling_stubs.billing.contract_catalog import TEST_CONTRACTS
from orgbilling_stubs.control.server import ControlServer, organization_of
from orgbilling_stubs.http.connection import Connection
from orgbilling_stubs.http.context import (
    NO_PARAMETERS,
    Middleware,
    Reply,
    RequestContext,
    Response,
)
from orgbilling_stubs.http.operation import Operation
from orgbilling_stubs.http.pipeline import operate
from orgbilling_stubs.http.public_url import PublicUrl
from orgbilling_stubs.http.routing import CompiledApplication
from orgbilling_stubs.tenants.clock import wall_ns

JSON_TYPE = "application/json"
SCHEMAS = "#/components/schemas/"
REQUEST_BODIES: Mapping[str, JsonObject] = {
    "createOrgBillingCheckout": {"amount": 2500, "currency": "USD"},
    "subscribeToOrgContract": {"contractId": next(iter(TEST_CONTRACTS))},
    "redeemOrgVoucher": {"code": "TEST-CREDIT-25-preview"},
}
"""What is sent to the operations that take a body."""


class _Endpoint(NamedTuple):
    """An operation, and where it is served."""

    operation: Operation
    path: str
    node: JsonObject


class CurrentResponses:
    """Asks the operations of the API what they would answer.

    application: whose operations are asked; its commands are not carried out. description: that it serves.
    handled: the operationIds to ask. fault_injection: does not count requests.
    """

    def __init__(
        self,
        application: CompiledApplication,
        description: JsonObject,
        handled: Mapping[str, object],
        fault_injection: Middleware,
    ) -> None:
        self._description = description
        self._respond = fault_injection(operate)
        nodes = operations_by_id(description)
        self._endpoints = [
            _Endpoint(operation, path, nodes[operation.operation_id].node)
            for path, route in application.routing.exact.items()
            for method, operation in route.methods.items()
            if method == operation.method and operation.operation_id in handled
        ]

    async def of(self, organization: str, public_url: PublicUrl) -> list[JsonObject]:
        """The schema CurrentResponse of each operation. public_url: where the client sees the server."""
        return [await self._current(endpoint, organization, public_url) for endpoint in self._endpoints]

    async def _current(self, endpoint: _Endpoint, organization: str, public_url: PublicUrl) -> JsonObject:
        operation = endpoint.operation
        sent = REQUEST_BODIES.get(operation.operation_id)
        context = _context(endpoint, organization, public_url, sent)
        response = await self._respond(context)
        return {
            "operation": operation.operation_id,
            "method": operation.method,
            "path": endpoint.path,
            "requestBody": sent,
            "status": response.status or None,
            "body": _body(response),
            "bytes": len(response.body),
            "complete": response.complete and response.status != 0,
            "error": None if context.error is None else str(getattr(context.error, "code", "error")),
            "fault": None if context.fault is None else context.fault.text,
            "schema": self._schema(endpoint, response.status),
        }

    def _schema(self, endpoint: _Endpoint, status: int) -> JsonValue:
        """The schema of a response with this status, with all schemas that it refers to; None without one."""
        responses = endpoint.node["responses"]
        key = next((key for key in (str(status), f"{status // 100}XX", "default") if key in responses), None)
        if key is None:
            return None
        content = follow(self._description, responses[key]).get("content", {})
        schema = next((media.get("schema") for media in content.values()), None)
        if schema is None:
            return None
        definitions: JsonObject = {}
        node = _self_contained(schema, self._description["components"]["schemas"], definitions)
        return {**node, "$defs": definitions} if definitions else node


def _context(
    endpoint: _Endpoint, organization: str, public_url: PublicUrl, sent: JsonValue
) -> RequestContext:
    """A request of an admin of the organization."""
    body = b"" if sent is None else orjson.dumps(sent)
    headers = HeaderValues({b"host": public_url.base_url.partition("://")[2].encode()})
    if sent is not None:
        headers.update({b"content-type": JSON_TYPE.encode(), b"content-length": b"%d" % len(body)})
    return RequestContext(
        endpoint.operation,
        endpoint.operation.method,
        endpoint.path,
        b"",
        list(headers.items()),
        headers,
        NO_PARAMETERS,
        public_url,
        "0" * 32,
        wall_ns(),
        Connection(_leave, _discard),
        body,
        NO_PARAMETERS,
        principal=Principal(organization, "admin", "user_console", None, NEVER_EXPIRES_MS),
    )


async def _leave() -> Message:
    return {"type": "http.disconnect"}


async def _discard(message: Message) -> None:
    """No response is delivered."""


def _body(response: Response) -> JsonValue:
    """The body as JSON, or as text where it is none; None for no body."""
    if not response.body:
        return None
    try:
        value: JsonValue = orjson.loads(response.body)
    except ValueError:
        return response.body.decode("utf-8", "replace")
    return response.body.decode("utf-8", "replace") if is_too_deep(value) else value


def _self_contained(node: JsonValue, schemas: JsonObject, definitions: JsonObject) -> JsonValue:
    """A node whose references lead into `$defs`, where the definitions are put that they name."""
    if isinstance(node, list):
        return [_self_contained(item, schemas, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    copy = {key: _self_contained(value, schemas, definitions) for key, value in node.items()}
    name = str(node.get("$ref", "")).removeprefix(SCHEMAS)
    if name in schemas:
        copy["$ref"] = f"#/$defs/{name}"
        if name not in definitions:
            definitions[name] = None  # a schema may refer to itself
            definitions[name] = _self_contained(schemas[name], schemas, definitions)
    return copy


async def list_current_responses(
    current_responses: Callable[[], CurrentResponses], server: ControlServer, request: RequestContext
) -> Reply:
    """What each operation would answer now."""
    organization = organization_of(request)
    tenant = server.existing(organization)
    responses = await current_responses().of(organization, request.public_url)
    return Reply({"organization": organization, "version": tenant.version, "responses": responses})
