from __future__ import annotations

import pytest
from orgbilling_stubs.billing.billing_details import (
    DETAIL_NAMES,
    LONGEST_DETAIL,
    BillingDetails,
    billing_details_errors,
    normalized,
)
from orgbilling_stubs.billing.tax_ids import TAX_ID_TYPES, TaxIdType


def test_good_details_have_no_error() -> None:
    assert billing_details_errors(BillingDetails()) == {}
    details = BillingDetails(
        "شركة النور",
        "a+b@example.co.uk",
        "1 Main St",
        "",
        "10115",
        "Berlin",
        "",
        "DE",
        "eu_vat",
        "DE123456789",
    )
    assert billing_details_errors(details) == {}


@pytest.mark.parametrize("name", DETAIL_NAMES)
def test_each_detail_has_a_limit_and_one_line(name: str) -> None:
    for text in ("x" * (LONGEST_DETAIL + 1), "a\nb", "a\x00b", "a\u2028b"):
        assert name in billing_details_errors(BillingDetails(**{name: text}))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("email", "ada"),
        ("email", "ada@example"),
        ("email", "ada@@example.com"),
        ("email", "<ada@example.com>"),
        ("country", "Germany"),
        ("country", "de"),
        ("country", "D1"),
        ("tax_id_type", "vat"),
    ],
)
def test_an_error_belongs_to_its_detail(name: str, text: str) -> None:
    assert list(billing_details_errors(BillingDetails(**{name: text}))) == [name]


def test_a_tax_id_needs_its_type_and_its_form() -> None:
    assert list(billing_details_errors(BillingDetails(tax_id="DE123456789"))) == ["tax_id_type"]
    for tax_id in ("", "DE1", "de123456789"):
        errors = billing_details_errors(BillingDetails(tax_id_type="eu_vat", tax_id=tax_id))
        assert errors == {"tax_id": "Write a tax id of this form: DE123456789."}


@pytest.mark.parametrize(
    ("type_code", "written", "tax_id"),
    [
        ("EU-VAT", "de123456789", "DE123456789"),
        ("eu_vat", "NL 1234.56789 B01", "NL123456789B01"),
        ("br_cnpj", "01234456543210", "01.234.456/5432-10"),
        ("ch_vat", "che 123 456 789 tva", "CHE-123.456.789 TVA"),
        ("us_ein", "123456789", "12-3456789"),
        ("kr_brn", "123 45 67890", "123-45-67890"),
    ],
)
def test_a_tax_id_is_normalized(type_code: str, written: str, tax_id: str) -> None:
    details = normalized(BillingDetails(tax_id_type=type_code, tax_id=written))
    assert details.tax_id == tax_id
    assert details.tax_id_type == type_code.lower().replace("-", "_")
    assert billing_details_errors(details) == {}


@pytest.mark.parametrize("kind", TAX_ID_TYPES.values(), ids=lambda kind: kind.code)
def test_an_example_of_a_tax_id_is_normalized_already(kind: TaxIdType) -> None:
    assert kind.normalized(kind.example) == kind.example
    assert kind.normalized(kind.example.lower()) == kind.example


def test_what_is_no_tax_id_stays_as_it_was_written() -> None:
    details = normalized(BillingDetails(tax_id_type="eu_vat", tax_id="de 1"))
    assert details.tax_id == "de 1"
    assert list(billing_details_errors(details)) == ["tax_id"]
    assert normalized(BillingDetails(tax_id_type="none")).tax_id_type == "none"
