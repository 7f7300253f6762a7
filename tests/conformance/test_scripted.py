from __future__ import annotations

from orgbilling_conformance.scripted import RULES, law_id, law_operations
from orgbilling_openapi.invariants import INVARIANTS


def test_every_law_is_a_rule() -> None:
    ids = {rule.id for rule in RULES}
    assert {law_id(law) for law in INVARIANTS} <= ids
    assert law_id(INVARIANTS[0]) == "law-01-events-count"


def test_a_law_names_the_operations_that_it_reads() -> None:
    by_name = {law.name: law for law in INVARIANTS}
    assert law_operations(by_name["redeem-balance"]) == ("redeemOrgVoucher", "getOrgBilling")
    needs = {rule.id: rule.needs for rule in RULES}
    assert needs["law-20-redeem-balance"] == ("redeem",)
    assert needs["law-15-balance"] == ("read",)
