"""Events: what happened, in the past tense. Each is frozen, and is one JSON object in a log."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any, NamedTuple, get_args

from orgbilling_stubs.billing.billing_details import BillingDetails
from orgbilling_stubs.billing.errors import ERROR_CODES
from orgbilling_stubs.billing.member_types import member_problem
from orgbilling_stubs.billing.payment_cards import CardMember, PaymentCard
from orgbilling_stubs.billing.tenant_config import ContractTerms, terms_problem


@dataclass(frozen=True, slots=True)
class TenantCreated:
    """An organization came to be; its history up to `as_of_ms` follows from the first four members.

    identity_organization: the organization that names and ids are drawn for; a fork keeps its parent's.
    session_secret: what else the ids of checkout and portal sessions are derived from. Without one they
    follow from the seed, so that anybody can compute them.
    """

    persona: Mapping[str, Any]
    seed: int
    as_of_ms: int
    identity_organization: str
    session_secret: str = ""


@dataclass(frozen=True, slots=True)
class Rewound:
    """The state went back to what it was right after record `to`; 0 is before the first record."""

    to: int


@dataclass(frozen=True, slots=True)
class SnapshotTaken:
    """The present place in the log was given a name."""

    name: str


@dataclass(frozen=True, slots=True)
class SnapshotDeleted:
    """The snapshot of a name was deleted; the record that took it stays in the log."""

    name: str


@dataclass(frozen=True, slots=True)
class ClockSet:
    """The tenant's clock was set.

    mode: `server` follows the server's clock, `live` real time, both `offset_ms` later; `frozen` stands
    still at `at_ms`.
    by_user: the user chose this clock. A scenario that sets a clock gives the previous one back when it ends,
    unless the user has chosen a clock since.
    """

    mode: str
    offset_ms: int = 0
    at_ms: int = 0
    by_user: bool = False


@dataclass(frozen=True, slots=True)
class CommandRefused:
    """A command that came with an idempotency key was refused, with the code and value of a BillingError.

    It changes nothing. It is in the log so that the key gets the same refusal again.
    """

    code: str
    value: str | None = None


@dataclass(frozen=True, slots=True)
class ScenarioShown:
    """The organization shows a scenario from here on.

    fault_rules: the fault rules of the scenario, as documents of the control API (FaultRequest).
    previous_clock: the members of the ClockSet that applied before, when the scenario sets a clock.
    """

    name: str
    fault_rules: Sequence[Mapping[str, Any]] = ()
    previous_clock: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ScenarioFaultsCleared:
    """The fault rules of the scenario that the organization shows end; the scenario does not."""


@dataclass(frozen=True, slots=True)
class CheckoutSettingsChanged:
    """How the hosted pages treat this tenant; None is the server's setting.

    success_url, cancel_url: where the payment page leads; return_url: where the portal does.
    webhook_delays_s: when Stripe's webhook arrives, in seconds after the payment: [5] is once after five
    seconds, [0, 0] twice at once, [] never.
    """

    success_url: str | None = None
    cancel_url: str | None = None
    webhook_delays_s: Sequence[int] | None = None
    return_url: str | None = None


@dataclass(frozen=True, slots=True)
class CheckoutOpened:
    """A Stripe Checkout session for a credit top-up was opened; amount in the smallest unit of the currency.

    created_by: the user who asked for it, here and in the events below; the ledger names that user.
    return_origin: the web origin of the app that asked for it, here and below.
    """

    session_id: str
    amount_cents: int
    currency: str
    created_by: str | None = None
    return_origin: str | None = None


@dataclass(frozen=True, slots=True)
class CheckoutCompleted:
    """The customer paid on the hosted page; the webhook arrives at each of `webhooks_ms`.

    card: the members of the `PaymentCard` that paid; None is the customer's usual card.
    """

    session_id: str
    webhooks_ms: Sequence[int]
    card: Mapping[str, CardMember] | None = None


@dataclass(frozen=True, slots=True)
class CheckoutDeclined:
    """The card was declined on the hosted page; `code` is Stripe's decline code."""

    session_id: str
    code: str


@dataclass(frozen=True, slots=True)
class CheckoutExpired:
    """An open session was expired before its time."""

    session_id: str


@dataclass(frozen=True, slots=True)
class PaymentSettled:
    """Stripe's webhook arrived by hand: what was paid for takes effect."""

    session_id: str


