"""The templates of the hosted pages, filled in, and the pages that only say one thing (notices)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.responses import HTMLResponse, Response

from orgbilling_stubs.api.errors import problem as billing_problem
from orgbilling_stubs.api.serializers import payment_url
from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.errors import BillingError
from orgbilling_stubs.checkout.amounts import format_micros
from orgbilling_stubs.http import templating
from orgbilling_stubs.http.errors import Problem

PACKAGE = "orgbilling_stubs.checkout"


@dataclass(frozen=True, slots=True)
class Notice:
    """A page that only says one thing; `tone` is good, calm or bad, and `testid` names the page."""

    testid: str
    status: int
    tone: str
    title: str
    text: str


RETURN = Notice("return-page", 200, "good", "Payment received", "Thank you. Everything went well.")
COMPLETE = Notice("complete-page", 200, "good", "Already paid", "Nothing is left to do here.")
CANCELLED = Notice("cancelled-page", 200, "calm", "Payment not made", "Nothing was charged.")
EXPIRED = Notice(
    "expired-page",
    410,
    "calm",
    "This payment link has expired",
    "Nothing was charged. Go back to the app and start again.",
)
PORTAL_EXPIRED = Notice(
    "expired-page",
    410,
    "calm",
    "This page has expired",
    "A billing page stays open for an hour. Go back to the app and open it again.",
)
MISSING = Notice(
    "missing-page", 404, "bad", "Page not found", "There is no such page. Check the address, or start again."
)
FOREIGN_ORIGIN = Notice(
    "refused-page",
    403,
    "bad",
    "Request from another site",
    "Another site tried to use this page. Nothing was changed.",
)
REFUSED = Notice("refused-page", 400, "bad", "That did not work", "Nothing was changed.")
FAILED = Notice("failed-page", 500, "bad", "Something broke", "The fault is ours. Nothing was charged.")

NOTICES = (RETURN, COMPLETE, CANCELLED, EXPIRED, PORTAL_EXPIRED, MISSING, FOREIGN_ORIGIN, REFUSED, FAILED)


def render_page(
    name: str, status: int = 200, *, headers: Mapping[str, str] | None = None, **values: object
) -> Response:
    """A template, filled in."""
    return HTMLResponse(templating.render(f"{name}.html", package=PACKAGE, **values), status, headers)


def notice_page(
    notice: Notice,
    *,
    status: int | None = None,
    text: str | None = None,
    headers: Mapping[str, str] | None = None,
    **values: object,
) -> Response:
    """The page of a notice.

    status, text: in place of the notice's own. values: link and label (where to go on), and what else
    `notice.html` names.
    """
    optional: dict[str, object] = {"link": None, "label": "", "amount": None, "facts": (), "actions": ()}
    return render_page(
        "notice",
        status or notice.status,
        headers=headers,
        notice=notice,
        text=text or notice.text,
        **{**optional, **values},
    )


def refused_page(error: Problem | BillingError, link: str, label: str) -> Response:
    """The page that says why something could not be changed; link: where to go on."""
    problem = billing_problem(error) if isinstance(error, BillingError) else error
    return notice_page(REFUSED, status=problem.status, text=sentence(problem.detail), link=link, label=label)


def sentence(detail: str) -> str:
    """The detail of an error as a sentence."""
    return f"{detail[:1].upper()}{detail[1:]}."


def format_day(at_ms: int) -> str:
    """A day as people write it: 9 March 2026."""
    moment = instants.moment(at_ms)
    return f"{moment.day} {moment:%B} {moment.year}"


_ENVIRONMENT = templating.environment(PACKAGE)
_ENVIRONMENT.filters["date"] = format_day
_ENVIRONMENT.filters["amount"] = format_micros
_ENVIRONMENT.globals["payment_url"] = payment_url
