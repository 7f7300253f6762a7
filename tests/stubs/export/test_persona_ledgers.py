"""The ledgers of personas keep the rules of populations, whatever the length and the end of the history."""

from __future__ import annotations

import pytest
from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.instants import DAY_MS
from orgbilling_stubs.billing.tenant import CARRIED_FORWARD, UNPAID_BEFORE
from orgbilling_stubs.export.columnar.columns import values
from orgbilling_stubs.export.organization_tables import OrganizationTables
from orgbilling_stubs.export.schema import BY_NAME
from orgbilling_stubs.export.selection import SelectionOptions

AS_OF = ("1999-12-31T23:59:59Z", "2024-02-29", "2026-05-17T12:00:00Z", "2100-03-01")
OVERDRAWN = ("overdrawn", "extreme_numbers", "postpaid_over_limit")
CHARGES = ("usage", "event_charge", "service_charge", "character_charge")


def rows_of(columns, table):
    names = BY_NAME[table].names
    cells = zip(*(values(columns[name]) for name in names), strict=True)
    return [dict(zip(names, row, strict=True)) for row in cells]


def organizations(as_of, days, seed=1):
    """The tables of each shipped persona, as rows."""
    options = SelectionOptions(instants.parse(as_of), seed, personas=("all",), days=days)
    selection = options.selection()
    made = OrganizationTables(selection)
    for organization in selection.organizations:
        tables = made.tables(organization)
        yield organization.persona, {table: rows_of(tables[table], table) for table in tables}


def assert_a_credible_ledger(name, tables):
    organization, profile = tables["organizations"][0], tables["billing_profiles"][0]
    ledger, signed_up_ms = tables["ledger"], tables["organizations"][0]["created_at"]
    balance = owed = 0
    for row in ledger:
        balance += row["amount_credits"]
        if row["entry_type"] in CHARGES or (row["entry_type"], row["amount_credits"]) == ("adjustment", 0):
            owed -= row["amount_usd"]
        if profile["billing_mode"] == "postpaid" and not profile["may_overdraw"]:
            assert owed <= max(profile["postpaid_limit_usd"], -row["amount_usd"]), (name, row)
        assert balance >= 0 or profile["may_overdraw"], (name, row)
        if row["description"] in (CARRIED_FORWARD, UNPAID_BEFORE):
            assert row["created_at"] - signed_up_ms > 20 * DAY_MS, (name, row)
        if row["entry_type"] == "contract_credit":
            assert row["created_at"] % DAY_MS, (name, row)
    assert profile["may_overdraw"] == (name in OVERDRAWN), name
    for agreement in tables["service_agreements"]:
        assert signed_up_ms < agreement["created_at"] <= organization["as_of"], (name, agreement)
    issued = {row["invoice_id"]: row["issued_at"] for row in tables["invoices"]}
    for payment in tables["payments"]:
        # `month_edges` uses the product in the millisecond of its sign-up, and has to pay for it.
        if payment["invoice_id"] in issued and payment["created_at"] > signed_up_ms:
            assert signed_up_ms <= issued[payment["invoice_id"]] < payment["created_at"], (name, payment)
    redeemed = {row["voucher_code"] for row in ledger if row["entry_type"] == "voucher"}
    assert redeemed == {row["code"] for row in tables["vouchers"] if row["state"] == "used"}, name


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("as_of", AS_OF)
@pytest.mark.parametrize("days", [1, 7])
def test_the_ledgers_of_personas_are_credible(as_of, days):
    for name, tables in organizations(as_of, days):
        assert_a_credible_ledger(name, tables)


@pytest.mark.slow
@pytest.mark.parametrize("as_of", AS_OF)
@pytest.mark.parametrize(("days", "seed"), [(90, 7), (365, 2), (None, 3), (3_650, 4)])
def test_long_ledgers_of_personas_are_credible(as_of, days, seed):
    for name, tables in organizations(as_of, days, seed):
        assert_a_credible_ledger(name, tables)
