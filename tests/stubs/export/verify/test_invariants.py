from __future__ import annotations

import duckdb
import pytest
from orgbilling_stubs.export.schema import NAMES, TABLES
from orgbilling_stubs.export.verify import invariants

MACROS = invariants.template().module


@pytest.mark.slow
def test_invariants_have_names_of_their_own_and_known_tables():
    rendered = "".join(f"\n{invariants.template(name).render()}" for name in invariants.TEMPLATES)
    assert len(invariants.load()) == rendered.count("\n-- ")
    assert len({invariant.name for invariant in invariants.load()}) == len(invariants.load())
    assert all({*invariant.tables} <= {*NAMES} for invariant in invariants.load())


def test_every_key_and_foreign_key_is_an_invariant():
    names = {invariant.name for invariant in invariants.load()}
    for table in TABLES:
        assert (f"{table.name}-key" in names) is (table.name not in invariants.COUNTED)
        assert {f"{table.name}-{reference}" for reference in table.references} <= names


def test_only_invariants_about_the_tables_at_hand_apply():
    applicable = invariants.applicable(("ledger",))
    assert {"ledger-order", "ledger-ids", "ledger-signs"} <= {invariant.name for invariant in applicable}
    assert all(invariant.tables == ("ledger",) for invariant in applicable)
    assert len(invariants.applicable(NAMES)) == len(invariants.load())


def test_an_invariant_is_about_the_tables_that_its_query_reads():
    query = "SELECT * FROM v_usage_by_day JOIN v_ledger ANTI JOIN v_ledger"
    assert invariants.SqlInvariant("", "", query).tables == ("usage_by_day", "ledger")
    assert invariants.SqlInvariant("", "", "FROM v_events JOIN v_empty").tables == ("events", "ledger")
    assert invariants.SqlInvariant("", "", "FROM v_accounted").tables == ("ledger", "billing_profiles")


ROWS = [
    ("a", 0, 100, 5, 5),
    ("a", 1, 200, -5, -5),
    ("a", 2, 250, 0, 7),
    ("a", 3, 300, 1, 1),
    ("b", 0, 100, 5, 5),
    ("b", 1, 400, -5, -5),
    ("c", 0, 100, 5, 5),
    ("c", 1, 200, -7, -7),
    ("postpaid", 0, 100, 0, -9),
]


@pytest.fixture
def database():
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE v_ledger (organization_id VARCHAR, number BIGINT, created_at BIGINT, "
        "amount_credits BIGINT, amount_usd BIGINT)"
    )
    connection.executemany("INSERT INTO v_ledger VALUES (?, ?, ?, ?, ?)", ROWS)
    connection.execute(f"CREATE TABLE v_empty AS {invariants.derived()['empty'].violations}")
    yield connection
    connection.close()


def test_who_has_no_credits_is_known_from_row_to_row(database):
    assert database.execute("SELECT * FROM v_empty ORDER BY 1").fetchall() == [
        ("a", 1, 200, 300, 0),
        ("b", 1, 400, None, 0),
        ("c", 1, 200, None, -2),
    ]


def test_less_may_be_charged_only_on_a_day_with_nothing_left(database):
    day = 86_400_000
    suspects = " UNION ALL ".join(
        f"SELECT '{owner}' AS organization_id, {moment} AS moment, {charged} AS charged"
        for owner, moment, charged in (
            ("a", 199, 0),
            ("a", 200, 0),
            ("a", 299, 2),
            ("a", 299 + day, 0),
            ("a", 300 + day, 0),
            ("b", 9 * day, 0),
            ("c", 250, 0),
        )
    )
    query = MACROS.unless_empty("suspects.moment", "charged < 1", caller=lambda: suspects)
    assert sorted(database.execute(query).fetchall()) == [
        ("a", 199, 0),
        ("a", 299, 2),
        ("a", 300 + day, 0),
        ("c", 250, 0),
    ]


def test_organizations_with_other_prices_are_left_out(database):
    database.execute("CREATE TABLE v_organizations (organization_id VARCHAR, repriced BIGINT)")
    database.execute("INSERT INTO v_organizations VALUES ('a', 1), ('b', 0)")
    query = MACROS.unless_repriced(caller=lambda: "SELECT DISTINCT organization_id FROM v_ledger")
    assert sorted(database.execute(query).fetchall()) == [("b",), ("c",), ("postpaid",)]


@pytest.mark.slow_beyond(2)
@pytest.mark.parametrize(("charge", "broken"), [(2, 0), (3, 0), (1, 1), (4, 1)])
def test_a_charge_may_be_off_by_half_a_micro_for_each_rounding(database, charge, broken):
    condition = MACROS.far(charge, 2500, 1000, 1)
    assert database.execute(f"SELECT {condition}").fetchone() == (broken,)


def test_the_day_of_an_instant_is_its_first_millisecond(database):
    assert database.execute(f"SELECT {MACROS.day(172_800_001)}").fetchone() == (172_800_000,)


def test_sums_are_compared_group_by_group(database):
    sides = """
        SELECT 'a' AS owner, 3 AS left_side
        UNION ALL BY NAME SELECT 'a' AS owner, 3 AS right_side
        UNION ALL BY NAME SELECT 'b' AS owner, 1 AS right_side"""
    query = MACROS.unequal_sums("owner", caller=lambda: sides)
    assert database.execute(query).fetchall() == [("b", 0, 1)]


def test_the_bonus_of_a_contract_is_not_that_of_another_one():
    database = duckdb.connect()
    database.execute(
        "CREATE TABLE v_contracts AS FROM (VALUES ('a', 'one', 5, 1), ('a', 'two', 5, 0)) "
        "AS t(organization_id, contract_id, bonus_credits_usd, bonus_credits_paid)"
    )
    database.execute(
        "CREATE TABLE v_postings AS FROM (VALUES ('a', 'bonus_credit', 5, 'one')) "
        "AS t(organization_id, entry_type, amount_credits, contract_id)"
    )
    (bonus,) = (invariant for invariant in invariants.load() if invariant.name == "contract-bonus")
    assert database.execute(bonus.violations).fetchall() == []
    database.execute("UPDATE v_contracts SET bonus_credits_paid = 1")
    assert [row[1] for row in database.execute(bonus.violations).fetchall()] == ["two"]
