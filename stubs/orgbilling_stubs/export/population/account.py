"""The account of an organization of a population: every ledger entry, with the invoices and payments behind
it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from orgbilling_fixtures.distributions import exp2
from orgbilling_fixtures.lexicon import lexicon

from orgbilling_stubs.billing import ids, instants
from orgbilling_stubs.billing.billing_days import MONTH_OPENS_MS, SETTLEMENT_MS
from orgbilling_stubs.billing.contract import PAYMENT_INTERVAL_MONTHS
from orgbilling_stubs.billing.instants import DAY_MS, HOUR_MS, MINUTE_MS
from orgbilling_stubs.billing.ledger_posting import AUTOMATIC_TOP_UP
from orgbilling_stubs.billing.money import MICROS_PER_USD, unit_charge_micros
from orgbilling_stubs.export.errors import require
from orgbilling_stubs.export.population.activity import (
    CharacterMonth,
    PopulationActivity,
    PopulationMeters,
    PopulationUsage,
)
from orgbilling_stubs.export.population.contract_history import SignedContract
from orgbilling_stubs.export.population.price_history import CHARACTER_MONTH_NANOS
from orgbilling_stubs.export.population.profile import NEVER_MS, Interval, OrganizationProfile, month_of
from orgbilling_stubs.export.population.settlement import (
    Attempt,
    Purchase,
    PurchaseAttempts,
    PurchaseRule,
    Settled,
    Settlement,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]
    Booleans = NDArray[np.bool_]
else:
    np = require("numpy", "a population")

USAGE, EVENTS, SERVICES, SINGLE = range(4)
"""Where an entry comes from; its `source_row` is a usage (USAGE) or a single entry (SINGLE)."""

_FREE_CREDIT_MICROS = 10 * MICROS_PER_USD
_VOUCHERS = (("WELCOME50", 50), ("WELCOME25", 25), ("FRIENDS25", 25), ("PARTNER100", 100), ("MEETUP20", 20))
_LEAST_LIMIT_USD = 2_000
_LIMIT_DAYS = 90
_MICROS_PER_MESSAGE = 1_400
"""A first limit is for about so many days; a message is expected to cost about so much."""
_CHARGE_USD = {"monthly": (150, 16, 50), "one_time": (500, 11, 250), "annual": (1_200, 9, 300)}
_CHARGE_TYPES = ("monthly", "one_time", "monthly", "annual", "monthly")

# The order of entries at the same instant: what was bought, usage, the month, the evening.
_BOUGHT, _SINGLE, _USED, _MONTH, _EVENING = range(5)


class SingleEntry(NamedTuple):
    """A ledger entry that is not one of many: a credit, a payment, or a charge of the month."""

    at_ms: int
    order: int
    kind: str
    credits_micros: int
    usd_micros: int
    description: str
    created_by: str | None = None
    charge_id: str | None = None
    contract_id: str | None = None
    invoice_id: str | None = None
    voucher_code: str | None = None
    checkout_session_id: str | None = None
    month: str | None = None


class PopulationInvoice(NamedTuple):
    """An invoice: of a purchase, an installment or a month; paid_ms is NEVER_MS while it is not paid.

    opens_ms: the opening up to which the invoice of a month bills charges.
    """

    invoice_id: str
    kind: str
    issued_ms: int
    due_ms: int
    amount_micros: int
    paid_ms: int
    status: str
    contract_id: str | None
    opens_ms: int = 0


class PopulationPayment(NamedTuple):
    """A payment of an invoice, an attempt that failed, or a refund, whose amount is negative.

    entry: the instant and kind of the ledger entry that it posted.
    """

    at_ms: int
    status: str
    method: str
    amount_micros: int
    failure: str | None
    invoice_id: str
    checkout_session_id: str | None
    posts: bool


class PopulationAgreement(NamedTuple):
    """A service agreement; ended_ms is None while it runs."""

    charge_id: str
    description: str
    amount_micros: int
    charge_type: str
    project: int | None
    created_ms: int
    created_by: str
    billed_ms: int | None
    ended_ms: int | None


class PopulationVoucher(NamedTuple):
    """A code that the organization was given; redeemed_ms lies after the as-of instant until it is used."""

    code: str
    micros: int
    redeemed_ms: int


class PopulationLedger(NamedTuple):
    """The entries in order; source_row: the row of usage or the single entry that each was made of."""

    at_ms: Integers
    origin: Integers
    source_row: Integers
    credits_micros: Integers
    usd_micros: Integers


@dataclass(frozen=True)
class PopulationAccount:
    """The ledger with all that belongs to it, at the as-of instant."""

    ledger: PopulationLedger
    singles: Sequence[SingleEntry]
    usage: PopulationUsage
    meters: PopulationMeters
    characters: Sequence[CharacterMonth]
    agreements: Sequence[PopulationAgreement]
    vouchers: Sequence[PopulationVoucher]
    invoices: Sequence[PopulationInvoice]
    payments: Sequence[PopulationPayment]
    balance_micros: int
    outstanding_micros: int
    postpaid_limit_micros: int
    customer_since_ms: int


class _Charges(NamedTuple):
    """Entries of usage and evenings before they are merged."""

    at_ms: Integers
    micros: Integers
    origin: Integers
    source_row: Integers
    order: Integers


class AccountWriter:
    """Writes the account of one organization."""

    def __init__(
        self,
        profile: OrganizationProfile,
        activity: PopulationActivity,
        intervals: Sequence[Interval],
        contracts: Sequence[SignedContract],
        as_of_ms: int,
        horizon_ms: int,
    ) -> None:
        """horizon_ms: up to when the activity is known, because credit is bought before the charge."""
        self._profile, self._activity, self._as_of_ms = profile, activity, as_of_ms
        self._horizon_ms = horizon_ms
        self._intervals, self._contracts = intervals, contracts
        self._prepaid = profile.segment.billing != "postpaid"
        self._invoice_prefix = ids.letters(8, "invoice", profile.seed, profile.organization).upper()
        self.agreements = self._agreements()
        self.vouchers = self._vouchers()

    def write(self) -> PopulationAccount:
        """The account at the as-of instant."""
        singles = [*self._openings(), *self._month_charges()]
        singles += [entry for contract in self._contracts for entry in self._contract_entries(contract)]
        singles = [entry for entry in singles if entry.at_ms <= self._horizon_ms]
        charges = self._charges()
        if self._prepaid:
            return self._prepaid_account(singles, charges)
        return self._postpaid_account(singles, charges)

    # What is known without the balance.

    def _openings(self) -> list[SingleEntry]:
        """The free credit at sign-up, and the vouchers that were redeemed."""
        if not self._prepaid:
            return []
        profile, at_ms = self._profile, self._profile.sign_up.at_ms
        granted_ms = at_ms + 1_000 + profile.below(40_000, "free-credit")
        entries = [
            SingleEntry(
                granted_ms, _SINGLE, "free_credit", _FREE_CREDIT_MICROS, _FREE_CREDIT_MICROS, "Free credit"
            )
        ]
        for voucher in self.vouchers:
            entries.append(
                SingleEntry(
                    voucher.redeemed_ms,
                    _SINGLE,
                    "voucher",
                    voucher.micros,
                    voucher.micros,
                    f"Voucher {voucher.code}",
                    created_by=profile.members[0],
                    voucher_code=voucher.code,
                )
            )
        return entries

    def _vouchers(self) -> list[PopulationVoucher]:
        """Codes that a sixth of the prepaid organizations are given; most of them use theirs in the first
        weeks.
        """
        profile = self._profile
        if not self._prepaid or profile.below(6, "voucher"):
            return []
        code, usd = _VOUCHERS[profile.below(len(_VOUCHERS), "voucher", 1)]
        word = profile.draw("voucher", 2)
        redeemed_ms = NEVER_MS
        if word % 4:
            day = profile.first_day + (word >> 4) % 24
            redeemed_ms = max(
                profile.office_instant(day, word >> 12),
                profile.sign_up.at_ms + 3 * MINUTE_MS + word % HOUR_MS,
            )
        return [PopulationVoucher(code, usd * MICROS_PER_USD, redeemed_ms)]

    def _agreements(self) -> list[PopulationAgreement]:
        """Service agreements of organizations with projects and an invoice or a contract, up to four."""
        profile = self._profile
        if profile.segment.billing == "prepaid" or not profile.project_limit:
            return []
        # Nobody agrees to a service that costs more than what is used, or a sixth of a contract's credit.
        begin_day, yearly_micros = profile.first_day + 5, self._expected_daily_micros() * 365
        if profile.segment.billing == "contract":
            if not self._contracts or self._contracts[0].starts_paid_ms > self._as_of_ms:
                return []
            begin_day = self._contracts[0].starts_paid_ms // DAY_MS + 2
            terms = self._contracts[0].terms
            yearly_micros = terms.credit_micros * 12 // terms.term_months // 6
        words = lexicon("en_US")
        agreements = []
        for number in range(profile.below(5, "agreement-count")):
            word = profile.draw("agreement", number)
            created_ms = profile.office_instant(begin_day + word % 400, word >> 10)
            interval = self._interval_at(created_ms)
            if created_ms > self._as_of_ms or interval is None:
                continue
            kind = _CHARGE_TYPES[number]
            least_usd, steps, step_usd = _CHARGE_USD[kind]
            amount_micros = (least_usd + step_usd * ((word >> 40) % steps)) * MICROS_PER_USD
            times = 12 if kind == "monthly" else 1
            if amount_micros * times > yearly_micros:
                continue
            texts: tuple[str, ...] = getattr(words, kind)
            projects = len(self._activity.project_days)
            known = bisect_left(self._activity.project_days, created_ms // DAY_MS)
            agreement = PopulationAgreement(
                ids.uuid(profile.seed, profile.organization, "agreement", number),
                texts[(word >> 50) % len(texts) if number < 2 else (number + (word >> 50)) % len(texts)],
                amount_micros,
                kind,
                (word >> 44) % known if known and projects and word >> 36 & 1 else None,
                created_ms,
                profile.members[(word >> 54) % len(profile.members)],
                None,
                interval.closed_ms,
            )
            agreements.append(agreement)
        return agreements

    def _expected_daily_micros(self) -> int:
        """What a day of the size that it signed up for costs, roughly."""
        return (exp2(self._profile.size_log2) >> 16) * _MICROS_PER_MESSAGE

    def _interval_at(self, at_ms: int) -> Interval | None:
        """The interval in which the organization has an account at an instant."""
        for interval in self._intervals:
            if interval.start_day * DAY_MS <= at_ms < (interval.closed_ms or NEVER_MS):
                return interval
        return None

    def _billings(self, agreement: PopulationAgreement) -> list[int]:
        """The openings of months at which an agreement is billed: the first one, and one each interval after
        it.
        """
        interval = PAYMENT_INTERVAL_MONTHS[agreement.charge_type]
        first_ms = instants.parse(instants.month(agreement.created_ms) + "-01")
        last_ms = min(self._horizon_ms, agreement.ended_ms or NEVER_MS)
        billed: list[int] = []
        number = 1
        while True:
            at_ms = instants.add_months(first_ms, number) + MONTH_OPENS_MS
            if at_ms > last_ms:
                return billed
            billed.append(at_ms)
            if not interval:
                return billed
            number += interval

    def _month_charges(self) -> list[SingleEntry]:
        """Characters and service agreements, charged when a month opens."""
        entries = []
        for month in self._activity.characters:
            micros = unit_charge_micros(month.high_water_mark, CHARACTER_MONTH_NANOS)
            text = f"{month.high_water_mark} active characters in {month.month}"
            entries.append(
                self._charge(month.billed_ms, "character_charge", micros, text)._replace(month=month.month)
            )
        for agreement in self.agreements:
            for at_ms in self._billings(agreement):
                entry = self._charge(at_ms, "service_charge", agreement.amount_micros, agreement.description)
                entries.append(entry._replace(charge_id=agreement.charge_id))
        return sorted(entries, key=lambda entry: (entry.at_ms, entry.kind, entry.charge_id or ""))

    def _charge(self, at_ms: int, kind: str, micros: int, text: str) -> SingleEntry:
        credits = -micros if self._prepaid else 0
        return SingleEntry(at_ms, _MONTH, kind, credits, -micros, text)

    def _contract_entries(self, contract: SignedContract) -> list[SingleEntry]:
        """The credits of the installments that were paid, and the bonus with the first of them."""
        terms, entries = contract.terms, []
        for row in contract.installments:
            entries.append(
                SingleEntry(
                    row.paid_ms,
                    _SINGLE,
                    "contract_credit",
                    row.installment.credit_micros,
                    row.installment.amount_micros,
                    row.installment.title,
                    contract_id=terms.contract_id,
                    month=f"{row.number}",
                )
            )
        if terms.bonus_micros:
            entries.append(
                SingleEntry(
                    contract.bonus_ms,
                    _SINGLE,
                    "bonus_credit",
                    terms.bonus_micros,
                    0,
                    "Contract bonus credit",
                    contract_id=terms.contract_id,
                )
            )
        return entries

    def _charges(self) -> _Charges:
        """Usage at its instant, and the evening's sums of events and of services."""
        usage, meters = self._activity.usage, self._activity.meters
        parts = [(usage.at_ms, usage.micros, USAGE, np.arange(len(usage.at_ms)), _USED)]
        is_event = meters.item < 3
        for origin, of_kind in ((EVENTS, is_event), (SERVICES, ~is_event)):
            days, micros = meters.at_ms[of_kind] // DAY_MS, meters.micros[of_kind]
            if not len(days):
                continue
            starts = np.flatnonzero(np.append(True, days[1:] != days[:-1]))
            at_ms, sums = days[starts] * DAY_MS + SETTLEMENT_MS, np.add.reduceat(micros, starts)
            due = (at_ms <= self._horizon_ms) & (sums > 0)
            parts.append((at_ms[due], sums[due], origin, np.zeros(int(due.sum()), np.int64), _EVENING))
        return _Charges(
            np.concatenate([part[0] for part in parts]),
            np.concatenate([part[1] for part in parts]),
            np.concatenate([np.full(len(part[0]), part[2], np.int64) for part in parts]),
            np.concatenate([part[3] for part in parts]),
            np.concatenate([np.full(len(part[0]), part[4], np.int64) for part in parts]),
        )

    def _merge(self, singles: Sequence[SingleEntry], charges: _Charges) -> tuple[PopulationLedger, Integers]:
        """All entries in order of time, with the order at the same instant of each."""
        columns = np.array(
            [(entry.at_ms, entry.credits_micros, entry.usd_micros, entry.order) for entry in singles],
            np.int64,
        ).reshape(-1, 4)
        at_ms = np.concatenate([columns[:, 0], charges.at_ms])
        order_at = np.concatenate([columns[:, 3], charges.order * 4 + charges.origin])
        order_at[: len(singles)] *= 4
        order = np.lexsort((order_at, at_ms))
        credits = -charges.micros if self._prepaid else np.zeros_like(charges.micros)
        ledger = PopulationLedger(
            at_ms[order],
            np.concatenate([np.full(len(singles), SINGLE, np.int64), charges.origin])[order],
            np.concatenate([np.arange(len(singles)), charges.source_row])[order],
            np.concatenate([columns[:, 1], credits])[order],
            np.concatenate([columns[:, 2], -charges.micros])[order],
        )
        return ledger, order_at[order]

    # Prepaid: credit is bought.

    def _prepaid_account(self, singles: list[SingleEntry], charges: _Charges) -> PopulationAccount:
        profile = self._profile
        has_contract = profile.segment.billing == "contract"
        rule = PurchaseRule(
            profile,
            has_contract or profile.below(100, "automatic") < profile.segment.automatic_top_up_percent,
            has_contract or profile.pays,
            has_contract,
        )
        ledger, _ = self._merge(singles, charges)
        is_charge = ledger.usd_micros < 0
        settled = Settlement(rule, ledger.at_ms, ledger.credits_micros, is_charge).run()
        is_kept = settled.posted & (ledger.origin == SINGLE) & (ledger.at_ms <= self._as_of_ms)
        usage, meters, characters = self._posted(ledger, settled, singles)
        kept_singles = {int(row) for row in ledger.source_row[is_kept]}
        singles = [entry for number, entry in enumerate(singles) if number in kept_singles]
        usage, meters = self._known(usage, meters)
        self._activity = self._activity._replace(usage=usage, meters=meters, characters=characters)
        invoices, payments, bought = self._purchases(settled.purchases)
        singles, contract_invoices, contract_payments = self._contract_invoices(singles)
        invoices, payments = [*invoices, *contract_invoices], [*payments, *contract_payments]
        singles, invoices, payments = self._numbered([*singles, *bought], invoices, payments)
        final, _ = self._merge(singles, self._charges())
        return self._account(final, singles, invoices, payments, 0)

    def _posted(
        self, ledger: PopulationLedger, settled: Settled, singles: Sequence[SingleEntry]
    ) -> tuple[PopulationUsage, PopulationMeters, tuple[CharacterMonth, ...]]:
        """What was used and is paid for: usage, the readings of evenings that were charged, billed months."""
        usage, meters = self._activity.usage, self._activity.meters
        unposted = ~settled.posted
        if not unposted.any():
            return usage, meters, self._activity.characters
        used = np.ones(len(usage.at_ms), dtype=bool)
        used[ledger.source_row[unposted & (ledger.origin == USAGE)]] = False
        counted = np.ones(len(meters.at_ms), dtype=bool)
        days = meters.at_ms // DAY_MS
        for origin, of_kind in ((EVENTS, meters.item < 3), (SERVICES, meters.item >= 3)):
            resting = ledger.at_ms[unposted & (ledger.origin == origin)] // DAY_MS
            counted &= ~(of_kind & np.isin(days, resting))
        left_out = [singles[row] for row in ledger.source_row[unposted & (ledger.origin == SINGLE)].tolist()]
        unbilled = {entry.month for entry in left_out if entry.kind == "character_charge"}
        characters = tuple(month for month in self._activity.characters if month.month not in unbilled)
        return (
            PopulationUsage(*(column[used] for column in usage)),
            PopulationMeters(*(column[counted] for column in meters)),
            characters,
        )

    def _known(
        self, usage: PopulationUsage, meters: PopulationMeters
    ) -> tuple[PopulationUsage, PopulationMeters]:
        """What was used by the as-of instant, and read on days that are settled; both in order of time."""
        used = int(np.searchsorted(usage.at_ms, self._as_of_ms, side="right"))
        first_day = (self._as_of_ms - SETTLEMENT_MS) // DAY_MS + 1
        counted = int(np.searchsorted(meters.at_ms, first_day * DAY_MS))
        return (
            PopulationUsage(*(column[:used] for column in usage)),
            PopulationMeters(*(column[:counted] for column in meters)),
        )

    def _purchases(
        self, purchases: Sequence[Purchase]
    ) -> tuple[list[PopulationInvoice], list[PopulationPayment], list[SingleEntry]]:
        """Invoices, payments and ledger entries of what was bought; their ids come later."""
        invoices, payments, entries = [], [], []
        for number, purchase in enumerate(purchases):
            attempts, label = purchase.attempts, f"purchase {number}"
            if attempts.issued_ms > self._as_of_ms:
                continue
            session_id = None
            if purchase.by_hand:
                session_id = ids.checkout_session(
                    self._profile.seed, self._profile.organization, "purchase", number
                )
            method = "checkout" if purchase.by_hand else "card"
            for attempt in attempts.made:
                if attempt.at_ms <= self._as_of_ms:
                    status = "succeeded" if attempt.failure is None else "failed"
                    payments.append(
                        PopulationPayment(
                            attempt.at_ms,
                            status,
                            method,
                            purchase.micros,
                            attempt.failure,
                            label,
                            session_id,
                            attempt.failure is None,
                        )
                    )
            invoices.append(self._purchase_invoice(label, attempts, purchase.micros))
            if attempts.paid_ms <= self._as_of_ms:
                entry = self._top_up(purchase, label, session_id)
                entries.append(entry)
                self._refund(number, entry, invoices, payments, entries)
        return invoices, payments, entries

    def _purchase_invoice(
        self, label: str, attempts: PurchaseAttempts, micros: int, refunded_ms: int = NEVER_MS
    ) -> PopulationInvoice:
        """The invoice of a purchase, which is due within a day, as long as a checkout can be paid."""
        due_ms = attempts.issued_ms + DAY_MS
        paid = attempts.paid_ms <= self._as_of_ms
        status = _status(paid, due_ms, self._as_of_ms)
        if attempts.given_up_ms <= self._as_of_ms:
            status = "uncollectible"
        elif refunded_ms <= self._as_of_ms:
            status = "refunded"
        paid_ms = attempts.paid_ms if paid else NEVER_MS
        return PopulationInvoice(label, "top_up", attempts.issued_ms, due_ms, micros, paid_ms, status, None)

    def _top_up(self, purchase: Purchase, label: str, session_id: str | None) -> SingleEntry:
        text = "Credit purchase" if purchase.by_hand else AUTOMATIC_TOP_UP
        creator = None
        if purchase.by_hand:
            # Mostly the one who signed up; two others stand in.
            word = self._profile.draw("buyers", purchase.attempts.paid_ms // DAY_MS)
            creator = self._profile.members[0 if word % 16 < 11 else 1 + (word >> 4) % 2]
        return SingleEntry(
            purchase.attempts.paid_ms,
            _BOUGHT,
            "top_up",
            purchase.micros,
            purchase.micros,
            text,
            created_by=creator,
            invoice_id=label,
            checkout_session_id=session_id,
        )

    def _refund(
        self,
        number: int,
        entry: SingleEntry,
        invoices: list[PopulationInvoice],
        payments: list[PopulationPayment],
        entries: list[SingleEntry],
    ) -> None:
        """Some purchases are made twice within minutes; the second one is refunded one to four days later.

        Its credit is never spent, because the balance without it is never below zero.
        """
        profile = self._profile
        word = profile.draw("refunds", entry.at_ms // DAY_MS)
        if word % 100 >= profile.segment.refund_percent:
            return
        again_ms = entry.at_ms + 45_000 + (word >> 8) % (4 * MINUTE_MS)
        attempts = PurchaseAttempts(again_ms - 1_000 - (word >> 24 & 0x7FFF), (Attempt(again_ms, None),))
        refunded_ms = profile.office_instant(again_ms // DAY_MS + 2 + (word >> 32) % 3, word >> 16)
        if attempts.issued_ms > self._as_of_ms:
            return
        label, session_id = f"purchase {number} again", entry.checkout_session_id
        if session_id is not None:
            session_id = ids.checkout_session(profile.seed, profile.organization, "again", number)
        method, micros = "card" if session_id is None else "checkout", entry.usd_micros
        invoices.append(self._purchase_invoice(label, attempts, micros, refunded_ms))
        if again_ms <= self._as_of_ms:
            payments.append(
                PopulationPayment(again_ms, "succeeded", method, micros, None, label, session_id, True)
            )
            entries.append(entry._replace(at_ms=again_ms, invoice_id=label, checkout_session_id=session_id))
        if refunded_ms <= self._as_of_ms:
            payments.append(
                PopulationPayment(refunded_ms, "refunded", method, -micros, None, label, session_id, True)
            )
            text = "Refund of a duplicate purchase"
            entries.append(
                SingleEntry(
                    refunded_ms,
                    _SINGLE,
                    "refund",
                    -micros,
                    -micros,
                    text,
                    invoice_id=label,
                    checkout_session_id=session_id,
                )
            )

    def _contract_invoices(
        self, singles: list[SingleEntry]
    ) -> tuple[list[SingleEntry], list[PopulationInvoice], list[PopulationPayment]]:
        """The invoices of the installments that were issued, and their payments."""
        invoices, payments = [], []
        labels: dict[tuple[str | None, str | None], str] = {}
        for contract in self._contracts:
            contract_id = contract.terms.contract_id
            for row in contract.installments:
                voided = contract.cancelled_ms is not None and row.issued_ms >= contract.cancelled_ms
                if row.issued_ms > self._as_of_ms or voided:
                    continue
                label = f"installment {contract_id} {row.number}"
                labels[contract_id, f"{row.number}"] = label
                paid = row.paid_ms <= self._as_of_ms
                status = _status(paid, row.installment.due_ms, self._as_of_ms)
                if contract.cancelled_ms is not None and contract.cancelled_ms <= self._as_of_ms and not paid:
                    unpaid = row.installment.due_ms < contract.cancelled_ms and not contract.replaced
                    status = "uncollectible" if unpaid else "void"
                amount = row.installment.amount_micros
                invoices.append(
                    PopulationInvoice(
                        label,
                        "installment",
                        row.issued_ms,
                        row.installment.due_ms,
                        amount,
                        row.paid_ms if paid else NEVER_MS,
                        status,
                        contract_id,
                    )
                )
                if paid:
                    payments.append(
                        PopulationPayment(
                            row.paid_ms, "succeeded", "bank_transfer", amount, None, label, None, True
                        )
                    )
        found = [
            entry._replace(invoice_id=labels[entry.contract_id, entry.month], month=None)
            if entry.kind == "contract_credit"
            else entry
            for entry in singles
        ]
        return found, invoices, payments

    def _numbered(
        self,
        singles: Sequence[SingleEntry],
        invoices: Sequence[PopulationInvoice],
        payments: Sequence[PopulationPayment],
    ) -> tuple[list[SingleEntry], list[PopulationInvoice], list[PopulationPayment]]:
        """Everything with invoice ids instead of labels: numbered in the order in which they were issued."""
        ordered = sorted(invoices, key=lambda invoice: (invoice.issued_ms, invoice.invoice_id))
        numbers = {
            invoice.invoice_id: f"{self._invoice_prefix}-{number:04d}"
            for number, invoice in enumerate(ordered, 1)
        }
        return (
            [
                entry if entry.invoice_id is None else entry._replace(invoice_id=numbers[entry.invoice_id])
                for entry in singles
            ],
            [invoice._replace(invoice_id=numbers[invoice.invoice_id]) for invoice in ordered],
            sorted(
                (payment._replace(invoice_id=numbers[payment.invoice_id]) for payment in payments),
                key=lambda payment: (payment.at_ms, payment.invoice_id),
            ),
        )

    # Postpaid: an invoice for each month, paid some weeks later.

    def _postpaid_account(self, singles: list[SingleEntry], charges: _Charges) -> PopulationAccount:
        ledger, _ = self._merge(singles, charges)
        openings, sums = _month_sums(ledger.at_ms, -ledger.usd_micros, self._as_of_ms)
        invoices, payments = [], []
        for number, (opening_ms, micros) in enumerate(zip(openings, sums, strict=True), 1):
            invoice, written_off_ms = self._month_invoice(number, opening_ms, micros)
            invoices.append(invoice)
            invoice_id = invoice.invoice_id
            if invoice.paid_ms <= self._as_of_ms:
                payments.append(
                    PopulationPayment(
                        invoice.paid_ms, "succeeded", "bank_transfer", micros, None, invoice_id, None, True
                    )
                )
                singles.append(
                    self._settled(invoice.paid_ms, micros, f"Payment of invoice {invoice_id}", invoice_id)
                )
            elif written_off_ms <= self._as_of_ms:
                singles.append(
                    self._settled(written_off_ms, micros, f"Write-off of invoice {invoice_id}", invoice_id)
                )
        payments.sort(key=lambda payment: (payment.at_ms, payment.invoice_id))
        final, _ = self._merge(singles, charges)
        highest = int((-np.cumsum(final.usd_micros)).max(initial=0))
        return self._account(final, singles, invoices, payments, self._limit(highest))

    def _settled(self, at_ms: int, micros: int, text: str, invoice_id: str) -> SingleEntry:
        """The entry of an invoice that is paid, or written off: nothing of it is owed any more."""
        return SingleEntry(at_ms, _SINGLE, "adjustment", 0, micros, text, invoice_id=invoice_id)

    def _limit(self, highest_micros: int) -> int:
        """The limit of a debt that has not been above an amount so far, a round amount: 1, 2 or 5 with zeros.

        At sign-up it is the first one above what 90 days of the organization's size cost. When a charge
        brings the debt within a tenth of it, it is raised to the next one before the charge is posted.
        """
        at_first = self._expected_daily_micros() * _LIMIT_DAYS
        least = max(at_first, -(-highest_micros * 10 // 9), _LEAST_LIMIT_USD * MICROS_PER_USD)
        power = len(str(least // MICROS_PER_USD)) - 1
        steps = (digit * int(10**place) for place in (power, power + 1) for digit in (1, 2, 5))
        return next(usd for usd in steps if usd * MICROS_PER_USD >= least) * MICROS_PER_USD

    def _month_invoice(self, number: int, opening_ms: int, micros: int) -> tuple[PopulationInvoice, int]:
        """The invoice of the charges up to the opening of a month, and when it is written off.

        Before the opening it is still to come. Who is insolvent pays none, and it is written off three to
        five months after it was due.
        """
        profile = self._profile
        word = profile.draw("invoices", month_of(opening_ms // DAY_MS))
        issued_ms = opening_ms + 5 * HOUR_MS + word % (4 * HOUR_MS)
        due_ms = issued_ms + profile.segment.payment_terms_days * DAY_MS
        due_day = due_ms // DAY_MS
        paid_day = profile.payment_day(issued_ms // DAY_MS, due_day, word >> 12)
        paid_ms, written_off_ms = profile.office_instant(paid_day, word >> 24), NEVER_MS
        insolvent_ms = self._intervals[-1].insolvent_ms
        if insolvent_ms is not None and opening_ms >= insolvent_ms:
            paid_ms = NEVER_MS
            written_off_ms = profile.office_instant(due_day + 90 + (word >> 30) % 60, word >> 24)
        paid = paid_ms <= self._as_of_ms
        status = _status(paid, due_ms, self._as_of_ms)
        if issued_ms > self._as_of_ms:
            status = "upcoming"
        elif written_off_ms <= self._as_of_ms:
            status = "uncollectible"
        invoice = PopulationInvoice(
            f"{self._invoice_prefix}-{number:04d}",
            "month",
            issued_ms,
            due_ms,
            micros,
            paid_ms if paid else NEVER_MS,
            status,
            None,
            opening_ms,
        )
        return invoice, written_off_ms

    def _account(
        self,
        ledger: PopulationLedger,
        singles: Sequence[SingleEntry],
        invoices: Sequence[PopulationInvoice],
        payments: Sequence[PopulationPayment],
        limit_micros: int,
    ) -> PopulationAccount:
        owed = 0 if self._prepaid else -int(ledger.usd_micros.sum())
        billed_ms = {
            entry.charge_id: entry.at_ms
            for entry in sorted(singles, key=lambda entry: entry.at_ms)
            if entry.charge_id is not None
        }
        first_ms = self._profile.sign_up.at_ms if not self._prepaid or self._contracts else NEVER_MS
        if payments:
            first_ms = min(first_ms, payments[0].at_ms)
        return PopulationAccount(
            ledger,
            singles,
            self._activity.usage,
            self._activity.meters,
            self._activity.characters,
            [
                agreement._replace(billed_ms=billed_ms.get(agreement.charge_id))
                for agreement in self.agreements
            ],
            self.vouchers,
            invoices,
            payments,
            int(ledger.credits_micros.sum()),
            owed,
            limit_micros,
            first_ms,
        )


def _status(paid: bool, due_ms: int, as_of_ms: int) -> str:
    """Where an issued invoice stands."""
    if paid:
        return "paid"
    return "overdue" if due_ms < as_of_ms else "due"


def _month_sums(at_ms: Integers, micros: Integers, as_of_ms: int) -> tuple[list[int], list[int]]:
    """The charges up to the opening of each month, without months that have none."""
    if not len(at_ms):
        return [], []
    opens_ms = instants.parse(instants.month(int(at_ms[0])) + "-01") + MONTH_OPENS_MS
    openings, sums, low = [], [], 0
    while low < len(at_ms):
        opens_ms = instants.add_months(opens_ms - MONTH_OPENS_MS, 1) + MONTH_OPENS_MS
        high = int(np.searchsorted(at_ms, opens_ms, side="right"))
        if high > low and int(micros[low:high].sum()):
            openings.append(opens_ms)
            sums.append(int(micros[low:high].sum()))
        low = high
    return openings, sums