@dataclass(frozen=True, slots=True)
class PortalOpened:
    """A Stripe billing-portal session was opened."""

    session_id: str
    return_origin: str | None = None


@dataclass(frozen=True, slots=True)
class VoucherRedeemed:
    """A voucher was redeemed; `balance_micros` is the balance right after it."""

    code: str
    credit_micros: int
    discount_percent: int
    balance_micros: int
    created_by: str | None = None


@dataclass(frozen=True, slots=True)
class ContractSubscribed:
    """The tenant was bound to an enterprise contract and owes its first payment."""

    contract_id: str
    session_id: str
    created_by: str | None = None
    return_origin: str | None = None


@dataclass(frozen=True, slots=True)
class ContractOffered:
    """A contract was drawn up for the tenant (the members of `tenant_config.ContractTerms`)."""

    terms: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ContractCancelled:
    """The running contract was cancelled."""


@dataclass(frozen=True, slots=True)
class ContractResumed:
    """A cancelled contract whose term has not ended runs again."""


@dataclass(frozen=True, slots=True)
class InstallmentMarked:
    """An installment was marked paid or overdue; `index` is its place in the payment schedule."""

    index: int
    paid: bool


@dataclass(frozen=True, slots=True)
class InvoicePaid:
    """The customer paid an invoice, or a part of it, in the billing portal; amount in micro-USD.

    description: what the ledger says. installment: its place in the payment schedule of the contract; None
    for the invoice of a postpaid organization. card: the members of the `PaymentCard` that paid.
    """

    number: str
    amount_micros: int
    description: str
    installment: int | None
    card: Mapping[str, CardMember]


@dataclass(frozen=True, slots=True)
class PaymentMethodChanged:
    """Another card was put on file (the members of a `PaymentCard`)."""

    card: Mapping[str, CardMember]


@dataclass(frozen=True, slots=True)
class BillingDetailsChanged:
    """The billing details were changed (the members of `BillingDetails`)."""

    details: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class UsageRecorded:
    """Token usage was recorded and charged."""

    project: int
    model: str
    source: str
    input_tokens: int
    output_tokens: int
    messages: int
    sessions: int


@dataclass(frozen=True, slots=True)
class MeterRecorded:
    """Context-engine events (`event`) or service operations (`service`) were recorded and charged."""

    meter: str
    slug: str
    count: int


@dataclass(frozen=True, slots=True)
class PricesChanged:
    """Prices changed, in nano-USD; what is None or not named stays."""

    input_per_1k_nanos: int | None = None
    output_per_1k_nanos: int | None = None
    token_per_1k_nanos: int | None = None
    character_month_nanos: int | None = None
    events: Mapping[str, int] | None = None
    services: Mapping[str, int] | None = None
    models: Mapping[str, Sequence[int]] | None = None


@dataclass(frozen=True, slots=True)
class VoucherIssued:
    """A voucher was created, or took the place of one with the same code."""

    code: str
    credit_micros: int
    discount_percent: int
    state: str


@dataclass(frozen=True, slots=True)
class CreditsRefunded:
    """Credits were taken back and their money returned, in micro-USD."""

    amount_micros: int
    description: str


@dataclass(frozen=True, slots=True)
class BalanceAdjusted:
    """The credit balance was corrected by a signed amount in micro-USD."""

    amount_micros: int
    description: str


@dataclass(frozen=True, slots=True)
class FaultRuleAdded:
    """A standing fault rule was put in force; rule: as a FaultRequest of the control API, with its id.

    This event and the next three stand in the log of the server, not in that of a tenant.
    """

    rule: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FaultRuleFired:
    """A fault rule that is limited to a number of requests fired for one: its counters after that."""

    rule_id: str
    matched: int
    fired: int


@dataclass(frozen=True, slots=True)
class FaultRuleRemoved:
    """A fault rule was taken out of force."""

    rule_id: str


@dataclass(frozen=True, slots=True)
class FaultRulesCleared:
    """All fault rules were taken out of force, or those that name an organization."""

    organization: str | None = None


