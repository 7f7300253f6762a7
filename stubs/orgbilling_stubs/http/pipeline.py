"""The pipeline of a request: the same steps for every operation, in one order.

    route → host and origin → authenticate → fault injection → security → read and validate → handler
          → validate and serialize → record

`request_pipeline` puts together the steps between routing (`http.routing`, before) and recording (after).
Errors have an order of precedence: host, unknown route, wrong method, origin, authentication, authorization,
media type, size, syntax, validation, domain. For it, the host is checked twice: by the router before it
refuses a route or a method, and as the first step of a known operation.

The pipeline is asynchronous, and is usually run to completion without waiting: see `http.run_to_completion`.
"""

from __future__ import annotations

from orgbilling_stubs.http.connection import Disconnected
from orgbilling_stubs.http.context import (
    CallNext,
    EncodedReply,
    Middleware,
    Reply,
    RequestContext,
    Response,
    StreamReply,
)
from orgbilling_stubs.http.origin_check import origin_check
from orgbilling_stubs.http.origin_policy import OriginPolicy
from orgbilling_stubs.http.request_validation import validate_request
from orgbilling_stubs.http.security import Authorize, authentication, check_security


def request_pipeline(
    authorize: Authorize, policy: OriginPolicy, fault_injection: Middleware | None = None
) -> CallNext:
    """The steps of every request between routing and recording.

    Authentication runs first because fault rules name organizations. Its error is raised after fault
    injection, so that a fault can answer instead.
    """
    respond = operate if fault_injection is None else fault_injection(operate)
    return origin_check(policy)(authentication(authorize)(respond))


async def operate(context: RequestContext) -> Response:
    """Run the operation itself. An error of any step becomes a problem document."""
    operation = context.operation
    try:
        check_security(context)
        receiving = validate_request(context)
        if receiving is not None:
            await receiving
        reply = operation.handler(context)
        if not isinstance(reply, (Reply, EncodedReply, StreamReply)):
            reply = await reply
        return operation.respond(context, reply)
    except Disconnected:
        raise
    except Exception as error:
        return operation.problem(context, error)
