"""A tenant's billing state: nothing but the fold of its log up to an instant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orgbilling_stubs.billing import ids
from orgbilling_stubs.billing.contract import CANCELLED_BEFORE_MS, SIGNING_LEAD_MS, Contract, sign
from orgbilling_stubs.billing.events import CheckoutSettingsChanged, ClockSet, Event, Idempotency
from orgbilling_stubs.billing.instants import DAY_MS, HOUR_MS
from orgbilling_stubs.billing.ledger import Ledger
from orgbilling_stubs.billing.tenant_config import ContractTerms, Meter, Prices, TenantConfig, TopUp, Usage
from orgbilling_stubs.billing.usage_series import CountSeries, HighWaterMarks, TokenSeries

CHECKOUT_LIFE_MS = DAY_MS
"""A Stripe Checkout session lives 24 hours unless it is paid."""

PORTAL_LIFE_MS = HOUR_MS
"""How long a billing-portal session can be used after it was opened."""


@dataclass(slots=True)
class Checkout:
    """A hosted payment: a top-up, or the first payment of a contract (amounts in cents)."""

    session_id: str
    purpose: str
    amount_cents: int
    currency: str
    opened_ms: int
    contract_id: str | None = None
    completed: bool = False
    settled: bool = False
    expired: bool = False
    declined: str | None = None

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
    or when the user has chosen a clock since.
    """

    name: str
    fault_rules: tuple[Mapping[str, Any], ...] = ()
    previous_clock: ClockSet | None = None


