"""The payment page: the card form, the question of the bank (3D Secure), and the pages that follow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from orgbilling_stubs.billing.errors import BillingError
from orgbilling_stubs.billing.money import MICROS_PER_USD
from orgbilling_stubs.checkout import cards, preconditions, rendering, webhook_timing
from orgbilling_stubs.checkout.cards import CardForm, StripeTestCard
from orgbilling_stubs.checkout.errors import ACTION_UNKNOWN
from orgbilling_stubs.checkout.outcome_pages import (
    cancelled_page,
    changed_page,
    complete_page,
    expired_page,
    returned_page,
)
from orgbilling_stubs.checkout.outcomes import FAILED_3DS, OUTCOMES, PaymentOutcome
from orgbilling_stubs.checkout.rendering import render_page
from orgbilling_stubs.checkout.sessions import CheckoutSession, CheckoutSessions
from orgbilling_stubs.checkout.submissions import SubmissionReader
from orgbilling_stubs.checkout.visitor import visitor_of
from orgbilling_stubs.http.errors import Problem

_ERROR_PLACES = ("card", "number", "expiry", "cvc", "name")
"""Where a message can stand: above the form, or at a field."""


class PaymentPage:
    """The pages of a checkout session."""

    def __init__(self, sessions: CheckoutSessions, submissions: SubmissionReader) -> None:
        self._sessions = sessions
        self._submissions = submissions

    async def page(self, request: Request) -> Response:
        """The card form while the session is open, else what became of it; takes the submitted form, too.

        Query: `card` (last four digits) fills in a test card; `webhook` chooses the timing of this payment.
        Raises BillingError for an unknown session, Problem for a form that this page did not submit,
        WebhookTimingError for a timing that cannot be read.
        """
        session = self._session(request)
        if request.method == "POST":
            fields = await self._submissions.read_form(request)
            return self._submit(session, fields, request.query_params.get("webhook", ""))
        if session.status == "complete":
            return complete_page(session)
        if session.status == "expired":
            return expired_page(session)
        timing = webhook_timing.parse_timing(request.query_params.get("webhook", ""))
        form = cards.filled_card_form(request.query_params.get("card", ""), session.tenant.now_ms)
        return _form_page(session, form, timing)

    async def returned(self, request: Request) -> Response:
        """The page after a payment, which leads on to the success URL.

        It is a page and not a redirect, because browsers apply the `form-action` of the payment page to every
        redirect that follows a form, those of the app's own sign-in included.
        """
        session = self._session(request)
        if session.status == "expired":
            return expired_page(session)
        if session.status == "open":
            return _see_other(session.path)
        return returned_page(session)

    async def cancelled(self, request: Request) -> Response:
        """The page after giving up, where no cancel URL is set."""
        session = self._session(request)
        if session.status != "open":
            return _see_other(session.path)
        return cancelled_page(session)

    def _session(self, request: Request) -> CheckoutSession:
        organization, session_id = request.path_params["organization"], request.path_params["session"]
        return self._sessions.find(organization, session_id, visitor_of(request))

    def _submit(
        self, session: CheckoutSession, fields: Mapping[str, str], timing_in_address: str
    ) -> Response:
        """Take a card, an answer to the bank, or a button of the test panel."""
        if preconditions.has_changed(fields, preconditions.checkout_shown(session.checkout)):
            return changed_page(session)
        match fields.get("action", ""):
            case "":
                pass
            case "deliver":
                return _redirect_after(session, lambda: self._sessions.settle(session))
            case "expire":
                return _redirect_after(
                    session, lambda: self._sessions.end_attempt(session, OUTCOMES["expired"])
                )
            case _:
                raise Problem(ACTION_UNKNOWN)
        cards.read_decision(fields)
        if session.status == "complete":
            return _see_other(f"{session.path}/return")
        if session.status == "expired":
            return expired_page(session)
        timing = webhook_timing.parse_timing(fields.get("webhook", "") or timing_in_address)
        return self._charge(session, fields, timing)

    def _charge(
        self, session: CheckoutSession, fields: Mapping[str, str], timing: Sequence[int] | None
    ) -> Response:
        form = cards.read_card_form(fields)
        card = cards.TEST_CARDS_BY_NUMBER.get(form.digits)
        decision = fields.get("decision")
        if decision and card is not None and card.challenge:
            errors = cards.answered_form_errors(form, session.tenant.now_ms)
            if errors:
                return _form_page(session, form, timing, errors, status=422)
            outcome = card.outcome if decision == "authorize" else FAILED_3DS
            return self._end_attempt(session, form, timing, outcome)
        errors = cards.card_form_errors(form, session.tenant.now_ms)
        if errors or card is None:
            return _form_page(session, form, timing, errors, status=422)
        if card.challenge:
            return _challenge_page(session, form, card, timing)
        return self._end_attempt(session, form, timing, card.outcome)

    def _end_attempt(
        self,
        session: CheckoutSession,
        form: CardForm,
        timing: Sequence[int] | None,
        outcome: PaymentOutcome,
    ) -> Response:
        card = cards.TEST_CARDS_BY_NUMBER[form.digits].payment_card(form.expiry, session.tenant.now_ms)
        session = self._sessions.end_attempt(session, outcome, timing, card=card)
        if session.status == "complete":
            return _see_other(f"{session.path}/return")
        errors = {outcome.field or "card": outcome.message}
        return _form_page(session, form, timing, errors, status=402)


def _see_other(path: str) -> Response:
    """Continue with a GET, so that reloading the page repeats nothing."""
    return RedirectResponse(path, 303)


def _redirect_after(session: CheckoutSession, change: Callable[[], object]) -> Response:
    """Change something and show the page again, or say why it cannot be changed."""
    try:
        change()
    except (Problem, BillingError) as error:
        return rendering.refused_page(error, session.visitor, session.path, "Back to the payment")
    return _see_other(session.path)


def _form_page(
    session: CheckoutSession,
    form: CardForm,
    timing: Sequence[int] | None,
    errors: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    errors = errors or {}
    return render_page(
        "payment",
        session.visitor,
        status,
        session=session,
        shown=preconditions.checkout_shown(session.checkout),
        lines=_lines(session),
        form=form.grouped,
        filled_in=not errors and bool(form.number),
        errors=dict.fromkeys(_ERROR_PLACES, "") | dict(errors),
        error_places=list(errors),
        test_card_groups=cards.TEST_CARD_GROUPS,
        webhook=webhook_timing.format_timing(timing),
        timings=_timing_choices(session, timing),
    )


def _challenge_page(
    session: CheckoutSession, form: CardForm, card: StripeTestCard, timing: Sequence[int] | None
) -> Response:
    return render_page(
        "challenge",
        session.visitor,
        config=session.tenant.config,
        path=session.path,
        purpose="this payment",
        amount=(session.amount(named=False), session.checkout.currency),
        card=card,
        shown=preconditions.checkout_shown(session.checkout),
        hidden={
            "number": form.number,
            "expiry": form.expiry,
            "name": form.name,
            "webhook": webhook_timing.format_timing(timing),
        },
    )


def _timing_choices(session: CheckoutSession, timing: Sequence[int] | None) -> list[tuple[str, str]]:
    """Values and labels of the choice of webhook timings; timing: the one chosen already."""
    offered = [*webhook_timing.CHOICES, *([tuple(timing)] if timing is not None else [])]
    default = webhook_timing.describe_timing(session.webhook_timing())
    return [
        ("", f"As set: {default}"),
        *(
            (webhook_timing.format_timing(choice), webhook_timing.describe_timing(choice).capitalize())
            for choice in dict.fromkeys(offered)
        ),
    ]


def _lines(session: CheckoutSession) -> list[tuple[str, str]]:
    """What is paid for: the installments of a contract, or the credits of a top-up."""
    contract = session.tenant.contract
    if session.checkout.purpose == "top_up":
        return [("Credits of $1 each", session.credits())]
    if session.checkout.purpose != "contract" or contract is None:
        return []
    lines = []
    for index in contract.due_first():
        installment = contract.schedule[index]
        label = "Set-up" if installment.one_time else f"Installment {installment.period}"
        lines.append((label, session.usd(installment.amount_micros)))
    if contract.terms.bonus_micros >= MICROS_PER_USD and contract.terms.bonus_paid:
        lines.append(("Bonus credits", f"+{session.usd(contract.terms.bonus_micros)}"))
    return lines
