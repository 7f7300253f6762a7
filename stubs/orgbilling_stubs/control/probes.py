"""What an orchestrator asks a server: whether it runs, and whether it can serve."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Receive, Scope, Send

from orgbilling_stubs.http.context import Response
from orgbilling_stubs.http.errors import METHOD_WRONG, ROUTE_UNKNOWN, Problem
from orgbilling_stubs.tenants.store.errors import StoreError
from orgbilling_stubs.tenants.store.protocol import SERVER_LOG, Store

if TYPE_CHECKING:
    from orgbilling_stubs.http.responses import Responder

HEALTH = "/_mock/health"
READY = "/_mock/ready"
BODIES = {HEALTH: b'{"status":"ok"}', READY: b'{"status":"ready"}'}


def probes(store: Store, responder: Responder) -> ASGIApp:
    """The application at HEALTH and READY; both need no token.

    HEALTH answers 200 while the process runs, whatever its database does: a restart would not help. READY
    answers 200 while the database answers, and its error otherwise, so that requests go to other servers.
    """

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        try:
            if path not in BODIES:
                raise Problem(ROUTE_UNKNOWN)
            if scope["method"] not in ("GET", "HEAD"):
                raise Problem(METHOD_WRONG, headers={"Allow": "GET, HEAD"})
            if path == READY:
                store.stamp()
                store.head(SERVER_LOG)
        except (Problem, StoreError) as error:
            await responder.send_problem(scope, send, error)
            return
        body = BODIES[path]
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            (b"x-trace-id", responder.trace().encode()),
        ]
        await responder.send(scope, send, Response(200, headers, body))

    return application
