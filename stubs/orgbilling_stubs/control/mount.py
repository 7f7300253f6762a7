"""The control API as an ASGI application of its own: compiled like the API, behind the guard."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orgbilling_openapi import control_description as contracts

from orgbilling_stubs.api.errors import problem
from orgbilling_stubs.billing.errors import BillingError
from orgbilling_stubs.control.context import Control
from orgbilling_stubs.control.guard import Asgi, ControlApiGuard
from orgbilling_stubs.control.table import TABLE
from orgbilling_stubs.http.application import HttpSettings, assemble
from orgbilling_stubs.http.connection import Receive, Send
from orgbilling_stubs.http.context import AnyReply, Call, ControlHandler, Handler, RequestContext
from orgbilling_stubs.http.cors import Cors
from orgbilling_stubs.http.responses import Responder, trace_ids

PREFIX = "/_mock/v1"
DOCS = "/_mock/docs"


@dataclass(frozen=True, slots=True)
class Door:
    """Who may come in: origins given with `--cors`, the token asked for beyond loopback, the bound host."""

    origins: Sequence[str] = ()
    token: str | None = None
    host: str = "127.0.0.1"


def mount(server: Control, door: Door, more: Mapping[str, ControlHandler] | None = None) -> ControlApiGuard:
    """The application to serve at `PREFIX` and `DOCS`.

    more: handlers of operations that other packages own.
    """
    seed = f"control:{server.service.seed}"
    # No `*` here: pages of any origin may read the API, none of them may drive the stub.
    listed = [each for each in door.origins if each != "*"]
    habits = HttpSettings(cors=listed, seed=server.service.seed)
    handlers = {
        operation_id: _driving(server, handler) for operation_id, handler in {**TABLE, **(more or {})}.items()
    }
    inner = assemble(contracts.load(), handlers, _nobody, habits=habits)
    responder = Responder(PREFIX, Cors(listed), trace_ids(seed))
    return ControlApiGuard(_aliased(inner), responder, listed, door.token, door.host)


def _driving(server: Control, handler: ControlHandler) -> Handler:
    """The handler, with the server that it drives; errors of the domain become problems."""

    async def handle(context: RequestContext) -> AnyReply:
        try:
            reply = handler(Call(server, context))
            return await reply if isinstance(reply, Coroutine) else reply
        except BillingError as error:
            raise problem(error) from None

    return handle


def _nobody(headers: Any, method: str) -> None:
    """The guard has let the caller in; nothing depends on who it is."""


def _aliased(inner: Asgi) -> Asgi:
    """Serve the reference at the shorter address, too."""

    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["path"] == DOCS:
            place = f"{PREFIX}/docs"
            scope = scope | {"path": place, "raw_path": place.encode()}
        await inner(scope, receive, send)

    return app
