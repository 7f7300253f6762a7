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
from orgbilling_stubs.billing.errors import CARD_DECLINED, BillingError
from orgbilling_stubs.billing.events import Idempotency
from orgbilling_stubs.billing.payment_cards import PaymentCard
from orgbilling_stubs.billing.tenant import Checkout, Tenant
from orgbilling_stubs.checkout.cards import TEST_CARDS_BY_NUMBER, CardForm, StripeTestCard
from orgbilling_stubs.checkout.outcomes import OUTCOMES
from orgbilling_stubs.checkout.sessions import CheckoutSessions
from orgbilling_stubs.checkout.submissions import SubmissionReader
from orgbilling_stubs.http.errors import INVALID, Problem
from orgbilling_stubs.http.json_schemas import Schemas
from orgbilling_stubs.http.page_middleware import public_url
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

        Raises BillingError for an unknown session, BillingError or Problem for one that cannot end so, and
        Problem for a card that is no test card.
        """
        card = test_card_numbered(request["card"], "body.card") if "card" in request else None
        outcome = OUTCOMES[request["outcome"]] if card is None else card.outcome
        if "declineCode" in request:
            outcome = replace(outcome, decline_code=request["declineCode"])
        session = self._sessions.find(organization, session_id)
        session = self._sessions.end_attempt(
            session,
            outcome,
            request.get("webhookSeconds"),
            idempotency,
            None if card is None else card.payment_card("", session.tenant.now_ms),
        )
        redirects = {"pay": session.success_url, "leave": session.cancel_url, "expire": session.cancel_url}
        return self.describe(session.tenant, session.checkout, base_url) | {
            "outcome": outcome.name,
            "creditBalance": serializers.usd(session.tenant.ledger.balance_micros),
            "redirectUrl": redirects.get(outcome.action),
        }

    def settle(
        self, organization: str, session_id: str, base_url: str, idempotency: Idempotency | None = None
    ) -> JsonObject:
        """Let the webhook of a paid session arrive; the schema Checkout.

        Raises BillingError for a session that is unknown or not paid.
        """
        session = self._sessions.find(organization, session_id)
        session = self._sessions.settle(session, idempotency)
        return self.describe(session.tenant, session.checkout, base_url)

    def card_to_save(self, number: str, location: str, now_ms: int) -> PaymentCard:
        """The test card of a number, to be put on file. location: where the request has the number.

        Raises Problem for a number that is no test card, BillingError for a card that is declined.
        """
        card = test_card_numbered(number, location)
        if not card.can_be_saved:
            raise BillingError(CARD_DECLINED, card.outcome.decline_code)
        return card.payment_card("", now_ms)

    def describe(self, tenant: Tenant, checkout: Checkout, base_url: str) -> JsonObject:
        """The schema Checkout."""
        return {
            "session": checkout.session_id,
            "url": serializers.payment_url(base_url, tenant.config.organization, checkout.session_id),
            "purpose": checkout.purpose,
            "status": checkout.status(tenant.now_ms),
            "amount": checkout.amount_minor,
            "currency": checkout.currency,
            "openedAt": instants.text(checkout.opened_ms),
            "settled": checkout.settled,
            "declineCode": checkout.declined,
            "contractId": checkout.contract_id,
        }

    def server_settings(self) -> JsonObject:
        """What applies where an organization has chosen nothing: `server` of the schema CheckoutSettings."""
        settings = self._sessions.settings
        return {
            "successUrl": settings.success_url,
            "cancelUrl": settings.cancel_url,
            "returnUrl": settings.return_url,
            "webhookSeconds": list(settings.webhook_delays_s),
        }


def test_card_numbered(text: str, location: str) -> StripeTestCard:
    """The test card of a number; raises Problem for another number. location: where the request has it."""
    card = TEST_CARDS_BY_NUMBER.get(CardForm(text).digits)
    if card is None:
        message = "no test card; the payment page lists them"
        raise Problem(INVALID, [{"location": location, "message": message, "value": text}])
    return card


class CompletionEndpoint:
    """`completeCheckout` of the control API at the address of the payment page, without a control token."""

    def __init__(self, sessions: CheckoutSessions, submissions: SubmissionReader) -> None:
        self._sessions = sessions
        self._completion = CheckoutCompletion(sessions)
        self._submissions = submissions

    async def complete(self, request: Request) -> Response:
        """Complete a session.

        Raises BillingError for a session that is unknown, expired or paid; Problem for a foreign origin, for
        a body that does not fit the schema, and for the payment link of a contract that is to expire.
        """
        organization, session_id = request.path_params["organization"], request.path_params["session"]
        self._sessions.find(organization, session_id)
        outcome, findings = _request_body().parse(await self._submissions.read_json(request))
        if findings:
            raise Problem(INVALID, findings)
        base_url = public_url(request).base_url
        document = self._completion.complete(organization, session_id, outcome, base_url)
        body = orjson.dumps({"$schema": f"{base_url}{SCHEMA_PATH}"} | document)
        return Response(body, media_type="application/json")


@cache
def _request_body() -> RequestBody:
    """What reads and validates the body; compiled with the first request, because few servers need it."""
    description = control_description.load()
    described = description["paths"][CONTROL_PATH]["post"]["requestBody"]
    return RequestBody(described, Schemas(description), assisted=True)
