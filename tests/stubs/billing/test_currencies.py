import pytest
from orgbilling_stubs.billing.currencies import (
    THREE_DECIMAL_CURRENCIES,
    UNITS_PER_USD_MICROS,
    WHOLE_UNIT_CURRENCIES,
    ZERO_DECIMAL_CURRENCIES,
    minor_units_of,
    usd_micros_of,
)


@pytest.mark.parametrize(
    ("amount_minor", "currency", "usd_micros"),
    [
        (2_500, "USD", 25_000_000),
        (5_000, "JPY", 33_330_000),
        (5_000, "KRW", 3_700_000),
        (5_000, "KWD", 16_290_000),
        (9_200, "EUR", 100_000_000),
        (1, "VND", 0),
        ((1 << 63) - 1, "USD", ((1 << 63) - 1) * 10_000),
    ],
)
def test_a_payment_is_worth_us_dollars_to_the_cent(amount_minor: int, currency: str, usd_micros: int) -> None:
    assert usd_micros_of(amount_minor, currency) == usd_micros


@pytest.mark.parametrize(
    ("usd_micros", "currency", "amount_minor"),
    [
        (25_000_000, "USD", 2_500),
        (25_005_000, "USD", 2_500),
        (100_000_000, "JPY", 15_000),
        (1_000_000, "KWD", 307),
        (-1_000_000, "EUR", -92),
    ],
)
def test_a_price_costs_whole_units_of_the_currency(usd_micros: int, currency: str, amount_minor: int) -> None:
    assert minor_units_of(usd_micros, currency) == amount_minor


def test_a_currency_without_a_rate_counts_like_the_us_dollar() -> None:
    assert usd_micros_of(100, "XXX") == 1_000_000
    assert minor_units_of(1_000_000, "XXX") == 100


def test_every_currency_of_the_tables_has_a_rate() -> None:
    assert not ZERO_DECIMAL_CURRENCIES & THREE_DECIMAL_CURRENCIES
    assert UNITS_PER_USD_MICROS.keys() >= ZERO_DECIMAL_CURRENCIES | THREE_DECIMAL_CURRENCIES
    assert UNITS_PER_USD_MICROS.keys() >= WHOLE_UNIT_CURRENCIES
    assert all(rate > 0 for rate in UNITS_PER_USD_MICROS.values())
