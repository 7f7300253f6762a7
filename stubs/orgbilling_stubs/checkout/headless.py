"""Completing a session by the address of its page: `completeCheckout` of the control API, without its guard.

The body is held to the control contract, and the answer is the same.
"""

from __future__ import annotations

from functools import cache

from orgbilling_openapi import control_description

from orgbilling_stubs.checkout import completion, guard
from orgbilling_stubs.checkout.reply import Reply, json
from orgbilling_stubs.checkout.request import Request
from orgbilling_stubs.checkout.sessions import CheckoutSession, CheckoutSessions
from orgbilling_stubs.http.body import Body
from orgbilling_stubs.http.errors import INVALID, Problem
from orgbilling_stubs.http.schemas import Schemas

PATH = "/organizations/{organization}/checkouts/{session}/complete"
SCHEMA = "/_mock/v1/schemas/CompletedCheckout.json"


@cache
def body() -> Body:
    """What reads the body, compiled with the first one."""
    contract = control_description.load()
    return Body(contract["paths"][PATH]["post"]["requestBody"], Schemas(contract))


async def complete(till: CheckoutSessions, sale: CheckoutSession, request: Request) -> Reply:
    """Let the session end as the body says, and tell what became of it.

    Raises Problem for a foreign origin or a body that does not fit, Refusal for an expired session.
    """
    guard.json(request, till.defaults)
    asked, wrong = body().parse(await request.body())
    if wrong:
        raise Problem(INVALID, wrong)
    found = completion.complete(till, sale, asked, request.origin)
    return json({"$schema": f"{request.origin}{SCHEMA}"} | found)
