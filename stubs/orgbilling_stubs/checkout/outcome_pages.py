"""The pages that follow an attempt to pay: paid, already paid, given up, expired. Each leads somewhere."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.tenant import CHECKOUT_LIFE_MS
from orgbilling_stubs.checkout import preconditions, rendering
from orgbilling_stubs.checkout.rendering import Link, Renewal, notice_page
from orgbilling_stubs.checkout.sessions import CheckoutSession
from orgbilling_stubs.checkout.settings import host_of

_UNITS_MS = ((instants.DAY_MS, "days"), (instants.HOUR_MS, "h"), (instants.MINUTE_MS, "min"), (1_000, "s"))


@dataclass(frozen=True, slots=True)
class WebhookState:
    """What a tester wants to know of a paid session.

    state: `settled`, `pending` or `none`. text: it in words. arrival: when the webhook comes, if it does.
    """

    state: str
    text: str
    arrival: str = ""


def returned_page(session: CheckoutSession) -> Response:
    """The page right after a payment. With a success URL it leads there by itself."""
    url = session.success_url
    if url is not None:
        return notice_page(
            rendering.RETURN,
            session.visitor,
            amount=session.amount(),
            text=f"Thank you. Taking you back to {host_of(url)}.",
            link=Link(url, "Continue"),
            headers={"refresh": f"0; url={url}"},
        )
    return notice_page(
        rendering.RETURN,
        session.visitor,
        amount=session.amount(),
        text="Thank you. Everything went well.",
        link=way_back(session),
        facts=(_redirect_hint(session, "success_url", "successUrl"),),
        webhook=webhook_state(session),
        page_path=f"{session.path}/return",
    )


def complete_page(session: CheckoutSession) -> Response:
    """The page of a session that is paid already."""
    url = session.success_url
    actions = () if session.checkout.settled else (("deliver", "Deliver the webhook now", "deliver-button"),)
    return notice_page(
        rendering.COMPLETE,
        session.visitor,
        amount=session.amount(),
        link=way_back(session) if url is None else Link(url, f"Continue to {host_of(url)}"),
        actions=actions,
        shown=preconditions.checkout_shown(session.checkout),
        webhook=webhook_state(session),
        page_path=session.path,
    )


def cancelled_page(session: CheckoutSession) -> Response:
    """The page after giving up, where no cancel URL is set."""
    return notice_page(
        rendering.CANCELLED,
        session.visitor,
        amount=session.amount(),
        link=Link(session.path, "Back to the payment"),
        more_links=(way_back(session, "app-link"),),
        facts=(_redirect_hint(session, "cancel_url", "cancelUrl"),),
    )


def expired_page(session: CheckoutSession) -> Response:
    """The page of an expired session, which offers another one."""
    url = session.cancel_url
    return notice_page(
        rendering.EXPIRED,
        session.visitor,
        text=f"{_why_expired(session)} Nothing was charged.",
        amount=session.amount(),
        renewal=Renewal(f"{session.path}/renew", "Start a new checkout"),
        link=way_back(session) if url is None else Link(url, f"Back to {host_of(url)}"),
    )


def changed_page(session: CheckoutSession) -> Response:
    """The page of a form that an old page sent: the address belongs to another payment since."""
    purpose = (
        "the first payment of a contract" if session.checkout.purpose == "contract" else "a credit top-up"
    )
    return notice_page(
        rendering.CHANGED,
        session.visitor,
        amount=session.amount(),
        text=f"The page that you sent showed another payment. Now this address is of {purpose} of "
        f"{session.amount()}. Nothing was charged and nothing was changed.",
        link=Link(session.path, "Look at this payment"),
    )


def _why_expired(session: CheckoutSession) -> str:
    if session.checkout.expired:
        return "It was expired by hand, before its time."
    return f"It was open for {duration_text(CHECKOUT_LIFE_MS)}."


def way_back(session: CheckoutSession, testid: str = "continue-link") -> Link:
    """The app that asked for the payment, or the organization in the console where none is known."""
    if session.app_url is not None:
        return Link(session.app_url, f"Back to {host_of(session.app_url)}", testid)
    return console_link(session.visitor.base_path, session.organization, testid)


def console_link(base_path: str, organization: str, testid: str = "continue-link") -> Link:
    """An organization in the console."""
    return Link(f"{base_path}/_mock/?org={organization}", "See the organization in the console", testid)


def _redirect_hint(session: CheckoutSession, option: str, member: str) -> tuple[str, str, str]:
    """What makes the way back permanent: label, text, test id."""
    flag = "--" + option.replace("_", "-")
    if session.app_url is None:
        text = "No app is known that asked for this payment."
    else:
        text = "The link leads to the app that asked for the payment."
    text += (
        f" To go on without a click, start the server with {flag}, or set {member} in the checkout settings."
    )
    return ("Next", text, "redirect-hint")


def webhook_state(session: CheckoutSession) -> WebhookState:
    """Whether the webhook of a paid session has arrived, or when it does."""
    if session.checkout.settled:
        return WebhookState("settled", "Arrived: what was paid for has taken effect.")
    session_id, tenant = session.checkout.session_id, session.tenant
    arrivals_ms = [at_ms for at_ms, webhook_of in tenant.webhooks if webhook_of == session_id]
    if not arrivals_ms:
        return WebhookState("none", "Never comes by itself: what was paid for has not taken effect.")
    wait = duration_text(arrivals_ms[0] - tenant.now_ms)
    if session.clock_is_frozen:
        text = f"The clock stands still: it arrives in {wait} of that clock, when it is moved."
        return WebhookState("pending", "On its way.", text)
    return WebhookState("pending", "On its way.", f"It arrives in {wait}.")


def duration_text(duration_ms: int) -> str:
    """A duration in the largest unit that fits twice, rounded up.

    Example: 30,000 ms are `30 s`, 5,400,000 ms are `90 min`.
    """
    size_ms, unit = next((pair for pair in _UNITS_MS if duration_ms >= 2 * pair[0]), _UNITS_MS[-1])
    return f"{-(-duration_ms // size_ms)} {unit}"
