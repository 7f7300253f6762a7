"""What the report and the terminal preview show of one organization: sums by day, and shares of a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from operator import add
from typing import NamedTuple, cast

from orgbilling_stubs.billing.instants import DAY_MS
from orgbilling_stubs.billing.ledger_posting import METER_CHARGES
from orgbilling_stubs.billing.opening_balance import CHARGES
from orgbilling_stubs.export.columnar.columns import ColumnValues, TableColumns, values
from orgbilling_stubs.export.writers.text_formats import dates

OTHERS = "others"
LARGEST = 5
"""How many projects, models or sources are named; the others are one share together."""

TABLES = ("organizations", "billing_profiles", "projects", "usage_by_day", "ledger")
"""The tables that a summary is made of."""

Shares = Sequence[tuple[str, int]]
"""Names with their amounts, the largest first."""

_CHARGE_NAMES = {"usage": "tokens", "event_charge": "events", "character_charge": "characters"}


class OrganizationSummary(NamedTuple):
    """One organization over a window of days, oldest first; amounts are in micro-USD.

    charged: all charges by day; token_charges: those for tokens; credits_bought: purchases and grants;
    charge_kinds: charges by kind; weekday_tokens: the mean of each weekday, Monday first.
    """

    organization: str
    company: str
    persona: str
    mode: str
    days: Sequence[str]
    balance: Sequence[int]
    charged: Sequence[int]
    credits_bought: Sequence[int]
    token_charges: Sequence[int]
    tokens: Sequence[int]
    messages: Sequence[int]
    projects: Shares
    models: Shares
    sources: Shares
    charge_kinds: Shares
    weekday_tokens: Sequence[int]


def summarize(tables: Mapping[str, TableColumns], window_days: int = 365) -> OrganizationSummary:
    """The last `window_days` days of one organization's tables."""
    organization, ledger, usage = tables["organizations"], tables["ledger"], tables["usage_by_day"]
    # The day that begins with the export's instant would look like one on which everything stopped.
    last_day = (_integers(organization["as_of"])[0] - 1) // DAY_MS
    posted = [min(at_ms // DAY_MS, last_day) for at_ms in _integers(ledger["created_at"])]
    used = [min(day, last_day) for day in _integers(usage["day"])]
    first_day = max(min([*posted, last_day]), last_day - window_days + 1)
    window = range(first_day, last_day + 1)

    credits, amounts = _integers(ledger["amount_credits"]), _integers(ledger["amount_usd"])
    entry_types, descriptions = _texts(ledger["entry_type"]), _texts(ledger["description"])
    charges = [-usd if kind in CHARGES else 0 for kind, usd in zip(entry_types, amounts, strict=True)]
    bought = [usd if credit > 0 else 0 for usd, credit in zip(amounts, credits, strict=True)]
    opening = sum(credit for day, credit in zip(posted, credits, strict=True) if day < first_day)
    kinds = [
        _CHARGE_NAMES.get(kind, "services" if text == METER_CHARGES["service"][1] else "agreements")
        for kind, text in zip(entry_types, descriptions, strict=True)
    ]
    tokens = [*map(add, _integers(usage["input_tokens"]), _integers(usage["output_tokens"]))]
    projects = dict(zip(*(_texts(tables["projects"][name]) for name in ("project_id", "name")), strict=True))
    used_projects = [projects.get(project_id, "none") for project_id in _texts(usage["project_id"])]
    daily_tokens = _daily(used, tokens, window)
    return OrganizationSummary(
        _texts(organization["organization_id"])[0],
        _texts(organization["company"])[0],
        _texts(organization["persona"])[0],
        _texts(tables["billing_profiles"]["billing_mode"])[0],
        dates(window),
        [*accumulate(_daily(posted, credits, window), initial=opening)][1:],
        _daily(posted, charges, window),
        _daily(posted, bought, window),
        _daily(used, _integers(usage["charge_usd"]), window),
        daily_tokens,
        _daily(used, _integers(usage["messages"]), window),
        _shares(used_projects, tokens, used, window),
        _shares(_texts(usage["model"]), tokens, used, window),
        _shares(_texts(usage["traffic_source"]), tokens, used, window),
        _shares(kinds, charges, posted, window),
        _weekday_means(daily_tokens, first_day),
    )


def _integers(column: ColumnValues) -> list[int]:
    return cast("list[int]", values(column))


def _texts(column: ColumnValues) -> list[str]:
    return cast("list[str]", values(column))


def _daily(days: Sequence[int], amounts: Sequence[int], window: range) -> list[int]:
    sums = [0] * len(window)
    for day, amount in zip(days, amounts, strict=True):
        if day in window:
            sums[day - window.start] += amount
    return sums


def _shares(names: Iterable[str], amounts: Sequence[int], days: Sequence[int], window: range) -> Shares:
    """Sums by name, the largest first, the small ones together."""
    sums: Counter[str] = Counter()
    for name, amount, day in zip(names, amounts, days, strict=True):
        if day in window and amount:
            sums[name] += amount
    ranked = sorted(sums.items(), key=lambda share: (-share[1], share[0]))
    others = sum(amount for _, amount in ranked[LARGEST:])
    return ranked[:LARGEST] + ([(OTHERS, others)] if others else [])


def _weekday_means(amounts: Sequence[int], first_day: int) -> list[int]:
    """The mean of each weekday, Monday first."""
    monday = -(first_day + 3) % 7  # 1970-01-01, day 0, was a Thursday.
    by_weekday = [amounts[(monday + weekday) % 7 :: 7] for weekday in range(7)]
    return [sum(day_amounts) // len(day_amounts) if day_amounts else 0 for day_amounts in by_weekday]


def short(number: float) -> str:
    """A number as people say it: 12.3M."""
    sign, size = ("-", -number) if number < 0 else ("", number)
    for unit_size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if size >= unit_size:
            return f"{sign}{size / unit_size:.3g}{unit}"
    return f"{sign}{size:.3g}"


def usd(micros: int) -> str:
    """Micro-USD as an amount with thousands separated."""
    return f"{micros / 1_000_000:,.2f} USD"
