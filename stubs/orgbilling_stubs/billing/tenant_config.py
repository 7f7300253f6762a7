"""What a tenant's history follows from: prices, terms, names, and the usage that is charged for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from orgbilling_stubs.billing.instants import DAY_MS


class Usage(Protocol):
    """Token usage of one project through one model, billed as one ledger row."""

    @property
    def at_ms(self) -> int:
        """When it is billed."""

    @property
    def project(self) -> int:
        """Place among the tenant's projects."""

    @property
    def model(self) -> str:
        """Model slug."""

    @property
    def source(self) -> str:
        """Traffic source."""

    @property
    def input_tokens(self) -> int:
        """Prompt tokens."""

    @property
    def output_tokens(self) -> int:
        """Completion tokens."""

    @property
    def messages(self) -> int:
        """Messages exchanged."""

    @property
    def sessions(self) -> int:
        """Sessions opened."""


class Meter(Protocol):
    """A count of context-engine events or of service operations."""

    @property
    def at_ms(self) -> int:
        """When it was metered."""

    @property
    def kind(self) -> str:
        """`event` or `service`."""

    @property
    def slug(self) -> str:
        """Key of the price map."""

    @property
    def count(self) -> int:
        """How many."""


class UsageDay(Protocol):
    """What a tenant did on one UTC day, each sequence in time order."""

    @property
    def usage(self) -> Sequence[Usage]:
        """Token usage."""

    @property
    def meters(self) -> Sequence[Meter]:
        """Events and services."""

    @property
    def characters(self) -> int:
        """Characters active on the day."""


class UsageModel(Protocol):
    """The usage model: a pure function from a day to what happened on it."""

    def day(self, day: int, /) -> UsageDay:
        """Activity of a day, counted in days since 1970-01-01 UTC."""


@dataclass(frozen=True, slots=True)
class ModelPrice:
    """Prices of one model in nano-USD per 1,000 tokens."""

    model: str
    input_per_1k_nanos: int
    output_per_1k_nanos: int


@dataclass(frozen=True, slots=True)
class Prices:
    """A tenant's price list, in nano-USD."""

    input_per_1k_nanos: int
    output_per_1k_nanos: int
    token_per_1k_nanos: int
    character_month_nanos: int
    events: tuple[tuple[str, int], ...]
    services: tuple[tuple[str, int], ...]
    models: tuple[ModelPrice, ...]


@dataclass(frozen=True, slots=True)
class TopUp:
    """Automatic top-up: before a charge leaves less than one amount, buy another (micro-USD)."""

    below_micros: int
    amount_micros: int


class VoucherTerms(NamedTuple):
    """A voucher: credits (micro-USD) or a contract discount (per cent), and its state.

    redeemed_ms: when the organization redeemed it in its history; None when it did not.
    """

    code: str
    credit_micros: int
    discount_percent: int
    state: str
    redeemed_ms: int | None = None


SIGNING_LEAD_MS = 14 * DAY_MS
"""How long before its start a persona's contract is signed."""


@dataclass(frozen=True, slots=True)
class ContractTerms:
    """An enterprise contract as signed; money in micro-USD, portions over the whole term."""

    contract_id: str
    status: str
    credit_micros: int
    service_micros: int
    onetime_credit_micros: int
    onetime_service_micros: int
    bonus_micros: int
    bonus_paid: bool
    frequency: str
    start_ms: int
    end_ms: int
    term_months: int
    auto_renew: bool
    overdue: int
    created_by: str | None
    notes: str | None
    credit_period_limit: int | None
    service_period_limit: int | None


MAX_TERM_MONTHS = 60
FREQUENCIES = ("monthly", "quarterly", "annual", "one_time")


def terms_problem(terms: ContractTerms) -> str | None:
    """What is wrong with the terms of a contract that somebody wrote by hand; None when nothing is.

    A contract of no months would renew itself at the same instant for ever.
    """
    if not 1 <= terms.term_months <= MAX_TERM_MONTHS:
        return f"term_months: {terms.term_months} (from 1 to {MAX_TERM_MONTHS})"
    if terms.frequency not in FREQUENCIES:
        return f"frequency: expected one of {', '.join(FREQUENCIES)}"
    return None


