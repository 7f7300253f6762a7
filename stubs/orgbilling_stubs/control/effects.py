"""Fault rules as the control API writes them, to rules and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orgbilling_stubs.billing import instants
from orgbilling_stubs.control.instants import instant_of
from orgbilling_stubs.faults.rules import Effect, Latency, RateLimit, Rule, Stale, Standing

_LATENCY = {"ms": "ms", "distribution": "distribution", "maxMs": "max_ms", "sigmaPermille": "sigma_permille"}
_PARTS: Mapping[str, tuple[str, type, Mapping[str, str]]] = {
    "latency": ("latency", Latency, _LATENCY),
    "stale": ("stale", Stale, {"commands": "commands", "seconds": "seconds"}),
    "rateLimit": ("rate_limit", RateLimit, {"limit": "limit", "seconds": "seconds"}),
}
_PLAIN = {
    "status": "status",
    "detail": "detail",
    "retryAfterSeconds": "retry_after_s",
    "dripBytesPerSecond": "drip_bytes_per_s",
    "truncateBytes": "truncate_bytes",
    "reset": "reset",
    "hangMs": "hang_ms",
    "late": "late",
    "nulls": "nulls",
    "field": "field",
}
_RULE = ("id", "times", "every", "probability", "seed", "force")


def rule(document: Mapping[str, Any], organizations: tuple[str, ...] = ()) -> Rule:
    """The rule of a FaultRequest; `organizations` when it names none.

    Raises Problem for an instant that cannot be read.
    """
    members: dict[str, Any] = {name: document[name] for name in _RULE if name in document}
    for member, name in (("from", "from_ms"), ("until", "until_ms")):
        if member in document:
            members[name] = instant_of(document[member], f"body.{member}")
    return Rule(
        effect(document["effect"]),
        tuple(document.get("operations", ())),
        tuple(document.get("organizations", organizations)),
        tuple(document.get("methods", ())),
        **members,
    )


def effect(document: Mapping[str, Any]) -> Effect:
    """The effect of an Effect."""
    members: dict[str, Any] = {_PLAIN[name]: value for name, value in document.items() if name in _PLAIN}
    for name, (member, kind, parts) in _PARTS.items():
        if name in document:
            members[member] = kind(**{parts[part]: value for part, value in document[name].items()})
    return Effect(**members)


def fault(standing: Standing) -> dict[str, Any]:
    """The schema Fault."""
    found = standing.rule
    return {
        "id": found.id,
        "organizations": list(found.organizations),
        "operations": list(found.operations),
        "methods": list(found.methods),
        "times": found.times,
        "every": found.every,
        "probability": found.probability,
        "seed": found.seed,
        "from": None if found.from_ms is None else instants.text(found.from_ms),
        "until": None if found.until_ms is None else instants.text(found.until_ms),
        "force": found.force,
        "effect": _effect(found.effect),
        "matched": standing.matched,
        "fired": standing.fired,
    }


def _effect(found: Effect) -> dict[str, Any]:
    shown = {name: getattr(found, member) for name, member in _PLAIN.items()}
    for name, (member, _, parts) in _PARTS.items():
        part = getattr(found, member)
        if part is not None:
            values = {each: getattr(part, field) for each, field in parts.items()}
            # Of a stale answer's two measures, one is in use.
            shown[name] = {k: v for k, v in values.items() if v} if name == "stale" else values
    return {name: value for name, value in shown.items() if value is not None and value is not False}
