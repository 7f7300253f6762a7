"""The page of checkout settings: what an organization's hosted pages do, its sessions, and the test cards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import orjson
from orgbilling_openapi.strict_json import JsonObject
from starlette.requests import Request
from starlette.responses import Response

from orgbilling_stubs.checkout.amounts import format_amount
from orgbilling_stubs.checkout.cards import TEST_CARD_GROUPS
from orgbilling_stubs.checkout.webhook_timing import CHOICES, describe_timing
from orgbilling_stubs.console.actions import HOME, Outcome
from orgbilling_stubs.console.page import ConsolePages, page_organization

PATH = f"{HOME}checkout-settings"

URLS: Mapping[str, str] = {
    "successUrl": "After a payment",
    "cancelUrl": "After “Cancel and go back”",
    "returnUrl": "Back from the billing portal",
}
"""The settings that are URLs, with what each is called."""


@dataclass(frozen=True, slots=True)
class UrlSetting:
    """A URL that the hosted pages lead to; server: what applies when the organization has chosen none."""

    name: str
    title: str
    meaning: str
    value: str
    server: str | None


@dataclass(frozen=True, slots=True)
class TimingChoice:
    """A choice of webhook timing: its value in a form, and a phrase for it."""

    value: str
    phrase: str
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A checkout session (schema Checkout), with its amount as text."""

    session: JsonObject
    amount: str

    @property
    def webhook(self) -> str:
        """What is known about its webhook."""
        if self.session["status"] != "complete":
            return "not paid"
        return "arrived" if self.session["settled"] else "not yet arrived"


async def checkout_settings_page(pages: ConsolePages, request: Request) -> Response:
    """The settings, the sessions, and the test cards."""
    parameters = {"organization": page_organization(request)}
    settings = await pages.client.call("getCheckoutSettings", parameters, page_request=request)
    listed = await pages.client.call("listCheckouts", parameters, page_request=request)
    outcome = pages.outcomes.get(request.query_params.get("outcome"))
    refused = outcome if outcome is not None and outcome.refuses("setCheckoutSettings") else None
    current: JsonObject = settings.document if settings.ok else {"server": {}}
    sessions = listed.document["checkouts"] if listed.ok else []
    return await pages.render(
        request,
        "checkout_settings.html",
        urls=list(_url_settings(pages, current, refused)),
        timings=timing_choices(current, refused),
        payment_timings=[TimingChoice(_timing_value(timing), describe_timing(timing)) for timing in CHOICES],
        other_timing=_other_timing(current, refused),
        refused=refused,
        sessions=[SessionRow(row, format_amount(row["amount"], row["currency"])) for row in sessions],
        open_session=next((row for row in sessions if row["status"] == "open"), None),
        payment_failures=list(payment_failures(pages.client.schemas["CheckoutOutcome"])),
        card_groups=TEST_CARD_GROUPS,
    )


def _url_settings(pages: ConsolePages, current: JsonObject, refused: Outcome | None) -> Iterator[UrlSetting]:
    members = pages.client.schemas["CheckoutSettings"]["properties"]
    for name, title in URLS.items():
        value = current.get(name) or ""
        if refused is not None:
            value = refused.fields.get(f"body.{name}", "")
        yield UrlSetting(name, title, members[name]["description"], value, current["server"].get(name))


def _timing_value(timing: Sequence[int]) -> str:
    """A timing as the field of a form has it: JSON."""
    return orjson.dumps(list(timing)).decode()


def timing_choices(current: JsonObject, refused: Outcome | None) -> list[TimingChoice]:
    """The timings to choose from, the server's first."""
    chosen: Sequence[int] | None = None if refused is not None else current.get("webhookSeconds")
    server = describe_timing(current["server"].get("webhookSeconds", ()))
    choices = [TimingChoice("", f"as the server says: {server}", chosen is None)]
    return choices + [
        TimingChoice(_timing_value(timing), describe_timing(timing), chosen == list(timing))
        for timing in CHOICES
    ]


def _other_timing(current: JsonObject, refused: Outcome | None) -> str:
    """A timing that is none of the choices, as text."""
    if refused is not None:
        return refused.fields.get("body.webhookSeconds", "").strip("[]")
    seconds = current.get("webhookSeconds")
    if seconds is None or tuple(seconds) in CHOICES:
        return ""
    return ", ".join(map(str, seconds))


def payment_failures(schema: JsonObject) -> Iterator[tuple[str, str]]:
    """How a session can end without a payment: what it is called, and the body as JSON text."""
    members = schema["properties"]
    for outcome in members["outcome"]["enum"]:
        if outcome == "declined":
            for code in members["declineCode"]["enum"]:
                yield f"declined: {code}", orjson.dumps({"outcome": outcome, "declineCode": code}).decode()
        elif outcome != "paid":
            yield outcome, orjson.dumps({"outcome": outcome}).decode()
