"""Billing details: to whom invoices are addressed, and where they are sent (Stripe's customer object)."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace

from orgbilling_stubs.billing.countries import COUNTRIES
from orgbilling_stubs.billing.tax_ids import TAX_ID_TYPES

LONGEST_DETAIL = 200
"""The most characters that one of the details has."""

_EMAIL = re.compile(r"[^\s@<>\"]+@[^\s@<>\"]+\.[^\s@<>\"]+")
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class BillingDetails:
    """The billing details of an organization; an empty text stands for a detail that was not given.

    name: whom invoices name; without it, the company of the organization. line1 to country: the address.
    country: two letters (ISO 3166). tax_id_type: a key of `TAX_ID_TYPES`.
    """

    name: str = ""
    email: str = ""
    line1: str = ""
    line2: str = ""
    postal_code: str = ""
    city: str = ""
    state: str = ""
    country: str = ""
    tax_id_type: str = ""
    tax_id: str = ""


DETAIL_NAMES = tuple(field.name for field in fields(BillingDetails))
"""The names of the details."""


def normalized(details: BillingDetails) -> BillingDetails:
    """The details with country, type of tax id and tax id as Stripe writes them: `de` is `DE`.

    What cannot be read so stays as it is.
    """
    type_code = details.tax_id_type.lower().replace("-", "_")
    kind = TAX_ID_TYPES.get(type_code)
    if kind is None:
        return replace(details, country=details.country.upper())
    tax_id = kind.normalized(details.tax_id)
    return replace(
        details,
        country=details.country.upper(),
        tax_id_type=type_code,
        tax_id=tax_id if kind.pattern.fullmatch(tax_id) else details.tax_id,
    )


def billing_details_errors(details: BillingDetails) -> dict[str, str]:
    """What is wrong with each detail, as a sentence; empty when nothing is."""
    errors = {
        "email": _email_error(details.email),
        "country": _country_error(details.country),
        "tax_id_type": _tax_id_type_error(details),
        "tax_id": _tax_id_error(details),
    }
    for name in DETAIL_NAMES:
        text = getattr(details, name)
        if len(text) > LONGEST_DETAIL:
            errors[name] = f"Write at most {LONGEST_DETAIL} characters."
        elif _CONTROL_CHARACTER.search(text):
            errors[name] = "Write it in one line, without control characters."
    return {name: errors[name] for name in DETAIL_NAMES if errors.get(name)}


def _email_error(email: str) -> str:
    if not email or _EMAIL.fullmatch(email):
        return ""
    return "Write an email address, such as billing@example.com."


def _country_error(country: str) -> str:
    if not country or country in COUNTRIES:
        return ""
    return "Write the two letters of the country (ISO 3166), such as DE."


def _tax_id_type_error(details: BillingDetails) -> str:
    if details.tax_id_type and details.tax_id_type not in TAX_ID_TYPES:
        return f"Expected one of {', '.join(TAX_ID_TYPES)}."
    if details.tax_id and not details.tax_id_type:
        return "Choose the type of the tax id."
    return ""


def _tax_id_error(details: BillingDetails) -> str:
    kind = TAX_ID_TYPES.get(details.tax_id_type)
    if kind is None or kind.pattern.fullmatch(details.tax_id):
        return ""
    return f"Write a tax id of this form: {kind.example}."
