"""Completing a checkout session without a browser, for the control API and by the address of its page.

Both take the same body (schema CheckoutOutcome) and give the same answer (schema CompletedCheckout).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import orjson
from orgbilling_openapi import control_description
from orgbilling_openapi.strict_json import JsonObject, JsonValue
from starlette.requests import Request
from starlette.responses import Response

from orgbilling_stubs.api import serializers
from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.events import Idempotency
from orgbilling_stubs.billing.tenant import Checkout, Tenant
from orgbilling_stubs.checkout.guard import RequestGuard, own_origin
from orgbilling_stubs.checkout.outcomes import OUTCOMES
from orgbilling_stubs.checkout.sessions import CheckoutSessions
from orgbilling_stubs.http.errors import INVALID, Problem
from orgbilling_stubs.http.json_schemas import Schemas
from orgbilling_stubs.http.request_body import RequestBody

CONTROL_PATH = "/organizations/{organization}/checkouts/{session}/complete"
SCHEMA_PATH = "/_mock/v1/schemas/CompletedCheckout.json"


class CheckoutCompletion:
    """Completes and describes the checkout sessions of organizations."""

    def __init__(self, sessions: CheckoutSessions) -> None:
        self._sessions = sessions

    def complete(
        self,
        organization: str,
        session_id: str,
        request: Mapping[str, JsonValue],
        base_url: str,
        idempotency: Idempotency | None = None,
    ) -> JsonObject:
        """End an attempt to pay as requested (schema CheckoutOutcome); the schema CompletedCheckout.

        Raises BillingError for an unknown session, BillingError or Problem for one that cannot end so.
        """
        outcome = OUTCOMES[request["outcome"]]
        if "declineCode" in request:
            outcome = replace(outcome, decline_code=request["declineCode"])
        session = self._sessions.end_attempt(
            self._sessions.find(organization, session_id), outcome, request.get("webhookSeconds"), idempotency
        )
        redirects = {"pay": session.success_url, "leave": session.cancel_url, "expire": session.cancel_url}
        return self.describe(session.tenant, session.checkout, base_url) | {
            "outcome": outcome.name,
            "creditBalance": serializers.usd(session.tenant.ledger.balance_micros),
            "redirectUrl": redirects.get(outcome.action),
        }

    def deliver_webhook(
        self, organization: str, session_id: str, base_url: str, idempotency: Idempotency | None = None
    ) -> JsonObject:
        """Let the webhook of a paid session arrive; the schema Checkout.

        Raises BillingError for a session that is unknown or not paid.
        """
        session = self._sessions.find(organization, session_id)
        session = self._sessions.deliver_webhook(session, idempotency)
        return self.describe(session.tenant, session.checkout, base_url)

    def describe(self, tenant: Tenant, checkout: Checkout, base_url: str) -> JsonObject:
        """The schema Checkout."""
        return {
            "session": checkout.session_id,
            "url": serializers.payment_url(base_url, tenant.config.organization, checkout.session_id),
            "purpose": checkout.purpose,
            "status": checkout.status(tenant.now_ms),
            "amount": checkout.amount_cents,
            "currency": checkout.currency,
            "openedAt": instants.text(checkout.opened_ms),
            "settled": checkout.settled,
            "declineCode": checkout.declined,
            "contractId": checkout.contract_id,
        }


class CompletionEndpoint:
    """`completeCheckout` of the control API at the address of the payment page, without a control token."""

    def __init__(self, sessions: CheckoutSessions, guard: RequestGuard) -> None:
        self._sessions = sessions
        self._completion = CheckoutCompletion(sessions)
        self._guard = guard

    async def complete(self, request: Request) -> Response:
        """Complete a session.

        Raises BillingError for a session that is unknown, expired or paid; Problem for a foreign origin, for
        a body that does not fit the schema, and for the payment link of a contract that is to expire.
        """
        organization, session_id = request.path_params["organization"], request.path_params["session"]
        self._sessions.find(organization, session_id)
        outcome, findings = _request_body().parse(await self._guard.read_json(request))
        if findings:
            raise Problem(INVALID, findings)
        base_url = own_origin(request)
        document = self._completion.complete(organization, session_id, outcome, base_url)
        body = orjson.dumps({"$schema": f"{base_url}{SCHEMA_PATH}"} | document)
        return Response(body, media_type="application/json")


@cache
def _request_body() -> RequestBody:
    """What reads and validates the body; compiled with the first request, because few servers need it."""
    description = control_description.load()
    return RequestBody(description["paths"][CONTROL_PATH]["post"]["requestBody"], Schemas(description))
