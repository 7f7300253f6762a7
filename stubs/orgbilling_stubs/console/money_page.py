"""The page of money: where it came from and went, and forms for what moves it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from orgbilling_openapi.strict_json import JsonObject
from starlette.requests import Request
from starlette.responses import Response

from orgbilling_stubs.console.actions import Outcome, request_body
from orgbilling_stubs.console.form_fields import FormField
from orgbilling_stubs.console.page import ConsolePages
from orgbilling_stubs.console.sparkline import sparkline
from orgbilling_stubs.control.control_client import ControlClient, path_parameters

PERIODS: Sequence[int] = (7, 30, 90, 365)
"""The lengths of periods to choose from, in days."""
DEFAULT_PERIOD = 30
MOST_CHECKOUTS = 5

ENTRY_TYPES: Mapping[str, str] = {
    "top_up": "Paid: top-ups",
    "contract_credit": "Paid: contract installments",
    "free_credit": "Granted: free credit",
    "bonus_credit": "Granted: contract bonus",
    "voucher": "Vouchers",
    "refund": "Refunds",
    "adjustment": "Adjustments and payments on account",
    "expiry": "Expired credit",
    "usage": "Tokens",
    "event_charge": "Context engine events",
    "service_charge": "Services",
    "character_charge": "Active characters",
}
"""Entry types of the ledger in words."""


@dataclass(frozen=True, slots=True)
class MoneyForm:
    """A form for an operation that moves money.

    hint: what it does, in a sentence. values: what its fields hold at first. hidden: what the
    fields hold that are not shown.
    """

    operation: str
    title: str
    hint: str
    fields: Sequence[FormField] = ()
    values: Mapping[str, str] = field(default_factory=dict)
    hidden: Mapping[str, str] = field(default_factory=dict)

    def curl(self, client: ControlClient, organization: str, request: Request) -> str:
        """The curl command that does what the form does as it stands."""
        operation = client.operations[self.operation]
        values = {**self.values, **self.hidden}
        parameters = {name: values.get(f"path.{name}", organization) for name in path_parameters(operation)}
        body = request_body(operation.node, client.schemas, values)
        return client.curl(self.operation, parameters, body, page_request=request)

    def refused(self, outcome: Outcome | None) -> Outcome | None:
        """The outcome of the last action if it refused this form."""
        if outcome is None or not outcome.refuses(self.operation):
            return None
        return outcome if self.hidden.items() <= outcome.fields.items() else None


def _form(
    operation: str,
    title: str,
    hint: str,
    *fields: tuple[FormField, str],
    hidden: Mapping[str, str] | None = None,
) -> MoneyForm:
    """A form of fields, each with the value that it holds at first."""
    values = {form_field.name: value for form_field, value in fields if value}
    return MoneyForm(operation, title, hint, [form_field for form_field, _ in fields], values, hidden or {})


def _text(name: str, label: str, value: str = "") -> tuple[FormField, str]:
    return FormField(name, label, "text"), value


def _choice(name: str, label: str, options: Sequence[str], value: str) -> tuple[FormField, str]:
    return FormField(name, label, "select", options=tuple(options)), value


def _forms(events: Sequence[str], services: Sequence[str]) -> list[MoneyForm]:
    """The forms. events, services: the slugs that have a price."""
    return [
        _form(
            "adjustBalance",
            "Grant or take credit",
            "Corrects the balance by a signed amount, exact to the sixth decimal.",
            _text("body.amountUsd", "Amount in USD", "25"),
            _text("body.description", "Description", "Goodwill credit"),
        ),
        _form(
            "refundCredits",
            "Refund",
            "Takes credit back and returns its money.",
            _text("body.amountUsd", "Amount in USD", "12.50"),
            _text("body.description", "Description", "Duplicate top-up"),
        ),
        _form(
            "createVoucher",
            "Create a voucher",
            "The app redeems it with POST /org/vouchers/redeem.",
            _text("body.code", "Code", "SUMMER40"),
            _text("body.creditUsd", "Credit in USD", "40"),
            _text("body.discountPercent", "Discount on the contract in percent"),
            _choice("body.state", "State", ("open", "expired", "used", "limit_reached"), "open"),
        ),
        _form(
            "recordUsage",
            "Use tokens",
            "Charges for token usage now.",
            _text("body.inputTokens", "Input tokens", "120000"),
            _text("body.outputTokens", "Output tokens", "30000"),
            _text("body.messages", "Messages", "40"),
        ),
        *[
            _form(
                "recordMeter",
                f"Use {words}",
                "Charges for them now.",
                _choice("body.slug", "Kind", slugs, slugs[0]),
                _text("body.count", "Count", "25"),
                hidden={"body.meter": meter},
            )
            for meter, words, slugs in (
                ("event", "context engine events", events),
                ("service", "services", services),
            )
            if slugs
        ],
        _form(
            "offerContract",
            "Draw up a contract",
            "The app subscribes to it by its id, which the answer has.",
            _text("body.creditUsd", "Credit over the term in USD", "6000"),
            _text("body.serviceUsd", "Services over the term in USD", "1200"),
            _choice(
                "body.frequency", "Payments", ("monthly", "quarterly", "annual", "one_time"), "quarterly"
            ),
            _text("body.termMonths", "Term in months", "12"),
        ),
    ]


def _contract_forms(status: str | None) -> list[MoneyForm]:
    """The forms that fit the state of the contract."""
    if status is None:
        return []
    forms = [
        _form(
            "markInstallment",
            "Mark an installment",
            "Paid posts its credit; overdue takes the payment back.",
            _text("path.index", "Place in the schedule, from 0", "0"),
            _choice("body.state", "State", ("overdue", "paid"), "overdue"),
        )
    ]
    if status == "active":
        forms.append(MoneyForm("cancelContract", "Cancel the contract", "It ends now; it can be resumed."))
    if status == "cancelled":
        forms.append(MoneyForm("resumeContract", "Resume the contract", "While its term lasts."))
    return forms


@dataclass(frozen=True, slots=True)
class ShownLine:
    """One entry type of a statement, in words, with its lines and what they add up to."""

    label: str
    amount: str
    entries: int
    lines: Sequence[JsonObject]


def shown_lines(lines: Sequence[JsonObject]) -> list[ShownLine]:
    """The lines of a statement by entry type, the largest amount first."""
    by_type: dict[str, list[JsonObject]] = {}
    for line in lines:
        by_type.setdefault(line["entryType"], []).append(line)
    rows = [
        (
            sum((Decimal(line["amount"]) for line in members), Decimal(0)),
            ENTRY_TYPES.get(entry_type, entry_type),
            members,
        )
        for entry_type, members in by_type.items()
    ]
    rows.sort(key=lambda row: (-row[0], row[1]))
    return [
        ShownLine(label, str(amount), sum(line["entries"] for line in members), members)
        for amount, label, members in rows
    ]


async def money_page(pages: ConsolePages, request: Request) -> Response:
    """The statement of a period (`?days=`), and the forms."""
    organization = pages.organization(request)
    days = _period(request.query_params.get("days", ""))
    tenant = pages.service.existing(organization)
    if tenant is None:
        return await pages.render(request, "money.html")
    statement = await pages.client.call("getStatement", {"organization": organization, "days": str(days)})
    document = statement.document
    postpaid = document["billingMode"] == "postpaid"
    account = document["debt" if postpaid else "credit"]
    prices = tenant.prices
    forms = _forms([slug for slug, _ in prices.events], [slug for slug, _ in prices.services])
    status = None if tenant.contract is None else tenant.contract.status
    checkouts = await pages.client.call("listCheckouts", {"organization": organization}, page_request=request)
    outcome = pages.outcomes.get(request.query_params.get("outcome"))
    return await pages.render(
        request,
        "money.html",
        periods=PERIODS,
        days=days,
        statement=document,
        account=account,
        postpaid=postpaid,
        line=sparkline([account["opening"], *(day["closing"] for day in account["days"])]),
        increases=shown_lines(account["increases"]),
        decreases=shown_lines(account["decreases"]),
        forms=[
            (form, form.curl(pages.client, organization, request), form.refused(outcome))
            for form in [*forms, *_contract_forms(status)]
        ],
        checkouts=checkouts.document["checkouts"][:MOST_CHECKOUTS],
        outcomes=pages.client.schemas["CheckoutOutcome"]["properties"]["outcome"]["enum"],
    )


def _period(text: str) -> int:
    """The period that the address names, in days; the default one for any other text."""
    return next((days for days in PERIODS if str(days) == text), DEFAULT_PERIOD)
