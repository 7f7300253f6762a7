"""The payment page: the card form, the question of the bank (3D Secure), and the pages that follow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.errors import BillingError
from orgbilling_stubs.billing.money import MICROS_PER_USD
from orgbilling_stubs.checkout import amounts, cards, rendering, webhook_timing
from orgbilling_stubs.checkout.cards import CardForm, StripeTestCard
from orgbilling_stubs.checkout.errors import ACTION_UNKNOWN
from orgbilling_stubs.checkout.guard import RequestGuard
from orgbilling_stubs.checkout.outcomes import FAILED_3DS, OUTCOMES, PaymentOutcome
from orgbilling_stubs.checkout.rendering import notice_page, render_page
from orgbilling_stubs.checkout.sessions import CheckoutSession, CheckoutSessions
from orgbilling_stubs.checkout.settings import host_of
from orgbilling_stubs.http.errors import Problem

DECISIONS = ("authorize", "fail")
"""What can be answered to the bank."""

_ERROR_PLACES = ("card", "number", "expiry", "cvc", "name")
"""Where a message can stand: above the form, or at a field."""


class PaymentPage:
    """The pages of a checkout session."""

    def __init__(self, sessions: CheckoutSessions, guard: RequestGuard) -> None:
        self._sessions = sessions
        self._guard = guard

    async def page(self, request: Request) -> Response:
        """The card form while the session is open, else what became of it; takes the submitted form, too.

        Query: `card` (last four digits) fills in a test card; `webhook` chooses the timing of this payment.
        Raises BillingError for an unknown session, Problem for a form that this page did not submit,
        WebhookTimingError for a timing that cannot be read.
        """
        session = self._session(request)
        if request.method == "POST":
            fields = await self._guard.read_form(request)
            return self._submit(session, fields, request.query_params.get("webhook", ""))
        if session.status == "complete":
            return _complete_page(session)
        if session.status == "expired":
            return _expired_page(session)
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
            return _expired_page(session)
        if session.status == "open":
            return _see_other(session.path)
        url = session.success_url
        if url is None:
            hint = ("Next", "No success URL is set, so this page stays.", "redirect-hint")
            return notice_page(
                rendering.RETURN,
                amount=session.amount(),
                text="Thank you. You can close this page and go back to the app.",
                facts=(_webhook_fact(session), hint),
            )
        return notice_page(
            rendering.RETURN,
            amount=session.amount(),
            text=f"Thank you. Taking you back to {host_of(url)}.",
            link=url,
            label="Continue",
            headers={"refresh": f"0; url={url}"},
        )

    async def cancelled(self, request: Request) -> Response:
        """The page after giving up, where no cancel URL is set."""
        session = self._session(request)
        if session.status != "open":
            return _see_other(session.path)
        hint = ("Next", "No cancel URL is set, so this page stays.", "redirect-hint")
        return notice_page(
            rendering.CANCELLED,
            link=session.path,
            label="Back to the payment",
            facts=(hint,),
            amount=session.amount(),
        )

    def _session(self, request: Request) -> CheckoutSession:
        return self._sessions.find(request.path_params["organization"], request.path_params["session"])

    def _submit(
        self, session: CheckoutSession, fields: Mapping[str, str], timing_in_address: str
    ) -> Response:
        """Take a card, an answer to the bank, or a button of the test panel."""
        match fields.get("action", ""):
            case "":
                pass
            case "deliver":
                return _redirect_after(session, lambda: self._sessions.deliver_webhook(session))
            case "expire":
                return _redirect_after(
                    session, lambda: self._sessions.end_attempt(session, OUTCOMES["expired"])
                )
            case _:
                raise Problem(ACTION_UNKNOWN)
        if fields.get("decision", "") not in ("", *DECISIONS):
            raise Problem(ACTION_UNKNOWN)
        if session.status == "complete":
            return _see_other(f"{session.path}/return")
        if session.status == "expired":
            return _expired_page(session)
        timing = webhook_timing.parse_timing(fields.get("webhook", "") or timing_in_address)
        return self._charge(session, fields, timing)

    def _charge(
        self, session: CheckoutSession, fields: Mapping[str, str], timing: Sequence[int] | None
    ) -> Response:
        form = cards.read_card_form(fields)
        card = cards.TEST_CARDS_BY_NUMBER.get(form.digits)
        decision = fields.get("decision")
        if decision and card is not None and card.challenge:
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
        session = self._sessions.end_attempt(session, outcome, timing)
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
        return rendering.refused_page(error, session.path, "Back to the payment")
    return _see_other(session.path)


def _complete_page(session: CheckoutSession) -> Response:
    actions = () if session.checkout.settled else (("deliver", "Deliver the webhook now", "deliver-button"),)
    url = session.success_url
    return notice_page(
        rendering.COMPLETE,
        amount=session.amount(),
        facts=(_webhook_fact(session),),
        actions=actions,
        link=url,
        label="Continue" if url is None else f"Continue to {host_of(url)}",
    )


def _expired_page(session: CheckoutSession) -> Response:
    url = session.cancel_url
    return notice_page(
        rendering.EXPIRED,
        amount=session.amount(),
        link=url,
        label="" if url is None else f"Back to {host_of(url)}",
    )


def _webhook_fact(session: CheckoutSession) -> tuple[str, str, str]:
    """What a tester wants to know of a paid session: label, text, test id."""
    session_id = session.checkout.session_id
    arrivals_ms = [at_ms for at_ms, webhook_of in session.tenant.webhooks if webhook_of == session_id]
    if session.checkout.settled:
        text = "Arrived: what was paid for has taken effect."
    elif arrivals_ms:
        text = f"On its way: arrives at {instants.text(arrivals_ms[0])}."
    else:
        text = "Never comes by itself: what was paid for has not taken effect."
    return ("Webhook", text, "webhook-state")


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
        status,
        session=session,
        lines=_lines(session),
        form=form,
        filled_in=not errors and bool(form.number),
        errors=dict.fromkeys(_ERROR_PLACES, "") | dict(errors),
        error_places=list(errors),
        test_cards=cards.TEST_CARDS,
        webhook=webhook_timing.format_timing(timing),
        timings=_timing_choices(session, timing),
    )


def _challenge_page(
    session: CheckoutSession, form: CardForm, card: StripeTestCard, timing: Sequence[int] | None
) -> Response:
    return render_page(
        "challenge",
        session=session,
        form=form,
        card=card,
        webhook=webhook_timing.format_timing(timing),
    )


def _timing_choices(session: CheckoutSession, timing: Sequence[int] | None) -> list[tuple[str, str]]:
    """Values and labels of the choice of webhook timings; timing: the one chosen already."""
    offered = [*webhook_timing.CHOICES, *([tuple(timing)] if timing is not None else [])]
    default = webhook_timing.describe_timing(session.webhook_delays_s)
    return [
        ("", f"As set: {default}"),
        *(
            (webhook_timing.format_timing(choice), webhook_timing.describe_timing(choice).capitalize())
            for choice in dict.fromkeys(offered)
        ),
    ]


def _lines(session: CheckoutSession) -> list[tuple[str, str]]:
    """What is paid for, and how much of it: the installments of a contract; nothing for a top-up."""
    contract = session.tenant.contract
    if session.checkout.purpose != "contract" or contract is None:
        return []
    currency = session.checkout.currency
    lines = []
    for index in contract.due_first():
        installment = contract.schedule[index]
        label = "Set-up" if installment.one_time else f"Installment {installment.period}"
        lines.append((label, amounts.format_micros(installment.amount_micros, currency)))
    if contract.terms.bonus_micros >= MICROS_PER_USD and contract.terms.bonus_paid:
        lines.append(("Bonus credits", f"+{amounts.format_micros(contract.terms.bonus_micros, currency)}"))
    return lines
