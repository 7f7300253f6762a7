from __future__ import annotations

import sqlite3

import pytest
from orgbilling_stubs.export.verify import queries

ROWS = [("a", 0, 100, 5), ("a", 1, 200, -5), ("a", 2, 300, 1), ("b", 0, 100, 5), ("b", 1, 400, -5)]


@pytest.fixture
def database():
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE v_ledger (organization_id, number, created_at, amount_credits)")
    connection.executemany("INSERT INTO v_ledger VALUES (?, ?, ?, ?)", ROWS)
    yield connection
    connection.close()


def test_who_has_no_credits_is_known_from_row_to_row(database):
    database.execute(queries.EMPTY)
    assert database.execute("SELECT * FROM v_empty ORDER BY 1").fetchall() == [
        ("a", 200, 300),
        ("b", 400, None),
    ]


def test_less_may_be_charged_only_on_a_day_with_nothing_left(database):
    database.execute(queries.EMPTY)
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
        )
    )
    query = queries.unless_empty(suspects, "suspects.moment", "charged < 1")
    assert database.execute(query).fetchall() == [("a", 199, 0), ("a", 299, 2), ("a", 300 + day, 0)]


def test_organizations_with_other_prices_are_left_out(database):
    database.execute("CREATE TABLE v_organizations (organization_id, repriced)")
    database.execute("INSERT INTO v_organizations VALUES ('a', 1), ('b', 0)")
    law = queries.Law("all", "", ("ledger",), "SELECT DISTINCT organization_id FROM v_ledger")
    made = queries.as_priced(law)
    assert made.tables == ("ledger", "organizations")
    assert database.execute(made.broken).fetchall() == [("b",)]


@pytest.mark.parametrize(("charge", "broken"), [(2, 0), (3, 0), (1, 1), (4, 1)])
def test_a_charge_may_be_off_by_half_a_micro_for_each_rounding(database, charge, broken):
    assert database.execute(f"SELECT {queries.near(str(charge), '2500', 1000, '1')}").fetchone() == (broken,)


def test_the_day_of_an_instant_is_its_first_millisecond(database):
    assert database.execute(f"SELECT {queries.day('172800001')}").fetchone() == (172_800_000,)


def test_sums_are_compared_group_by_group(database):
    left = "SELECT 'a' AS owner, 3 AS left_side, 0 AS right_side"
    right = "SELECT 'a' AS owner, 0 AS left_side, 3 AS right_side UNION ALL SELECT 'b', 0, 1"
    law = queries.sums("equal", "left = right", (), "owner", (left, right))
    assert database.execute(law.broken).fetchall() == [("b", 0, 1)]
