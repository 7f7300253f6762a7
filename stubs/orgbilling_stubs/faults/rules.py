"""Fault rules: which requests a fault strikes, how often, and what it does to them; and their JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from orgbilling_openapi.strict_json import JsonValue

from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.instants import InstantError
from orgbilling_stubs.faults import effects, errors
from orgbilling_stubs.faults.effects import Effects
from orgbilling_stubs.http.errors import Problem
from orgbilling_stubs.tenants.clock import billing_instant


@dataclass(frozen=True, slots=True)
class FaultRule:
    """Which requests its effects strike. An empty tuple means any.

    times: the next so many requests only. probability: of each match, drawn from `seed` and the number of the
    match. every: each so-manyth match. from_ms, until_ms: a window on the clock of the organization, the end
    excluded. force: allow a status that the API description does not list.
    """

    effects: Effects
    operations: tuple[str, ...] = ()
    organizations: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    times: int | None = None
    probability: float = 1.0
    every: int = 1
    from_ms: int | None = None
    until_ms: int | None = None
    seed: int = 1
    force: bool = False
    id: str = ""

    def canonical(self) -> str:
        """What the rule says, in one notation: the text that, with `seed`, decides which matches it strikes.

        It is the FaultRequest of the control API, as JSON with sorted members and without spaces. `id`,
        `seed` and everything that has its default are left out, so what a later version adds does not
        change the draws of a rule that does not use it. For example:

            {"effect":{"status":503},"operations":["getOrgBilling"],"probability":0.1}
        """
        document = self.document() | {"effect": effects.canonical(self.effects)}
        document.pop("id", None)
        document.pop("seed", None)
        return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    def document(self) -> dict[str, object]:
        """The rule as a FaultRequest, without members that have their defaults."""
        members: dict[str, object] = {
            "id": self.id,
            "organizations": list(self.organizations),
            "operations": list(self.operations),
            "methods": list(self.methods),
            "times": self.times,
            "from": _text(self.from_ms),
            "until": _text(self.until_ms),
            "force": self.force,
        }
        document = {name: value for name, value in members.items() if value}
        for name, value in (("every", self.every), ("probability", self.probability), ("seed", self.seed)):
            if value != 1:
                document[name] = value
        return document | {"effect": effects.show(self.effects)}


def parse(document: Mapping[str, JsonValue], organizations: tuple[str, ...] = ()) -> FaultRule:
    """The rule of a FaultRequest. organizations: those that it strikes when it names none.

    Raises Problem (`instant_invalid`) when an instant cannot be read.
    """
    plain = ("id", "times", "every", "probability", "seed", "force")
    members = {name: document[name] for name in plain if name in document}
    return FaultRule(
        effects.parse(document["effect"]),
        tuple(document.get("operations", ())),
        tuple(document.get("organizations", organizations)),
        tuple(document.get("methods", ())),
        from_ms=_instant(document, "from"),
        until_ms=_instant(document, "until"),
        **members,
    )


def check_limits(rule: FaultRule) -> None:
    """Raise Problem when a rule could never strike, or its numbers are out of range."""
    never = rule.from_ms is not None and rule.until_ms is not None and rule.until_ms <= rule.from_ms
    times = 1 if rule.times is None else rule.times
    if never or rule.every < 1 or times < 1 or not 0 <= rule.probability <= 1:
        raise Problem(errors.LIMIT_INVALID)
    if threshold(rule.probability) == 0:
        raise Problem(errors.LIMIT_INVALID, detail="probability: the rule could never strike")


def threshold(probability: float) -> int:
    """The least 64-bit draw at which a rule of this probability does not strike: probability · 2^64."""
    return round(probability * 2**64)


def _instant(document: Mapping[str, JsonValue], name: str) -> int | None:
    if name not in document:
        return None
    try:
        return billing_instant(document[name])
    except (InstantError, OverflowError):
        row = errors.INSTANT_INVALID
        finding = {"message": row.detail, "location": f"body.{name}", "value": document[name]}
        raise Problem(row, [finding]) from None


def _text(at_ms: int | None) -> str | None:
    return None if at_ms is None else instants.text(at_ms)
