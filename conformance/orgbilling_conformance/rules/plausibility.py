"""Plausibility rules, over values that no schema restricts: counts, prices, keys, dates."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime

from orgbilling_openapi.strict_json import JsonObject, JsonValue

from orgbilling_conformance.exchange import Exchange, shorten
from orgbilling_conformance.rules.rule import ResponseCheck, RuleContext, RuleViolation
from orgbilling_conformance.schema_validation import DATE_TIME

NEVER_NEGATIVE = re.compile(
    r"count|total(?:Events|Tokens|InputTokens|OutputTokens|Messages|Sessions|Characters|Projects)"
    r"|tokens|highWaterMark|unitPriceUsd|pricePerCharUsd|(?:input|output)PricePer1K"
    r"|tokenPricePer1KUsd|(?:input|output)TokenPricePer1KUsd|charPricePerMonthUsd"
)
"""Names of counts and prices."""
UNIQUE_KEYS = {
    "getOrgLedger": ("", "entryId"),
    "getOrgModelPricing": ("", "model"),
    "listOrgServiceAgreements": ("", "chargeId"),
    "getOrgContextEngineEvents": ("byType", "eventType"),
    "getOrgServiceUsage": ("byOperation", "operation"),
}
"""By operation: the member with the list (empty when the body is the list), and the key of its rows."""
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


def walk(value: JsonValue, pointer: str = "") -> Iterator[tuple[str, JsonObject]]:
    """All objects in a value, with their pointers; `*` for any index."""
    stack = [(pointer, value)]
    while stack:
        place, node = stack.pop()
        if isinstance(node, dict):
            yield place, node
            stack += [(f"{place}/{name}", inner) for name, inner in node.items() if isinstance(inner, DEEP)]
        elif isinstance(node, list):
            stack += [(f"{place}/*", inner) for inner in node]


def _body(exchange: Exchange) -> JsonValue:
    return exchange.response.json if exchange.operation and exchange.response.status == 200 else None


def negative(exchange: Exchange, context: RuleContext) -> Iterable[RuleViolation] | None:
    """Counts and prices below zero."""
    body = _body(exchange)
    if body is None:
        return None
    negatives = {}
    for place, row in walk(body):
        prices = place.endswith(("/eventPrices", "/servicePrices"))
        for name, value in row.items():
            if (prices or NEVER_NEGATIVE.fullmatch(name)) and isinstance(value, int | float) and value < 0:
                negatives[f"{place}/{'*' if prices else name}"] = value
    return [
        RuleViolation("plausibility-negative", place, "0 or more", shorten(value))
        for place, value in negatives.items()
    ]


def unique(exchange: Exchange, context: RuleContext) -> Iterable[RuleViolation] | None:
    """Keys that occur twice in one list."""
    body = _body(exchange)
    if body is None or exchange.operation not in UNIQUE_KEYS:
        return None
    member, name = UNIQUE_KEYS[exchange.operation]
    rows = body.get(member) if member and isinstance(body, dict) else body
    names = [row.get(name) for row in rows or [] if isinstance(row, dict)] if isinstance(rows, list) else []
    twice = [name for name, count in Counter(map(str, names)).items() if count > 1]
    place = f"{'/' + member if member else ''}/*/{name}"
    return (
        [RuleViolation("plausibility-unique", place, "each once", f"{shorten(twice[0], 60)} twice")]
        if twice
        else []
    )


def dates(exchange: Exchange, context: RuleContext) -> Iterable[RuleViolation] | None:
    """Pairs of instants the wrong way round."""
    body = _body(exchange)
    if body is None:
        return None
    wrong_order = {}
    for place, row in walk(body):
        for first, last in ORDERED:
            begin, end = instant(row.get(first)), instant(row.get(last))
            if begin and end and begin > end:
                wrong_order[f"{place}/{last}"] = (f"{first} {row[first]} or later", str(row[last]))
    return [RuleViolation("plausibility-dates", place, *texts) for place, texts in wrong_order.items()]


def empty(exchange: Exchange, context: RuleContext) -> Iterable[RuleViolation] | None:
    """Identifiers without a character."""
    body = _body(exchange)
    if body is None:
        return None
    places = {f"{place}/{name}" for place, row in walk(body) for name in IDENTIFIERS if row.get(name) == ""}
    return [
        RuleViolation("plausibility-empty", place, "a name", "an empty string") for place in sorted(places)
    ]


def instant(text: JsonValue) -> datetime | None:
    """An RFC 3339 instant; None for anything else."""
    if not isinstance(text, str) or not DATE_TIME.fullmatch(text):
        return None
    try:
        # RFC 3339 permits a leap second, and `datetime` refuses it.
        return datetime.fromisoformat(text.upper().replace(":60", ":59"))
    except ValueError:
        return None


RESPONSE_CHECKS: tuple[tuple[tuple[str, ...], ResponseCheck], ...] = (
    (("plausibility-negative",), negative),
    (("plausibility-unique",), unique),
    (("plausibility-dates",), dates),
    (("plausibility-empty",), empty),
)
