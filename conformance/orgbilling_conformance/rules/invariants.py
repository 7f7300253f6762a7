"""The rules that invariants are."""

from __future__ import annotations

from orgbilling_openapi.invariants import INVARIANTS, Invariant

from orgbilling_conformance.rules.rule import ConformanceRule

NEEDS = {"redeemOrgVoucher": "redeem", "createOrgBillingCheckout": "a paid checkout"}
"""What a run must have for the invariants of an operation that writes."""


def invariant_rule_id(invariant: Invariant) -> str:
    """The id of the rule that an invariant is."""
    return f"invariant-{invariant.number:02}-{invariant.name}"


def invariant_operations(invariant: Invariant) -> tuple[str, ...]:
    """The operations whose responses an invariant reads."""
    names = (need.rpartition(":")[2] for need in invariant.needs)
    return tuple(dict.fromkeys(names))


def _rule(invariant: Invariant) -> ConformanceRule:
    operations = invariant_operations(invariant)
    needs = tuple(NEEDS[operation] for operation in operations if operation in NEEDS) or ("read",)
    name, basis = invariant_rule_id(invariant), ("invariant",)
    return ConformanceRule(name, invariant.equation, basis, invariant.basis, "scenario", needs, operations)


RULES = tuple(_rule(invariant) for invariant in INVARIANTS)
