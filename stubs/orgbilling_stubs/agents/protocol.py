"""The Model Context Protocol (MCP) for tools: one JSON-RPC message in, one out.

Two kinds of revisions are served (https://modelcontextprotocol.io/specification/versioning):

- In 2026-07-28 each request stands alone: `_meta` in its `params` names the revision and what the client can
  do, headers repeat revision, method and name, and there is no handshake.
- In 2025-11-25 and before, a client begins with `initialize`. Nothing is kept of that: there are no sessions.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from typing import NamedTuple

import orjson
from orgbilling_openapi import strict_json
from orgbilling_openapi.strict_json import JsonObject, JsonValue, StrictJsonError, is_too_deep
from starlette.requests import Request

from orgbilling_stubs.agents.tools import Toolset, UnknownToolError

CURRENT_REVISION = "2026-07-28"
HANDSHAKE_REVISIONS = ("2025-11-25", "2025-06-18")
REVISIONS = (CURRENT_REVISION, *HANDSHAKE_REVISIONS)

REVISION_KEY = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES_KEY = "io.modelcontextprotocol/clientCapabilities"
SERVER_KEY = "io.modelcontextprotocol/serverInfo"
LIST_LIFETIME_MS = 3_600_000
"""For how long a client may keep the list of tools, which changes with the version of the stub alone."""
CAPABILITIES: JsonObject = {"tools": {}}


class JsonRpcErrorType(NamedTuple):
    """A row of the table of errors: the code of JSON-RPC or MCP, the HTTP status, and when it is sent."""

    code: int
    status: int
    when: str


PARSE_ERROR = JsonRpcErrorType(-32700, 400, "the body is not JSON")
INVALID_REQUEST = JsonRpcErrorType(-32600, 400, "the body is no request and no notification")
METHOD_UNKNOWN = JsonRpcErrorType(-32601, 404, "there is no such method")
INVALID_PARAMS = JsonRpcErrorType(-32602, 400, "parameters are wrong, or there is no such tool")
HEADER_MISMATCH = JsonRpcErrorType(
    -32020, 400, "`MCP-Protocol-Version`, `Mcp-Method` or `Mcp-Name` does not say what the body says"
)
REVISION_UNSUPPORTED = JsonRpcErrorType(
    -32022, 400, "the revision is not served; the error lists those that are"
)
TABLE = (
    PARSE_ERROR,
    INVALID_REQUEST,
    METHOD_UNKNOWN,
    INVALID_PARAMS,
    HEADER_MISMATCH,
    REVISION_UNSUPPORTED,
)


class JsonRpcError(Exception):
    """A message that cannot be answered. data: more about it, for the client."""

    def __init__(self, row: JsonRpcErrorType, text: str, data: JsonObject | None = None) -> None:
        super().__init__(text)
        self.row = row
        self.data = data

    @property
    def document(self) -> JsonObject:
        """The `error` of the response."""
        document: JsonObject = {"code": self.row.code, "message": str(self)}
        return document if self.data is None else document | {"data": self.data}


class JsonRpcResponse(NamedTuple):
    """The HTTP status and the JSON of a response; None for a notification, which gets none."""

    status: int
    document: JsonObject | None


async def respond(toolset: Toolset, raw: bytes, request: Request, instructions: str) -> JsonRpcResponse:
    """The response to one message. instructions: what an agent should know of this server."""
    message: JsonObject = {}
    try:
        message = _message(raw)
        is_current = _is_current(message, request.headers)
        _check_revision(message, request.headers, is_current)
        if "id" not in message:
            return JsonRpcResponse(202, None)
        result = await _result(toolset, message, request, instructions, is_current)
    except JsonRpcError as error:
        document = {"jsonrpc": "2.0", "id": message.get("id"), "error": error.document}
        was_read = "method" in message and not _is_current(message, request.headers)
        # Clients of earlier revisions take an HTTP error for one of the transport.
        is_answer = was_read and error.row in (METHOD_UNKNOWN, INVALID_PARAMS)
        return JsonRpcResponse(200 if is_answer else error.row.status, document)
    return JsonRpcResponse(200, {"jsonrpc": "2.0", "id": message["id"], "result": result})


def _message(raw: bytes) -> JsonObject:
    """The request or notification in a body. Raises JsonRpcError."""
    try:
        message = strict_json.loads(raw)
    except StrictJsonError as error:
        raise JsonRpcError(PARSE_ERROR, str(error)) from None
    if is_too_deep(message):
        raise JsonRpcError(PARSE_ERROR, "nested too deeply")
    try:
        orjson.dumps(message)  # what it cannot write, no response can repeat
    except orjson.JSONEncodeError as error:
        raise JsonRpcError(INVALID_REQUEST, f"a value that cannot be sent on: {error}") from None
    problem = _problem(message)
    if problem is not None:
        raise JsonRpcError(INVALID_REQUEST, problem)
    request: JsonObject = message
    return request


def _problem(message: JsonValue) -> str | None:
    """Why a JSON value is no request or notification; None when it is one."""
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        return 'the body must be one object with "jsonrpc": "2.0"; batches are not part of the protocol'
    if not isinstance(message.get("method"), str):
        return "method must be a text; this server sends no requests, so it takes no responses"
    if "id" in message and (isinstance(message["id"], bool) or not isinstance(message["id"], (str, int))):
        return "id must be a text or an integer"
    if not isinstance(message.get("params", {}), dict):
        return "params must be an object"
    return None


def _is_current(message: JsonObject, headers: Mapping[str, str]) -> bool:
    """Whether a message is meant to stand alone, as those of the current revision do."""
    return REVISION_KEY in _meta(message) or headers.get("mcp-protocol-version") == CURRENT_REVISION


def _meta(message: JsonObject) -> JsonObject:
    meta = message.get("params", {}).get("_meta")
    return meta if isinstance(meta, dict) else {}


def _check_revision(message: JsonObject, headers: Mapping[str, str], is_current: bool) -> None:
    """Raise JsonRpcError for a message that contradicts its headers, or of a revision that is not served."""
    requested = headers.get("mcp-protocol-version")
    if is_current and "id" in message:
        meta = _meta(message)
        missing = [key for key in (REVISION_KEY, CAPABILITIES_KEY) if key not in meta]
        if missing:
            raise JsonRpcError(INVALID_PARAMS, f"params._meta needs {' and '.join(missing)}")
        _check_header("MCP-Protocol-Version", requested, meta[REVISION_KEY])
        _check_header("Mcp-Method", headers.get("mcp-method"), message["method"])
        if message["method"] == "tools/call":
            name = _decoded(headers.get("mcp-name"))
            _check_header("Mcp-Name", name, message["params"].get("name"))
    if requested is not None and requested not in REVISIONS:
        data = {"supported": list(REVISIONS), "requested": requested}
        raise JsonRpcError(REVISION_UNSUPPORTED, "unsupported protocol version", data)


def _check_header(header: str, value: str | None, expected: JsonValue) -> None:
    """Raise JsonRpcError for a header that does not say what the message says."""
    if value is None:
        raise JsonRpcError(HEADER_MISMATCH, f"the header {header} is missing")
    if value != expected:
        raise JsonRpcError(
            HEADER_MISMATCH, f"the header {header} is {value!r}, in the body it is {expected!r}"
        )


def _decoded(value: str | None) -> str | None:
    """The value of a header that may be encoded: `=?base64?w6TDtg==?=` is `äö`. Raises JsonRpcError."""
    if value is None or not (value.startswith("=?base64?") and value.endswith("?=")):
        return value
    try:
        return base64.b64decode(value[9:-2], validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        raise JsonRpcError(HEADER_MISMATCH, "the header Mcp-Name is not valid Base64 of UTF-8") from None


async def _result(
    toolset: Toolset, message: JsonObject, request: Request, instructions: str, is_current: bool
) -> JsonObject:
    """The result of a request. Raises JsonRpcError."""
    method, params = message["method"], message.get("params", {})
    result: JsonObject
    if method == "tools/call":
        result = await _call_tool(toolset, params, request)
    elif method == "tools/list":
        result = {"tools": list(toolset.definitions)}
    elif method == "server/discover" and is_current:
        result = {
            "supportedVersions": list(REVISIONS),
            "capabilities": CAPABILITIES,
            "instructions": instructions,
        }
    elif method == "initialize" and not is_current:
        wanted = params.get("protocolVersion")
        result = {
            "protocolVersion": wanted if wanted in HANDSHAKE_REVISIONS else HANDSHAKE_REVISIONS[0],
            "capabilities": CAPABILITIES,
            "serverInfo": _server(),
            "instructions": instructions,
        }
    elif method == "ping" and not is_current:
        result = {}
    else:
        raise JsonRpcError(METHOD_UNKNOWN, f"method not found: {method}")
    if is_current:
        result |= {"resultType": "complete", "_meta": {SERVER_KEY: _server()}}
        if method in ("tools/list", "server/discover"):
            result |= {"ttlMs": LIST_LIFETIME_MS, "cacheScope": "public"}
    return result


async def _call_tool(toolset: Toolset, params: JsonObject, request: Request) -> JsonObject:
    name, arguments = params.get("name"), params.get("arguments")
    arguments = {} if arguments is None else arguments
    if not isinstance(name, str) or not isinstance(arguments, dict):
        raise JsonRpcError(INVALID_PARAMS, "params needs a name, a text; arguments must be an object")
    try:
        return await toolset.call(name, arguments, request)
    except UnknownToolError as error:
        raise JsonRpcError(INVALID_PARAMS, str(error)) from None


@cache
def _server() -> JsonObject:
    """What the server is called, for people."""
    return {"name": "orgbilling", "title": "Org Billing API stub", "version": version("orgbilling")}
