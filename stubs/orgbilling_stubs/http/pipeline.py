"""The pipeline of a request: one chain of steps, composed once, the same for every operation.

    route → fault injection → problems → authenticate and authorize → read and validate → handler
          → validate and serialize → record

`request_pipeline` composes the steps between routing (`http.routing`, before) and recording (after). Each is
a `Middleware` (see `http.context`). Their order is also the order of precedence of errors: unknown route,
wrong method, authentication, authorization, media type, size, syntax, validation, domain.

The chain is asynchronous, and is usually run to completion without waiting: see `http.run_to_completion`.
"""

from __future__ import annotations

from collections.abc import Sequence

from orgbilling_stubs.http.context import CallNext, Middleware
from orgbilling_stubs.http.operation import handle
from orgbilling_stubs.http.request_validation import request_validation
from orgbilling_stubs.http.responses import problem_responses
from orgbilling_stubs.http.security import Authorize, security


def request_pipeline(authorize: Authorize, fault_injection: Middleware | None = None) -> CallNext:
    """The steps of every request, in their order: so a 401 comes before a 422, and a fault before both."""
    steps: list[Middleware] = [problem_responses, security(authorize), request_validation]
    return compose([fault_injection, *steps] if fault_injection is not None else steps, handle)


def compose(steps: Sequence[Middleware], last: CallNext) -> CallNext:
    """The chain that runs the steps in this order, and `last` at its end."""
    chain = last
    for step in reversed(steps):
        chain = step(chain)
    return chain
