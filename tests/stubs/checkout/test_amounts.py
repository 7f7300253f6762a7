import random

import pytest
from orgbilling_stubs.checkout.amounts import accepted_locale, format_amount, format_number, format_usd

NBSP = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("amount_minor", "currency", "text"),
    [
        (2_500, "USD", "$25.00"),
        (5, "EUR", "€0.05"),
        (-123_456, "GBP", "-£1,234.56"),
        (5_000, "JPY", "¥5,000"),
        (5_000, "KRW", "₩5,000"),
        (1_234_567, "KWD", f"KWD{NBSP}1,234.567"),
        (-100, "CHF", f"-CHF{NBSP}1.00"),
        (10_000, "ISK", f"ISK{NBSP}100"),
        (10_050, "ISK", f"ISK{NBSP}100.50"),
        (10_000, "UGX", f"UGX{NBSP}100"),
        (100_000, "HUF", f"HUF{NBSP}1,000.00"),
        ((1 << 63) - 1, "USD", "$92,233,720,368,547,758.07"),
    ],
)
def test_an_amount_has_the_decimals_that_stripe_counts_with(
    amount_minor: int, currency: str, text: str
) -> None:
    assert format_amount(amount_minor, currency) == text


@pytest.mark.parametrize(
    ("locale", "text"),
    [
        ("de", f"1.234,50{NBSP}€"),
        ("fr", "1\N{NARROW NO-BREAK SPACE}234,50\N{NO-BREAK SPACE}€"),
        ("hi_IN", "€1,234.50"),
        ("de_CH", f"EUR{NBSP}1'234.50"),
        ("ja_JP", "€1,234.50"),
    ],
)
def test_an_amount_is_written_as_the_locale_has_it(locale: str, text: str) -> None:
    assert format_amount(123_450, "EUR", locale) == text


@pytest.mark.parametrize(
    ("locale", "text"),
    [
        ("ar", f"\u200f\u200e-1,234.50{NBSP}US$"),
        ("he", f"\u200f\u200e-1,234.50{NBSP}\u200f$"),
        ("sv", f"\u22121\xa0234,50{NBSP}US$"),
        ("de", f"-1.234,50{NBSP}$"),
    ],
)
def test_a_negative_amount_has_the_minus_sign_of_the_locale(locale: str, text: str) -> None:
    assert format_amount(-123_450, "USD", locale) == text


def test_an_indian_amount_is_grouped_in_lakhs() -> None:
    assert format_amount(123_456_700, "INR", "hi_IN") == "₹12,34,567.00"


@pytest.mark.parametrize(
    ("usd_micros", "currency", "text"),
    [
        (25_000_000, "USD", "$25.00"),
        (25_005_000, "USD", "$25.00"),
        (25_015_000, "USD", "$25.02"),
        (100_000_000, "EUR", "€92.00"),
        (100_000_000, "JPY", "¥15,000"),
        (100_000_000, "KWD", f"KWD{NBSP}30.700"),
    ],
)
def test_us_dollars_are_shown_as_they_are_paid_in_a_currency(
    usd_micros: int, currency: str, text: str
) -> None:
    assert format_usd(usd_micros, currency) == text


def test_a_code_that_follows_is_not_repeated() -> None:
    assert format_amount(100, "CHF", named=False) == "1.00"
    assert format_amount(100, "CHF", "de", named=False) == "1,00"
    assert format_usd(1_000_000, "USD", named=False) == "$1.00"


@pytest.mark.parametrize(
    ("accept_language", "locale"),
    [
        ("", "en_US"),
        ("*", "en_US"),
        ("de", "de"),
        ("de-CH, de;q=0.9, en;q=0.8", "de_CH"),
        ("en;q=0.2, fr;q=0.9", "fr"),
        ("de;q=0, fr;q=0.1", "fr"),
        ("tlh, es-MX;q=0.5", "es_MX"),
        ("zh-Hant-TW", "zh_Hant_TW"),
        ("ja-JP-u-ca-japanese", "ja_JP"),
        ("de.utf8@euro", "de"),
        ("../../etc", "en_US"),
        (",;=", "en_US"),
    ],
)
def test_the_first_language_with_rules_for_numbers_is_taken(accept_language: str, locale: str) -> None:
    assert accepted_locale(accept_language) == locale


@pytest.mark.slow
def test_any_header_leads_to_a_locale_that_can_write_amounts() -> None:
    stream = random.Random(7)
    for _ in range(2_000):
        header = "".join(stream.choices("adehnxzTW-_;=,.q01@* \x00é", k=stream.randint(0, 14)))
        assert format_amount(100, "EUR", accepted_locale(header))


def test_a_long_header_counts_up_to_a_limit() -> None:
    assert accepted_locale("tlh," * 19 + "de") == "de"
    assert accepted_locale("tlh," * 20 + "de") == "en_US"
    assert accepted_locale("de;q=0.1" + " " * 500 + ", fr") == "de"


def test_a_number_is_written_as_the_locale_has_it() -> None:
    assert format_number(123_450, 2) == "1,234.50"
    assert format_number(-5, 3, "de") == "-0,005"
