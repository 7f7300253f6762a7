"""The tables of one tenant, row by row, out of its ledger, series and log.

They are right for every tenant, and slow. The column tables give the same rows for tenants whose history
nobody changed, and the tests compare both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from heapq import merge
from itertools import pairwise
from operator import add, attrgetter

from orgbilling_fixtures.personas import Persona
from orgbilling_fixtures.usage.history import MeterRow, UsageRow
from orgbilling_fixtures.usage.patterns import SOURCES

from orgbilling_stubs.billing import ids, instants
from orgbilling_stubs.billing.billing_days import MONTH_OPENS_MS, billing_day, month_openings
from orgbilling_stubs.billing.events import MeterRecorded, Record, UsageRecorded
from orgbilling_stubs.billing.ledger import LedgerRow
from orgbilling_stubs.billing.ledger_posting import METER_CHARGES
from orgbilling_stubs.billing.money import unit_charge_micros
from orgbilling_stubs.billing.opening_balance import CHARGES
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.billing.tenant_config import Meter, Usage, UsageDay
from orgbilling_stubs.export.columnar.columns import TableColumns
from orgbilling_stubs.export.payment_tables import (
    LINKS,
    PaymentTables,
    Posting,
    month_invoice_id,
    opening_after,
    payment_tables,
)
from orgbilling_stubs.export.reference_tables import (
    Row,
    billing_profile_row,
    characters_row,
    sign_up_row,
    wanted_tables,
)
from orgbilling_stubs.export.schema import NAMES

_SOURCE_POSITIONS = {source: position for position, source in enumerate(SOURCES)}
_BY_DAY = ("events", "services", "usage_by_day", "ledger")
_PAYING = ("ledger", "invoices", "payments", "sign_ups")
_EVENING_TEXTS = tuple(text for _, text in METER_CHARGES.values())


def tables(
    tenant: Tenant, persona: Persona, wanted: Collection[str] = NAMES, log: Sequence[Record] = ()
) -> dict[str, TableColumns]:
    """The wanted tables of a tenant, as it is; log: the records of its active branch."""
    days = [*map(tenant.config.activity.day, _days(tenant))] if {*wanted} & {*_BY_DAY} else []
    ledger, prices = tenant.ledger, tenant.prices
    used_ms = [entry.at_ms for entry in ledger.rows if entry.kind == "usage"]
    made = payment_tables(tenant, *_postings(tenant)) if {*wanted} & {*_PAYING} else PaymentTables()
    rows: dict[str, Callable[[], Iterable[Row]]] = {
        "billing_profiles": lambda: [
            billing_profile_row(tenant, ledger.balance_micros, ledger.outstanding_micros, tenant.updated_ms)
        ],
        "characters": lambda: _characters(tenant),
        "events": lambda: _metered(tenant, days, log, "event", prices.events),
        "services": lambda: _metered(tenant, days, log, "service", prices.services),
        "usage_by_day": lambda: _usage(tenant, days, log),
        "ledger": lambda: _ledger(tenant, days, log, made),
        "invoices": lambda: made.invoices,
        "payments": lambda: made.payments,
        "sign_ups": lambda: [
            sign_up_row(tenant, min(used_ms, default=None), max(used_ms, default=None), made.first_paid_ms)
        ],
    }
    return wanted_tables(tenant, persona, wanted, rows)


def _is_evening(entry: LedgerRow) -> bool:
    """Whether an entry charges what meters read, in the evening or when it was recorded by hand."""
    return entry.kind in ("event_charge", "service_charge") and entry.description.startswith(_EVENING_TEXTS)


def _postings(tenant: Tenant) -> tuple[list[Posting], dict[int, int], dict[int, str]]:
    """The arguments of `payment_tables`: entries, charges by opening, and checkout sessions."""
    rows = tenant.ledger.rows
    postings = [
        Posting(*row[:5], row.description) for row in rows if row.kind != "usage" and not _is_evening(row)
    ]
    month_charges: dict[int, int] = defaultdict(int)
    if tenant.config.mode == "postpaid":
        for row in rows:
            if row.kind in CHARGES:
                month_charges[opening_after(row.at_ms)] -= row.usd_micros
    sessions = {
        checkout.ledger_row: checkout.session_id
        for checkout in tenant.checkouts.values()
        if checkout.ledger_row is not None
    }
    return postings, month_charges, sessions


def _ledger(
    tenant: Tenant, days: Sequence[UsageDay], log: Sequence[Record], made: PaymentTables
) -> Iterator[Row]:
    config = tenant.config
    billed = {entry.number: usage for usage, entry in _billed_usage(tenant, days, log)}
    postpaid = config.mode == "postpaid"
    none: dict[str, str | None] = dict.fromkeys(LINKS)
    for entry in tenant.ledger.rows:
        usage = billed.get(entry.number)
        links = none | made.links.get(entry.number, {})
        if postpaid and entry.kind in CHARGES and entry.usd_micros:
            links["invoice_id"] = month_invoice_id(opening_after(entry.at_ms))
        yield {
            **links,
            "project_id": None if usage is None else config.projects[usage.project].project_id,
            "model": None if usage is None else usage.model,
            "number": entry.number,
            "entry_id": ids.uuid(config.seed, config.identity_organization, "entry", entry.number),
            "created_at": entry.at_ms,
            "entry_type": entry.kind,
            "amount_credits": entry.credits_micros,
            "amount_usd": entry.usd_micros,
            "tokens": entry.tokens,
            "description": entry.description,
            "created_by": entry.created_by,
            "traffic_source": entry.source,
        }


def _days(tenant: Tenant) -> range:
    return range(tenant.config.start_ms // instants.DAY_MS, tenant.now_ms // instants.DAY_MS + 1)


def _billed_usage(
    tenant: Tenant, days: Sequence[UsageDay], log: Sequence[Record]
) -> Iterator[tuple[Usage, LedgerRow]]:
    """The usage that was billed with its ledger row, in order of time.

    An organization that stops at zero does not bill all usage of its history, so usage is matched with the
    ledger by instant and tokens; what is not in the ledger is left out.
    """
    entries = iter([entry for entry in tenant.ledger.rows if entry.kind == "usage"])
    entry = next(entries, None)
    recorded = [
        UsageRow(record.at_ms, *(getattr(record.event, name) for name in UsageRow._fields[1:]))
        for record in log
        if isinstance(record.event, UsageRecorded)
    ]
    generated = (usage for day in days for usage in day.usage)
    for usage in merge(generated, recorded, key=attrgetter("at_ms")):
        tokens = usage.input_tokens + usage.output_tokens
        if entry is not None and (entry.at_ms, entry.tokens) == (usage.at_ms, tokens):
            yield usage, entry
            entry = next(entries, None)


def _usage(tenant: Tenant, days: Sequence[UsageDay], log: Sequence[Record]) -> Iterator[Row]:
    config = tenant.config
    model_positions = {price.model: position for position, price in enumerate(tenant.prices.models)}
    sums: dict[tuple[int, int, int, int], list[int]] = defaultdict(lambda: [0] * 6)
    for usage, entry in _billed_usage(tenant, days, log):
        inputs, outputs = usage.input_tokens, usage.output_tokens
        day, model = usage.at_ms // instants.DAY_MS, model_positions[usage.model]
        group = sums[day, usage.project, model, _SOURCE_POSITIONS[usage.source]]
        numbers = (1, usage.messages, usage.sessions, inputs, outputs, -entry.usd_micros)
        group[:] = map(add, group, numbers)
    slugs = [*model_positions]
    for number, (day, project, model, source) in enumerate(sorted(sums)):
        entries, messages, sessions, inputs, outputs, micros = sums[day, project, model, source]
        yield {
            "number": number,
            "day": day,
            "project_id": config.projects[project].project_id,
            "model": slugs[model],
            "traffic_source": SOURCES[source],
            "entries": entries,
            "messages": messages,
            "sessions": sessions,
            "input_tokens": inputs,
            "output_tokens": outputs,
            "charge_usd": micros,
        }


def _counted_readings(
    tenant: Tenant, days: Sequence[UsageDay], log: Sequence[Record], kind: str
) -> Iterator[Meter]:
    """The meter readings that the tenant counted: none while it had no credits."""
    for day in days:
        for meter in day.meters:
            series = tenant.meters.get((meter.kind, meter.slug))
            if meter.kind == kind and series is not None and series.total(meter.at_ms - 1, meter.at_ms):
                yield meter
    for record in log:
        event = record.event
        if isinstance(event, MeterRecorded) and event.meter == kind:
            yield MeterRow(record.at_ms, kind, event.slug, event.count)


def _metered(
    tenant: Tenant,
    days: Sequence[UsageDay],
    log: Sequence[Record],
    kind: str,
    prices: tuple[tuple[str, int], ...],
) -> Iterator[Row]:
    unit_nanos = dict(prices)
    sums: dict[tuple[int, str], list[int]] = defaultdict(lambda: [0] * 3)
    for meter in _counted_readings(tenant, days, log, kind):
        group = sums[billing_day(meter.at_ms), meter.slug]
        micros = unit_charge_micros(meter.count, unit_nanos[meter.slug])
        group[:] = map(add, group, (1, meter.count, micros))
    for day, slug in sorted(sums):
        bookings, count, micros = sums[day, slug]
        yield {
            "day": day,
            "event_type" if kind == "event" else "operation": slug,
            "bookings": bookings,
            "count": count,
            "unit_price_usd": unit_nanos[slug],
            "charge_usd": micros,
        }


def _characters(tenant: Tenant) -> Iterator[Row]:
    """A row for each billed month that had characters, and for the present one.

    A billing month lasts from one opening to the next: the characters of the first day are counted at the
    opening, which is why the month before ends a millisecond earlier.
    """
    opened = [*month_openings(tenant.config.start_ms, tenant.now_ms)]
    bounds = [tenant.config.start_ms, *opened, tenant.now_ms + 1]
    for number, (since_ms, until_ms) in enumerate(pairwise(bounds)):
        high = tenant.characters.high(since_ms - 1, until_ms - 1)
        if high:
            billed = number < len(opened)
            month = instants.month(until_ms - instants.DAY_MS if billed else tenant.now_ms - MONTH_OPENS_MS)
            yield characters_row(tenant, month, high, until_ms if billed else None)
