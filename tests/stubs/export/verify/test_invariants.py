from __future__ import annotations

import re

from orgbilling_stubs.export.schema import NAMES, TABLES
from orgbilling_stubs.export.verify import invariants


def test_laws_have_names_of_their_own_and_known_tables():
    assert len({law.name for law in invariants.LAWS}) == len(invariants.LAWS)
    assert all({*law.tables} <= {*NAMES} for law in invariants.LAWS)


def test_every_key_and_foreign_key_is_a_law():
    names = {law.name for law in invariants.LAWS}
    for table in TABLES:
        assert (f"{table.name}-key" in names) is (table.name != "ledger")
        assert {f"{table.name}-{foreign.table}" for foreign in table.foreign} <= names


def test_only_laws_about_the_tables_at_hand_apply():
    assert {law.name for law in invariants.applicable(("ledger",))} == {
        "ledger-order",
        "ledger-ids",
        "ledger-signs",
        "ledger-tokens",
    }
    assert len(invariants.applicable(NAMES)) == len(invariants.LAWS)


def test_every_query_reads_the_tables_it_names():
    for law in invariants.LAWS:
        read = {name for name in NAMES if re.search(rf"\bv_{name}\b", law.broken)}
        read |= {"ledger"} if "v_empty" in law.broken else set()
        assert read == {*law.tables}, law.name
