from __future__ import annotations

from dataclasses import replace

import pytest
from orgbilling_fixtures import personas
from orgbilling_stubs.billing import ids, instants
from orgbilling_stubs.billing.events import TenantCreated
from orgbilling_stubs.billing.opening_balance import solved
from orgbilling_stubs.billing.state import after_history
from orgbilling_stubs.billing.tenant_config import TopUp
from orgbilling_stubs.export import row_tables
from orgbilling_stubs.export.columnar import column_tables
from orgbilling_stubs.export.columnar.columns import values
from orgbilling_stubs.export.schema import BY_NAME, NAMES
from orgbilling_stubs.tenants import tenant_factory

from ..conftest import AS_OF_MS, config_of

BY_ROWS_ONLY = ("empty", "nulls", "extreme_numbers", "free_credit_used")


def listed(tables):
    """Tables as lists of raw values."""
    return {
        table: {name: values(chunk[name]) for name in BY_NAME[table].names} for table, chunk in tables.items()
    }


def assert_same(config, persona):
    by_columns = column_tables.tables(config, persona)
    assert by_columns is not None
    expected = listed(row_tables.tables(after_history(solved(config)), persona))
    for table, columns in listed(by_columns).items():
        assert columns == expected[table], table
    assert [*by_columns] == [*NAMES]


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize("name", [name for name in personas.names() if name not in BY_ROWS_ONLY])
def test_every_row_of_every_table_is_that_of_row_tables(name):
    assert_same(config_of(name), personas.load(name))


@pytest.mark.parametrize("name", BY_ROWS_ONLY)
def test_what_columns_cannot_hold_is_left_to_the_rows(name):
    assert column_tables.tables(config_of(name), personas.load(name)) is None


MOMENTS = (
    "2026-01-01T00:00:00Z",
    "2026-05-01T00:03:00Z",
    "2026-05-01T00:05:00Z",
    "2024-02-29T23:55:00Z",
    "2024-02-29T23:59:59.999Z",
)


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("name", ["postpaid_over_limit", "overdrawn", "zero_balance"])
def test_every_row_is_that_of_row_tables_at_the_edges_of_days_and_months(name, moment):
    assert_same(config_of(name, instants.parse(moment)), personas.load(name))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 5))
@pytest.mark.parametrize("name", [name for name in personas.names() if name not in BY_ROWS_ONLY])
def test_every_row_is_that_of_row_tables_for_any_seed(name, seed):
    as_of_ms = AS_OF_MS + seed * 11 * instants.DAY_MS + seed * 7_919_321
    config = config_of(name, as_of_ms, seed)
    if column_tables.tables(config, personas.load(name)) is not None:
        assert_same(config, personas.load(name))


def short(**changes):
    """The standard persona's config with thirty days of history, billed differently."""
    standard = personas.load("standard")
    persona = replace(standard, usage=replace(standard.usage, history_days=30), contract=None)
    created = TenantCreated(persona.document, 1, AS_OF_MS, "org_short")
    return replace(tenant_factory.unsolved_config("org_short", created), **changes), persona


@pytest.mark.slow_beyond(5)
@pytest.mark.parametrize(
    "changes",
    [
        {"top_up": TopUp(5_000_000, 1_000_000)},
        {"top_up": TopUp(1, 1)},
        {"top_up": None, "stop_when_exhausted": False},
        {"top_up": None, "free_credit_micros": 10**12},
        {"balance_target_micros": 0},
        {"balance_target_micros": 5_000_000_000},
        {"balance_target_micros": 0, "free_credit_micros": 10**11},
        {"balance_target_micros": 7, "top_up": None},
        {"balance_target_micros": -5_000_001, "stop_when_exhausted": False},
        {"balance_target_micros": -5_000_001, "stop_when_exhausted": False, "top_up": None},
        {"mode": "postpaid", "top_up": None},
        {"mode": "postpaid", "top_up": None, "postpaid_limit_micros": 10**12},
        {"mode": "postpaid", "top_up": None, "postpaid_limit_micros": 100_000_000},
        {"mode": "postpaid", "top_up": None, "outstanding_target_micros": 1},
        {"mode": "postpaid", "top_up": None, "outstanding_target_micros": 300_000_000},
        {"mode": "postpaid", "top_up": None, "outstanding_target_micros": 10**12},
    ],
)
def test_every_row_is_that_of_row_tables_however_it_pays(changes):
    assert_same(*short(**changes))


def test_what_is_due_when_a_month_opens_does_not_keep_it_from_opening():
    """An organization that signs up at the instant at which its first month is billed."""
    standard = personas.load("standard")
    persona = replace(standard, usage=replace(standard.usage, history_days=0))
    created = TenantCreated(persona.document, 1, instants.parse("2026-05-01T00:05:00Z"), "org_short")
    config = tenant_factory.unsolved_config("org_short", created)
    limits = {"postpaid_limit_micros": 500_000_000, "outstanding_target_micros": 1}
    assert_same(replace(config, mode="postpaid", top_up=None, balance_target_micros=None, **limits), persona)


@pytest.mark.parametrize("changes", [{"top_up": None}, {"top_up": None, "balance_target_micros": 0}])
def test_who_runs_out_of_credits_is_left_to_the_rows(changes):
    assert column_tables.tables(*short(**changes)) is None


def test_only_the_wanted_tables_are_made():
    config, persona = short()
    assert [*column_tables.tables(config, persona, {"ledger", "projects"})] == ["projects", "ledger"]


def test_entry_ids_are_those_of_the_domain():
    by_columns = [*column_tables.entry_ids(5, "org_ü", 300)]
    assert by_columns == [ids.uuid(5, "org_ü", "entry", number) for number in range(300)]
    assert [*column_tables.entry_ids(5, "org_ü", 0)] == []
