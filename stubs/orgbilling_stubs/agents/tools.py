"""The tools that an agent can call: a choice of the operations of the control API.

A tool takes the parameters and the body members of its operation as one flat object, so its input schema
follows from the description of the control API, and so does what it says about itself. The control API
validates each call, and its problem documents become errors that an agent can act on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import orjson
from orgbilling_openapi.json_pointer import follow
from orgbilling_openapi.operations import DescribedOperation
from orgbilling_openapi.strict_json import JsonObject, JsonValue
from orgbilling_openapi.suggestions import nearest
from starlette.requests import Request

from orgbilling_stubs.control.control_client import ControlClient, ControlResponse, path_parameters

LARGEST_RESULT_BYTES = 40_000
"""Clients cut what is longer than about 25,000 tokens, wherever that is; here arrays and texts are cut."""
ITEM_LIMITS = (20, 5, 1)
"""How many items of each array are kept: the most that make the result small enough."""
LONGEST_TEXT = 500
"""Of each text in a result that is too large."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool: its name, and the operations that it calls.

    Of several operations, the one is called whose required arguments are given: `move_clock` with `by`
    advances the clock, with `to` it jumps. destructive: whether it takes away what an organization shows.
    """

    name: str
    operation_ids: Sequence[str]
    destructive: bool = False


TOOLS: Sequence[Tool] = (
    Tool("list_scenarios", ["listScenarios"]),
    Tool("list_personas", ["listPersonas"]),
    Tool("list_organizations", ["listOrganizations"]),
    Tool("create_organization", ["createOrganization"]),
    Tool("set_scenario", ["setScenario"], destructive=True),
    Tool("set_clock", ["setClock"], destructive=True),
    Tool("move_clock", ["advanceClock", "jumpClock"], destructive=True),
    Tool("mint_token", ["mintToken"]),
    Tool("read_responses", ["listCurrentResponses"]),
    Tool("add_fault", ["addFault"]),
    Tool("clear_faults", ["clearFaults"], destructive=True),
    Tool("take_snapshot", ["takeSnapshot"]),
    Tool("restore_snapshot", ["restoreSnapshot"], destructive=True),
    Tool("undo_command", ["undoCommand"], destructive=True),
    Tool("open_checkout", ["openCheckout"]),
    Tool("complete_checkout", ["completeCheckout"]),
    Tool("list_exchanges", ["listJournal"]),
    Tool("explain_exchange", ["explainExchange"]),
    Tool("read_coverage", ["getCoverage"]),
    Tool("check_invariants", ["checkInvariants"]),
)


class UnknownToolError(LookupError):
    """There is no tool of this name; the text says so, with the name that was probably meant."""


class Toolset:
    """Describes the tools, and calls them.

    client: of the control API. description: of the control API.
    """

    def __init__(self, client: ControlClient, description: JsonObject) -> None:
        self._client = client
        self._description = description
        self._tools = {tool.name: tool for tool in TOOLS}

    @cached_property
    def definitions(self) -> Sequence[JsonObject]:
        """The tools as `tools/list` has them, always in the same order."""
        return [self._definition(tool) for tool in TOOLS]

    async def call(self, name: str, arguments: JsonObject, request: Request) -> JsonObject:
        """The result of a call, as `tools/call` has it: that of the operation, or its error.

        request: of the agent; URLs in the result are those under which it sees the server. Raises
        UnknownToolError.
        """
        tool = self._tools.get(name)
        if tool is None:
            raise UnknownToolError(f"unknown tool: {name}{nearest(name, self._tools)}")
        operation_id = self._chosen(tool, arguments)
        operation = self._client.operations[operation_id]
        missing = [
            parameter for parameter in path_parameters(operation) if arguments.get(parameter) in (None, "")
        ]
        if missing:
            return _error_result("\n".join(f"{parameter}: is required" for parameter in missing))
        names = {parameter["name"] for parameter in self._parameters(operation)}
        has_body = "requestBody" in operation.node
        parameters = {
            argument: _parameter_text(value)
            for argument, value in arguments.items()
            if value is not None and (argument in names or not has_body)
        }
        members = {argument: value for argument, value in arguments.items() if argument not in names}
        body = orjson.dumps(members).decode() if has_body else None
        response = await self._client.call(operation_id, parameters, body, page_request=request)
        return _result(response) if response.ok else _error_result(self._error_text(response))

    def _error_text(self, response: ControlResponse) -> str:
        """What went wrong, a line for each finding: the argument, and what is wrong with it or was meant.

        Where the control API names one of its operations (`see GET /scenarios`), this names the tool.
        """
        problem: JsonValue = response.document
        if not isinstance(problem, Mapping):
            return f"{response.status}: {problem}"
        rows = problem.get("errors", ())
        findings = [f"{_argument(row.get('location', ''))}: {row['message']}" for row in rows]
        text = f"{response.status}: " + ("\n".join(findings) or str(problem.get("detail", "")))
        for tool in TOOLS:
            line = self._client.operations[tool.operation_ids[0]].line
            text = re.sub(rf"{re.escape(line)}(?![\w/])", tool.name, text)
        return text

    def _chosen(self, tool: Tool, arguments: JsonObject) -> str:
        """The operation that the arguments are for."""
        for operation_id in tool.operation_ids:
            if self._required(self._client.operations[operation_id]) <= arguments.keys():
                return operation_id
        return tool.operation_ids[0]

    def _definition(self, tool: Tool) -> JsonObject:
        operations = [self._client.operations[operation_id] for operation_id in tool.operation_ids]
        methods = {operation.method for operation in operations}
        return {
            "name": tool.name,
            "title": " / ".join(operation.node["summary"] for operation in operations),
            "description": " ".join(operation.node["description"] for operation in operations),
            "inputSchema": self._input_schema(operations),
            "annotations": {
                "readOnlyHint": methods == {"get"},
                "destructiveHint": tool.destructive,
                "idempotentHint": methods <= {"get", "put", "delete"},
                "openWorldHint": False,
            },
        }

    def _input_schema(self, operations: Sequence[DescribedOperation]) -> JsonObject:
        """An object with the arguments of all operations; required is what each of them requires.

        Its schemas are written out, and combined at no point above a property: many clients pass it on to
        models that take neither references nor `oneOf` there.
        """
        properties: JsonObject = {}
        for operation in operations:
            for parameter in self._parameters(operation):
                schema = self._written_out(parameter["schema"])
                properties[parameter["name"]] = schema | {"description": parameter["description"]}
            properties |= _members(self._written_out(self._body_schema(operation)))
        required = frozenset.intersection(*map(self._required, operations))
        return {
            "type": "object",
            "properties": properties,
            "required": [name for name in properties if name in required],
            "additionalProperties": False,
        }

    def _parameters(self, operation: DescribedOperation) -> Sequence[JsonObject]:
        """The parameters in path and query, those of the path before those of the operation."""
        of_path = self._description["paths"][operation.path].get("parameters", ())
        listed = [*of_path, *operation.node.get("parameters", ())]
        by_name = {row["name"]: row for row in (follow(self._description, node) for node in listed)}
        return list(by_name.values())

    def _body_schema(self, operation: DescribedOperation) -> JsonObject:
        content = operation.node.get("requestBody", {}).get("content", {})
        schema: JsonObject = content.get("application/json", {}).get("schema", {})
        return schema

    def _required(self, operation: DescribedOperation) -> frozenset[str]:
        parameters = [row["name"] for row in self._parameters(operation) if row.get("required")]
        body = follow(self._description, self._body_schema(operation))
        return frozenset([*parameters, *body.get("required", ())])

    def _written_out(self, node: JsonValue) -> JsonValue:
        """A schema with what it refers to in place of each reference; what stands beside one wins."""
        if isinstance(node, list):
            return [self._written_out(item) for item in node]
        if not isinstance(node, dict):
            return node
        rest = {name: self._written_out(value) for name, value in node.items() if name != "$ref"}
        if "$ref" not in node:
            return rest
        schema: JsonObject = self._written_out(follow(self._description, node))
        return schema | rest


def _members(schema: JsonObject) -> JsonObject:
    """The properties of an object, also those that only one of its alternatives has."""
    properties: JsonObject = {}
    for keyword in ("oneOf", "anyOf", "allOf"):
        for alternative in schema.get(keyword, ()):
            properties |= _members(alternative)
    properties |= schema.get("properties", {})
    return properties


def _parameter_text(value: JsonValue) -> str:
    """A value as a parameter has it: `true`, `30`, `org_standard`."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _result(response: ControlResponse) -> JsonObject:
    """The result of an operation that was carried out: its JSON as data and as text."""
    document = response.document
    if document is None:
        return {"content": [_text("done")], "isError": False}
    document = {name: value for name, value in document.items() if name != "$schema"}
    shown = _cut_to_size(document)
    content = [_text(orjson.dumps(shown).decode())]
    if shown is not document:
        content.append(_text(f"Arrays and texts above are cut. The whole response: {response.curl}"))
    return {"content": content, "structuredContent": shown, "isError": False}


def _argument(location: str) -> str:
    """The argument that a place in a request is: `body.effect.status` -> `effect.status`."""
    if location == "body":
        return "arguments"
    place, _, argument = location.partition(".")
    return argument if place in ("body", "path", "query") and argument else location


def _error_result(text: str) -> JsonObject:
    return {"content": [_text(text)], "isError": True}


def _text(text: str) -> JsonObject:
    return {"type": "text", "text": text}


def _cut_to_size(document: JsonObject) -> JsonObject:
    """The document, or when it is too large, one with the beginning of each array and text."""
    shown = document
    for item_limit in ITEM_LIMITS:
        if len(orjson.dumps(shown)) <= LARGEST_RESULT_BYTES:
            break
        shown = {name: _cut(value, item_limit) for name, value in document.items()}
    return shown


def _cut(value: JsonValue, item_limit: int) -> JsonValue:
    if isinstance(value, dict):
        return {name: _cut(member, item_limit) for name, member in value.items()}
    if isinstance(value, list):
        return [_cut(item, item_limit) for item in value[:item_limit]]
    return f"{value[:LONGEST_TEXT]}…" if isinstance(value, str) and len(value) > LONGEST_TEXT else value
