"""Authentication and authorization as steps of the pipeline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import TypeAlias

from orgbilling_stubs.auth.credentials import HeaderValues
from orgbilling_stubs.auth.key_sources import KeysPendingError
from orgbilling_stubs.auth.principal import Principal
from orgbilling_stubs.http.context import CallNext, Middleware, PendingResponse, RequestContext, Response
from orgbilling_stubs.http.errors import CREDENTIALS_MISSING, Problem

KEYS_WAIT_S = 2.0
"""How long a request waits for the keys that its token is verified with. No other request waits with it."""

TOKEN_SCHEMES = frozenset({"bearerClerk"})
"""Security schemes whose token the authorizer reads; for any other, some credentials must be there."""

Authorize: TypeAlias = Callable[[Sequence[tuple[bytes, bytes]], str, HeaderValues], Principal | None]
"""From the request headers, the method, and the first value of each header to the principal.

Raises an error with a status (401, 403, 503)."""


def required_schemes(requirements: Sequence[Mapping[str, Sequence[str]]] | None) -> frozenset[str] | None:
    """What an operation requires, from its `security`.

    None: open to all. Otherwise the schemes whose token the authorizer reads. An empty set: some credentials
    must be there, whatever they are.
    """
    if not requirements or any(not requirement for requirement in requirements):
        return None
    return TOKEN_SCHEMES.intersection(name for requirement in requirements for name in requirement)


def authentication(authorize: Authorize) -> Middleware:
    """The step that finds out who asks. An error is only noted: a fault may answer before it is raised."""

    def step(call_next: CallNext) -> CallNext:
        def authenticate(context: RequestContext) -> PendingResponse:
            try:
                context.principal = authorize(context.raw_headers, context.method, context.headers)
            except KeysPendingError as error:
                return authenticate_after(error.load, context)
            except Exception as error:
                context.authorization_error = error
            return call_next(context)

        async def authenticate_after(load: Future[None], context: RequestContext) -> Response:
            """Ask again when the keys are loaded, or cannot be waited for any longer."""
            await asyncio.wait([asyncio.wrap_future(load)], timeout=KEYS_WAIT_S)
            try:
                context.principal = authorize(context.raw_headers, context.method, context.headers)
            except Exception as error:
                context.authorization_error = error
            return await call_next(context)

        return authenticate

    return step


def check_security(context: RequestContext) -> None:
    """Raise an error for whoever may not use the operation."""
    required = context.operation.security
    if required:
        if context.authorization_error is not None:
            raise context.authorization_error
    elif required is not None and not context.headers.get(b"authorization"):
        raise Problem(CREDENTIALS_MISSING)
