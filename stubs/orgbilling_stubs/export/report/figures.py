"""What plots show: balance, tokens and messages by day, and who used them, of one organization."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple

from orgbilling_stubs.billing.instants import DAY_MS
from orgbilling_stubs.billing.opening_balance import CHARGES
from orgbilling_stubs.billing.scheduler import CHARGES as TEXTS
from orgbilling_stubs.export.columnar.columns import Chunk, values
from orgbilling_stubs.export.texts import dates

OTHERS = "others"
SHOWN = 5
TABLES = ("organizations", "billing_profiles", "projects", "usage_by_day", "ledger")
"""What is read of an organization."""


class Figures(NamedTuple):
    """A window of days, from the oldest; amounts in micro-USD. At midnight, the day that ends is the last.

    charged: all debits; spent: those for tokens; kinds: debits by kind.
    """

    organization: str
    company: str
    persona: str
    mode: str
    currency: str
    days: Sequence[str]
    balance: Sequence[int]
    charged: Sequence[int]
    bought: Sequence[int]
    spent: Sequence[int]
    tokens: Sequence[int]
    messages: Sequence[int]
    projects: Sequence[tuple[str, int]]
    models: Sequence[tuple[str, int]]
    sources: Sequence[tuple[str, int]]
    kinds: Sequence[tuple[str, int]]
    weekdays: Sequence[int]


def figures(tables: Mapping[str, Chunk], window: int = 365) -> Figures:
    """The figures of the last `window` days of one organization's tables."""
    who = {name: values(column)[0] for name, column in tables["organizations"].items()}
    mode = values(tables["billing_profiles"]["billing_mode"])[0]
    usage, ledger = tables["usage_by_day"], tables["ledger"]
    # A day that has only just begun would look like one on which everything stopped.
    last = (who["as_of"] - 1) // DAY_MS
    posted = [min(at_ms // DAY_MS, last) for at_ms in values(ledger["created_at"])]
    first = max(min([*posted, last]), last - window + 1)
    credits = values(ledger["amount_credits"])
    amounts = values(ledger["amount_usd"])
    carried = sum(amount for day, amount in zip(posted, credits, strict=True) if day < first)
    moved = _daily(posted, credits, first, last)
    bought = [amount if credit > 0 else 0 for amount, credit in zip(amounts, credits, strict=True)]
    charged = [kind in CHARGES for kind in values(ledger["entry_type"])]
    used = [min(day, last) for day in values(usage["day"])]
    tokens = [
        sum(pair)
        for pair in zip(*(values(usage[f"{way}_tokens"]) for way in ("input", "output")), strict=True)
    ]
    by_day = _daily(used, tokens, first, last)
    names = dict(zip(*(values(tables["projects"][name]) for name in ("project_id", "name")), strict=True))
    inside = [day >= first for day in used]
    return Figures(
        who["organization_id"],
        who["company"],
        who["persona"],
        mode,
        who["currency"],
        dates(range(first, last + 1)),
        [*accumulate(moved, initial=carried)][1:],
        _daily(
            posted, [-each if own else 0 for each, own in zip(amounts, charged, strict=True)], first, last
        ),
        _daily(posted, bought, first, last),
        _daily(used, values(usage["charge_usd"]), first, last),
        by_day,
        _daily(used, values(usage["messages"]), first, last),
        _mix([names.get(each, "none") for each in values(usage["project_id"])], tokens, inside),
        _mix(values(usage["model"]), tokens, inside),
        _mix(values(usage["traffic_source"]), tokens, inside),
        _kinds(ledger, [day >= first and own for day, own in zip(posted, charged, strict=True)]),
        _weekdays(by_day, first),
    )


def _daily(days: Sequence[int], amounts: Sequence[int], first: int, last: int) -> list[int]:
    sums = [0] * (last - first + 1)
    for day, amount in zip(days, amounts, strict=True):
        if day >= first:
            sums[day - first] += amount
    return sums


def _mix(names: Sequence[str], amounts: Sequence[int], inside: Sequence[bool]) -> list[tuple[str, int]]:
    """Sums by name, the largest first, the small ones together."""
    sums: dict[str, int] = {}
    for name, amount, kept in zip(names, amounts, inside, strict=True):
        if kept:
            sums[name] = sums.get(name, 0) + amount
    ranked = sorted(sums.items(), key=lambda each: (-each[1], each[0]))
    rest = sum(amount for _, amount in ranked[SHOWN:])
    return ranked[:SHOWN] + ([(OTHERS, rest)] if rest else [])


def _kinds(ledger: Chunk, debits: Sequence[bool]) -> list[tuple[str, int]]:
    """Charges by kind; service agreements apart from metered services."""
    pairs = zip(values(ledger["entry_type"]), values(ledger["description"]), strict=True)
    known = {"usage": "tokens", "event_charge": "events", "character_charge": "characters"}
    metered = TEXTS["service"][1]
    names = [known.get(kind, "services" if text == metered else "agreements") for kind, text in pairs]
    return _mix(names, [-amount for amount in values(ledger["amount_usd"])], debits)


def _weekdays(amounts: Sequence[int], first: int) -> list[int]:
    """The mean of each weekday, Monday first."""
    sums, counts = [0] * 7, [0] * 7
    for place, amount in enumerate(amounts):
        weekday = (first + place + 3) % 7  # 1970-01-01 was a Thursday.
        sums[weekday] += amount
        counts[weekday] += 1
    return [total // count if count else 0 for total, count in zip(sums, counts, strict=True)]


def short(number: float) -> str:
    """A number as people say it: 12.3M."""
    sign, rest = ("-", -number) if number < 0 else ("", number)
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if rest >= size:
            return f"{sign}{rest / size:.3g}{unit}"
    return f"{sign}{rest:.3g}"


def usd(micros: int) -> str:
    """Micro-USD as an amount with thousands separated."""
    return f"{micros / 1_000_000:,.2f} USD"