@dataclass(frozen=True, slots=True)
class AgreementTerms:
    """A service agreement: a recurring or one-time charge, in micro-USD."""

    charge_id: str
    description: str
    amount_micros: int
    charge_type: str
    project: int | None
    created_ms: int
    created_by: str | None


@dataclass(frozen=True, slots=True)
class Project:
    """A project of the tenant."""

    project_id: str
    name: str


NEVER_MS = 1 << 62
"""An instant that does not come."""


@dataclass(frozen=True, slots=True)
class OpeningBalance:
    """What leads a history to the balance that its persona names: see `billing.opening_balance`.

    opening_micros: credits of a prepaid tenant, or debts of a postpaid one, from before the history.
    unpaid_from_ms: payments from this instant up to the as-of instant are not made, except that of the first
    of them only unpaid_rest_micros is missing. closing_ms, closing_micros: when how much credit expires, or
    is paid on account.
    """

    opening_micros: int = 0
    unpaid_from_ms: int = NEVER_MS
    unpaid_rest_micros: int = 0
    closing_ms: int = NEVER_MS
    closing_micros: int = 0


NO_OPENING_BALANCE = OpeningBalance()
"""For a history that is left to itself."""


@dataclass(frozen=True, slots=True)
class TenantConfig:
    """Everything that a tenant's history follows from.

    identity_organization: the organization that ids are derived from; another than its own only for a fork.
    previous_plan_ms: how long before its history an organization signed up that brings a balance along.
    session_secret: see `TenantCreated`.
    """

    organization: str
    identity_organization: str
    tenant_id: str
    company: str
    seed: int
    currency: str
    mode: str
    postpaid_limit_micros: int
    free_credit_micros: int
    stripe_customer_id: str | None
    prices: Prices
    top_up: TopUp | None
    stop_when_exhausted: bool
    balance_target_micros: int | None
    outstanding_target_micros: int | None
    projects: tuple[Project, ...]
    members: tuple[str, ...]
    contract: ContractTerms | None
    agreements: tuple[AgreementTerms, ...]
    vouchers: tuple[VoucherTerms, ...]
    nulls: bool
    start_ms: int
    as_of_ms: int
    activity: UsageModel
    previous_plan_ms: int = 0
    opening_balance: OpeningBalance = NO_OPENING_BALANCE
    session_secret: str = ""

    @property
    def contract_from_ms(self) -> int | None:
        """When the contract appears: two weeks, or a day, before its start and the as-of instant."""
        terms = self.contract
        if terms is None:
            return None
        signed = terms.status in ("active", "expired", "cancelled")
        return min(terms.start_ms, self.as_of_ms) - (SIGNING_LEAD_MS if signed else DAY_MS)

    @property
    def begins_ms(self) -> int:
        """When the history begins: with the first usage, or before it with the contract."""
        return min(self.start_ms, self.contract_from_ms or self.start_ms)

    @property
    def created_ms(self) -> int:
        """When the organization signed up: before its history if it brings something along from it."""
        lead_ms = self.previous_plan_ms if self.opening_balance.opening_micros else 0
        return self.begins_ms - lead_ms

    @property
    def may_overdraw(self) -> bool:
        """Whether the persona says that credit goes below zero, or that debt has no limit or passes it."""
        if self.mode == "prepaid":
            return not self.stop_when_exhausted
        return not 0 < max(1, self.outstanding_target_micros or 0) <= self.postpaid_limit_micros

    def session_id_parts(self, *parts: str | int) -> tuple[str | int, ...]:
        """What the id of a checkout or portal session is derived from, given what tells it from the others.

        Whoever knows such an id may use the session, so it must be unguessable: a secret is one of the parts.
        """
        secret = (self.session_secret,) if self.session_secret else ()
        return (self.seed, self.identity_organization, *parts, *secret)
