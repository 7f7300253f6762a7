"""Amounts as people read them: symbol, thousands, and as many decimals as the currency has."""

from __future__ import annotations

from orgbilling_stubs.billing.money import MICROS_PER_USD, half_even

ZERO_DECIMAL_CURRENCIES = frozenset(
    ("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF")
)
"""Currencies whose smallest unit is the unit itself (Stripe's list of zero-decimal currencies)."""

THREE_DECIMAL_CURRENCIES = frozenset(("BHD", "JOD", "KWD", "OMR", "TND"))
"""Currencies whose smallest unit is a thousandth (Stripe's list of three-decimal currencies)."""

SYMBOLS = {
    "AUD": "A$",
    "BRL": "R$",
    "CAD": "CA$",
    "CNY": "CN¥",
    "EUR": "€",
    "GBP": "£",
    "ILS": "₪",
    "INR": "₹",
    "JPY": "¥",
    "KRW": "₩",
    "MXN": "MX$",
    "NGN": "₦",
    "PHP": "₱",
    "TRY": "₺",
    "UAH": "₴",
    "USD": "$",
    "VND": "₫",
}


def currency_decimals(currency: str) -> int:
    """How many decimals amounts in a currency have."""
    return 0 if currency in ZERO_DECIMAL_CURRENCIES else 3 if currency in THREE_DECIMAL_CURRENCIES else 2


def format_minor_units(amount: int, currency: str, *, named: bool = True) -> str:
    """An amount in the smallest unit of its currency, such as 2500 USD → `$25.00`.

    A currency without a symbol is named by its code, unless `named` says that the code follows anyway.
    """
    places = currency_decimals(currency)
    whole, part = divmod(abs(amount), 10**places)
    digits = f"{whole:,}" + (f".{part:0{places}d}" if places else "")
    sign = "−" if amount < 0 else ""
    return f"{sign}{SYMBOLS.get(currency, f'{currency} ' if named else '')}{digits}"


def format_micros(amount_micros: int, currency: str, *, named: bool = True) -> str:
    """An amount in millionths of the unit of its currency, rounded half to even."""
    return format_minor_units(
        half_even(amount_micros, MICROS_PER_USD // 10 ** currency_decimals(currency)), currency, named=named
    )
