"""A tenant's billing state: what its log adds up to at an instant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, NamedTuple

from orgbilling_stubs.billing.billing_details import BillingDetails
from orgbilling_stubs.billing.contract import CANCELLED_BEFORE_MS, Contract, InstallmentId
from orgbilling_stubs.billing.events import CheckoutSettingsChanged, ClockSet, Event, Idempotency
from orgbilling_stubs.billing.instants import DAY_MS, HOUR_MS
from orgbilling_stubs.billing.ledger import Ledger
from orgbilling_stubs.billing.payment_cards import PaymentCard, usual_card
from orgbilling_stubs.billing.tenant_config import (
    NEVER_MS,
    ContractTerms,
    Meter,
    Prices,
    TenantConfig,
    TopUp,
    Usage,
)
from orgbilling_stubs.billing.usage_series import CountSeries, HighWaterMarks, TokenSeries

CHECKOUT_LIFE_MS = DAY_MS
"""A Stripe Checkout session lives 24 hours unless it is paid."""

CARRIED_FORWARD = "Balance carried forward from the previous plan"
UNPAID_BEFORE = "Unpaid invoices of the previous plan"

PORTAL_LIFE_MS = HOUR_MS
"""How long a billing-portal session can be used after it was opened."""


@dataclass(slots=True)
class Checkout:
    """A hosted payment: a top-up, or the first payment of a contract.

    amount_minor: in the smallest unit of the currency, as Stripe counts it (`billing.currencies`).
    return_origin: the web origin of the app that opened it, to which the customer may go back.
    ledger_row: the number of the ledger row of a top-up whose webhook has arrived. card: what paid.
    """

    session_id: str
    purpose: str
    amount_minor: int
    currency: str
    opened_ms: int
    created_by: str | None = None
    contract_id: str | None = None
    return_origin: str | None = None
    completed: bool = False
    settled: bool = False
    expired: bool = False
    declined: str | None = None
    ledger_row: int | None = None
    card: PaymentCard | None = None

    def status(self, now_ms: int) -> str:
        """`open`, `complete` or `expired`; a contract's payment link does not expire."""
        if self.completed:
            return "complete"
        if self.expired or (self.purpose == "top_up" and now_ms >= self.opened_ms + CHECKOUT_LIFE_MS):
            return "expired"
        return "open"


@dataclass(frozen=True, slots=True)
class ActiveScenario:
    """The scenario that an organization shows.

    fault_rules: its fault rules, as documents of the control API (FaultRequest); they apply to this
    organization alone. previous_clock: the clock to give back when the scenario ends; None when it set none,
    or when the user has chosen a clock since. sequence: of the record in the log that began it; a scenario
    that is shown again has another one.
    """

    name: str
    fault_rules: tuple[Mapping[str, Any], ...] = ()
    previous_clock: ClockSet | None = None
    sequence: int = 0


class DatedCredit(NamedTuple):
    """A credit that the configuration dates, in micro-USD; owed_micros: what it adds to a postpaid debt."""

    at_ms: int
    kind: str
    micros: int
    usd_micros: int
    owed_micros: int
    description: str
    created_by: str | None


