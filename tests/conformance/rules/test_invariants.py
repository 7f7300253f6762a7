from __future__ import annotations

from orgbilling_conformance.rules.invariants import RULES, invariant_operations, invariant_rule_id
from orgbilling_openapi.invariants import INVARIANTS


def test_every_invariant_is_a_rule() -> None:
    ids = {rule.id for rule in RULES}
    assert {invariant_rule_id(invariant) for invariant in INVARIANTS} <= ids
    assert invariant_rule_id(INVARIANTS[0]) == "invariant-01-events-count"


def test_an_invariant_names_the_operations_that_it_reads() -> None:
    by_name = {invariant.name: invariant for invariant in INVARIANTS}
    assert invariant_operations(by_name["redeem-balance"]) == ("redeemOrgVoucher", "getOrgBilling")
    needs = {rule.id: rule.needs for rule in RULES}
    assert needs["invariant-20-redeem-balance"] == ("redeem",)
    assert needs["invariant-15-balance"] == ("read",)
