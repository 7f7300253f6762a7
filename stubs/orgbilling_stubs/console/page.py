"""What the pages of the console have in common: the client they ask, the bar at the top, and rendering."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from orgbilling_stubs.auth.bad_tokens import BAD_TOKENS
from orgbilling_stubs.auth.principal import DEFAULT_ORGANIZATION, is_organization
from orgbilling_stubs.console.actions import HOME, Outcomes, json_text
from orgbilling_stubs.console.failures import NEXT_FAILURES, failure_fields
from orgbilling_stubs.console.invariant_reports import InvariantReports
from orgbilling_stubs.console.top_bar import top_bar
from orgbilling_stubs.control.control_client import ControlClient
from orgbilling_stubs.control.errors import ORGANIZATION_INVALID
from orgbilling_stubs.http import templating
from orgbilling_stubs.http.command_name import command_name
from orgbilling_stubs.http.errors import Problem
from orgbilling_stubs.http.page_middleware import public_url
from orgbilling_stubs.tenants.service import Service

PACKAGE = "orgbilling_stubs.console"

NAVIGATION: Sequence[tuple[str, str]] = (
    (HOME, "Make it show …"),
    (f"{HOME}now", "Now"),
    (f"{HOME}time", "Time"),
    (f"{HOME}requests", "Requests"),
    (f"{HOME}money", "Money"),
    (f"{HOME}faults", "Faults"),
    (f"{HOME}checkout-settings", "Checkout settings"),
    (f"{HOME}coverage", "Coverage"),
    (f"{HOME}operations", "All operations"),
)
"""The pages: path and title, in the order of the navigation."""


@dataclass(frozen=True, slots=True)
class ConsolePages:
    """The parts that pages share."""

    client: ControlClient
    service: Service
    outcomes: Outcomes = field(default_factory=Outcomes)
    invariant_reports: InvariantReports = field(default_factory=InvariantReports)

    def organization(self, request: Request) -> str:
        """The organization that a page is about; the default one is created, as its first request would."""
        organization = page_organization(request)
        if organization == DEFAULT_ORGANIZATION:
            self.service.tenant(organization)
        return organization

    async def render(
        self, request: Request, template: str, *, of_any: bool = False, **values: object
    ) -> Response:
        """A page about the organization that the address names (`?org=`).

        of_any: the page is also shown for an organization that does not exist.
        """
        organization = self.organization(request)
        bar = await top_bar(self.client, self.service, self.invariant_reports, organization)
        of_bar = {
            "bar": bar,
            "navigation": NAVIGATION,
            "bad_tokens": BAD_TOKENS.values(),
            "failures": [(failure, failure_fields(failure, organization, None)) for failure in NEXT_FAILURES],
            "outcome": self.outcomes.get(request.query_params.get("outcome")),
        }
        if bar is None and not of_any:
            template = "unknown_organization.html"
        return self.render_part(request, template, **{**of_bar, **values})

    def render_part(self, request: Request, template: str, **values: object) -> Response:
        """A part of a page, without the bar at the top, for a script that puts it into the page."""
        organization = page_organization(request)
        base_url, base_path = public_url(request).base_url, public_url(request).path
        path = request.scope["path"]  # `request.url` cannot be read where the query is not ASCII
        shared = {
            "organization": organization,
            "path": path,
            "here": f"{path}?{request.query_params}",
            "base_url": base_url,
            "command": command_name(),
            "json_text": json_text,
            "grouped": grouped,
            "minute_text": minute_text,
            "address": lambda path, **query: f"{base_path}{path}?{urlencode({'org': organization} | query)}",
        }
        return HTMLResponse(templating.render(template, base_path, package=PACKAGE, **{**shared, **values}))


def grouped(amount: str) -> str:
    """An exact decimal text with its thousands told apart, for people: `-1234567.891` is `-1,234,567.891`."""
    whole, _, part = amount.partition(".")
    return f"{'-' if whole.startswith('-') else ''}{abs(int(whole)):,}.{part.rstrip('0').ljust(2, '0')}"


def minute_text(text: str) -> str:
    """An instant for people, to the minute, in UTC: `2026-05-01T12:34:56Z` is `2026-05-01 12:34`."""
    return f"{text[:10]} {text[11:16]}"


def page_organization(request: Request) -> str:
    """The organization that the address names; the default one where it names none.

    Raises Problem for a text that can be no id: a form must not change another organization than one sees.
    """
    organization = request.query_params.get("org") or DEFAULT_ORGANIZATION
    if not is_organization(organization):
        raise Problem(ORGANIZATION_INVALID)
    return organization
