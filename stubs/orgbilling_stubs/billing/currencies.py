"""Currencies: in which unit amounts count, and what a US dollar costs in each.

A credit is worth one US dollar, whatever it is paid with: see docs/hosted-pages.md. So an amount in another
currency becomes credits at the rate of this table, and a price in US dollars becomes an amount to pay. The
rates are invented: round figures near real ones, from no source and of no date. They never change, so that
the same payment has the same effect every day and everywhere.

Example: 5,000 JPY (a currency without decimals) at 150 JPY for a dollar are 33.33 credits. 5.000 KWD, which
Stripe counts as 5000, at 0.307 KWD for a dollar are 16.29 credits.
"""

from __future__ import annotations

from decimal import Decimal

from orgbilling_stubs.billing.money import MICROS_PER_CENT, MICROS_PER_USD, half_even

ZERO_DECIMAL_CURRENCIES = frozenset(
    ("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF")
)
"""Currencies whose smallest unit is the unit itself (Stripe's list of zero-decimal currencies)."""

THREE_DECIMAL_CURRENCIES = frozenset(("BHD", "JOD", "KWD", "OMR", "TND"))
"""Currencies whose smallest unit is a thousandth (Stripe's list of three-decimal currencies)."""

WHOLE_UNIT_CURRENCIES = frozenset(("ISK", "UGX"))
"""Currencies that Stripe counts in hundredths, but charges in whole units only."""

UNITS_PER_USD_MICROS = {
    "AED": 3_670_000,
    "AFN": 70_000_000,
    "ALL": 90_000_000,
    "AMD": 390_000_000,
    "ANG": 1_790_000,
    "AOA": 900_000_000,
    "ARS": 1_000_000_000,
    "AUD": 1_500_000,
    "AWG": 1_790_000,
    "AZN": 1_700_000,
    "BAM": 1_800_000,
    "BBD": 2_000_000,
    "BDT": 120_000_000,
    "BGN": 1_800_000,
    "BHD": 376_000,
    "BIF": 2_900_000_000,
    "BMD": 1_000_000,
    "BND": 1_330_000,
    "BOB": 6_900_000,
    "BRL": 5_500_000,
    "BSD": 1_000_000,
    "BTN": 85_000_000,
    "BWP": 13_500_000,
    "BYN": 3_300_000,
    "BZD": 2_000_000,
    "CAD": 1_370_000,
    "CDF": 2_800_000_000,
    "CHF": 880_000,
    "CLP": 950_000_000,
    "CNY": 7_200_000,
    "COP": 4_200_000_000,
    "CRC": 510_000_000,
    "CVE": 102_000_000,
    "CZK": 23_000_000,
    "DJF": 178_000_000,
    "DKK": 6_900_000,
    "DOP": 60_000_000,
    "DZD": 133_000_000,
    "EGP": 50_000_000,
    "ETB": 120_000_000,
    "EUR": 920_000,
    "FJD": 2_250_000,
    "FKP": 790_000,
    "GBP": 790_000,
    "GEL": 2_700_000,
    "GIP": 790_000,
    "GMD": 70_000_000,
    "GNF": 8_600_000_000,
    "GTQ": 7_700_000,
    "GYD": 209_000_000,
    "HKD": 7_800_000,
    "HNL": 25_000_000,
    "HTG": 131_000_000,
    "HUF": 370_000_000,
    "IDR": 16_000_000_000,
    "ILS": 3_700_000,
    "INR": 85_000_000,
    "ISK": 138_000_000,
    "JMD": 157_000_000,
    "JOD": 709_000,
    "JPY": 150_000_000,
    "KES": 129_000_000,
    "KGS": 87_000_000,
    "KHR": 4_100_000_000,
    "KMF": 455_000_000,
    "KRW": 1_350_000_000,
    "KWD": 307_000,
    "KYD": 830_000,
    "KZT": 480_000_000,
    "LAK": 22_000_000_000,
    "LBP": 89_500_000_000,
    "LKR": 300_000_000,
    "LRD": 190_000_000,
    "LSL": 18_000_000,
    "MAD": 10_000_000,
    "MDL": 17_800_000,
    "MGA": 4_600_000_000,
    "MKD": 56_000_000,
    "MMK": 2_100_000_000,
    "MNT": 3_400_000_000,
    "MOP": 8_000_000,
    "MUR": 46_000_000,
    "MVR": 15_400_000,
    "MWK": 1_730_000_000,
    "MXN": 18_000_000,
    "MYR": 4_500_000,
    "MZN": 64_000_000,
    "NAD": 18_000_000,
    "NGN": 1_550_000_000,
    "NIO": 36_800_000,
    "NOK": 10_800_000,
    "NPR": 136_000_000,
    "NZD": 1_650_000,
    "OMR": 385_000,
    "PAB": 1_000_000,
    "PEN": 3_750_000,
    "PGK": 4_000_000,
    "PHP": 57_000_000,
    "PKR": 280_000_000,
    "PLN": 3_950_000,
    "PYG": 7_700_000_000,
    "QAR": 3_640_000,
    "RON": 4_600_000,
    "RSD": 108_000_000,
    "RUB": 90_000_000,
    "RWF": 1_380_000_000,
    "SAR": 3_750_000,
    "SBD": 8_400_000,
    "SCR": 14_000_000,
    "SEK": 10_500_000,
    "SGD": 1_340_000,
    "SHP": 790_000,
    "SLE": 22_500_000,
    "SOS": 571_000_000,
    "SRD": 35_000_000,
    "STD": 22_500_000_000,
    "SZL": 18_000_000,
    "THB": 34_000_000,
    "TJS": 10_700_000,
    "TND": 3_100_000,
    "TOP": 2_350_000,
    "TRY": 34_000_000,
    "TTD": 6_800_000,
    "TWD": 32_000_000,
    "TZS": 2_600_000_000,
    "UAH": 41_000_000,
    "UGX": 3_700_000_000,
    "USD": 1_000_000,
    "UYU": 42_000_000,
    "UZS": 12_800_000_000,
    "VND": 25_000_000_000,
    "VUV": 120_000_000,
    "WST": 2_750_000,
    "XAF": 604_000_000,
    "XCD": 2_700_000,
    "XOF": 604_000_000,
    "XPF": 110_000_000,
    "YER": 250_000_000,
    "ZAR": 18_000_000,
    "ZMW": 27_000_000,
}
"""What one US dollar costs in each currency that Stripe takes, in millionths of the unit of the currency."""


