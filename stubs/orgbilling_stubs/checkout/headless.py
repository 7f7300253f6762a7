"""Completing a session by the address of its page: `completeCheckout` of the control API, without its guard.

The body is held to the control contract, and the answer is the same.
"""

from __future__ import annotations

from functools import cache

from orgbilling_openapi import control

from ..runtime.body import Body
from ..runtime.refusals import INVALID, Problem
from ..runtime.schemas import Schemas
from . import completion, guard
from .reply import Reply, json
from .request import Request
from .till import Sale, Till

PATH = "/organisations/{organisation}/checkouts/{session}/complete"
SCHEMA = "/_mock/v1/schemas/CompletedCheckout.json"


@cache
def body() -> Body:
    """What reads the body, compiled with the first one."""
    contract = control.load()
    return Body(contract["paths"][PATH]["post"]["requestBody"], Schemas(contract))


async def complete(till: Till, sale: Sale, request: Request) -> Reply:
    """Let the session end as the body says, and tell what became of it.

    Raises Problem for a foreign origin or a body that does not fit, Refusal for an expired session.
    """
    guard.json(request, till.defaults)
    asked, wrong = body().parse(await request.body())
    if wrong:
        raise Problem(INVALID, wrong)
    found = completion.complete(till, sale, asked, request.origin)
    return json({"$schema": f"{request.origin}{SCHEMA}"} | found)
