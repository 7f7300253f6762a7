import pytest
from orgbilling_stubs.checkout import amounts


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (2_500, "USD", "$25.00"),
        (5, "EUR", "€0.05"),
        (-123_456, "GBP", "−£1,234.56"),
        (1_250_000, "JPY", "¥1,250,000"),
        (1_234_567, "KWD", "KWD 1,234.567"),
        (100, "CHF", "CHF 1.00"),
        ((1 << 63) - 1, "USD", "$92,233,720,368,547,758.07"),
    ],
)
def test_the_smallest_unit_is_that_of_the_currency(amount: int, currency: str, text: str) -> None:
    assert amounts.format_minor_units(amount, currency) == text


@pytest.mark.parametrize(
    ("amount_micros", "currency", "text"),
    [
        (25_000_000, "USD", "$25.00"),
        (25_005_000, "USD", "$25.00"),
        (25_015_000, "USD", "$25.02"),
        (1_600_000, "JPY", "¥2"),
        (1_234_567, "KWD", "KWD 1.235"),
    ],
)
def test_micros_are_rounded_half_to_even(amount_micros: int, currency: str, text: str) -> None:
    assert amounts.format_micros(amount_micros, currency) == text


def test_a_code_that_follows_is_not_repeated() -> None:
    assert amounts.format_minor_units(100, "CHF", named=False) == "1.00"
    assert amounts.format_micros(1_000_000, "USD", named=False) == "$1.00"


def test_no_currency_has_two_kinds_of_decimals() -> None:
    assert not amounts.ZERO_DECIMAL_CURRENCIES & amounts.THREE_DECIMAL_CURRENCIES
