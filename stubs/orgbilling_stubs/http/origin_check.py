"""Refusing what the origin policy does not allow, as the first step of the pipeline."""

from __future__ import annotations

from orgbilling_stubs.http.context import CallNext, Middleware, PendingResponse, RequestContext, Response
from orgbilling_stubs.http.errors import HOST_REFUSED, ORIGIN_REFUSED, Problem
from orgbilling_stubs.http.origin_policy import OriginPolicy


def origin_check(policy: OriginPolicy) -> Middleware:
    """The step that refuses a request under another server's name, and a write of a foreign page."""

    def step(call_next: CallNext) -> CallNext:
        def check(context: RequestContext) -> PendingResponse:
            public_url = context.public_url
            if not public_url.is_allowed:
                return _refuse(context, Problem(HOST_REFUSED))
            if not context.operation.safe:
                headers = context.headers
                is_browser = b"origin" in headers or b"sec-fetch-site" in headers
                if is_browser and not policy.may_write(headers, context.raw_headers, public_url.hosts):
                    return _refuse(context, Problem(ORIGIN_REFUSED))
            return call_next(context)

        return check

    return step


async def _refuse(context: RequestContext, problem: Problem) -> Response:
    return context.operation.problem(context, problem)
