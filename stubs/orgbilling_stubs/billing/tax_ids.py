"""Tax ids of customers: the types of Stripe that the stub takes, and the form of each.

The form is checked, not the number itself: no register is asked whether it exists.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_SEPARATORS = re.compile(r"[\s./\-]+")


class TaxIdType(NamedTuple):
    """A type of tax id. code: as Stripe writes it. example: a value of its form."""

    code: str
    name: str
    example: str
    pattern: re.Pattern[str]

    def normalized(self, text: str) -> str:
        """A tax id with capital letters and the separators of the example, however it was separated.

        Example: `01234456543210` is `01.234.456/5432-10` for a CNPJ, `de 123 456 789` is `DE123456789`.
        """
        characters = iter(_SEPARATORS.sub("", text).upper())
        following = next(characters, "")
        normalized = ""
        for place in self.example:
            if not following:
                break
            if _SEPARATORS.fullmatch(place):
                normalized += place
            else:
                normalized += following
                following = next(characters, "")
        return normalized + following + "".join(characters)


def _type(code: str, name: str, example: str, pattern: str) -> TaxIdType:
    return TaxIdType(code, name, example, re.compile(pattern, re.ASCII))


TAX_ID_TYPES = {
    kind.code: kind
    for kind in (
        _type("au_abn", "Australia: ABN", "12345678912", r"\d{11}"),
        _type("br_cnpj", "Brazil: CNPJ", "01.234.456/5432-10", r"\d\d\.\d{3}\.\d{3}/\d{4}-\d\d"),
        _type("ca_bn", "Canada: business number", "123456789", r"\d{9}"),
        _type(
            "ch_vat", "Switzerland: VAT", "CHE-123.456.789 MWST", r"CHE-\d{3}\.\d{3}\.\d{3} (MWST|TVA|IVA)"
        ),
        _type(
            "eu_vat",
            "European Union: VAT",
            "DE123456789",
            r"(AT|BE|BG|CY|CZ|DE|DK|EE|EL|ES|FI|FR|HR|HU|IE|IT|LT|LU|LV|MT|NL|PL|PT|RO|SE|SI|SK|XI)"
            r"[0-9A-Z+*]{8,12}",
        ),
        _type("gb_vat", "United Kingdom: VAT", "GB123456789", r"GB(\d{9}|\d{12}|GD\d{3}|HA\d{3})"),
        _type("in_gst", "India: GSTIN", "12ABCDE3456FGZH", r"\d\d[0-9A-Z]{13}"),
        _type("jp_trn", "Japan: registration number", "T1234567891234", r"T\d{13}"),
        _type("kr_brn", "South Korea: BRN", "123-45-67890", r"\d{3}-\d\d-\d{5}"),
        _type("no_vat", "Norway: VAT", "123456789MVA", r"\d{9}MVA"),
        _type("nz_gst", "New Zealand: GST", "123456789", r"\d{8,9}"),
        _type("sg_gst", "Singapore: GST", "M12345678X", r"M[0-9A-Z]{9}"),
        _type("us_ein", "United States: EIN", "12-3456789", r"\d\d-\d{7}"),
        _type("za_vat", "South Africa: VAT", "4123456789", r"4\d{9}"),
    )
}
"""The types of tax id by their code."""
