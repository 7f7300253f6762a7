"""Completing a session without a browser: one JSON request, one JSON answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from ..domain.money import MICROS_PER_USD
from ..runtime.findings import bounded
from ..runtime.refusals import BODY_MALFORMED, BODY_MISSING, INVALID, Problem
from . import guard, timing
from .outcomes import OUTCOMES, Outcome
from .reply import Reply, json
from .request import Request
from .till import Sale, Till


async def complete(till: Till, sale: Sale, request: Request) -> Reply:
    """Let the session end as the body says, and tell what became of it.

    Raises Problem for a foreign origin or a body that does not fit, Refusal for an expired session.
    """
    guard.json(request, till.defaults)
    outcome, webhook = _read(await request.body())
    after = till.conclude(sale, outcome, webhook)
    leads = {"pay": after.success_url, "leave": after.cancel_url, "expire": after.cancel_url}
    return json(
        {
            "sessionId": after.checkout.session_id,
            "status": after.status,
            "outcome": outcome.name,
            "settled": after.checkout.settled,
            "declineCode": outcome.code or None,
            "creditBalance": after.tenant.ledger.balance_micros / MICROS_PER_USD,
            "url": leads.get(outcome.does),
        }
    )


def _read(raw: bytes) -> tuple[Outcome, tuple[int, ...] | None]:
    if not raw:
        raise Problem(BODY_MISSING)
    try:
        body: Any = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Problem(BODY_MALFORMED, [_finding(str(error), "body", None)]) from None
    if not isinstance(body, dict):
        raise Problem(INVALID, [_finding("expected object", "body", body)])
    found = [
        _finding("unexpected property", f"body.{name}", value)
        for name, value in body.items()
        if name not in ("outcome", "webhook")
    ]
    name = body.get("outcome")
    outcome = OUTCOMES.get(name) if isinstance(name, str) else None
    if outcome is None:
        found.append(_finding(f"expected one of {', '.join(OUTCOMES)}", "body.outcome", name))
    webhook = None
    if body.get("webhook") is not None:
        try:
            webhook = timing.check(body["webhook"])
        except timing.TimingError as error:
            found.append(_finding(f"expected {error}", "body.webhook", body["webhook"]))
    if found or outcome is None:
        raise Problem(INVALID, found)
    return outcome, webhook


def _finding(message: str, location: str, value: Any) -> Mapping[str, Any]:
    shown = bounded(value)
    return {"message": message, "location": location} | ({} if shown is None else {"value": shown})
