"""The tables of one organization out of columns: the rows of `row_tables`, many times faster."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING

from orgbilling_fixtures.personas import Persona
from orgbilling_fixtures.usage.history import UsageHistory
from orgbilling_fixtures.usage.patterns import SOURCES

from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.billing_days import MONTH_OPENS_MS
from orgbilling_stubs.billing.instants import DAY_MS
from orgbilling_stubs.billing.ledger_posting import AUTOMATIC_TOP_UP, METER_CHARGES
from orgbilling_stubs.billing.opening_balance import CHARGES
from orgbilling_stubs.billing.tenant_config import TenantConfig
from orgbilling_stubs.export.columnar.columns import (
    ColumnValues,
    ConstantColumn,
    DictionaryColumn,
    TableColumns,
    UuidColumn,
)
from orgbilling_stubs.export.columnar.ledger_columns import (
    BASE,
    EVENTS,
    TOP_UP,
    USAGE,
    AccountColumns,
    account_columns,
    billing_days,
)
from orgbilling_stubs.export.columnar.usage_columns import fits_in_columns
from orgbilling_stubs.export.errors import require
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

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Booleans = NDArray[np.bool_]
    Integers = NDArray[np.int64]
else:
    np = require("numpy")

_HEX_PAIRS = np.frombuffer(b"".join(b"%02x" % byte for byte in range(256)), dtype=np.uint16)
_number_texts: list[bytes] = []


def tables(
    config: TenantConfig, persona: Persona, wanted: Collection[str] = NAMES
) -> dict[str, TableColumns] | None:
    """The wanted tables of a config at its as-of instant; None when columns do not suffice."""
    history = config.activity
    if not isinstance(history, UsageHistory) or not fits_in_columns(history):
        return None
    account = account_columns(config)
    if account is None:
        return None
    made = _payment_tables(config, account)
    rows: dict[str, Callable[[], Iterable[Row]]] = {
        "billing_profiles": lambda: [_billing_profile(account)],
        "characters": lambda: _characters(config, account),
        "invoices": lambda: made.invoices,
        "payments": lambda: made.payments,
        "sign_ups": lambda: [_sign_up(account, made)],
    }
    columns: dict[str, Callable[[], TableColumns]] = {
        "events": lambda: _metered(config, history, account, "event"),
        "services": lambda: _metered(config, history, account, "service"),
        "usage_by_day": lambda: _usage(config, account),
        "ledger": lambda: _ledger(config, account, made),
    }
    return wanted_tables(account.tenant, persona, wanted, rows, columns)


def _billing_profile(account: AccountColumns) -> Row:
    instants_ms = (account.ledger.at_ms, account.activity.meters.at_ms)
    updated_ms = max([account.tenant.updated_ms, *(int(at_ms[-1]) for at_ms in instants_ms if len(at_ms))])
    return billing_profile_row(account.tenant, account.balance_micros, account.outstanding_micros, updated_ms)


def entry_ids(seed: int, identity_organization: str, count: int) -> UuidColumn:
    """`ids.uuid(seed, identity_organization, "entry", number)` of the first `count` numbers.

    The hash of what all have in common is computed once and copied. The digests are written as text by a
    table of the 256 pairs of hexadecimal digits, two bytes at a time, and the four hyphens are left standing.
    """
    while len(_number_texts) < count:
        _number_texts.append(b"%d" % len(_number_texts))
    prefix = f"{seed}\x1f{identity_organization}\x1fentry\x1f".encode("utf-8", "surrogatepass")
    copy_hash = blake2b(prefix, digest_size=16).copy
    digests: list[bytes] = []
    for number in _number_texts[:count]:
        hash = copy_hash()
        hash.update(number)
        digests.append(hash.digest())
    raw = np.frombuffer(b"".join(digests), dtype=np.uint8).reshape(-1, 16).copy()
    raw[:, 6] = raw[:, 6] & 0x0F | 0x80  # version 8, of one's own making
    raw[:, 8] = raw[:, 8] & 0x3F | 0x80  # variant of RFC 9562
    digits = _HEX_PAIRS[raw].view(np.uint8).reshape(-1, 32)
    text = np.full((count, 36), ord("-"), dtype=np.uint8)
    for low, high, start in ((0, 8, 0), (8, 12, 9), (12, 16, 14), (16, 20, 19), (20, 32, 24)):
        text[:, start : start + high - low] = digits[:, low:high]
    return UuidColumn(text.tobytes())


def _dictionary(texts: Sequence[str | None], codes: Integers) -> DictionaryColumn:
    return DictionaryColumn(texts, codes.astype(np.int32))


def _openings(config: TenantConfig, account: AccountColumns) -> Integers:
    """The openings of months that bill the charges of the history, the one after its end included."""
    return np.array([*account.openings_ms, opening_after(config.as_of_ms + 1)], dtype=np.int64)


def _charge_months(config: TenantConfig, account: AccountColumns) -> Integers:
    """Which opening bills each entry; one past the last for what is no charge of a postpaid tenant."""
    ledger, openings = account.ledger, _openings(config, account)
    none = np.full(len(ledger.at_ms), len(openings), dtype=np.int64)
    if config.mode != "postpaid":
        return none
    base_charge = np.array([row.kind in CHARGES for row in account.base_rows] or [False])
    is_base = ledger.origin == BASE
    is_charge = (ledger.origin != TOP_UP) & (ledger.usd_micros != 0)
    is_charge[is_base] &= base_charge[ledger.source_row[is_base]]
    return np.where(is_charge, np.searchsorted(openings, ledger.at_ms, side="left"), none)


def _payment_tables(config: TenantConfig, account: AccountColumns) -> PaymentTables:
    """Invoices, payments and links out of the entries that are neither usage nor evening charges."""
    ledger, openings = account.ledger, _openings(config, account)
    numbers = np.flatnonzero((ledger.origin == BASE) | (ledger.origin == TOP_UP))
    postings = []
    for number, is_base, source_row, at_ms, credits, usd in zip(
        numbers.tolist(),
        (ledger.origin[numbers] == BASE).tolist(),
        *(column[numbers].tolist() for column in (ledger.source_row, ledger.at_ms)),
        *(column[numbers].tolist() for column in (ledger.credits_micros, ledger.usd_micros)),
        strict=True,
    ):
        row = account.base_rows[source_row] if is_base else None
        kind, text = ("top_up", AUTOMATIC_TOP_UP) if row is None else (row.kind, row.description)
        postings.append(Posting(number, at_ms, kind, credits, usd, text))
    months = _charge_months(config, account)
    month_charges = {
        opening_ms: -int(ledger.usd_micros[months == position].sum())
        for position, opening_ms in enumerate(openings.tolist())
        if config.mode == "postpaid"
    }
    return payment_tables(account.tenant, postings, month_charges, {})


def _sign_up(account: AccountColumns, made: PaymentTables) -> Row:
    used_ms = account.ledger.at_ms[account.ledger.origin == USAGE]
    first_ms, last_ms = (int(used_ms[0]), int(used_ms[-1])) if len(used_ms) else (None, None)
    return sign_up_row(account.tenant, first_ms, last_ms, made.first_paid_ms)


def _links(config: TenantConfig, account: AccountColumns, made: PaymentTables) -> dict[str, ColumnValues]:
    """What entries refer to: few have something, so each column is a dictionary of those."""
    openings, months = _openings(config, account), _charge_months(config, account)
    count = len(months)
    columns: dict[str, ColumnValues] = {}
    for name in LINKS:
        texts: list[str | None] = [None]
        codes = np.zeros(count, dtype=np.int64)
        if name == "invoice_id" and config.mode == "postpaid":
            texts = [*map(month_invoice_id, openings.tolist()), None]
            codes = months.copy()
        for number, link in made.links.items():
            if name in link and texts[codes[number]] is None:
                codes[number] = len(texts)
                texts.append(link[name])
        columns[name] = _dictionary(texts, codes) if len(texts) > 1 else ConstantColumn(None, count)
    return columns


def _ledger(config: TenantConfig, account: AccountColumns, made: PaymentTables) -> TableColumns:
    """The ledger; its dictionaries have the texts of usage, of other origins, and one for each base entry."""
    usage, ledger, base_rows = account.activity.usage, account.ledger, account.base_rows
    count, origin, source_row = len(ledger.origin), ledger.origin, ledger.source_row
    is_usage, is_base = origin == USAGE, origin == BASE
    models = [price.model for price in config.prices.models]
    usage_texts = [f"{project.name}: {model}" for project in config.projects for model in models]
    other_texts = [METER_CHARGES["event"][1], METER_CHARGES["service"][1], AUTOMATIC_TOP_UP]
    texts = [*usage_texts, *other_texts, *(row.description for row in base_rows)]
    text_codes = np.where(
        is_base, len(usage_texts) + len(other_texts) + source_row, len(usage_texts) + origin - EVENTS
    )
    text_codes[is_usage] = (usage.project * len(models) + usage.model)[source_row[is_usage]]
    kinds = [
        "usage",
        METER_CHARGES["event"][0],
        METER_CHARGES["service"][0],
        "top_up",
        *(row.kind for row in base_rows),
    ]
    tokens = np.zeros(count, dtype=np.int64)
    tokens[is_usage] = (usage.inputs + usage.outputs)[source_row[is_usage]]
    if base_rows:
        tokens[is_base] = np.array([row.tokens for row in base_rows], dtype=np.int64)[source_row[is_base]]
    creators = [None, *(row.created_by for row in base_rows)]
    sources = [*SOURCES, None, *(row.source for row in base_rows)]
    source_codes = np.where(is_base, len(SOURCES) + 1 + source_row, len(SOURCES))
    source_codes[is_usage] = usage.source[source_row[is_usage]]
    return {
        "organization_id": ConstantColumn(config.organization, count),
        "number": np.arange(count, dtype=np.int64),
        "entry_id": entry_ids(config.seed, config.identity_organization, count),
        "tenant_id": ConstantColumn(config.tenant_id, count),
        "created_at": ledger.at_ms,
        "entry_type": _dictionary(kinds, np.where(is_base, BASE + source_row, origin)),
        "amount_credits": ledger.credits_micros,
        "amount_usd": ledger.usd_micros,
        "tokens": tokens,
        "description": _dictionary(texts, text_codes),
        "created_by": _dictionary(creators, np.where(is_base, 1 + source_row, 0)),
        "traffic_source": _dictionary(sources, source_codes),
        "project_id": _usage_texts(
            [project.project_id for project in config.projects], usage.project, is_usage, source_row
        ),
        "model": _usage_texts(models, usage.model, is_usage, source_row),
        **_links(config, account, made),
    }


def _usage_texts(
    texts: Sequence[str], codes: Integers, is_usage: Booleans, source_row: Integers
) -> ColumnValues:
    """A text of each entry of usage, and null elsewhere."""
    entry_codes = np.full(len(is_usage), len(texts), dtype=np.int64)
    entry_codes[is_usage] = codes[source_row[is_usage]]
    return _dictionary([*texts, None], entry_codes)


def _group_starts(sorted_keys: Integers) -> Integers:
    """Where each group of equal keys begins: [3, 3, 5, 9, 9] → [0, 2, 3]."""
    if not len(sorted_keys):
        return sorted_keys
    return np.flatnonzero(np.append(True, sorted_keys[1:] != sorted_keys[:-1]))


def _group_sums(numbers: Integers, starts: Integers) -> Integers:
    """The sum of each group: [1, 2, 4, 8, 16] with starts [0, 2, 3] → [3, 4, 24]."""
    sums: Integers = numbers if len(starts) == len(numbers) else np.add.reduceat(numbers, starts)
    return sums


def _usage(config: TenantConfig, account: AccountColumns) -> TableColumns:
    """Usage by day, project, model and source, which are one integer key to sort by."""
    usage, model_count = account.activity.usage, len(config.prices.models)
    day = usage.at_ms // DAY_MS
    # There are fewer than 64 projects.
    key = ((day * 64 + usage.project) * model_count + usage.model) * len(SOURCES) + usage.source
    order = np.argsort(key, kind="stable")
    starts = _group_starts(key[order])
    first = order[starts]
    projects: list[str | None] = [project.project_id for project in config.projects]
    models = [price.model for price in config.prices.models]

    def summed(numbers: Integers) -> Integers:
        return _group_sums(numbers[order], starts)

    return {
        "organization_id": ConstantColumn(config.organization, len(starts)),
        "number": np.arange(len(starts), dtype=np.int64),
        "day": day[first],
        "project_id": _dictionary(projects or [None], usage.project[first]),
        "model": _dictionary(models or [None], usage.model[first]),
        "traffic_source": _dictionary(SOURCES, usage.source[first]),
        "entries": summed(np.ones_like(usage.at_ms)),
        "messages": summed(usage.messages),
        "sessions": summed(usage.sessions),
        "input_tokens": summed(usage.inputs),
        "output_tokens": summed(usage.outputs),
        "charge_usd": summed(account.usage_micros),
    }


def _metered(config: TenantConfig, history: UsageHistory, account: AccountColumns, kind: str) -> TableColumns:
    """Events or services by billing day and slug, which are one integer key to sort by."""
    prices = dict(config.prices.events if kind == "event" else config.prices.services)
    slugs = sorted(prices)
    meters = account.activity.meters
    slug_of_schedule = np.array(
        [slugs.index(entry.slug) if entry.kind == kind else -1 for entry in history.meter_schedules] or [-1]
    )
    slug = slug_of_schedule[meters.schedule]
    of_kind = slug >= 0
    slug_count = max(1, len(slugs))
    key = billing_days(meters.at_ms[of_kind]) * slug_count + slug[of_kind]
    order = np.argsort(key, kind="stable")
    key = key[order]
    starts = _group_starts(key)
    day, slug = np.divmod(key[starts], slug_count)
    unit_nanos = np.array([prices[name] for name in slugs] or [0], dtype=np.int64)
    return {
        "organization_id": ConstantColumn(config.organization, len(starts)),
        "day": day,
        "event_type" if kind == "event" else "operation": _dictionary(slugs or [None], slug),
        "bookings": np.diff(np.append(starts, len(key))),
        "count": _group_sums(meters.counts[of_kind][order], starts),
        "unit_price_usd": unit_nanos[slug],
        "charge_usd": _group_sums(account.meter_micros[of_kind][order], starts),
    }


def _characters(config: TenantConfig, account: AccountColumns) -> list[Row]:
    """A row for each billed month that had characters, and for the present one."""
    rows = [
        characters_row(account.tenant, instants.month(at_ms - DAY_MS), peak, at_ms)
        for at_ms, peak in zip(account.openings_ms, account.peaks, strict=True)
        if peak
    ]
    first_day = account.activity.start_day
    opened_ms = account.openings_ms[-1] if account.openings_ms else config.start_ms
    # Characters are counted at the hour of openings: before it, those of the day are not known.
    end_day = (config.as_of_ms - MONTH_OPENS_MS) // DAY_MS + 1
    present = account.activity.characters[opened_ms // DAY_MS - first_day : end_day - first_day]
    peak = int(present.max(initial=0))
    if peak:
        month = instants.month(config.as_of_ms - MONTH_OPENS_MS)
        rows.append(characters_row(account.tenant, month, peak, None))
    return rows
