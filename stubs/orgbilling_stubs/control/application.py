"""The control API as an ASGI application, compiled like the API, behind `control.access`."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import cast
from urllib.parse import parse_qsl

import orjson
from orgbilling_openapi import control_description
from starlette.types import ASGIApp, Receive, Scope, Send

from orgbilling_stubs.api.errors import problem
from orgbilling_stubs.billing.errors import BillingError
from orgbilling_stubs.control.access import DOCS, PREFIX, ControlApiAccess
from orgbilling_stubs.control.server import organization_named
from orgbilling_stubs.http.application import HttpSettings, assemble
from orgbilling_stubs.http.assisted_input import with_sent_values
from orgbilling_stubs.http.context import AnyReply, Handler, RequestContext
from orgbilling_stubs.http.errors import Problem
from orgbilling_stubs.http.json_schemas import ErrorDetail
from orgbilling_stubs.http.origin_policy import NetworkSettings
from orgbilling_stubs.http.responses import Responder, trace_ids
from orgbilling_stubs.tenants.store.protocol import Store
from orgbilling_stubs.tenants.store.retry import retried

SAFE_METHODS = ("GET", "HEAD")
_ORGANIZATION_MEMBERS = ("organization", "into", "with")


def control_application(
    handlers: Mapping[str, Handler],
    seed: int,
    network: NetworkSettings,
    store: Store,
    token: str | None = None,
    after_command: Callable[[], None] = lambda: None,
) -> ControlApiAccess:
    """The application to serve at `PREFIX` and `DOCS`.

    handlers: by operationId, those of all packages. seed: of the server, for its trace ids. network: how the
    server is reached. store: what handlers wait for when it is locked. token: what a request must carry; None
    on loopback. after_command: is called when an operation that may change something was carried out.
    """
    # No `*` here: pages of any origin may read the API, none of them may drive the stub.
    network = replace(network, cors=[origin for origin in network.cors if origin != "*"])
    translated = {
        operation_id: _translating(handler, store, after_command)
        for operation_id, handler in handlers.items()
    }
    # Its first request would otherwise wait 30 ms for operations that nobody has asked for.
    settings = HttpSettings(network=network, seed=seed, assisted=True, lazily=True)
    inner = assemble(control_description.load(), translated, _nobody, settings=settings)
    responder = Responder(PREFIX, trace_ids(f"control:{seed}"), network)
    return ControlApiAccess(_aliased(inner), responder, token)


def _translating(handler: Handler, store: Store, after_command: Callable[[], None]) -> Handler:
    """The handler, with whole ids of organizations, and the errors of billing as problems."""

    def answer(context: RequestContext) -> AnyReply | Coroutine[object, object, AnyReply]:
        _name_organizations(context, store)
        return handler(context)

    async def handle(context: RequestContext) -> AnyReply:
        try:
            reply: AnyReply = await retried(store, lambda: answer(context))
        except BillingError as error:
            raise _with_sent_values(problem(error), context) from None
        except Problem as error:
            raise _with_sent_values(error, context) from None
        if context.method not in SAFE_METHODS:
            after_command()
        return reply

    return handle


def _with_sent_values(error: Problem, context: RequestContext) -> Problem:
    """The problem, with the values of the request as they were sent: `standard`, not `org_standard`."""
    rows = cast("list[ErrorDetail]", error.errors)
    if rows and isinstance(context.body, dict) and context.raw_body:
        rows = with_sent_values(rows, context.body, orjson.loads(context.raw_body), "body")
    if rows:
        query = dict(parse_qsl(context.query.decode("latin-1")))
        rows = with_sent_values(rows, context.parameters, query, "query")
        rows = with_sent_values(rows, context.parameters, dict(context.path_parameters), "path")
    error.errors = list(rows)
    return error


def _name_organizations(context: RequestContext, store: Store) -> None:
    """Put the whole ids of organizations into the parameters and the body of a request."""
    for members in (context.parameters, context.body):
        if not isinstance(members, dict):
            continue
        for name in _ORGANIZATION_MEMBERS:
            if isinstance(members.get(name), str):
                members[name] = organization_named(store, members[name])
        if isinstance(members.get("organizations"), list):
            members["organizations"] = [organization_named(store, text) for text in members["organizations"]]


def _nobody(headers: Sequence[tuple[bytes, bytes]], method: str, values: Mapping[bytes, bytes]) -> None:
    """No principal: `control.access` has authorized the request, and no operation depends on who sends it."""


def _aliased(inner: ASGIApp) -> ASGIApp:
    """Serve the API reference at `DOCS`, too."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == DOCS:
            path = f"{PREFIX}/docs"
            scope = {**scope, "path": path, "raw_path": path.encode()}
        await inner(scope, receive, send)

    return app
