"""The tables out of columns: the same rows as `scalar`, several hundred thousand a second."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from orgbilling_fixtures.personas import Persona
from orgbilling_fixtures.usage.history import UsageHistory
from orgbilling_fixtures.usage.patterns import SOURCES

from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.apply import METER_CHARGES
from orgbilling_stubs.billing.billing_days import MONTH_OPENS_MS, SETTLEMENT_MS
from orgbilling_stubs.billing.instants import DAY_MS
from orgbilling_stubs.billing.money import unit_charge_micros
from orgbilling_stubs.billing.tenant_config import TenantConfig
from orgbilling_stubs.export.columnar.columns import Chunk, Coded, Same, Uuids
from orgbilling_stubs.export.columnar.ledger import EVENTS, OTHER, USAGE, Book, book
from orgbilling_stubs.export.columnar.usage import fits
from orgbilling_stubs.export.errors import need
from orgbilling_stubs.export.reference_tables import chunk, profile, standing
from orgbilling_stubs.export.schema import NAMES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
else:
    np = need("numpy")

_HEX = np.frombuffer(b"".join(b"%02x" % byte for byte in range(256)), dtype=np.uint16)
_TOP_UP_TEXT = "Automatic top-up"
_NUMBERS: list[bytes] = []


def tables(plan: TenantConfig, persona: Persona, wanted: Collection[str] = NAMES) -> dict[str, Chunk] | None:
    """The wanted tables of a plan at its clock; None when only the engine can tell."""
    history = plan.activity
    if not isinstance(history, UsageHistory) or not fits(history):
        return None
    made = book(plan)
    if made is None:
        return None
    ways: dict[str, Callable[[], Chunk]] = {
        "billing_profiles": lambda: _profile(made),
        "characters": lambda: chunk("characters", _characters(plan, made)),
        "events": lambda: _metered(plan, history, made, "event"),
        "services": lambda: _metered(plan, history, made, "service"),
        "usage_by_day": lambda: _usage(plan, made),
        "ledger": lambda: _ledger(plan, made),
    }
    small = {name for name in wanted if name not in ways}
    found = standing(made.tenant, persona) if small else {}
    return {name: found[name] if name in small else ways[name]() for name in NAMES if name in wanted}


def _profile(made: Book) -> Chunk:
    moments = (made.posted.at_ms, made.flow.metered.at_ms)
    updated_ms = max([made.tenant.updated_ms, *(int(each[-1]) for each in moments if len(each))])
    return profile(made.tenant, made.balance_micros, made.outstanding_micros, updated_ms)


def entry_ids(seed: int, identity_seed: str, count: int) -> Uuids:
    """`ids.uuid(seed, identity_seed, "entry", number)` of the first `count` numbers."""
    while len(_NUMBERS) < count:
        _NUMBERS.append(b"%d" % len(_NUMBERS))
    begin = f"{seed}\x1f{identity_seed}\x1fentry\x1f".encode("utf-8", "surrogatepass")
    copy = blake2b(begin, digest_size=16).copy
    digests: list[bytes] = []
    add = digests.append
    for number in _NUMBERS[:count]:
        digest = copy()
        digest.update(number)
        add(digest.digest())
    raw = np.frombuffer(b"".join(digests), dtype=np.uint8).reshape(-1, 16).copy()
    raw[:, 6] = raw[:, 6] & 0x0F | 0x80
    raw[:, 8] = raw[:, 8] & 0x3F | 0x80
    pairs = _HEX[raw].view(np.uint8).reshape(-1, 32)
    text = np.full((count, 36), ord("-"), dtype=np.uint8)
    for low, high, at in ((0, 8, 0), (8, 12, 9), (12, 16, 14), (16, 20, 19), (20, 32, 24)):
        text[:, at : at + high - low] = pairs[:, low:high]
    return Uuids(text.tobytes())


def _coded(texts: Sequence[str | None], codes: Any) -> Coded:
    return Coded(texts, codes.astype(np.int32))


def _ledger(plan: TenantConfig, made: Book) -> Chunk:
    done, origin, place = made.flow.used, made.posted.origin, made.posted.place
    count, usage, other = len(origin), origin == USAGE, origin == OTHER
    models = [price.model for price in plan.prices.models]
    named = [f"{project.name}: {model}" for project in plan.projects for model in models]
    fixed = [METER_CHARGES["event"][1], METER_CHARGES["service"][1], _TOP_UP_TEXT]
    texts = [*named, *fixed, *(row.description for row in made.rows)]
    codes = np.where(other, len(named) + len(fixed) + place, len(named) + origin - EVENTS)
    codes[usage] = (done.project * len(models) + done.model)[place[usage]]
    kinds = [
        "usage",
        METER_CHARGES["event"][0],
        METER_CHARGES["service"][0],
        "top_up",
        *(row.kind for row in made.rows),
    ]
    tokens = np.zeros(count, dtype=np.int64)
    tokens[usage] = (done.inputs + done.outputs)[place[usage]]
    if made.rows:
        tokens[other] = np.array([row.tokens for row in made.rows], dtype=np.int64)[place[other]]
    sources = [*SOURCES, None, *(row.source for row in made.rows)]
    source = np.where(other, len(SOURCES) + 1 + place, len(SOURCES))
    source[usage] = done.source[place[usage]]
    return {
        "organization_id": Same(plan.organization, count),
        "number": np.arange(count, dtype=np.int64),
        "entry_id": entry_ids(plan.seed, plan.identity_seed, count),
        "tenant_id": Same(plan.tenant_id, count),
        "created_at": made.posted.at_ms,
        "entry_type": _coded(kinds, np.where(other, OTHER + place, origin)),
        "amount_credits": made.posted.credits,
        "amount_usd": made.posted.usd,
        "tokens": tokens,
        "description": _coded(texts, codes),
        "created_by": _coded([None, *(row.created_by for row in made.rows)], np.where(other, 1 + place, 0)),
        "traffic_source": _coded(sources, source),
    }


def _usage(plan: TenantConfig, made: Book) -> Chunk:
    done, models = made.flow.used, len(plan.prices.models)
    day, project, model, source = done.at_ms // DAY_MS, done.project, done.model, done.source
    key = ((day * 64 + project) * models + model) * len(SOURCES) + source
    order = np.argsort(key, kind="stable")
    key = key[order]
    first = np.flatnonzero(np.append(True, key[1:] != key[:-1])) if len(key) else key
    entries = np.ones_like(done.at_ms)
    sums = []
    for column in (entries, done.messages, done.sessions, done.inputs, done.outputs, made.usage_micros):
        values = column[order]
        sums.append(values if len(first) == len(key) else np.add.reduceat(values, first))
    kept = order[first]
    projects: list[str | None] = [each.project_id for each in plan.projects]
    slugs = [price.model for price in plan.prices.models]
    return {
        "organization_id": Same(plan.organization, len(first)),
        "number": np.arange(len(first), dtype=np.int64),
        "day": day[kept],
        "project_id": _coded(projects or [None], project[kept]),
        "model": _coded(slugs or [None], model[kept]),
        "traffic_source": _coded(SOURCES, source[kept]),
        "entries": sums[0],
        "messages": sums[1],
        "sessions": sums[2],
        "input_tokens": sums[3],
        "output_tokens": sums[4],
        "charge_usd": sums[5],
    }


def _metered(plan: TenantConfig, history: UsageHistory, made: Book, kind: str) -> Chunk:
    prices = plan.prices.events if kind == "event" else plan.prices.services
    slugs = sorted(slug for slug, _ in prices)
    places = {slug: place for place, slug in enumerate(slugs)}
    rank = np.array(
        [places[each.slug] if each.kind == kind else -1 for each in history.meter_schedules] or [-1]
    )
    slug = rank[made.flow.metered.gauge]
    mine = slug >= 0
    day = (made.flow.metered.at_ms[mine] + DAY_MS - SETTLEMENT_MS - 1) // DAY_MS
    key = day * max(1, len(slugs)) + slug[mine]
    order = np.argsort(key, kind="stable")
    key = key[order]
    first = np.flatnonzero(np.append(True, key[1:] != key[:-1])) if len(key) else key
    counts, micros = made.flow.metered.counts[mine][order], made.meter_micros[mine][order]
    unit = np.array([dict(prices)[each] for each in slugs] or [0], dtype=np.int64)
    day, place = np.divmod(key[first], max(1, len(slugs)))
    return {
        "organization_id": Same(plan.organization, len(first)),
        "day": day,
        "event_type" if kind == "event" else "operation": _coded(slugs or [None], place),
        "bookings": np.diff(np.append(first, len(key))),
        "count": np.add.reduceat(counts, first) if len(first) else counts,
        "unit_price_usd": unit[place],
        "charge_usd": np.add.reduceat(micros, first) if len(first) else micros,
    }


def _characters(plan: TenantConfig, made: Book) -> list[tuple[Any, ...]]:
    nanos = plan.prices.character_month_nanos
    rows: list[tuple[Any, ...]] = []
    for at_ms, peak in zip(made.opened, made.peaks, strict=True):
        if peak:
            charge = unit_charge_micros(peak, nanos)
            rows.append((plan.organization, instants.month(at_ms - DAY_MS), peak, nanos, charge, at_ms))
    begin = (made.opened[-1] if made.opened else plan.start_ms) // DAY_MS
    until = (plan.as_of_ms - MONTH_OPENS_MS) // DAY_MS + 1
    days = slice(begin - made.flow.start_day, until - made.flow.start_day)
    peak = int(made.flow.characters[days].max(initial=0))
    if peak:
        month = instants.month(plan.as_of_ms - MONTH_OPENS_MS)
        rows.append((plan.organization, month, peak, nanos, unit_charge_micros(peak, nanos), None))
    return rows
