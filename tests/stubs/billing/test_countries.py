from __future__ import annotations

from babel import Locale
from orgbilling_stubs.billing.countries import COUNTRIES

NOT_ASSIGNED = frozenset(
    ("AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "XK", "ZZ")
)
"""Two letters that Unicode's CLDR has a name for, but ISO 3166-1 does not assign to a country."""


def test_the_countries_are_those_of_cldr_without_its_own_additions() -> None:
    named = {code for code in Locale("en").territories if len(code) == 2 and code.isalpha()}
    assert named - NOT_ASSIGNED == COUNTRIES
