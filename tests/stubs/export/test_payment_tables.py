"""Invoices and payments of personas are those that the billing portal shows."""

from __future__ import annotations

import pytest
from orgbilling_fixtures import personas
from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.currencies import minor_units_of
from orgbilling_stubs.billing.invoices import invoices
from orgbilling_stubs.billing.state import after_history
from orgbilling_stubs.export import row_tables
from orgbilling_stubs.export.columnar.columns import values
from orgbilling_stubs.export.payment_tables import month_invoice_id, opening_after
from orgbilling_stubs.export.schema import BY_NAME

from .conftest import config_of


def tables_of(name):
    """The tables of a persona as rows, and its tenant."""
    tenant = after_history(config_of(name))
    made = row_tables.tables(
        tenant, personas.load(name), ("ledger", "invoices", "payments", "service_agreements")
    )
    rows = {}
    for table, columns in made.items():
        names = BY_NAME[table].names
        cells = zip(*(values(columns[column]) for column in names), strict=True)
        rows[table] = [dict(zip(names, row, strict=True)) for row in cells]
    return rows, tenant


def test_the_opening_that_bills_an_instant_is_the_next_one():
    opening_ms = instants.parse("2026-04-01T00:05:00Z")
    assert opening_after(opening_ms) == opening_ms == opening_after(instants.parse("2026-03-07"))
    assert opening_after(opening_ms + 1) == instants.parse("2026-05-01T00:05:00Z")
    assert month_invoice_id(opening_ms) == "2026-03-M1"


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("name", ["postpaid_near_limit", "postpaid_over_limit"])
def test_the_months_of_a_postpaid_persona_are_those_of_the_portal(name):
    rows, tenant = tables_of(name)
    shown = {invoice.number: invoice for invoice in invoices(tenant)}
    months = [row for row in rows["invoices"] if row["kind"] == "month"]
    assert len(months) > 10
    for row in months:
        invoice = shown[row["invoice_id"]]
        assert minor_units_of(row["amount_usd"], "USD") == invoice.amount_minor
        assert row["status"] == invoice.status
    carried = [row["invoice_id"] for row in rows["invoices"] if row["kind"] == "carried_forward"]
    assert {*carried} <= shown.keys()


def test_purchases_of_a_prepaid_persona_have_the_numbers_of_the_portal():
    rows, tenant = tables_of("standard")
    shown = {invoice.number for invoice in invoices(tenant)}
    purchases = [row["invoice_id"] for row in rows["invoices"] if row["kind"] == "top_up"]
    assert purchases
    assert {*purchases} <= shown
    assert {row["status"] for row in rows["payments"]} == {"succeeded"}


def test_every_charge_of_an_agreement_names_it():
    rows, _ = tables_of("standard")
    amounts = {row["charge_id"]: -row["amount_usd"] for row in rows["service_agreements"]}
    charged = [row for row in rows["ledger"] if row["charge_id"] is not None]
    assert {row["charge_id"] for row in charged} == {
        row["charge_id"] for row in rows["service_agreements"] if row["billed_at"] is not None
    }
    assert all(row["amount_usd"] == amounts[row["charge_id"]] for row in charged)
    assert all(row["project_id"] and row["model"] for row in rows["ledger"] if row["entry_type"] == "usage")
