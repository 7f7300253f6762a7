"""The payment page: a card form, the bank's question (3D Secure), and what comes after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orgbilling_stubs.api.errors import problem as billing_problem
from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.errors import BillingError
from orgbilling_stubs.billing.money import MICROS_PER_USD
from orgbilling_stubs.checkout import amounts, cards, guard, notices, rendering, webhook_timing
from orgbilling_stubs.checkout.cards import CardForm, TestCard
from orgbilling_stubs.checkout.errors import ACTION_UNKNOWN
from orgbilling_stubs.checkout.outcomes import FAILED_3DS, OUTCOMES, PaymentOutcome
from orgbilling_stubs.checkout.redirect import host_of
from orgbilling_stubs.checkout.reply import Reply, see_other
from orgbilling_stubs.checkout.request import Request
from orgbilling_stubs.checkout.sessions import CheckoutSession, CheckoutSessions
from orgbilling_stubs.http.errors import Problem

_PLACES = ("card", "number", "expiry", "cvc", "name")
"""Where a message can stand: above the form, or at a field."""


DECISIONS = ("authorize", "fail")
"""Answers to the bank's question."""


def payment_form(sale: CheckoutSession, request: Request) -> Reply:
    """The session's page: the form while it is open, else what became of it.

    Query: `card` (last four digits) fills a test card in; `webhook` chooses this session's timing.
    Raises timing.TimingError for a timing that cannot be read.
    """
    if sale.status == "complete":
        return _complete(sale, request)
    if sale.status == "expired":
        return _expired(sale)
    chosen = webhook_timing.parse_timing(request.query.get("webhook", ""))
    return _form(
        sale, request, cards.filled_card_form(request.query.get("card", ""), sale.tenant.now_ms), chosen
    )


async def submit(till: CheckoutSessions, sale: CheckoutSession, request: Request) -> Reply:
    """A submitted form: a card, an answer to the bank's question, or a button of the test panel.

    Raises Problem for a form that is not ours, timing.TimingError for an unreadable timing.
    """
    guard.form(request, till.defaults)
    fields = await request.form()
    match fields.get("action", ""):
        case "":
            pass
        case "deliver":
            return _attempt(lambda: till.deliver(sale), request.base)
        case "expire":
            return _attempt(lambda: till.conclude(sale, OUTCOMES["expired"]), request.base)
        case _:
            raise Problem(ACTION_UNKNOWN)
    if fields.get("decision", "") not in ("", *DECISIONS):
        raise Problem(ACTION_UNKNOWN)
    if sale.status == "complete":
        return see_other(f"{request.base}/return")
    if sale.status == "expired":
        return _expired(sale)
    return _charge(till, sale, request, fields)


def _charge(
    till: CheckoutSessions, sale: CheckoutSession, request: Request, fields: Mapping[str, str]
) -> Reply:
    chosen = webhook_timing.parse_timing(fields.get("webhook", "") or request.query.get("webhook", ""))
    typed = cards.read_card_form(fields)
    card = cards.TEST_CARDS_BY_NUMBER.get(typed.digits)
    decision = fields.get("decision")
    if decision and card is not None and card.challenge:
        outcome = card.outcome if decision == "authorize" else FAILED_3DS
        return _conclude(till, sale, request, typed, chosen, outcome)
    problems = cards.card_form_errors(typed, sale.tenant.now_ms)
    if problems or card is None:
        return _form(sale, request, typed, chosen, problems, status=422)
    if card.challenge:
        return _challenge(sale, request, typed, card, chosen)
    return _conclude(till, sale, request, typed, chosen, card.outcome)


def _conclude(
    till: CheckoutSessions,
    sale: CheckoutSession,
    request: Request,
    typed: CardForm,
    chosen: Sequence[int] | None,
    outcome: PaymentOutcome,
) -> Reply:
    after = till.conclude(sale, outcome, chosen)
    if after.status == "complete":
        return see_other(f"{request.base}/return")
    problems = {outcome.field or "card": outcome.message}
    return _form(after, request, typed, chosen, problems, status=402)


def _attempt(change: Any, path: str) -> Reply:
    try:
        change()
    except (Problem, BillingError) as error:
        refusal = billing_problem(error) if isinstance(error, BillingError) else error
        return notices.notice_page(
            notices.REFUSED,
            status=refusal.status,
            text=f"{refusal.detail[:1].upper()}{refusal.detail[1:]}.",
            link=path,
            label="Back to the payment",
        )
    return see_other(path)


