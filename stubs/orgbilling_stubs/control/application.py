"""The control API as an ASGI application, compiled like the API and protected by the guard."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass

from orgbilling_openapi import control_description
from starlette.types import ASGIApp, Receive, Scope, Send

from orgbilling_stubs.api.errors import problem
from orgbilling_stubs.billing.errors import BillingError
from orgbilling_stubs.control.guard import ControlApiGuard
from orgbilling_stubs.http.application import HttpSettings, assemble
from orgbilling_stubs.http.context import AnyReply, Handler, RequestContext
from orgbilling_stubs.http.cors import Cors
from orgbilling_stubs.http.responses import Responder, trace_ids

PREFIX = "/_mock/v1"
DOCS = "/_mock/docs"


@dataclass(frozen=True, slots=True)
class ControlAccess:
    """Who may use the control API: origins given with `--cors`, a token if one is needed, the bound host."""

    origins: Sequence[str] = ()
    token: str | None = None
    host: str = "127.0.0.1"


def control_application(handlers: Mapping[str, Handler], seed: int, access: ControlAccess) -> ControlApiGuard:
    """The application to serve at `PREFIX` and `DOCS`.

    handlers: by operationId, those of all packages. seed: of the server, for its trace ids.
    """
    # No `*` here: pages of any origin may read the API, none of them may drive the stub.
    origins = [origin for origin in access.origins if origin != "*"]
    translated = {operation_id: _translating(handler) for operation_id, handler in handlers.items()}
    inner = assemble(
        control_description.load(), translated, _nobody, settings=HttpSettings(cors=origins, seed=seed)
    )
    responder = Responder(PREFIX, Cors(origins), trace_ids(f"control:{seed}"))
    return ControlApiGuard(_aliased(inner), responder, origins, access.token, access.host)


def _translating(handler: Handler) -> Handler:
    """The handler, with the errors of billing as problems."""

    async def handle(context: RequestContext) -> AnyReply:
        try:
            reply = handler(context)
            return await reply if isinstance(reply, Coroutine) else reply
        except BillingError as error:
            raise problem(error) from None

    return handle


def _nobody(headers: Sequence[tuple[bytes, bytes]], method: str) -> None:
    """No principal: the guard has authorized the request, and no operation depends on who sends it."""


def _aliased(inner: ASGIApp) -> ASGIApp:
    """Serve the API reference at `DOCS`, too."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == DOCS:
            path = f"{PREFIX}/docs"
            scope = {**scope, "path": path, "raw_path": path.encode()}
        await inner(scope, receive, send)

    return app