class Tenant:
    """State of one organization; only the fold and the agenda change it."""

    def __init__(self, config: TenantConfig) -> None:
        self.config = config
        self.reprice(config.prices)
        self.stripe_customer_id = config.stripe_customer_id
        self.version = 0
        """Sequence number of the last record in the log."""
        self.depth = 0
        """How many events of billing have been folded."""
        self.changes = 0
        """Counts every change of state, those that time brings included."""
        self.quiet_until_ms = 0
        """Until then nothing happens by itself."""
        self._texts: dict[tuple[int, str], str] = {}
        self.ledger = Ledger()
        self.tokens = TokenSeries()
        self.meters: dict[tuple[str, str], CountSeries] = {}
        self.characters = HighWaterMarks()
        self.last_used_ms: dict[int, int] = {}
        self.redeemed: dict[str, int] = {}
        self.discount_percent = 0
        self.vouchers = {terms.code: terms for terms in config.vouchers}
        self.offers: dict[str, ContractTerms] = {}
        if config.contract is not None:
            self.offers[config.contract.contract_id] = config.contract
        self.clock = ClockSet("server")
        self.active_scenario: ActiveScenario | None = None
        self.checkout_settings = CheckoutSettingsChanged()
        self.webhooks: list[tuple[int, str]] = []
        """Webhooks on their way: when each arrives, and for which session, in time order."""
        self.checkouts: dict[str, Checkout] = {}
        self.portals: dict[str, int] = {}
        """When each billing-portal session was opened."""
        self.answered: dict[str, tuple[Idempotency, Event]] = {}
        self.characters_billed_ms: int | None = None
        self.agreements_billed_ms: dict[str, int] = {}
        self.contract: Contract | None = None
        self.contract_from_ms = _appears_ms(config)
        """When the plan's own contract will appear; None once it has."""
        self.cancels_by_plan = True
        self.created_ms = min(config.start_ms, self.contract_from_ms or config.start_ms)
        self.now_ms = self.created_ms - 1
        self.updated_ms = self.created_ms
        self._begin(config.start_ms // DAY_MS)

    def _begin(self, day: int) -> None:
        """Put the agenda at the beginning of a day."""
        self.closing_ms = self.config.opening_balance.closing_ms
        self.cursor_day = day
        self.cursor_index = 0
        self.cursor_items: Sequence[tuple[int, int, Usage | Meter | int]] = ()
        self.cursor_loaded = False
        self.day_charges: dict[str, int] = {}
        self.month_high = 0

    def exhausted(self, at_ms: int) -> bool:
        """Whether a prepaid tenant that stops at zero has nothing left, and nobody to fill it up.

        What the history brings at the very clock is still part of it.
        """
        return (
            self.ledger.balance_micros <= 0
            and self.config.stop_when_exhausted
            and self.config.mode == "prepaid"
            and self._top_up(at_ms - 1) is None
        )

    def reprice(self, prices: Prices) -> None:
        """Take a price list into force."""
        self.prices = prices
        self.model_prices = {
            price.model: (price.input_per_1k_nanos, price.output_per_1k_nanos) for price in prices.models
        }
        self.unit_prices = {("event", slug): nanos for slug, nanos in prices.events} | {
            ("service", slug): nanos for slug, nanos in prices.services
        }

    def usage_text(self, project: int, model: str) -> str:
        """How usage of a project through a model reads in the ledger: one text for all its rows."""
        found = self._texts.get((project, model))
        if found is None:
            name = self.config.projects[project].name
            found = self._texts[project, model] = f"{name}: {model}"
        return found

    def series(self, kind: str, slug: str) -> CountSeries:
        """The counts of one event type or service operation."""
        found = self.meters.get((kind, slug))
        if found is None:
            found = self.meters[kind, slug] = CountSeries()
        return found

    def touch(self, at_ms: int) -> None:
        """Note a change of state at an instant."""
        self.changes += 1
        if at_ms > self.updated_ms:
            self.updated_ms = at_ms

    def charge(
        self,
        at_ms: int,
        kind: str,
        micros: int,
        description: str,
        *,
        tokens: int = 0,
        source: str | None = None,
    ) -> None:
        """Post a debit: from the credits of a prepaid tenant, to the bill of a postpaid one."""
        prepaid = self.config.mode == "prepaid"
        if prepaid and self.config.stop_when_exhausted and self._top_up(at_ms) is None:
            # What stops at zero, with nobody to fill it up, is never charged more than there is left.
            micros = min(micros, max(0, self.ledger.balance_micros))
            if not micros and not tokens:
                return
        self.ledger.post(
            at_ms, kind, -micros if prepaid else 0, -micros, description, tokens=tokens, source=source
        )
        if not prepaid:
            self.ledger.outstanding_micros += micros
        self.touch(at_ms)
        self.refill(at_ms)

    def refill(self, at_ms: int) -> None:
        """Buy credits automatically when the balance has fallen below the tenant's threshold."""
        rule = self._top_up(at_ms)
        if rule is None:
            return
        missing = rule.below_micros - self.ledger.balance_micros
        if missing > 0:
            times = max(1, -(-missing // rule.amount_micros))
            self.credit(at_ms, "top_up", times * rule.amount_micros, "Automatic top-up")

    def _top_up(self, at_ms: int) -> TopUp | None:
        """The automatic top-up in force. None from the clock on where the persona stands at a balance:
        what happens next is up to the user."""
        config = self.config
        if config.mode != "prepaid" or (
            config.balance_target_micros is not None and at_ms >= config.as_of_ms
        ):
            return None
        return config.top_up

    def credit(
        self,
        at_ms: int,
        kind: str,
        micros: int,
        description: str,
        *,
        usd_micros: int | None = None,
        created_by: str | None = None,
    ) -> None:
        """Post a credit in micro-USD."""
        self.ledger.post(
            at_ms,
            kind,
            micros,
            micros if usd_micros is None else usd_micros,
            description,
            created_by=created_by,
        )
        self.touch(at_ms)

    def admin(self) -> str | None:
        """The member who signs what a person would sign."""
        return self.config.members[0] if self.config.members else None

    def open_contract(self, at_ms: int) -> None:
        """Let the plan's own contract appear, in the state it had when it was signed."""
        terms = self.config.contract
        assert terms is not None
        self.contract_from_ms = None
        config = self.config
        status, session_id = "draft", None
        if terms.status != "draft":
            status = "pending_payment"
            session_id = ids.checkout_session(config.seed, config.identity_seed, terms.contract_id)
        self.bind_contract(sign(terms, status, at_ms, config.as_of_ms, session_id), at_ms)

    def bind_contract(self, contract: Contract, at_ms: int) -> None:
        """Make a contract the tenant's own, with a session for its first payment."""
        self.contract = contract
        if contract.session_id is not None:
            self.checkouts[contract.session_id] = Checkout(
                session_id=contract.session_id,
                purpose="contract",
                amount_cents=contract.first_payment_cents(),
                currency=self.config.currency,
                opened_ms=at_ms,
                contract_id=contract.terms.contract_id,
            )
        self.touch(at_ms)

    def cancel_ms(self) -> int | None:
        """When the plan's contract is cancelled; None when it is not."""
        terms = self.config.contract
        if terms is None or terms.status != "cancelled" or not self.cancels_by_plan:
            return None
        return max(terms.start_ms + 1, self.config.as_of_ms - CANCELLED_BEFORE_MS)


def _appears_ms(config: TenantConfig) -> int | None:
    """When the plan's own contract appears: two weeks before it starts, or a day before the clock."""
    terms = config.contract
    if terms is None:
        return None
    lead_ms = SIGNING_LEAD_MS if terms.status in ("active", "expired", "cancelled") else DAY_MS
    return min(terms.start_ms, config.as_of_ms) - lead_ms
