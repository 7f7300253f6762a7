"""Test cards, and the validation of the card form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from orgbilling_stubs.billing import instants
from orgbilling_stubs.checkout.outcomes import OUTCOMES, PaymentOutcome

LONGEST_NAME = 200
_SEPARATORS = re.compile(r"[\s\-]+")
_EXPIRY = re.compile(r"([0-9]{1,2})\s*[/\-. ]?\s*([0-9]{4}|[0-9]{2})", re.ASCII)


@dataclass(frozen=True, slots=True)
class StripeTestCard:
    """A test card of Stripe: how paying with it ends, and whether the bank asks first (challenge: 3D Secure).

    description: what the list of test cards says about it.
    """

    number: str
    description: str
    outcome: PaymentOutcome
    challenge: bool = False

    @property
    def grouped(self) -> str:
        """The number in groups of four."""
        return " ".join(self.number[start : start + 4] for start in range(0, len(self.number), 4))

    @property
    def last4(self) -> str:
        """The last four digits, which tell the test cards apart."""
        return self.number[-4:]


TEST_CARDS = (
    StripeTestCard("4242424242424242", "Succeeds", OUTCOMES["paid"]),
    StripeTestCard("4000000000000002", "Declined", OUTCOMES["declined"]),
    StripeTestCard("4000000000009995", "Insufficient funds", OUTCOMES["insufficient_funds"]),
    StripeTestCard("4000000000000069", "Expired card", OUTCOMES["expired_card"]),
    StripeTestCard("4000000000000127", "Wrong security code", OUTCOMES["incorrect_cvc"]),
    StripeTestCard("4000000000000119", "Processing error", OUTCOMES["processing_error"]),
    StripeTestCard("4000002500003155", "3D Secure, then succeeds", OUTCOMES["paid"], challenge=True),
    StripeTestCard(
        "4000008400001629", "3D Secure, then declined", OUTCOMES["declined_after_3ds"], challenge=True
    ),
)
TEST_CARDS_BY_NUMBER = {card.number: card for card in TEST_CARDS}
"""The test cards by number."""


@dataclass(frozen=True, slots=True)
class CardForm:
    """What the buyer wrote into the form."""

    number: str = ""
    expiry: str = ""
    cvc: str = ""
    name: str = ""

    @property
    def digits(self) -> str:
        """The card number without spaces and hyphens."""
        return _SEPARATORS.sub("", self.number)


def read_card_form(fields: Mapping[str, str]) -> CardForm:
    """The card fields of a submitted form."""
    return CardForm(*(fields.get(name, "").strip() for name in ("number", "expiry", "cvc", "name")))


def filled_card_form(last4: str, now_ms: int) -> CardForm:
    """A form filled in with the test card that ends in these four digits; empty if there is none."""
    card = next((card for card in TEST_CARDS if card.last4 == last4), None)
    if card is None:
        return CardForm()
    return CardForm(card.grouped, f"12 / {(instants.moment(now_ms).year + 3) % 100:02d}", "123", "Test Buyer")


def has_valid_check_digit(digits: str) -> bool:
    """Whether the check digit of a card number is right (ISO/IEC 7812-1)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)  # every second digit counts twice
        total += value - 9 if value > 9 else value  # the sum of the digits of the value
    return total % 10 == 0


def card_form_errors(form: CardForm, now_ms: int) -> dict[str, str]:
    """What is wrong with each field, in words for the buyer; empty if the card can be tried."""
    messages = {
        "number": _number_error(form.digits),
        "expiry": _expiry_error(form.expiry, now_ms),
        "cvc": _cvc_error(form.cvc),
        "name": _name_error(form.name),
    }
    return {field: message for field, message in messages.items() if message}


def _number_error(digits: str) -> str:
    if not digits:
        return "Enter the card number."
    if not (digits.isascii() and digits.isdigit()):
        return "A card number has digits only."
    if not 12 <= len(digits) <= 19:
        return "The card number is incomplete." if len(digits) < 12 else "The card number is too long."
    if not has_valid_check_digit(digits):
        return "This card number is not valid. Check the digits."
    if digits not in TEST_CARDS_BY_NUMBER:
        return "Only test cards work here, and this is not one of them. Choose one from the list."
    return ""


def _expiry_error(text: str, now_ms: int) -> str:
    if not text:
        return "Enter the expiry date."
    match = _EXPIRY.fullmatch(text)
    if match is None or not 1 <= int(match[1]) <= 12:
        return "Write it as MM / YY."
    now = instants.moment(now_ms)
    year = int(match[2])
    if year < 100:  # two digits mean the nearest such year: within 50 years of now
        year += now.year // 100 * 100
        year += 100 * (year < now.year - 50) - 100 * (year > now.year + 50)
    if (year, int(match[1])) < (now.year, now.month):
        return "This date is in the past."
    return "This date is too far ahead." if year > now.year + 50 else ""


def _cvc_error(text: str) -> str:
    if not text:
        return "Enter the security code."
    if not re.fullmatch(r"[0-9]{3,4}", text):
        return "The security code has three or four digits."
    return ""


def _name_error(text: str) -> str:
    if not text:
        return "Enter the name on the card."
    return f"Write the name in at most {LONGEST_NAME} characters." if len(text) > LONGEST_NAME else ""
