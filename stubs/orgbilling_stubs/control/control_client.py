"""Calls the operations of the control API inside this process, and says how to call them with curl.

Every page and every action of the console uses it, so that the console can do nothing that a program cannot,
and each action can show the command that does the same.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

import orjson
from orgbilling_openapi.operations import DescribedOperation, operations_by_id
from orgbilling_openapi.strict_json import JsonObject, JsonValue
from starlette.requests import Request
from starlette.types import ASGIApp, Scope

from orgbilling_stubs.control.access import PREFIX
from orgbilling_stubs.http.in_process import in_process_scope, send_in_process
from orgbilling_stubs.http.page_middleware import public_url
from orgbilling_stubs.http.public_url import FORWARDING_HEADERS

JSON_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class ControlResponse:
    """The response of a control operation.

    document: its JSON, or its text where it is no JSON. size_bytes: of the bodies of request and response.
    """

    status: int
    document: JsonValue
    curl: str
    size_bytes: int

    @property
    def ok(self) -> bool:
        """Whether the operation was carried out."""
        return self.status < 400


class ControlClient:
    """A client of the control API.

    application: the control API without its access checks; the console checks each request itself.
    description: its OpenAPI description. needs_token: whether a program has to send the control token.
    """

    def __init__(self, application: ASGIApp, description: JsonObject, needs_token: bool) -> None:
        self._application = application
        self._needs_token = needs_token
        self.schemas: JsonObject = description["components"]["schemas"]
        self.shared_parameters: JsonObject = description["components"]["parameters"]
        self.operations: Mapping[str, DescribedOperation] = operations_by_id(description)

    async def call(
        self,
        operation_id: str,
        parameters: Mapping[str, str] | None = None,
        body: str | None = None,
        *,
        page_request: Request | None = None,
    ) -> ControlResponse:
        """Call an operation.

        parameters: texts of the parameters in path and query, by name. body: its text; None sends none.
        page_request: the request of the browser; URLs in the response and in the curl command are those under
        which it sees the server. Raises KeyError when there is no such operation, or when a parameter in its
        path is missing.
        """
        operation = self.operations[operation_id]
        method = operation.method.upper()
        path, query = _address(operation, parameters or {})
        media_type = _media_type(operation)
        sent = None if body is None else body.encode()
        scope = _scope(method, path, query, page_request)
        if sent is not None:
            length = str(len(sent)).encode()
            scope["headers"] += [(b"content-type", media_type.encode()), (b"content-length", length)]
        status, _, received = await send_in_process(self._application, scope, sent)
        try:
            document = orjson.loads(received) if received else None
        except orjson.JSONDecodeError:
            document = received.decode("utf-8", "replace")
        curl = self.curl(operation_id, parameters, body, page_request=page_request)
        return ControlResponse(status, document, curl, len(received) + len(sent or b""))

    def curl(
        self,
        operation_id: str,
        parameters: Mapping[str, str] | None = None,
        body: str | None = None,
        *,
        page_request: Request | None = None,
    ) -> str:
        """The curl command that does what `call` does with the same arguments."""
        operation = self.operations[operation_id]
        method = operation.method.upper()
        path, query = _address(operation, parameters or {})
        base_url = "http://localhost" if page_request is None else public_url(page_request).base_url
        words = ["curl", "-sS"]
        if method != ("GET" if body is None else "POST"):
            words += ["-X", method]
        words.append(f"{base_url}{path}{'?' if query else ''}{query}")
        if body is not None:
            words += ["-H", f"Content-Type: {_media_type(operation)}", "--data", body]
        command = " ".join(shlex.quote(word) for word in words)
        if self._needs_token:
            command += ' -H "X-Control-Token: $ORGBILLING_CONTROL_TOKEN"'
        return command


def path_parameters(operation: DescribedOperation) -> Sequence[str]:
    """The names of the parameters in the path, in order."""
    return re.findall(r"\{(\w+)\}", operation.path)


def _address(operation: DescribedOperation, parameters: Mapping[str, str]) -> tuple[str, str]:
    """The path, and the query, of an operation with its parameters."""
    path, rest = PREFIX + operation.path, dict(parameters)
    for name in path_parameters(operation):
        path = path.replace(f"{{{name}}}", quote(rest.pop(name), safe="*"))
    return path, urlencode({name: text for name, text in rest.items() if text})


def _media_type(operation: DescribedOperation) -> str:
    content: JsonObject = operation.node.get("requestBody", {}).get("content", {JSON_TYPE: None})
    return next(iter(content))


def _scope(method: str, path: str, query: str, page_request: Request | None) -> Scope:
    """The ASGI scope of a request: it comes by the way that the browser's request came."""
    scope = in_process_scope(method, path, query.encode())
    if page_request is not None:
        page_scope = page_request.scope
        scope.update(
            {name: page_scope[name] for name in ("scheme", "client", "server") if name in page_scope}
        )
        forwarded = (b"host", *FORWARDING_HEADERS)
        scope["headers"] = [(name, value) for name, value in page_scope["headers"] if name in forwarded]
    return scope
