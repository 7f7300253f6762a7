"""Fault rules: which requests a fault applies to, how often, and with which effects; and their JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from orgbilling_fixtures import random_stream
from orgbilling_openapi import control_description
from orgbilling_openapi.strict_json import JsonValue

from orgbilling_stubs.api.errors import INSTANT_INVALID
from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.instants import InstantError
from orgbilling_stubs.faults import effects, errors
from orgbilling_stubs.faults.effects import Effects
from orgbilling_stubs.http.errors import INVALID, Problem
from orgbilling_stubs.http.json_schemas import Schemas, Validator
from orgbilling_stubs.tenants.clock import billing_instant

_DEFAULTS: Mapping[str, object] = {
    "id": "",
    "organizations": [],
    "operations": [],
    "methods": [],
    "times": None,
    "every": 1,
    "probability": 1,
    "seed": 1,
    "from": None,
    "until": None,
    "force": False,
    "setBy": "",
}
"""Members of a FaultRequest that are left out when they have this value."""


@dataclass(frozen=True, slots=True)
class FaultRule:
    """Effects, and the requests to which they apply. An empty tuple means any.

    times: the next so many requests only. probability: of each match, drawn from `seed` and the number of
    the match. every: each match whose number is a multiple of it. from_ms, until_ms: a window on the clock
    of the organization, the end excluded. force: allow a status that the API description does not list.
    set_by: who set the rule, in words of their own.
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
    set_by: str = ""

    def canonical(self) -> str:
        """The canonical text of the rule, which together with `seed` decides at which matches it fires.

        It is the FaultRequest of the control API, as JSON with sorted members and without spaces. `id`,
        `seed`, `setBy` and everything that has its default are left out, so what a later version adds does
        not change the draws of a rule that does not use it. For example:

            {"effect":{"status":503},"operations":["getOrgBilling"],"probability":0.1}
        """
        document = self.document() | {"effect": effects.document(self.effects, defaults=False)}
        for name in ("id", "seed", "setBy"):
            document.pop(name, None)
        return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    def document(self) -> dict[str, object]:
        """The rule as a FaultRequest, without members that have their defaults."""
        return {
            name: value
            for name, value in self.members().items()
            if name not in _DEFAULTS or value != _DEFAULTS[name]
        }

    def members(self) -> dict[str, object]:
        """Every member of the rule as a FaultRequest."""
        return {
            "id": self.id,
            "organizations": list(self.organizations),
            "operations": list(self.operations),
            "methods": list(self.methods),
            "times": self.times,
            "every": self.every,
            "probability": self.probability,
            "seed": self.seed,
            "from": _text(self.from_ms),
            "until": _text(self.until_ms),
            "force": self.force,
            "setBy": self.set_by,
            "effect": effects.document(self.effects),
        }


