"""The templates of the hosted pages, filled in, and the pages that only say one thing (notices)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

from jinja2 import pass_context
from jinja2.filters import do_mark_safe
from jinja2.runtime import Context
from starlette.responses import HTMLResponse, Response

from orgbilling_stubs.api.errors import problem as billing_problem
from orgbilling_stubs.api.serializers import payment_url
from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.errors import BillingError
from orgbilling_stubs.checkout.amounts import format_amount, format_credits, format_usd
from orgbilling_stubs.checkout.cards import BRAND_NAMES
from orgbilling_stubs.checkout.visitor import Visitor
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


class Link(NamedTuple):
    """A link of a page; testid: what end-to-end tests know it by."""

    url: str
    label: str
    testid: str = "continue-link"


class Renewal(NamedTuple):
    """The button that opens another session in place of a useless one; path: where its form goes."""

    path: str
    label: str


RETURN = Notice("return-page", 200, "good", "Payment received", "Thank you. Everything went well.")
COMPLETE = Notice("complete-page", 200, "good", "Already paid", "Nothing is left to do here.")
CANCELLED = Notice("cancelled-page", 200, "calm", "Payment not made", "Nothing was charged.")
EXPIRED = Notice(
    "expired-page",
    410,
    "calm",
    "This payment link has expired",
    "Nothing was charged.",
)
PORTAL_EXPIRED = Notice(
    "expired-page",
    410,
    "calm",
    "This page has expired",
    "A billing page stays open for an hour.",
)
MISSING = Notice(
    "missing-page", 404, "bad", "Page not found", "There is no such page. Check the address, or start again."
)
LOST = Notice(
    "missing-page",
    404,
    "calm",
    "This session is gone",
    "The organization does not have it any more, nor what was paid with it.",
)
FOREIGN_ORIGIN = Notice(
    "refused-page",
    403,
    "bad",
    "Request from another site",
    "Another site tried to use this page. Nothing was changed.",
)
CHANGED = Notice(
    "changed-page",
    409,
    "calm",
    "This has changed since the page was opened",
    "Look at it again. Nothing was charged and nothing was changed.",
)
REFUSED = Notice("refused-page", 400, "bad", "That did not work", "Nothing was changed.")
FAILED = Notice("failed-page", 500, "bad", "Something broke", "The fault is ours. Nothing was charged.")

NOTICES = (
    RETURN,
    COMPLETE,
    CANCELLED,
    EXPIRED,
    PORTAL_EXPIRED,
    MISSING,
    LOST,
    FOREIGN_ORIGIN,
    CHANGED,
    REFUSED,
    FAILED,
)


def render_page(
    name: str,
    visitor: Visitor,
    status: int = 200,
    *,
    headers: Mapping[str, str] | None = None,
    **values: object,
) -> Response:
    """A template, filled in for a visitor."""
    body = templating.render(
        f"{name}.html", visitor.base_path, package=PACKAGE, locale=visitor.locale, **values
    )
    response = HTMLResponse(body, status, headers)
    response.headers.add_vary_header("Accept-Language")
    return response


def notice_page(
    notice: Notice,
    visitor: Visitor,
    *,
    status: int | None = None,
    text: str | None = None,
    headers: Mapping[str, str] | None = None,
    **values: object,
) -> Response:
    """The page of a notice.

    status, text: in place of the notice's own. values: `link` (where to go on), and what else `notice.html`
    names.
    """
    optional: dict[str, object] = dict.fromkeys(
        ("link", "renewal", "amount", "webhook", "page_path", "shown")
    )
    optional |= dict.fromkeys(("more_links", "facts", "actions"), ())
    return render_page(
        "notice",
        visitor,
        status or notice.status,
        headers=headers,
        notice=notice,
        text=text or notice.text,
        **{**optional, **values},
    )


def refused_page(error: Problem | BillingError, visitor: Visitor, link: str, label: str) -> Response:
    """The page that says why something could not be changed; link: where to go on."""
    problem = billing_problem(error) if isinstance(error, BillingError) else error
    text = sentence(problem.detail)
    return notice_page(REFUSED, visitor, status=problem.status, text=text, link=Link(link, label))


def sentence(detail: str) -> str:
    """The detail of an error as a sentence."""
    return f"{detail[:1].upper()}{detail[1:]}."


def format_day(at_ms: int) -> str:
    """A day as people write it: 9 March 2026."""
    moment = instants.moment(at_ms)
    return f"{moment.day} {moment:%B} {moment.year}"


def country_name(code: str) -> str:
    """The English name of a country, such as Germany for DE; a code without a name stays as it is."""
    from babel import Locale

    name: str = Locale("en").territories.get(code, code)
    return name


@pass_context
def _amount(context: Context, amount_minor: int, currency: str, *, named: bool = True) -> str:
    """`{{ amount_minor|amount("EUR") }}`: an amount in the smallest unit of its currency."""
    return _isolated(format_amount(amount_minor, currency, context["locale"], named=named))


@pass_context
def _usd(context: Context, usd_micros: int, currency: str, *, named: bool = True) -> str:
    """`{{ usd_micros|usd("EUR") }}`: an amount in micro-USD as it is paid in a currency."""
    return _isolated(format_usd(usd_micros, currency, context["locale"], named=named))


@pass_context
def _credits(context: Context, usd_micros: int) -> str:
    """`{{ usd_micros|credits }}`: a number of credits, each of which is worth one US dollar."""
    return _isolated(format_credits(usd_micros, context["locale"]))


def _isolated(amount: str) -> str:
    """An amount that runs from left to right, as the pages do, whatever marks it begins with.

    An Arabic amount begins with a mark for right to left, which would take the minus of -2,068.16 behind the
    digits.
    """
    return do_mark_safe(f'<bdi dir="ltr">{escape(amount)}</bdi>')


_ENVIRONMENT = templating.environment(PACKAGE)
_ENVIRONMENT.filters["date"] = format_day
_ENVIRONMENT.filters["amount"] = _amount
_ENVIRONMENT.filters["usd"] = _usd
_ENVIRONMENT.filters["credits"] = _credits
_ENVIRONMENT.filters["country_name"] = country_name
_ENVIRONMENT.globals["payment_url"] = payment_url
_ENVIRONMENT.globals["brand_names"] = BRAND_NAMES
