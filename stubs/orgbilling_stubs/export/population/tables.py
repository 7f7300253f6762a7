"""The tables of one organization of a population, in the columns of the schema."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from orgbilling_fixtures.personas.model import EVENTS as EVENT_TYPES
from orgbilling_fixtures.personas.model import SERVICES as OPERATIONS
from orgbilling_fixtures.populations import Population
from orgbilling_fixtures.usage.patterns import SOURCES

from orgbilling_stubs.billing import ids
from orgbilling_stubs.billing.billing_days import MONTH_OPENS_MS
from orgbilling_stubs.billing.instants import DAY_MS
from orgbilling_stubs.billing.ledger_posting import METER_CHARGES
from orgbilling_stubs.billing.money import unit_charge_micros
from orgbilling_stubs.export.columnar.column_tables import entry_ids
from orgbilling_stubs.export.columnar.columns import (
    ColumnValues,
    ConstantColumn,
    DictionaryColumn,
    TableColumns,
)
from orgbilling_stubs.export.errors import require
from orgbilling_stubs.export.population.account import (
    EVENTS,
    SINGLE,
    USAGE,
    AccountWriter,
    PopulationAccount,
)
from orgbilling_stubs.export.population.activity import activity, daily_micros, repriced, with_usual_models
from orgbilling_stubs.export.population.contract_history import (
    ContractSizing,
    SignedContract,
    contract_intervals,
    contract_plans,
    contracts,
)
from orgbilling_stubs.export.population.price_history import (
    CHARACTER_MONTH_NANOS,
    PriceChange,
    PriceHistory,
    plan_changes,
)
from orgbilling_stubs.export.population.profile import Interval, OrganizationProfile
from orgbilling_stubs.export.population.settlement import LEAD_MS
from orgbilling_stubs.export.population.sign_ups import SignUp
from orgbilling_stubs.export.reference_tables import Row
from orgbilling_stubs.export.schema import BY_NAME, NAMES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]
else:
    np = require("numpy", "a population")

_LOCALE = "en_US"
_INPUT_NANOS, _OUTPUT_NANOS, _TOKEN_NANOS = 100_000, 400_000, 190_000
_MODEL_SLOTS = 256


def tables(
    population: Population, seed: int, sign_up: SignUp, as_of_ms: int, wanted: Collection[str] = NAMES
) -> dict[str, TableColumns]:
    """The wanted tables of one organization at an instant, in the order of the schema."""
    return OrganizationWriter(population, seed, sign_up, as_of_ms).tables(wanted)


class OrganizationWriter:
    """Draws the life of one organization up to an instant, and writes it as tables."""

    def __init__(self, population: Population, seed: int, sign_up: SignUp, as_of_ms: int) -> None:
        self._profile = profile = OrganizationProfile(population, seed, sign_up)
        self._as_of_ms, until_day = as_of_ms, as_of_ms // DAY_MS
        months = profile.months(until_day)
        plans = plan_changes(profile, months)
        # An automatic purchase comes before its charge: so far ahead has to be known, within the day.
        horizon_ms = min(as_of_ms + LEAD_MS, (until_day + 1) * DAY_MS - 1)
        if profile.segment.billing == "postpaid":
            horizon_ms = as_of_ms
        self._contracts: Sequence[SignedContract] = ()
        if profile.segment.billing == "contract":
            # What it uses without an end and at list prices, by which contracts are sized.
            listed = PriceHistory(population, (plans[0]._replace(discount_permille=0),), until_day)
            drawn = activity(profile, months, [Interval(profile.first_day)], listed, as_of_ms, horizon_ms)
            usual = with_usual_models(profile, drawn, listed)
            sizing = ContractSizing(
                profile.first_day,
                daily_micros(drawn, profile.first_day),
                daily_micros(usual, profile.first_day),
                profile.growth_log2,
            )
            signed = contracts(profile, until_day, sizing)
            self._contracts = [contract for contract in signed if contract.signed_ms <= as_of_ms]
            self._intervals = contract_intervals(profile, self._contracts)
            self._prices = PriceHistory(population, tuple(contract_plans(self._contracts, plans)), until_day)
            fading_day = self._intervals[-1].fading_day
            if fading_day is None or fading_day > until_day:
                self._activity = repriced(drawn, self._prices)
            else:
                self._activity = activity(
                    profile, months, self._intervals, self._prices, as_of_ms, horizon_ms
                )
        else:
            self._intervals = profile.active_intervals(until_day)
            self._prices = PriceHistory(population, tuple(plans), until_day)
            self._activity = activity(profile, months, self._intervals, self._prices, as_of_ms, horizon_ms)
        writer = AccountWriter(
            profile, self._activity, self._intervals, self._contracts, as_of_ms, horizon_ms
        )
        self._account: PopulationAccount = writer.write()
        self._changes: Sequence[PriceChange] = self._prices.changes()

    def tables(self, wanted: Collection[str]) -> dict[str, TableColumns]:
        """The wanted tables, in the order of the schema."""
        rows: Mapping[str, Callable[[], Iterable[Row]]] = {
            "organizations": self._organization,
            "sign_ups": self._sign_up,
            "billing_profiles": self._billing_profile,
            "projects": self._projects,
            "model_prices": self._model_prices,
            "event_prices": lambda: self._unit_prices("event", "event_type"),
            "service_prices": lambda: self._unit_prices("service", "operation"),
            "price_changes": self._price_changes,
            "vouchers": self._vouchers,
            "service_agreements": self._agreements,
            "contracts": self._contract_rows,
            "installments": self._installments,
            "invoices": self._invoices,
            "payments": self._payments,
            "characters": self._characters,
        }
        columns: Mapping[str, Callable[[], TableColumns]] = {
            "events": lambda: self._metered(0, len(EVENT_TYPES), "event_type"),
            "services": lambda: self._metered(
                len(EVENT_TYPES), len(EVENT_TYPES) + len(OPERATIONS), "operation"
            ),
            "usage_by_day": self._usage_by_day,
            "ledger": self._ledger,
        }
        return {
            name: columns[name]() if name in columns else self._from_rows(name, rows[name]())
            for name in NAMES
            if name in wanted
        }

    def _from_rows(self, table: str, rows: Iterable[Row]) -> TableColumns:
        listed = [*rows]
        owner = {"organization_id": self._profile.organization, "tenant_id": self._profile.tenant_id}
        return {
            name: ConstantColumn(owner[name], len(listed)) if name in owner else [row[name] for row in listed]
            for name in BY_NAME[table].names
        }

    def _organization(self) -> list[Row]:
        profile = self._profile
        return [
            {
                "company": profile.company,
                "persona": profile.segment.segment,
                "locale": _LOCALE,
                "currency": profile.currency,
                "seed": profile.seed,
                "as_of": self._as_of_ms,
                "created_at": profile.sign_up.at_ms,
                "repriced": False,
                "changed_by_hand": False,
            }
        ]

    def _sign_up(self) -> list[Row]:
        profile, used_ms = self._profile, self._account.usage.at_ms
        paid = [payment.at_ms for payment in self._account.payments if payment.status == "succeeded"]
        # Who comes back is back with the first thing that shows it: its use, or its active characters.
        seen_ms = max(self._as_of_ms - MONTH_OPENS_MS, int(used_ms[-1]) if len(used_ms) else 0)
        returns = [interval for interval in self._intervals[1:] if interval.start_day * DAY_MS <= seen_ms]
        closed_ms = [self._intervals[0], *returns][-1].closed_ms
        return [
            {
                "signed_up_at": profile.sign_up.at_ms,
                "region": profile.region,
                "segment": profile.segment.segment,
                "plan": self._prices.plan(self._as_of_ms // DAY_MS).plan,
                "first_used_at": int(used_ms[0]) if len(used_ms) else None,
                "last_used_at": int(used_ms[-1]) if len(used_ms) else None,
                "first_paid_at": paid[0] if paid else None,
                "churned_at": closed_ms if closed_ms is not None and closed_ms <= self._as_of_ms else None,
                "reactivations": len(returns),
            }
        ]

    def _billing_profile(self) -> list[Row]:
        profile, account = self._profile, self._account
        customer = ids.customer(profile.seed, profile.organization)
        prepaid = profile.segment.billing != "postpaid"
        changed = (account.ledger.at_ms, account.meters.at_ms)
        updated_ms = max(profile.sign_up.at_ms, *(int(at_ms[-1]) if len(at_ms) else 0 for at_ms in changed))
        return [
            {
                "billing_mode": "prepaid" if prepaid else "postpaid",
                "currency": profile.currency,
                "credit_balance": account.balance_micros,
                "outstanding_usd": account.outstanding_micros,
                "postpaid_limit_usd": account.postpaid_limit_micros,
                "may_overdraw": False,
                "free_credit_granted": any(entry.kind == "free_credit" for entry in account.singles),
                "stripe_customer_id": customer if account.customer_since_ms <= self._as_of_ms else None,
                "input_token_price_per_1k_usd": _INPUT_NANOS,
                "output_token_price_per_1k_usd": _OUTPUT_NANOS,
                "token_price_per_1k_usd": _TOKEN_NANOS,
                "char_price_per_month_usd": CHARACTER_MONTH_NANOS,
                "updated_at": updated_ms,
            }
        ]

    def _project_id(self, project: int) -> str:
        return ids.uuid(self._profile.seed, self._profile.organization, "project", project)

    def _projects(self) -> list[Row]:
        return [
            {"project_id": self._project_id(number), "name": self._profile.project_name(number)}
            for number in range(len(self._activity.project_days))
        ]

    def _model_prices(self) -> list[Row]:
        newest = {change.item: change for change in self._changes if change.kind == "model"}
        return [
            {
                "model": model.model,
                "position": position,
                "input_price_per_1k_usd": newest[model.model].input_nanos,
                "output_price_per_1k_usd": newest[model.model].output_nanos,
            }
            for position, model in enumerate(self._prices.models)
        ]

    def _unit_prices(self, kind: str, slug_column: str) -> list[Row]:
        newest = {change.item: change.unit_nanos for change in self._changes if change.kind == kind}
        return [{slug_column: slug, "unit_price_usd": nanos} for slug, nanos in sorted(newest.items())]

    def _price_changes(self) -> list[Row]:
        return [
            {
                "number": number,
                "effective_at": max(change.day * DAY_MS, self._profile.sign_up.at_ms),
                "kind": change.kind,
                "item": change.item,
                "unit_price_usd": change.unit_nanos,
                "input_price_per_1k_usd": change.input_nanos,
                "output_price_per_1k_usd": change.output_nanos,
                "reason": change.reason,
            }
            for number, change in enumerate(self._changes)
        ]

    def _invoices(self) -> list[Row]:
        return [
            {
                "invoice_id": invoice.invoice_id,
                "kind": invoice.kind,
                "status": invoice.status,
                "issued_at": invoice.issued_ms,
                "due_at": invoice.due_ms,
                "amount_usd": invoice.amount_micros,
                "paid_at": invoice.paid_ms if invoice.paid_ms <= self._as_of_ms else None,
                "contract_id": invoice.contract_id,
            }
            for invoice in self._account.invoices
        ]

    def _payments(self) -> list[Row]:
        """The payments with the entries that they posted, which have the same instant and invoice."""
        origin, source_row = self._account.ledger.origin, self._account.ledger.source_row
        positions = np.flatnonzero(origin == SINGLE)
        entries = zip(positions.tolist(), source_row[positions].tolist(), strict=True)
        singles = self._account.singles
        numbers = {
            (singles[row].at_ms, singles[row].invoice_id): number
            for number, row in entries
            if singles[row].invoice_id is not None
        }
        return [
            {
                "number": number,
                "created_at": payment.at_ms,
                "status": payment.status,
                "method": payment.method,
                "amount_usd": payment.amount_micros,
                "failure": payment.failure,
                "invoice_id": payment.invoice_id,
                "checkout_session_id": payment.checkout_session_id,
                "ledger_number": numbers[payment.at_ms, payment.invoice_id] if payment.posts else None,
            }
            for number, payment in enumerate(self._account.payments)
        ]

    def _vouchers(self) -> list[Row]:
        return [
            {
                "code": voucher.code,
                "credit_usd": voucher.micros,
                "discount_percent": 0,
                "state": "used" if voucher.redeemed_ms <= self._as_of_ms else "open",
            }
            for voucher in self._account.vouchers
        ]

    def _agreements(self) -> list[Row]:
        rows: list[Row] = []
        for agreement in self._account.agreements:
            ended = agreement.ended_ms is not None and agreement.ended_ms <= self._as_of_ms
            rows.append(
                {
                    "charge_id": agreement.charge_id,
                    "description": agreement.description,
                    "amount_usd": agreement.amount_micros,
                    "charge_type": agreement.charge_type,
                    "project_id": None if agreement.project is None else self._project_id(agreement.project),
                    "active": not ended,
                    "created_at": agreement.created_ms,
                    "created_by": agreement.created_by,
                    "billed_at": agreement.billed_ms,
                    "updated_at": agreement.ended_ms
                    if ended
                    else agreement.billed_ms or agreement.created_ms,
                }
            )
        return rows

    def _contract_rows(self) -> list[Row]:
        return [self._contract_row(contract) for contract in self._contracts]

    def _contract_row(self, contract: SignedContract) -> Row:
        terms, as_of_ms = contract.terms, self._as_of_ms
        status, seed = contract.status(as_of_ms), self._profile.seed
        regular = next(row.installment for row in contract.installments if not row.installment.one_time)
        started = contract.starts_paid_ms <= as_of_ms
        moments = (
            contract.signed_ms,
            *(row.paid_ms for row in contract.installments),
            contract.last_ms,
        )
        paid_once = terms.onetime_credit_micros + terms.onetime_service_micros
        return {
            "contract_id": terms.contract_id,
            "status": status,
            "payment_frequency": terms.frequency,
            "auto_renew": terms.auto_renew,
            "start_date": terms.start_ms,
            "end_date": terms.end_ms,
            "total_value_usd": terms.credit_micros + terms.service_micros,
            "credit_portion_usd": terms.credit_micros,
            "service_portion_usd": terms.service_micros,
            "payment_amount_usd": regular.amount_micros,
            "payment_credit_usd": regular.credit_micros,
            "payment_service_usd": regular.service_micros,
            "onetime_amount_usd": paid_once,
            "onetime_credit_usd": terms.onetime_credit_micros,
            "onetime_service_usd": terms.onetime_service_micros,
            "bonus_credits_usd": terms.bonus_micros,
            "bonus_credits_paid": terms.bonus_micros > 0 and contract.bonus_ms <= as_of_ms,
            "credit_period_limit": None,
            "service_period_limit": None,
            "notes": terms.notes,
            "created_by": terms.created_by,
            "stripe_price_id": ids.price(seed, terms.contract_id),
            "stripe_subscription_id": ids.subscription(seed, terms.contract_id) if started else None,
            "created_at": contract.signed_ms,
            "updated_at": max(at_ms for at_ms in moments if at_ms <= as_of_ms),
        }

    def _installments(self) -> list[Row]:
        return [
            {
                "contract_id": contract.terms.contract_id,
                "number": row.number,
                "period": row.installment.period,
                "due_date": row.installment.due_ms,
                "amount_usd": row.installment.amount_micros,
                "credit_usd": row.installment.credit_micros,
                "service_usd": row.installment.service_micros,
                "is_one_time": row.installment.one_time,
                "paid": row.paid_ms <= self._as_of_ms,
            }
            for contract in self._contracts
            for row in contract.installments
        ]

    def _characters(self) -> list[Row]:
        return [
            {
                "month": month.month,
                "high_water_mark": month.high_water_mark,
                "price_per_char_usd": CHARACTER_MONTH_NANOS,
                "char_charge_usd": unit_charge_micros(month.high_water_mark, CHARACTER_MONTH_NANOS),
                "billed_at": month.billed_ms if month.billed_ms <= self._as_of_ms else None,
            }
            for month in self._account.characters
        ]

    def _metered(self, low: int, high: int, slug_column: str) -> TableColumns:
        """Events or services by billing day and slug: all readings of a day are before its settlement."""
        meters = self._account.meters
        of_kind = np.flatnonzero((meters.item >= low) & (meters.item < high))
        items = (*EVENT_TYPES, *OPERATIONS)[low:high]
        slugs = sorted(slug for slug, _ in items)
        rank = np.array([slugs.index(slug) for slug, _ in items], dtype=np.int64)
        key = meters.at_ms[of_kind] // DAY_MS * len(slugs) + rank[meters.item[of_kind] - low]
        order = np.argsort(key, kind="stable")
        key, of_kind = key[order], of_kind[order]
        starts = _group_starts(key)
        day, slug = np.divmod(key[starts], len(slugs))
        return {
            "organization_id": ConstantColumn(self._profile.organization, len(starts)),
            "day": day,
            slug_column: _dictionary(slugs, slug),
            "bookings": np.diff(np.append(starts, len(key))),
            "count": _group_sums(meters.counts[of_kind], starts),
            "unit_price_usd": meters.nanos[of_kind][starts],
            "charge_usd": _group_sums(meters.micros[of_kind], starts),
        }

    def _usage_by_day(self) -> TableColumns:
        """Usage by day, project, model and source, which are one integer key to sort by."""
        usage, models = self._account.usage, [model.model for model in self._prices.models]
        day = usage.at_ms // DAY_MS
        key = ((day * 32 + usage.project) * _MODEL_SLOTS + usage.model) * len(SOURCES) + usage.source
        order = np.argsort(key, kind="stable")
        starts = _group_starts(key[order])
        first = order[starts]
        projects = [self._project_id(number) for number in range(len(self._activity.project_days))]

        def summed(numbers: Integers) -> Integers:
            return _group_sums(numbers[order], starts)

        return {
            "organization_id": ConstantColumn(self._profile.organization, len(starts)),
            "number": np.arange(len(starts), dtype=np.int64),
            "day": day[first],
            "project_id": _dictionary(projects or [None], usage.project[first]),
            "model": _dictionary(models, usage.model[first]),
            "traffic_source": _dictionary(SOURCES, usage.source[first]),
            "entries": np.diff(np.append(starts, len(order))),
            "messages": summed(usage.messages),
            "sessions": summed(usage.sessions),
            "input_tokens": summed(usage.inputs),
            "output_tokens": summed(usage.outputs),
            "charge_usd": summed(usage.micros),
        }

    def _ledger(self) -> TableColumns:
        """The ledger; its dictionaries have the texts of usage, of evenings, and of each single entry."""
        profile, account, usage = self._profile, self._account, self._account.usage
        origin, source_row = account.ledger.origin, account.ledger.source_row
        is_usage, is_single = origin == USAGE, origin == SINGLE
        count, singles = len(origin), account.singles
        models = [model.model for model in self._prices.models]
        names = [profile.project_name(number) for number in range(len(self._activity.project_days))]
        usage_texts: list[str | None] = [f"{name}: {model}" for name in names for model in models]
        used_rows = source_row[is_usage]
        text_codes = len(usage_texts) + origin - EVENTS
        text_codes[is_single] = len(usage_texts) + 2 + source_row[is_single]
        text_codes[is_usage] = (usage.project * len(models) + usage.model)[used_rows]
        tokens = np.zeros(count, dtype=np.int64)
        tokens[is_usage] = (usage.inputs + usage.outputs)[used_rows]
        (event_kind, event_text), (service_kind, service_text) = (
            METER_CHARGES["event"],
            METER_CHARGES["service"],
        )
        kinds: list[str | None] = ["usage", event_kind, service_kind, *(entry.kind for entry in singles)]
        single_codes = np.where(is_single, 1 + source_row, 0)
        source_codes = np.full(count, len(SOURCES))
        source_codes[is_usage] = usage.source[used_rows]
        projects = [self._project_id(number) for number in range(len(names))]

        def linked(of_singles: list[str | None]) -> ColumnValues:
            return _dictionary([None, *of_singles], single_codes)

        return {
            "organization_id": ConstantColumn(profile.organization, count),
            "number": np.arange(count, dtype=np.int64),
            "entry_id": entry_ids(profile.seed, profile.organization, count),
            "tenant_id": ConstantColumn(profile.tenant_id, count),
            "created_at": account.ledger.at_ms,
            "entry_type": _dictionary(kinds, np.where(is_single, SINGLE + source_row, origin)),
            "amount_credits": account.ledger.credits_micros,
            "amount_usd": account.ledger.usd_micros,
            "tokens": tokens,
            "description": _dictionary(
                [*usage_texts, event_text, service_text, *(entry.description for entry in singles)],
                text_codes,
            ),
            "created_by": _dictionary([None, *(entry.created_by for entry in singles)], single_codes),
            "traffic_source": _dictionary([*SOURCES, None], source_codes),
            "project_id": self._usage_texts(projects, usage.project),
            "model": self._usage_texts(models, usage.model),
            "charge_id": linked([entry.charge_id for entry in singles]),
            "contract_id": linked([entry.contract_id for entry in singles]),
            "invoice_id": self._invoice_ids(linked([entry.invoice_id for entry in singles])),
            "voucher_code": linked([entry.voucher_code for entry in singles]),
            "checkout_session_id": linked([entry.checkout_session_id for entry in singles]),
        }

    def _usage_texts(self, texts: Sequence[str], codes: Integers) -> ColumnValues:
        """A text of each entry of usage, and null elsewhere."""
        ledger = self._account.ledger
        is_usage = ledger.origin == USAGE
        entry_codes = np.full(len(ledger.origin), len(texts), dtype=np.int64)
        entry_codes[is_usage] = codes[ledger.source_row[is_usage]]
        return _dictionary([*texts, None], entry_codes)

    def _invoice_ids(self, of_singles: ColumnValues) -> ColumnValues:
        """The invoices of the entries; a postpaid charge is on that of the month that bills it."""
        if self._profile.segment.billing != "postpaid":
            return of_singles
        assert isinstance(of_singles, DictionaryColumn)
        ledger, invoices = self._account.ledger, self._account.invoices
        openings = np.array([invoice.opens_ms for invoice in invoices], dtype=np.int64)
        month = np.searchsorted(openings, ledger.at_ms, side="left")
        texts = [*of_singles.texts, *(invoice.invoice_id for invoice in invoices)]
        codes = np.where(ledger.usd_micros < 0, len(of_singles.texts) + month, of_singles.codes)
        return _dictionary(texts, codes)


def _dictionary(texts: Sequence[str | None], codes: Integers) -> ColumnValues:
    return DictionaryColumn(texts, codes.astype(np.int32))


def _group_starts(sorted_keys: Integers) -> Integers:
    """Where each group of equal keys begins: [3, 3, 5, 9, 9] → [0, 2, 3]."""
    if not len(sorted_keys):
        return sorted_keys
    return np.flatnonzero(np.append(True, sorted_keys[1:] != sorted_keys[:-1]))


def _group_sums(numbers: Integers, starts: Integers) -> Integers:
    """The sum of each group: [1, 2, 4, 8, 16] with starts [0, 2, 3] → [3, 4, 24]."""
    return np.add.reduceat(numbers, starts) if len(starts) else numbers
