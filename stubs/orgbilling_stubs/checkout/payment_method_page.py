"""The portal's page for another card: the card form, the question of the bank, and Stripe's test cards."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from orgbilling_stubs.billing.commands import ChangePaymentMethod
from orgbilling_stubs.checkout import cards
from orgbilling_stubs.checkout.cards import CardForm, read_decision
from orgbilling_stubs.checkout.outcomes import FAILED_3DS
from orgbilling_stubs.checkout.portal_session import PortalSession, find_portal_session
from orgbilling_stubs.checkout.rendering import render_page
from orgbilling_stubs.checkout.sessions import CheckoutSessions
from orgbilling_stubs.checkout.submissions import SubmissionReader

_FIELDS = ("card", "number", "expiry", "cvc", "name")


class PaymentMethodPage:
    """The page that changes the card on file."""

    def __init__(self, sessions: CheckoutSessions, submissions: SubmissionReader) -> None:
        self._sessions = sessions
        self._submissions = submissions

    async def page(self, request: Request) -> Response:
        """The card form; with POST, keep the card if the bank lets it be saved.

        Query: `card` (last four digits) fills in a test card. Raises Problem for a form that this page did
        not submit.
        """
        portal = find_portal_session(self._sessions, request)
        if portal.is_expired:
            return portal.expired_page()
        if request.method == "POST":
            return self._submit(portal, await self._submissions.read_form(request))
        last4 = request.query_params.get("card", "")
        return _form_page(portal, cards.filled_card_form(last4, portal.tenant.now_ms))

    def _submit(self, portal: PortalSession, fields: Mapping[str, str]) -> Response:
        form, now_ms = cards.read_card_form(fields), portal.tenant.now_ms
        card = cards.TEST_CARDS_BY_NUMBER.get(form.digits)
        decision = read_decision(fields)
        asked = bool(decision) and card is not None and card.challenge
        errors = (cards.answered_form_errors if asked else cards.card_form_errors)(form, now_ms)
        if errors or card is None:
            return _form_page(portal, form, errors, status=422)
        if card.challenge and not asked:
            return render_page(
                "challenge",
                portal.visitor,
                config=portal.tenant.config,
                path=f"{portal.path}/payment-method",
                purpose="to save the card",
                amount=None,
                card=card,
                shown=None,
                hidden={"number": form.number, "expiry": form.expiry, "name": form.name},
            )
        outcome = FAILED_3DS if decision == "fail" else card.outcome
        if outcome is FAILED_3DS or not card.can_be_saved:
            return _form_page(portal, form, {outcome.field or "card": outcome.message}, status=402)
        portal.execute(ChangePaymentMethod(card.payment_card(form.expiry, now_ms)))
        return portal.overview()


def _form_page(
    portal: PortalSession, form: CardForm, errors: Mapping[str, str] | None = None, status: int = 200
) -> Response:
    errors = errors or {}
    return render_page(
        "payment_method",
        portal.visitor,
        status,
        portal=portal,
        config=portal.tenant.config,
        card=portal.tenant.payment_card,
        form=form.grouped,
        filled_in=not errors and bool(form.number),
        errors=dict.fromkeys(_FIELDS, "") | dict(errors),
        error_places=list(errors),
        test_card_groups=cards.TEST_CARD_GROUPS,
    )
