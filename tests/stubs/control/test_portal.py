from __future__ import annotations

from typing import Any

import pytest
from orgbilling_stubs.api.errors import ROWS


def begin(drive: Any, persona: str) -> str:
    drive("POST", "/organizations", {"organization": "org_a", "persona": persona})
    return "/organizations/org_a"


def test_the_card_on_file_is_read_and_changed(drive: Any) -> None:
    org = begin(drive, "standard")
    assert drive("GET", f"{org}/payment-method").json()["card"]["last4"] == "4242"
    changed = drive("PUT", f"{org}/payment-method", {"number": "4000 0027 6000 3184"})
    assert changed.status_code == 200
    card = drive("GET", f"{org}/payment-method").json()["card"]
    assert (card["last4"], card["offSessionDeclineCode"]) == ("3184", "authentication_required")
    declined = drive("PUT", f"{org}/payment-method", {"number": "4000000000000002"})
    assert (declined.status_code, declined.json()["detail"]) == (402, ROWS["card_declined"].detail)
    unknown = drive("PUT", f"{org}/payment-method", {"number": "4111111111111111"})
    assert (unknown.status_code, unknown.json()["errors"][0]["location"]) == (422, "body.number")
    assert drive("POST", f"{org}/undo").status_code == 200
    assert drive("GET", f"{org}/payment-method").json()["card"]["last4"] == "4242"


def test_billing_details_are_read_and_replaced(drive: Any) -> None:
    org = begin(drive, "standard")
    details = {"name": "Ada", "taxIdType": "eu_vat", "taxId": "DE123456789"}
    assert drive("PUT", f"{org}/billing-details", details).status_code == 200
    answer = drive("GET", f"{org}/billing-details").json()
    assert {name: answer[name] for name in details} == details
    wrong = drive("PUT", f"{org}/billing-details", {"email": "ada", "country": "Germany"})
    assert wrong.status_code == 422
    assert [error["location"] for error in wrong.json()["errors"]] == ["body.email", "body.country"]


def test_an_invoice_is_paid_and_refused(drive: Any) -> None:
    org = begin(drive, "installment_overdue")
    rows = drive("GET", f"{org}/invoices").json()["invoices"]
    overdue = next(row for row in rows if row["status"] == "overdue")
    upcoming = next(row for row in rows if row["status"] == "upcoming")
    for number, body, status, code in (
        ("none", {}, 404, "invoice_unknown"),
        (upcoming["number"], {}, 409, "invoice_not_due"),
        (overdue["number"], {"amountUsd": 0.01}, 409, "invoice_indivisible"),
        (overdue["number"], {"amountUsd": 1_000_000}, 409, "invoice_overpaid"),
    ):
        answer = drive("POST", f"{org}/invoices/{number}/pay", body)
        assert answer.status_code == status
        assert answer.json()["errors"][0]["message"] == ROWS[code].detail
    paid = drive("POST", f"{org}/invoices/{overdue['number']}/pay").json()
    assert (paid["status"], paid["amountRemaining"], paid["payments"][0]["card"]["last4"]) == (
        "paid",
        0,
        "4242",
    )


@pytest.mark.parametrize("persona", ["contract_pending"])
def test_a_first_payment_is_made_on_its_page(drive: Any, persona: str) -> None:
    org = begin(drive, persona)
    rows = drive("GET", f"{org}/invoices").json()["invoices"]
    due = next(row for row in rows if row["status"] == "due")
    answer = drive("POST", f"{org}/invoices/{due['number']}/pay")
    assert answer.status_code == 409
    assert answer.json()["errors"][0]["message"] == ROWS["invoice_has_payment_page"].detail


def test_a_month_is_paid_in_parts(drive: Any) -> None:
    org = begin(drive, "postpaid_over_limit")
    rows = drive("GET", f"{org}/invoices").json()["invoices"]
    overdue = next(row for row in rows if row["status"] == "overdue")
    paid = drive("POST", f"{org}/invoices/{overdue['number']}/pay", {"amountUsd": 1}).json()
    assert paid["amountRemaining"] == overdue["amountRemaining"] - 100
    assert paid["status"] == "overdue"


def test_a_payment_below_the_smallest_unit_is_refused_with_its_place(drive: Any) -> None:
    org = begin(drive, "postpaid_over_limit")
    rows = drive("GET", f"{org}/invoices").json()["invoices"]
    overdue = next(row for row in rows if row["status"] == "overdue")
    refused = drive("POST", f"{org}/invoices/{overdue['number']}/pay", {"amountUsd": "0.001"})
    assert refused.status_code == 422
    [error] = refused.json()["errors"]
    assert error["location"] == "body.amountUsd"
    assert error["message"] == "the smallest payment in USD is 0.01 USD"
    assert drive("GET", f"{org}/invoices").json()["invoices"] == rows


def test_country_and_tax_id_are_taken_in_any_spelling(drive: Any) -> None:
    org = begin(drive, "standard")
    details = {"country": "de", "taxIdType": "EU-VAT", "taxId": "de 123 456 789"}
    assert drive("PUT", f"{org}/billing-details", details).status_code == 200
    kept = drive("GET", f"{org}/billing-details").json()
    assert (kept["country"], kept["taxIdType"], kept["taxId"]) == ("DE", "eu_vat", "DE123456789")
    for country in ("XX", "ZZ", "EU", "UK", "XK", "xx"):
        refused = drive("PUT", f"{org}/billing-details", {"country": country})
        assert refused.status_code == 422
        assert (refused.json()["errors"][0]["location"], refused.json()["errors"][0]["value"]) == (
            "body.country",
            country,
        )