Event = (
    TenantCreated
    | Rewound
    | SnapshotTaken
    | SnapshotDeleted
    | ClockSet
    | CommandRefused
    | ScenarioShown
    | ScenarioFaultsCleared
    | CheckoutSettingsChanged
    | CheckoutOpened
    | CheckoutCompleted
    | CheckoutDeclined
    | CheckoutExpired
    | PaymentSettled
    | PortalOpened
    | VoucherRedeemed
    | ContractSubscribed
    | ContractOffered
    | ContractCancelled
    | ContractResumed
    | InstallmentMarked
    | InvoicePaid
    | PaymentMethodChanged
    | BillingDetailsChanged
    | UsageRecorded
    | MeterRecorded
    | PricesChanged
    | VoucherIssued
    | CreditsRefunded
    | BalanceAdjusted
    | FaultRuleAdded
    | FaultRuleFired
    | FaultRuleRemoved
    | FaultRulesCleared
)

EVENT_TYPES: dict[str, type[Event]] = {kind.__name__: kind for kind in get_args(Event)}
"""Every kind of event by its name in the log."""


class UnknownEventError(ValueError):
    """The log holds an event that this version does not know."""


def encode(event: Event) -> dict[str, Any]:
    """The event as a JSON-able object, its kind first."""
    return {"kind": type(event).__name__} | {f.name: getattr(event, f.name) for f in fields(event)}


def decode(document: Mapping[str, Any]) -> Event:
    """The event that `encode` wrote.

    Raises UnknownEventError for a kind or members that this version does not know, and for values that no
    event has: of another type, or beyond a limit.
    """
    members = dict(document)
    kind = members.pop("kind", None)
    event_type = EVENT_TYPES.get(kind) if isinstance(kind, str) else None
    if event_type is None:
        raise UnknownEventError(f"unknown event {kind!r}")
    try:
        event = event_type(**members)
    except TypeError as error:
        mismatch = _mismatch(event_type, members)
        raise UnknownEventError(
            f"event {kind} has other members than this version knows: {mismatch}"
        ) from error
    problem = member_problem(event_type, members)
    if problem is None and event_type in _VALUE_PROBLEMS:
        problem = _VALUE_PROBLEMS[event_type](event)
    if problem is not None:
        raise UnknownEventError(f"event {kind}: {problem}")
    return event


def _refusal_problem(event: CommandRefused) -> str | None:
    return None if event.code in ERROR_CODES else f"unknown error code {event.code!r:.60}"


def _card_problem(event: CheckoutCompleted | InvoicePaid | PaymentMethodChanged) -> str | None:
    return None if event.card is None else _members_problem("card", PaymentCard, event.card)


def _details_problem(event: BillingDetailsChanged) -> str | None:
    return _members_problem("details", BillingDetails, event.details)


def _terms_problem(event: ContractOffered) -> str | None:
    return _members_problem("terms", ContractTerms, event.terms) or terms_problem(
        ContractTerms(**event.terms)
    )


_VALUE_PROBLEMS: Mapping[type[Event], Callable[..., str | None]] = {
    CommandRefused: _refusal_problem,
    CheckoutCompleted: _card_problem,
    InvoicePaid: _card_problem,
    PaymentMethodChanged: _card_problem,
    BillingDetailsChanged: _details_problem,
    ContractOffered: _terms_problem,
}
"""What is wrong with a value that has the right type; None when nothing is."""


def _members_problem(
    name: str, declared: type[PaymentCard | BillingDetails | ContractTerms], members: Mapping[str, object]
) -> str | None:
    """What is wrong with the members of a dataclass that an event has under a name; None when nothing is."""
    missing = [field.name for field in fields(declared) if field.name not in members]
    if missing:
        return f"{name}: {missing[0]} is missing"
    return member_problem(declared, members)


def _mismatch(event_type: type[Event], members: Mapping[str, Any]) -> str:
    """Which members are missing, and which are unknown."""
    declared = fields(event_type)
    required = [
        field.name for field in declared if field.default is MISSING and field.default_factory is MISSING
    ]
    missing = [f"{name} is missing" for name in required if name not in members]
    names = {field.name for field in declared}
    return ", ".join(missing + [f"{name} is unknown" for name in sorted(members) if name not in names])


@dataclass(frozen=True, slots=True)
class Idempotency:
    """An Idempotency-Key and the fingerprint of the request that first used it."""

    key: str
    fingerprint: str


class Record(NamedTuple):
    """An event at its place in a tenant's log.

    batch: the sequence number of the first event of the same command.
    """

    sequence: int
    at_ms: int
    event: Event
    batch: int
    idempotency: Idempotency | None = None