def parse(document: Mapping[str, JsonValue], organizations: tuple[str, ...] = ()) -> FaultRule:
    """The rule of a FaultRequest. organizations: those that it applies to when it names none.

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
        set_by=document.get("setBy", ""),
        **members,
    )


def parse_stored(document: Mapping[str, JsonValue], organizations: tuple[str, ...] = ()) -> FaultRule:
    """The rule of a FaultRequest in a log, which somebody may have written by hand.

    Raises Problem for a document that is none.
    """
    if not _fault_request().is_valid(document):
        raise Problem(INVALID, detail="it is no FaultRequest of the control API")
    return parse(document, organizations)


@cache
def _fault_request() -> Validator:
    schemas = Schemas(control_description.load())
    return schemas.validator({"$ref": "#/components/schemas/FaultRequest"}, "request")


class RequestFacts(Protocol):
    """What a rule may ask about a request. Both are determined only when a rule needs them."""

    @property
    def organization(self) -> str:
        """The organization of the token, or an empty string when there is none."""

    @property
    def now_ms(self) -> int:
        """The present instant of the organization."""


class RuleState:
    """The state of a rule in force: the rule, and how often it matched and fired.

    At which matches it fires is drawn as follows. The key is made of the seed and the rule's canonical text;
    the draw of match number n is word n of the random stream of that key. The rule fires when the draw is
    less than probability · 2^64.
    """

    __slots__ = ("_key", "_threshold", "fired", "matched", "rule")

    def __init__(self, rule: FaultRule) -> None:
        self.rule = rule
        self.matched = 0
        """How many requests matched the rule."""
        self.fired = 0
        """For how many of them it fired."""
        self._key = random_stream.key("fault", rule.seed, rule.canonical())
        self._threshold = threshold(rule.probability)

    @property
    def spent(self) -> bool:
        """Whether it has fired as often as it may."""
        return self.rule.times is not None and self.fired >= self.rule.times

    def covers(self, operation: str) -> bool:
        """Whether the rule could fire for an operation."""
        return not self.spent and (not self.rule.operations or operation in self.rule.operations)

    def draw(self, purpose: str, counter: int) -> int:
        """64 random bits that belong to one match of this rule."""
        return random_stream.draw(random_stream.key(self._key, purpose), counter)

    def fire(self, method: str, request: RequestFacts) -> FiredRule | None:
        """Count a request of an operation that the rule covers. None when the rule does not fire for it."""
        rule = self.rule
        if self.spent or (rule.methods and method not in rule.methods):
            return None
        if rule.organizations and request.organization not in rule.organizations:
            return None
        if rule.from_ms is not None and request.now_ms < rule.from_ms:
            return None
        if rule.until_ms is not None and request.now_ms >= rule.until_ms:
            return None
        return self.count()

    def count(self) -> FiredRule | None:
        """Count a request that matches. None when the rule does not fire for it."""
        rule = self.rule
        if self.spent:
            return None
        self.matched += 1
        if self.matched % rule.every or self.draw("probability", self.matched) >= self._threshold:
            return None
        self.fired += 1
        return FiredRule(self, self.matched)

    def document(self) -> dict[str, object]:
        """The schema Fault of the control API."""
        counters = {"setBy": self.rule.set_by or None, "matched": self.matched, "fired": self.fired}
        return self.rule.members() | counters


@dataclass(frozen=True, slots=True)
class FiredRule:
    """A rule that fired for a request, and the number of the match at which it did.

    counted: False while it is open whether another request was faster (`ActiveRules.record_counters`).
    """

    state: RuleState
    match_number: int
    counted: bool = True

    @property
    def effects(self) -> Effects:
        """The effects on the request."""
        return self.state.rule.effects

    def draw(self, purpose: str) -> int:
        """64 random bits, the same for the same rule, match and purpose."""
        return self.state.draw(purpose, self.match_number)


def check_limits(rule: FaultRule) -> None:
    """Raise Problem when a rule could never fire, or its numbers are out of range."""
    limits = (
        ("every", rule.every, rule.every >= 1),
        ("times", rule.times, rule.times is None or rule.times >= 1),
        ("probability", rule.probability, 0 <= rule.probability <= 1),
    )
    for name, value, is_valid in limits:
        if not is_valid:
            raise errors.at(errors.LIMIT_INVALID, f"body.{name}", value)
    if rule.from_ms is not None and rule.until_ms is not None and rule.until_ms <= rule.from_ms:
        raise errors.at(errors.LIMIT_INVALID, "body.until", _text(rule.until_ms), "until: is not after from")
    if threshold(rule.probability) == 0:
        message = "probability: the rule could never fire"
        raise errors.at(errors.LIMIT_INVALID, "body.probability", rule.probability, message)


def threshold(probability: float) -> int:
    """The least 64-bit draw at which a rule of this probability does not fire: probability · 2^64."""
    return round(probability * 2**64)


def _instant(document: Mapping[str, JsonValue], name: str) -> int | None:
    if name not in document:
        return None
    try:
        return billing_instant(document[name])
    except InstantError:
        row = INSTANT_INVALID
        finding = {"message": row.detail, "location": f"body.{name}", "value": document[name]}
        raise Problem(row, [finding]) from None


def _text(at_ms: int | None) -> str | None:
    return None if at_ms is None else instants.text(at_ms)
