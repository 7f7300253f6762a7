"""Amounts as people read them: in the currency of a payment, the way the reader's language writes numbers."""

from __future__ import annotations

import copy
import re
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

from orgbilling_stubs.billing.currencies import WHOLE_UNIT_CURRENCIES, currency_decimals, minor_units_of
from orgbilling_stubs.billing.money import MICROS_PER_CENT

if TYPE_CHECKING:
    from babel import Locale
    from babel.numbers import NumberPattern

DEFAULT_LOCALE = "en_US"
"""The locale of a reader that names no language, or none that has rules for numbers."""

_LONGEST_HEADER = 500
_MOST_LANGUAGES = 20
_EXTENSIONS = re.compile("(-[0-9a-z]-|[.@]).*", re.IGNORECASE | re.DOTALL)
"""What may follow a language, script and region (RFC 5646), such as `-u-ca-japanese` or `-x-private`."""
_LETTER_BESIDE_DIGIT = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")


def format_amount(
    amount_minor: int, currency: str, locale: str = DEFAULT_LOCALE, *, named: bool = True
) -> str:
    """An amount in the smallest unit of its currency: 2500 EUR is `€25.00`, and `25,00 €` in German.

    locale: as `accepted_locale` gives it. A currency without a symbol is named by its code, unless `named`
    says that the code follows anyway. It has the decimals that Stripe counts it with. Stripe
    counts ISK and UGX in hundredths, although they have no decimals: 10000 ISK is `ISK 100`.
    """
    from babel.numbers import get_currency_symbol

    parsed = _parsed(locale)
    places = currency_decimals(currency)
    if currency in WHOLE_UNIT_CURRENCIES and amount_minor % 100 == 0:
        places, amount_minor = 0, amount_minor // 100
    if not named and get_currency_symbol(currency, parsed) == currency:
        return format_number(amount_minor, places, locale)
    pattern = _pattern(parsed.currency_formats["standard"], places, parsed)
    text = pattern.apply(_decimal(amount_minor, places), parsed, currency=currency, currency_digits=False)
    # A no-break space between a code and the digits: CLDR has that rule, and Babel leaves it out.
    return _LETTER_BESIDE_DIGIT.sub("\N{NO-BREAK SPACE}", text)


def format_number(scaled: int, decimals: int, locale: str = DEFAULT_LOCALE) -> str:
    """A number that is given as an integer: 123450 with 2 decimals is `1,234.50`."""
    parsed = _parsed(locale)
    pattern = _pattern(parsed.decimal_formats[None], decimals, parsed)
    text: str = pattern.apply(_decimal(scaled, decimals), parsed)
    return text


def format_credits(usd_micros: int, locale: str = DEFAULT_LOCALE) -> str:
    """A number of credits, each of which is worth one US dollar: 33,330,000 micro-USD are `33.33`."""
    return format_number(usd_micros // MICROS_PER_CENT, 2, locale)


def _pattern(template: NumberPattern, decimals: int, locale: Locale) -> NumberPattern:
    """A pattern of a locale with so many decimals and with the minus sign of the locale.

    Babel writes a hyphen everywhere. In Arabic and Hebrew the sign comes with a mark that keeps it in front
    of the digits.
    """
    pattern = copy.copy(template)
    pattern.frac_prec = (decimals, decimals)
    minus = locale.number_symbols["latn"]["minusSign"]
    positive, negative = pattern.prefix
    pattern.prefix = (positive, negative.replace("-", minus))
    return pattern


def _decimal(scaled: int, decimals: int) -> Decimal:
    return Decimal(scaled).scaleb(-decimals)


def format_usd(usd_micros: int, currency: str, locale: str = DEFAULT_LOCALE, *, named: bool = True) -> str:
    """An amount in micro-USD as it is paid in a currency."""
    return format_amount(minor_units_of(usd_micros, currency), currency, locale, named=named)


@lru_cache(maxsize=64)
def _parsed(locale: str) -> Locale:
    from babel import Locale

    return Locale.parse(locale)


@lru_cache(maxsize=256)
def accepted_locale(accept_language: str) -> str:
    """The locale that an `Accept-Language` header asks for first, of those that have rules for numbers."""
    from babel import Locale, UnknownLocaleError
    from werkzeug.datastructures import LanguageAccept
    from werkzeug.http import parse_accept_header

    languages = parse_accept_header(accept_language[:_LONGEST_HEADER], LanguageAccept)
    for language, quality in languages[:_MOST_LANGUAGES]:
        if quality <= 0 or language == "*":
            continue
        try:
            return str(Locale.parse(_EXTENSIONS.sub("", language), sep="-"))
        except (UnknownLocaleError, ValueError):
            continue
    return DEFAULT_LOCALE
