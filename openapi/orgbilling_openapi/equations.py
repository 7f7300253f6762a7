"""What the invariants compute with: the bodies of responses, the amounts in them, and when two are equal.

Bodies are keyed by operation and window:

    getOrgBilling                 the body of a response
    getOrgLedger?days=90          with a window; without one the default of 30 days is meant
    getOrgLedger?days=all         the whole ledger, where the caller can know it
    before:getOrgBilling          the body before a command (redeeming a voucher, a paid checkout)
    request:createOrgBillingCheckout    the body of the request

Amounts are compared as the decimal numbers that the JSON shows, not as floating-point numbers. Two amounts
are equal when they differ by no more than the tolerance:

    |left - right| <= rounded x 0.5 micro-USD + sum of ulp(n) / 2 over the numbers n of the equation

`rounded` counts the amounts that the server rounded to a micro-USD on the way, each by half a micro-USD at
most. `ulp(n)` is the distance from n to the next double: a server that computes with doubles can miss n by
half of it.

Example: three rows show chargeUsd 0.333333, and totalChargeUsd is 1.000001. The sum of the rows is 0.999999,
so the sides differ by 2 micro-USD. Three rows and the total are rounded: the tolerance is 4 x 0.5 = 2
micro-USD, and the total is accepted (each row may stand for 0.3333335, which makes 1.0000005). A total of
1.000002 differs by 3 micro-USD and is not.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from orgbilling_openapi.strict_json import JsonValue

Bodies = Mapping[str, JsonValue]

HALF_MICRO = Decimal("0.0000005")
DEFAULT_DAYS = 30
ALL = "all"
BEFORE = "before:"


class MissingBodyError(LookupError):
    """The bodies do not hold what an equation reads; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class EquationResult:
    """Whether an equation holds, the numbers in it, and where it fails first."""

    holds: bool
    values: tuple[tuple[str, str], ...] = ()
    detail: str = ""


def body(bodies: Bodies, key: str) -> JsonValue:
    """One body; raises `MissingBodyError`."""
    if key not in bodies:
        raise MissingBodyError(f"needs {key}")
    return bodies[key]


def windows(bodies: Bodies, operation: str, prefix: str = "") -> dict[float, JsonValue]:
    """The bodies of an operation with a window, by days (`math.inf` for the whole history)."""
    by_days: dict[float, JsonValue] = {}
    for key, value in bodies.items():
        name, _, days = key.removeprefix(prefix).partition("?days=")
        if key.startswith(prefix) and name == operation:
            by_days[math.inf if days == ALL else int(days or DEFAULT_DAYS)] = value
    if not by_days:
        raise MissingBodyError(f"needs {prefix}{operation}")
    return dict(sorted(by_days.items()))


def any_window(bodies: Bodies, operation: str) -> JsonValue:
    """A body of an operation with any window: for members that do not depend on the window."""
    return next(iter(windows(bodies, operation).values()))


def whole_ledger(bodies: Bodies) -> list[JsonValue]:
    """The whole ledger; raises `MissingBodyError` where only windows are known."""
    ledgers = windows(bodies, "getOrgLedger")
    if math.inf not in ledgers:
        raise MissingBodyError("needs the whole ledger: getOrgLedger?days=all")
    return ledgers[math.inf] or []


def rows(container: JsonValue, member: str) -> list[JsonValue]:
    """The rows of a member that may be null."""
    return container[member] or []


def number(value: JsonValue) -> Decimal:
    """A JSON number as the decimal that its text shows."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise MissingBodyError(f"not a number: {value!r}")
    return value if isinstance(value, Decimal) else Decimal(repr(value))


def tolerance(numbers: Iterable[Decimal], rounded: int) -> Decimal:
    """How far two sides of an equation may be apart, in USD; see the formula at the top.

    numbers: the numbers of the equation; rounded: how many of its amounts the server rounded.
    """
    return rounded * HALF_MICRO + sum(
        (Decimal(math.ulp(float(amount))) / 2 for amount in numbers), Decimal(0)
    )


def equal(
    left: tuple[str, JsonValue], right: tuple[str, JsonValue], rounded: int = 1, parts: Iterable[Decimal] = ()
) -> EquationResult:
    """Whether two amounts are equal within the tolerance; each side is (name, amount).

    rounded: how many amounts the server rounded; parts: the numbers that a side was computed from.
    """
    a, b = number(left[1]), number(right[1])
    holds = abs(a - b) <= tolerance([a, b, *parts], rounded)
    detail = "" if holds else f"{left[0]} {a} ≠ {right[0]} {b}"
    return EquationResult(holds, ((left[0], str(a)), (right[0], str(b))), detail)


def identical(left: tuple[str, JsonValue], right: tuple[str, JsonValue]) -> EquationResult:
    """Whether two values are the same, without a tolerance."""
    holds = bool(left[1] == right[1])
    values = ((left[0], str(left[1])), (right[0], str(right[1])))
    return EquationResult(holds, values, "" if holds else f"{left[0]} {left[1]} ≠ {right[0]} {right[1]}")


def all_of(results: Iterable[EquationResult]) -> EquationResult:
    """The first of several results that fails, or the last."""
    last = EquationResult(True)
    for last in results:
        if not last.holds:
            return last
    return last


def instant(text: JsonValue) -> datetime:
    """An RFC 3339 instant; raises `MissingBodyError` for anything else."""
    try:
        return datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise MissingBodyError(f"not an instant: {text!r}") from None