def returned(sale: CheckoutSession, request: Request) -> Reply:
    """The page after a payment, which leads on to the success URL.

    It is a page rather than a redirect because `form-action` holds for every redirect that follows a form,
    those of the app's own sign-in included.
    """
    if sale.status == "expired":
        return _expired(sale)
    if sale.status == "open":
        return see_other(request.base)
    url = sale.success_url
    if url is None:
        return notices.notice_page(
            notices.RETURN,
            amount=sale.amount(),
            text="Thank you. You can close this page and go back to the app.",
            facts=(*_facts(sale), ("Next", "No success URL is set, so this page stays.", "redirect-hint")),
        )
    return notices.notice_page(
        notices.RETURN,
        amount=sale.amount(),
        text=f"Thank you. Taking you back to {host_of(url)}.",
        link=url,
        label="Continue",
        headers={"refresh": f"0; url={url}"},
    )


def cancelled(sale: CheckoutSession, request: Request) -> Reply:
    """The page after giving up, where no cancel URL is set."""
    if sale.status != "open":
        return see_other(request.base)
    hint = ("Next", "No cancel URL is set, so this page stays.", "redirect-hint")
    return notices.notice_page(
        notices.CANCELLED, link=request.base, label="Back to the payment", facts=(hint,), amount=sale.amount()
    )


def _complete(sale: CheckoutSession, request: Request) -> Reply:
    actions = () if sale.checkout.settled else (("deliver", "Deliver the webhook now", "deliver-button"),)
    url = sale.success_url
    return notices.notice_page(
        notices.COMPLETE,
        amount=sale.amount(),
        facts=_facts(sale),
        actions=actions,
        link=url,
        label="Continue" if url is None else f"Continue to {host_of(url)}",
    )


def _expired(sale: CheckoutSession) -> Reply:
    url = sale.cancel_url
    return notices.notice_page(
        notices.EXPIRED,
        amount=sale.amount(),
        link=url,
        label="" if url is None else f"Back to {host_of(url)}",
    )


def _facts(sale: CheckoutSession) -> tuple[tuple[str, str, str], ...]:
    """What a tester wants to know of a paid session: label, words, test id."""
    coming = [at_ms for at_ms, session_id in sale.tenant.webhooks if session_id == sale.checkout.session_id]
    if sale.checkout.settled:
        words = "Arrived: what was paid for has taken effect."
    elif coming:
        words = f"On its way: arrives at {instants.text(coming[0])}."
    else:
        words = "Never comes by itself: what was paid for has not taken effect."
    return (("Webhook", words, "webhook-state"),)


def _values(sale: CheckoutSession, request: Request) -> dict[str, Any]:
    return {
        "amount": sale.amount(),
        "figure": sale.amount(named=False),
        "currency": sale.checkout.currency,
        "company": sale.tenant.config.company,
        "organization": sale.tenant.config.organization,
        "base": request.base,
    }


def _form(
    sale: CheckoutSession,
    request: Request,
    typed: CardForm,
    chosen: Sequence[int] | None,
    problems: Mapping[str, str] | None = None,
    status: int = 200,
) -> Reply:
    return rendering.render_page(
        "payment",
        status,
        **_values(sale, request),
        purpose=sale.checkout.purpose,
        perishable=sale.perishable,
        lines=_lines(sale),
        cancel_url=sale.cancel_url or f"{request.base}/cancelled",
        typed=typed,
        sampled=not problems and bool(typed.number),
        problems=dict.fromkeys(_PLACES, "") | dict(problems or {}),
        wrong=list(problems or ()),
        cards=cards.TEST_CARDS,
        webhook=webhook_timing.format_timing(chosen),
        timings=_timings(sale, chosen),
    )


def _challenge(
    sale: CheckoutSession, request: Request, typed: CardForm, card: TestCard, chosen: Sequence[int] | None
) -> Reply:
    return rendering.render_page(
        "challenge",
        **_values(sale, request),
        typed=typed,
        card=card,
        webhook=webhook_timing.format_timing(chosen),
    )


def _timings(sale: CheckoutSession, chosen: Sequence[int] | None) -> list[tuple[str, str]]:
    """Values and labels of the choice of webhook timings."""
    offered = [*webhook_timing.CHOICES, *([tuple(chosen)] if chosen is not None else [])]
    rows = [("", f"As set: {webhook_timing.describe_timing(sale.webhook)}")]
    rows += [
        (webhook_timing.format_timing(each), webhook_timing.describe_timing(each).capitalize())
        for each in dict.fromkeys(offered)
    ]
    return rows


def _lines(sale: CheckoutSession) -> list[tuple[str, str]]:
    """What is paid for, and how much of it: the installments of a contract; nothing for a top-up."""
    contract = sale.tenant.contract
    if sale.checkout.purpose != "contract" or contract is None:
        return []
    rows = [contract.schedule[index] for index in contract.due_first()]
    currency = sale.checkout.currency
    lines = []
    for row in rows:
        label = "Set-up" if row.one_time else f"Installment {row.period}"
        lines.append((label, amounts.format_micros(row.amount_micros, currency)))
    if contract.terms.bonus_micros >= MICROS_PER_USD and contract.terms.bonus_paid:
        lines.append(("Bonus credits", f"+{amounts.format_micros(contract.terms.bonus_micros, currency)}"))
    return lines