def currency_decimals(currency: str) -> int:
    """How many decimals Stripe counts an amount of a currency with.

    It is not always what people write: Stripe counts ISK and UGX in hundredths.
    """
    return 0 if currency in ZERO_DECIMAL_CURRENCIES else 3 if currency in THREE_DECIMAL_CURRENCIES else 2


def chargeable_step_minor(currency: str) -> int:
    """What an amount must be a multiple of for Stripe to take it, in the smallest unit of the currency.

    Three-decimal currencies are charged in tens (5.120 KWD, not 5.123), and currencies that have no decimals
    although Stripe counts hundredths in whole units (https://docs.stripe.com/currencies).
    """
    if currency in WHOLE_UNIT_CURRENCIES:
        return 100
    return 10 if currency in THREE_DECIMAL_CURRENCIES else 1


def smallest_unit(currency: str) -> str:
    """The smallest unit of a currency: `0.01 USD`, `1 JPY`, `0.001 KWD`."""
    return f"{Decimal(1).scaleb(-currency_decimals(currency))} {currency}"


def smallest_unit_micros(currency: str) -> int:
    """What the smallest unit of a currency is worth, in micro-USD, rounded up.

    Example: 1 JPY at 150 JPY for a dollar is 6,667 micro-USD.
    """
    rate_micros = UNITS_PER_USD_MICROS.get(currency, MICROS_PER_USD)
    smallest_per_usd_micros: int = rate_micros * 10 ** currency_decimals(currency)
    return -(-MICROS_PER_USD * MICROS_PER_USD // smallest_per_usd_micros)


def usd_micros_of(amount_minor: int, currency: str) -> int:
    """What an amount in the smallest unit of a currency is worth, in micro-USD, to the cent.

    usd = amount / 10 ** decimals / rate. A currency without a rate counts like the US dollar.
    """
    rate_micros = UNITS_PER_USD_MICROS.get(currency, MICROS_PER_USD)
    cents = half_even(amount_minor * 100 * MICROS_PER_USD, rate_micros * 10 ** currency_decimals(currency))
    return cents * MICROS_PER_CENT


def minor_units_of(usd_micros: int, currency: str) -> int:
    """What an amount in micro-USD costs in a currency, in the smallest unit of the currency.

    amount = usd * rate * 10 ** decimals, rounded half to even.
    """
    rate_micros = UNITS_PER_USD_MICROS.get(currency, MICROS_PER_USD)
    return half_even(
        usd_micros * rate_micros * 10 ** currency_decimals(currency), MICROS_PER_USD * MICROS_PER_USD
    )
