"""The MCP endpoint over HTTP, and the texts for agents: `/llms.txt` and a skill.

The endpoint lets in whoever may use the control API (`control.access`): it checks `Host`, `Origin` and,
beyond loopback, the control token in the same header. The texts are for everybody, as the landing page is.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import orjson
from orgbilling_openapi import control_description
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from orgbilling_stubs.agents.protocol import respond
from orgbilling_stubs.agents.tools import Toolset
from orgbilling_stubs.auth.authorization import READ_METHODS
from orgbilling_stubs.control.access import ControlApiAccess
from orgbilling_stubs.control.control_client import ControlClient
from orgbilling_stubs.http.connection import Disconnected
from orgbilling_stubs.http.context import Headers, Response
from orgbilling_stubs.http.errors import METHOD_WRONG, ROUTE_UNKNOWN, Problem
from orgbilling_stubs.http.page_middleware import scope_with_public_url
from orgbilling_stubs.http.request_body import receive_body
from orgbilling_stubs.http.request_head import first_values

ENDPOINT = "/_mock/mcp"
TEXTS = {"/llms.txt": "llms.txt", "/_mock/SKILL.md": "SKILL.md"}
"""The files of this package that are served, by path."""
WRITTEN_URL = "http://127.0.0.1:4010"
"""The URL of the server in these files; a client gets the one under which it sees the server."""
ALLOW = b"OPTIONS, POST"


class AgentEndpoint:
    """The ASGI application of `ENDPOINT` and `TEXTS`.

    control_api: what the tools call. needs_token: whether a program has to send the control token.
    """

    def __init__(self, control_api: ControlApiAccess, needs_token: bool) -> None:
        description = control_description.load()
        self._control_api = control_api
        self._responder = control_api.responder
        self._toolset = Toolset(ControlClient(control_api.inner, description, needs_token), description)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            is_text = scope["path"] in TEXTS
            response = self._text(scope) if is_text else await self._message(scope, receive)
        except Disconnected:
            return
        except Exception as error:
            await self._responder.send_problem(scope, send, error)
            return
        if response.status != 204:
            response.headers.append((b"content-length", str(len(response.body)).encode()))
        await self._responder.send(scope, send, response)

    def _text(self, scope: Scope) -> Response:
        """A text for agents. Raises Problem (405)."""
        if scope["method"] == "OPTIONS":
            return self._preflight(scope, b"GET, HEAD, OPTIONS")
        if scope["method"] not in READ_METHODS:
            raise Problem(METHOD_WRONG, headers={"Allow": "GET, HEAD, OPTIONS"})
        base_url = self._control_api.public_url(scope).base_url
        media_type = b"text/markdown" if scope["path"].endswith(".md") else b"text/plain"
        headers: Headers = [(b"content-type", media_type + b"; charset=utf-8")]
        return Response(200, headers, _file(TEXTS[scope["path"]]).replace(WRITTEN_URL, base_url).encode())

    def _preflight(self, scope: Scope, allow: bytes) -> Response:
        """The response to OPTIONS; the headers that every response to an origin has are added to it later."""
        headers, cors = first_values(scope["headers"]), self._responder.cors
        of_all = cors.headers(headers.get(b"origin", b""))
        return Response(
            204, [(b"allow", allow), *(row for row in cors.preflight(headers, allow) if row not in of_all)]
        )

    async def _message(self, scope: Scope, receive: Receive) -> Response:
        """The response to a message of the protocol. Raises Problem, Disconnected."""
        if scope["path"] != ENDPOINT:
            raise Problem(ROUTE_UNKNOWN)
        self._control_api.check(scope)
        headers = first_values(scope["headers"])
        if scope["method"] == "OPTIONS":
            return self._preflight(scope, ALLOW)
        if scope["method"] != "POST":
            raise Problem(METHOD_WRONG, headers={"Allow": ALLOW.decode()})
        raw = await receive_body(headers, receive)
        url = self._control_api.public_url(scope)
        request = Request(scope_with_public_url(scope, url))
        instructions = _file("instructions.txt").replace(WRITTEN_URL, url.base_url)
        status, document = await respond(self._toolset, raw, request, instructions)
        if document is None:
            return Response(status, [])
        return Response(status, [(b"content-type", b"application/json")], orjson.dumps(document))


@cache
def _file(name: str) -> str:
    """The text of a file of this package."""
    return files("orgbilling_stubs.agents").joinpath(name).read_text("utf-8")
