"""The tables out of the engine itself, a row at a time: always right, and what the columns are held to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from heapq import merge
from itertools import pairwise
from operator import attrgetter
from typing import Any

from orgbilling_fixtures.personas import Persona
from orgbilling_fixtures.usage import history
from orgbilling_fixtures.usage.patterns import SOURCES

from orgbilling_stubs.billing import ids, instants
from orgbilling_stubs.billing.billing_days import MONTH_OPENS_MS, billing_day, month_openings
from orgbilling_stubs.billing.events import MeterRecorded, Record, UsageRecorded
from orgbilling_stubs.billing.ledger import LedgerRow
from orgbilling_stubs.billing.money import unit_charge_micros
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.billing.tenant_config import Meter, Usage, UsageDay
from orgbilling_stubs.export.columnar.columns import Chunk
from orgbilling_stubs.export.reference_tables import chunk, profile, standing
from orgbilling_stubs.export.schema import NAMES

_PLACES = {source: place for place, source in enumerate(SOURCES)}
_BY_DAY = ("events", "services", "usage_by_day")


def tables(
    tenant: Tenant, persona: Persona, wanted: Collection[str] = NAMES, log: Sequence[Record] = ()
) -> dict[str, Chunk]:
    """The wanted tables of a tenant, as it is; log: the records that made it, as far as they count."""
    days = [*map(tenant.config.activity.day, _days(tenant))] if {*wanted} & {*_BY_DAY} else []
    ways: dict[str, Callable[[], Iterable[tuple[Any, ...]]]] = {
        "characters": lambda: _characters(tenant),
        "events": lambda: _metered(tenant, days, log, "event", tenant.prices.events),
        "services": lambda: _metered(tenant, days, log, "service", tenant.prices.services),
        "usage_by_day": lambda: _usage(tenant, days, log),
        "ledger": lambda: _ledger(tenant),
    }
    ledger = tenant.ledger
    owed = ledger.outstanding_micros
    found = standing(tenant, persona)
    found["billing_profiles"] = profile(tenant, ledger.balance_micros, owed, tenant.updated_ms)
    return {
        name: chunk(name, ways[name]()) if name in ways else found[name] for name in NAMES if name in wanted
    }


def _ledger(tenant: Tenant) -> Iterator[tuple[Any, ...]]:
    plan = tenant.config
    for row in tenant.ledger.rows:
        yield (
            plan.organization,
            row.number,
            ids.uuid(plan.seed, plan.identity_seed, "entry", row.number),
            plan.tenant_id,
            row.at_ms,
            row.kind,
            row.credits_micros,
            row.usd_micros,
            row.tokens,
            row.description,
            row.created_by,
            row.source,
        )


def _days(tenant: Tenant) -> range:
    return range(tenant.config.start_ms // instants.DAY_MS, tenant.now_ms // instants.DAY_MS + 1)


def _used(
    tenant: Tenant, days: Sequence[UsageDay], log: Sequence[Record]
) -> Iterator[tuple[Usage, LedgerRow]]:
    """The usage that was billed with its ledger row, in order of time."""
    rows = iter([row for row in tenant.ledger.rows if row.kind == "usage"])
    row = next(rows, None)
    by_hand = [
        history.UsageRow(
            record.at_ms, *(getattr(record.event, name) for name in history.UsageRow._fields[1:])
        )
        for record in log
        if isinstance(record.event, UsageRecorded)
    ]
    by_itself = (usage for day in days for usage in day.usage)
    for usage in merge(by_itself, by_hand, key=attrgetter("at_ms")):
        tokens = usage.input_tokens + usage.output_tokens
        if row is not None and (row.at_ms, row.tokens) == (usage.at_ms, tokens):
            yield usage, row
            row = next(rows, None)


def _usage(tenant: Tenant, days: Sequence[UsageDay], log: Sequence[Record]) -> Iterator[tuple[Any, ...]]:
    plan = tenant.config
    models = {price.model: place for place, price in enumerate(tenant.prices.models)}
    sums: dict[tuple[int, int, int, int], list[int]] = {}

    def add(key: tuple[int, int, int, int], numbers: Iterable[int]) -> None:
        known = sums.setdefault(key, [0] * 6)
        known[:] = map(sum, zip(known, numbers, strict=True))

    for usage, row in _used(tenant, days, log):
        inputs, outputs = usage.input_tokens, usage.output_tokens
        place = (usage.at_ms // instants.DAY_MS, usage.project, models[usage.model], _PLACES[usage.source])
        add(place, (1, usage.messages, usage.sessions, inputs, outputs, -row.usd_micros))
    slugs = [*models]
    for number, (day, project, model, source) in enumerate(sorted(sums)):
        project_id = plan.projects[project].project_id
        row_sums = sums[day, project, model, source]
        yield (plan.organization, number, day, project_id, slugs[model], SOURCES[source], *row_sums)


def _readings(tenant: Tenant, days: Sequence[UsageDay], log: Sequence[Record], kind: str) -> Iterator[Meter]:
    """The meter readings that counted."""
    for day in days:
        for meter in day.meters:
            series = tenant.meters.get((meter.kind, meter.slug))
            if meter.kind == kind and series is not None and series.total(meter.at_ms - 1, meter.at_ms):
                yield meter
    for record in log:
        event = record.event
        if isinstance(event, MeterRecorded) and event.meter == kind:
            yield history.MeterRow(record.at_ms, kind, event.slug, event.count)


def _metered(
    tenant: Tenant,
    days: Sequence[UsageDay],
    log: Sequence[Record],
    kind: str,
    prices: tuple[tuple[str, int], ...],
) -> Iterator[tuple[Any, ...]]:
    nanos = dict(prices)
    sums: dict[tuple[int, str], list[int]] = {}
    for meter in _readings(tenant, days, log, kind):
        known = sums.setdefault((billing_day(meter.at_ms), meter.slug), [0, 0, 0])
        micros = unit_charge_micros(meter.count, nanos[meter.slug])
        known[:] = known[0] + 1, known[1] + meter.count, known[2] + micros
    for day, slug in sorted(sums):
        bookings, count, micros = sums[day, slug]
        yield tenant.config.organization, day, slug, bookings, count, nanos[slug], micros


def _characters(tenant: Tenant) -> Iterator[tuple[Any, ...]]:
    """A row for each billed month that had characters, and for the present one."""
    nanos = tenant.prices.character_month_nanos
    opened = [*month_openings(tenant.config.start_ms, tenant.now_ms)]
    ends: list[int] = [tenant.config.start_ms, *opened, tenant.now_ms + 1]
    for place, (since_ms, until_ms) in enumerate(pairwise(ends)):
        high = tenant.characters.high(since_ms - 1, until_ms - 1)
        if high:
            billed = place < len(opened)
            month = instants.month(until_ms - instants.DAY_MS if billed else tenant.now_ms - MONTH_OPENS_MS)
            charge = unit_charge_micros(high, nanos)
            yield tenant.config.organization, month, high, nanos, charge, until_ms if billed else None
