"""Rules over the values of one answer that no schema states: counts, names, dates."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from orgbilling_conformance.exchange import Exchange, shown
from orgbilling_conformance.formats import DATE_TIME
from orgbilling_conformance.rule import Judgment, Knowledge, Observation, Rule

RULES = (
    Rule("sense-negative", "Counts, tokens and prices are not negative", ("law",), "what a count is"),
    Rule("sense-unique", "What names a row names one row", ("law",), "what a name is"),
    Rule("sense-dates", "Nothing ends before it begins", ("law",), "what a term is"),
    Rule("sense-empty", "Identifiers and names are not empty", ("law",), "what a name is"),
)

COUNTS = re.compile(
    r"count|total(?:Events|Tokens|InputTokens|OutputTokens|Messages|Sessions|Characters|Projects)"
    r"|tokens|highWaterMark|unitPriceUsd|pricePerCharUsd|(?:input|output)PricePer1K"
    r"|tokenPricePer1KUsd|(?:input|output)TokenPricePer1KUsd|charPricePerMonthUsd"
)
NAMES = {
    "getOrgLedger": ("", "entryId"),
    "getOrgModelPricing": ("", "model"),
    "listOrgServiceAgreements": ("", "chargeId"),
    "getOrgContextEngineEvents": ("byType", "eventType"),
    "getOrgServiceUsage": ("byOperation", "operation"),
}
ORDERED = (("startDate", "endDate"), ("createdAt", "updatedAt"))
DEEP = (dict, list)
IDENTIFIERS = (
    "tenantId",
    "entryId",
    "chargeId",
    "contractId",
    "model",
    "eventType",
    "operation",
    "entryType",
)


def walk(value: Any, pointer: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """All objects in a value, with their pointers; `*` for any index."""
    stack = [(pointer, value)]
    while stack:
        place, each = stack.pop()
        if isinstance(each, dict):
            yield place, each
            stack += [(f"{place}/{name}", inner) for name, inner in each.items() if isinstance(inner, DEEP)]
        elif isinstance(each, list):
            stack += [(f"{place}/*", inner) for inner in each]


def _body(exchange: Exchange) -> Any:
    return exchange.response.json if exchange.operation and exchange.response.status == 200 else None


def negative(exchange: Exchange, known: Knowledge) -> Iterable[Observation] | None:
    """Counts below zero."""
    body = _body(exchange)
    if body is None:
        return None
    found = {}
    for place, each in walk(body):
        prices = place.endswith(("/eventPrices", "/servicePrices"))
        for name, value in each.items():
            if (prices or COUNTS.fullmatch(name)) and isinstance(value, int | float) and value < 0:
                found[f"{place}/{'*' if prices else name}"] = value
    return [Observation("sense-negative", place, "0 or more", shown(value)) for place, value in found.items()]


def unique(exchange: Exchange, known: Knowledge) -> Iterable[Observation] | None:
    """Names that occur twice in one list."""
    body = _body(exchange)
    if body is None or exchange.operation not in NAMES:
        return None
    member, name = NAMES[exchange.operation]
    rows = body.get(member) if member and isinstance(body, dict) else body
    names = [row.get(name) for row in rows or [] if isinstance(row, dict)] if isinstance(rows, list) else []
    twice = [each for each, count in Counter(map(str, names)).items() if count > 1]
    place = f"{'/' + member if member else ''}/*/{name}"
    return [Observation("sense-unique", place, "each once", f"{shown(twice[0], 60)} twice")] if twice else []


def dates(exchange: Exchange, known: Knowledge) -> Iterable[Observation] | None:
    """Pairs of instants the wrong way round."""
    body = _body(exchange)
    if body is None:
        return None
    found = {}
    for place, each in walk(body):
        for first, last in ORDERED:
            begin, end = instant(each.get(first)), instant(each.get(last))
            if begin and end and begin > end:
                found[f"{place}/{last}"] = (f"{first} {each[first]} or later", str(each[last]))
    return [Observation("sense-dates", place, *told) for place, told in found.items()]


def empty(exchange: Exchange, known: Knowledge) -> Iterable[Observation] | None:
    """Identifiers without a character."""
    body = _body(exchange)
    if body is None:
        return None
    places = {f"{place}/{name}" for place, each in walk(body) for name in IDENTIFIERS if each.get(name) == ""}
    return [Observation("sense-empty", place, "a name", "an empty string") for place in sorted(places)]


def instant(text: Any) -> datetime | None:
    """An RFC 3339 instant; None for anything else."""
    if not isinstance(text, str) or not DATE_TIME.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text.upper().replace(":60", ":59"))
    except ValueError:
        return None


JUDGEMENTS: tuple[tuple[tuple[str, ...], Judgment], ...] = (
    (("sense-negative",), negative),
    (("sense-unique",), unique),
    (("sense-dates",), dates),
    (("sense-empty",), empty),
)
