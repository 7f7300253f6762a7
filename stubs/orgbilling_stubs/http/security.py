"""Authentication and authorization as a step of the pipeline."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from orgbilling_stubs.auth.principal import Principal
from orgbilling_stubs.http.context import CallNext, Middleware, RequestContext, Response
from orgbilling_stubs.http.errors import CREDENTIALS_MISSING, Problem

TOKEN_SCHEMES = frozenset({"bearerClerk"})
"""Security schemes whose token the authorizer reads; for any other, some credentials must be there."""

Authorize: TypeAlias = Callable[[Sequence[tuple[bytes, bytes]], str], Principal | None]
"""From the request headers and the method to the principal; raises an error with a status (401, 403, 503)."""


def required_schemes(requirements: Sequence[Mapping[str, Sequence[str]]] | None) -> frozenset[str] | None:
    """What an operation requires, from its `security`.

    None: open to all. Otherwise the schemes whose token the authorizer reads. An empty set: some credentials
    must be there, whatever they are.
    """
    if not requirements or any(not requirement for requirement in requirements):
        return None
    return TOKEN_SCHEMES.intersection(name for requirement in requirements for name in requirement)


def authorize_once(context: RequestContext, authorize: Authorize) -> Principal | Exception | None:
    """The principal of a request, or the error that says that it is not let in.

    Determined by the first step that needs it, and read by the steps after it.
    """
    if context.authorization is None:
        try:
            context.authorization = authorize(context.raw_headers, context.method)
        except Exception as error:
            if not hasattr(error, "status"):
                raise
            context.authorization = error
    return context.authorization


def security(authorize: Authorize) -> Middleware:
    """The step that lets a request through to an operation, with its principal, or raises an error."""

    def step(call_next: CallNext) -> CallNext:
        def check(context: RequestContext) -> Coroutine[Any, Any, Response]:
            required = context.operation.security
            if required:
                principal = authorize_once(context, authorize)
                if isinstance(principal, Exception):
                    raise principal
                if context.organization_override is not None and principal is not None:
                    principal = replace(principal, organization=context.organization_override)
                context.principal = principal
            elif required is not None and not context.headers.get(b"authorization"):
                raise Problem(CREDENTIALS_MISSING)
            return call_next(context)

        return check

    return step