class Tenant:
    """State of one organization: `billing.event_changes` changes it, `billing.scheduler` moves its clock."""

    def __init__(self, config: TenantConfig) -> None:
        self.config = config
        self.set_prices(config.prices)
        self.stripe_customer_id = config.stripe_customer_id
        self.version = 0
        """Sequence number of the last record in the log."""
        self.generation = 0
        """Generation of that log: one that is deleted and begun anew has another."""
        self.billing_events = 0
        """How many events of billing the state holds: makes the ids of the next one unique."""
        self.changes = 0
        """Counts every change of state, those that time brings included."""
        self.ledger = Ledger()
        self.tokens = TokenSeries()
        self.meters: dict[tuple[str, str], CountSeries] = {}
        """Counts of events and services, by kind and slug."""
        self.characters = HighWaterMarks()
        self.last_used_ms: dict[int, int] = {}
        """By place of the project."""
        self.redeemed: dict[str, int] = {}
        """When each voucher was redeemed, by its code."""
        self.discount_percent = 0
        self.vouchers = {terms.code: terms for terms in config.vouchers}
        self.offers: dict[str, ContractTerms] = {}
        if config.contract is not None:
            self.offers[config.contract.contract_id] = config.contract
        self._set_defaults()
        self.cards_by_row: dict[int, PaymentCard] = {}
        """The card that paid for each ledger row that is a payment by card."""
        self.installments_by_row: dict[int, InstallmentId] = {}
        """The installment that each ledger row pays (`contract_credit`) or returns, in the order of rows."""
        self.billed_micros = 0
        """What a postpaid tenant owes by invoices that were issued."""
        self.month_payment_ms = NEVER_MS
        """When it pays them."""
        self.dated_credits = _dated_credits(config)
        """Credits of the configuration that are still to come, in time order."""
        self.webhooks: list[tuple[int, str]] = []
        """Webhooks on their way: when each arrives, and for which session, in time order."""
        self.checkouts: dict[str, Checkout] = {}
        self.portals: dict[str, int] = {}
        """When each billing-portal session was opened."""
        self.portal_return_origins: dict[str, str | None] = {}
        """The web origin of the app that opened each billing-portal session."""
        self.idempotent_events: dict[str, tuple[Idempotency, Event]] = {}
        """The event that answered each idempotency key."""
        self.agreements_billed_ms: dict[str, int] = {}
        self.contract: Contract | None = None
        self.contract_from_ms = config.contract_from_ms
        """When the contract of the configuration will appear; None once it has."""
        self.cancels_as_configured = True
        self.created_ms = config.created_ms
        self.now_ms = self.created_ms - 1
        self.updated_ms = self.created_ms
        self.unsettled_micros: dict[str, int] = {}
        """What has been metered since the last settlement, by kind of meter."""
        self.month_characters = 0
        """The most characters that were active at once since the month opened."""
        self._usage_texts: dict[tuple[int, str], str] = {}
        self._place_cursor(config.start_ms // DAY_MS)

    def _set_defaults(self) -> None:
        """Everything that a user can set and a customer can change, as it is at first."""
        self.clock = ClockSet("server")
        self.active_scenario: ActiveScenario | None = None
        self.checkout_settings = CheckoutSettingsChanged()
        self.billing_details = BillingDetails()
        self.payment_card: PaymentCard | None = None
        """The card on file. A customer has one from the start."""
        self.automatic_payments_fail = False
        """Whether the card on file declines payments without the customer: automatic top-ups, installments,
        monthly invoices."""
        if self.config.stripe_customer_id is not None:
            self.put_on_file(usual_card(self.config.as_of_ms))

    def _place_cursor(self, day: int) -> None:
        """Put the scheduler's cursor at the beginning of a day."""
        self.quiet_until_ms = 0
        """Until then nothing is due."""
        self.closing_ms = self.config.opening_balance.closing_ms
        self.cursor_day = day
        self.cursor_index = 0
        self.cursor_items: Sequence[tuple[int, int, Usage | Meter | int | None]] = ()
        self.cursor_loaded = False

    def set_prices(self, prices: Prices) -> None:
        """Replace the price list, and the tables by which charges look prices up."""
        self.prices = prices
        self.model_prices = {
            price.model: (price.input_per_1k_nanos, price.output_per_1k_nanos) for price in prices.models
        }
        self.unit_prices = {("event", slug): nanos for slug, nanos in prices.events} | {
            ("service", slug): nanos for slug, nanos in prices.services
        }

    def put_on_file(self, card: PaymentCard) -> None:
        """Keep a card for payments without the customer."""
        self.payment_card = card
        self.automatic_payments_fail = card.off_session_decline_code is not None

    def exhausted(self, at_ms: int) -> bool:
        """Whether a prepaid tenant that stops at zero has nothing left and is not topped up.

        The usage at the very instant of the configuration's clock still belongs to the history, so the rule
        for automatic top-ups is that of the millisecond before.
        """
        return (
            self.ledger.balance_micros <= 0
            and self.config.stop_when_exhausted
            and self.config.mode == "prepaid"
            and self.top_up(at_ms - 1) is None
        )

    def top_up(self, at_ms: int) -> TopUp | None:
        """The rule for automatic top-ups that applies at an instant.

        There is none while the card on file is declined, and none after the history of a persona whose
        balance at the as-of instant is given: it would replace that balance with the first charge, and what
        happens next is up to the user.
        """
        config = self.config
        if (
            self.automatic_payments_fail
            or config.mode != "prepaid"
            or (config.balance_target_micros is not None and at_ms >= config.as_of_ms)
        ):
            return None
        return config.top_up

    @property
    def may_overdraw(self) -> bool:
        """Whether credit may be below zero, or debt above its limit, without anything done by hand."""
        config = self.config
        after_history = config.outstanding_target_micros is not None and self.now_ms > config.as_of_ms
        return config.may_overdraw or after_history

    def debt_limit_micros(self, at_ms: int) -> int | None:
        """What a postpaid tenant may owe after a charge, so that it pays before one that would lead further.

        None without a limit, while the card on file is declined, while the history makes no payments, and
        after the history of a persona whose debt at the as-of instant is given: that is up to the user.
        """
        config = self.config
        if (
            self.automatic_payments_fail
            or config.mode != "postpaid"
            or not config.postpaid_limit_micros
            or config.opening_balance.unpaid_from_ms < at_ms <= config.as_of_ms
            or (config.outstanding_target_micros is not None and at_ms >= config.as_of_ms)
        ):
            return None
        return config.postpaid_limit_micros

    def unpaid_micros(self, at_ms: int, owed_micros: int) -> int:
        """What a postpaid tenant leaves unpaid of what it is to pay at an instant: see `OpeningBalance`.

        It pays nothing when its card is declined.
        """
        opening_balance = self.config.opening_balance
        if self.automatic_payments_fail:
            return owed_micros
        if not opening_balance.unpaid_from_ms <= at_ms <= self.config.as_of_ms:
            return 0
        if at_ms == opening_balance.unpaid_from_ms:
            return min(owed_micros, opening_balance.unpaid_rest_micros)
        return owed_micros

    def usage_text(self, project: int, model: str) -> str:
        """The description of usage in the ledger: one string object for all rows of a project and model."""
        text = self._usage_texts.get((project, model))
        if text is None:
            name = self.config.projects[project].name
            text = self._usage_texts[project, model] = f"{name}: {model}"
        return text

    def meter_series(self, kind: str, slug: str) -> CountSeries:
        """The counts of one event type or service operation."""
        series = self.meters.get((kind, slug))
        if series is None:
            series = self.meters[kind, slug] = CountSeries()
        return series

    def admin(self) -> str | None:
        """The member who signs what a person would sign."""
        return self.config.members[0] if self.config.members else None

    def portal_is_expired(self, session_id: str) -> bool:
        """Whether a billing-portal session is over."""
        return self.now_ms >= self.portals[session_id] + PORTAL_LIFE_MS

    def has_own_contract(self) -> bool:
        """Whether the tenant's contract is that of its configuration."""
        return self.contract is not None and self.contract.terms is self.config.contract

    def contract_cancel_ms(self) -> int | None:
        """When the contract is cancelled as the configuration says; None when it is not."""
        terms = self.config.contract
        if (
            terms is None
            or terms.status != "cancelled"
            or not self.cancels_as_configured
            or not self.has_own_contract()
        ):
            return None
        return max(terms.start_ms + 1, self.config.as_of_ms - CANCELLED_BEFORE_MS)


def _dated_credits(config: TenantConfig) -> list[DatedCredit]:
    """The free credit at sign-up, what is brought along from the previous plan, and the vouchers redeemed."""
    credits = []
    if config.free_credit_micros:
        micros = config.free_credit_micros
        credits.append(DatedCredit(config.created_ms, "free_credit", micros, micros, 0, "Free credit", None))
    micros = config.opening_balance.opening_micros
    if micros:
        prepaid = config.mode == "prepaid"
        credits.append(
            DatedCredit(
                config.begins_ms,
                "adjustment",
                micros if prepaid else 0,
                micros if prepaid else -micros,
                0 if prepaid else micros,
                CARRIED_FORWARD if prepaid else UNPAID_BEFORE,
                None,
            )
        )
    for terms in config.vouchers:
        if terms.redeemed_ms is not None and terms.credit_micros:
            micros, text = terms.credit_micros, f"Voucher {terms.code}"
            admin = config.members[0] if config.members else None
            credits.append(DatedCredit(terms.redeemed_ms, "voucher", micros, micros, 0, text, admin))
    return sorted(credits, key=attrgetter("at_ms"))
