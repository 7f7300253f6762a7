"""Test cards, and the validation of the card form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import chain, groupby, repeat
from typing import NamedTuple

from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.payment_cards import PaymentCard
from orgbilling_stubs.checkout.errors import ACTION_UNKNOWN
from orgbilling_stubs.checkout.outcomes import OUTCOMES, PaymentOutcome
from orgbilling_stubs.http.errors import Problem

LONGEST_NAME = 200
DECISIONS = ("authorize", "fail")
"""What can be answered to the bank."""

_SEPARATORS = re.compile(r"[\s\-]+")
_EXPIRY = re.compile(r"([0-9]{1,2})\s*(?:[/\-.]\s*)?([0-9]{4}|[0-9]{2})", re.ASCII)


class CardBrand(NamedTuple):
    """A brand of cards: how its numbers begin and are grouped, and how long its security code is.

    code: as Stripe writes it. number_pattern: what its numbers begin with.
    groups: the lengths of the groups of digits, as printed on the card.
    """

    code: str
    name: str
    number_pattern: re.Pattern[str]
    groups: tuple[int, ...] = (4, 4, 4, 4)
    cvc_length: int = 3


CARD_BRANDS = (
    CardBrand("visa", "Visa", re.compile("4")),
    CardBrand("mastercard", "Mastercard", re.compile("5[1-5]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)")),
    CardBrand("amex", "American Express", re.compile("3[47]"), groups=(4, 6, 5), cvc_length=4),
    CardBrand("diners", "Diners Club", re.compile("3(?:0[0-59]|[689])"), groups=(4, 6, 4)),
    CardBrand("discover", "Discover", re.compile("6011|64[4-9]|65")),
    CardBrand("jcb", "JCB", re.compile("35(?:2[89]|[3-8])")),
    CardBrand("unionpay", "UnionPay", re.compile("62|81"), groups=(4, 4, 4, 4, 3)),
)
"""The brands that Stripe takes, by the ranges of their numbers (ISO/IEC 7812, as the brands publish them)."""

UNKNOWN_BRAND = CardBrand("unknown", "Card", re.compile(""))
BRAND_NAMES = {brand.code: brand.name for brand in CARD_BRANDS}
"""The name of each brand by its code."""


def brand_of(digits: str) -> CardBrand:
    """The brand of a card number, or of its beginning."""
    return next((brand for brand in CARD_BRANDS if brand.number_pattern.match(digits)), UNKNOWN_BRAND)


def grouped_number(digits: str) -> str:
    """A card number in the groups of its brand: 4242 4242 4242 4242, but 3782 822463 10005.

    Digits beyond the last group follow in groups of four.
    """
    groups: list[str] = []
    start = 0
    for length in chain(brand_of(digits).groups, repeat(4)):
        if start >= len(digits):
            return " ".join(groups)
        groups.append(digits[start : start + length])
        start += length
    raise AssertionError("the groups of four never end")


@dataclass(frozen=True, slots=True)
class StripeTestCard:
    """A test card of Stripe: how paying with it ends, and whether the bank asks first (challenge: 3D Secure).

    description: what the list of test cards says about it. challenges_always: the bank asks for every
    payment, also for those with a saved card. saves_only: it can be saved, but no payment with it succeeds.
    """

    number: str
    description: str
    outcome: PaymentOutcome
    challenge: bool = False
    challenges_always: bool = False
    saves_only: bool = False

    @property
    def can_be_saved(self) -> bool:
        """Whether it can be put on file."""
        return self.saves_only or self.outcome.name == "paid"

    def payment_card(self, expiry: str, now_ms: int) -> PaymentCard:
        """The card as a payment remembers it, with the expiry date that the form says."""
        year, month = card_expiry(expiry, now_ms) or card_expiry(filled_expiry(now_ms), now_ms) or (0, 0)
        decline_code = self.outcome.decline_code or None
        return PaymentCard(self.brand.code, self.last4, month, year, decline_code, self.challenges_always)

    @property
    def brand(self) -> CardBrand:
        """The brand, from the number."""
        return brand_of(self.number)

    @property
    def grouped(self) -> str:
        """The number in the groups of its brand."""
        return grouped_number(self.number)

    @property
    def group(self) -> str:
        """The heading that the card stands under in a list of test cards."""
        if self.challenge:
            return "3D Secure: the bank asks first"
        return "Succeed" if self.outcome.name == "paid" else "Fail"

    @property
    def last4(self) -> str:
        """The last four digits, which tell the test cards apart."""
        return self.number[-4:]


TEST_CARDS = (
    StripeTestCard("4242424242424242", "Visa", OUTCOMES["paid"]),
    StripeTestCard("5555555555554444", "Mastercard", OUTCOMES["paid"]),
    StripeTestCard("378282246310005", "American Express", OUTCOMES["paid"]),
    StripeTestCard("6011111111111117", "Discover", OUTCOMES["paid"]),
    StripeTestCard("36227206271667", "Diners Club", OUTCOMES["paid"]),
    StripeTestCard("3566002020360505", "JCB", OUTCOMES["paid"]),
    StripeTestCard("6205500000000000004", "UnionPay", OUTCOMES["paid"]),
    StripeTestCard("4000002500003155", "Then succeeds", OUTCOMES["paid"], challenge=True),
    StripeTestCard(
        "4000002760003184",
        "Then succeeds; asks every time",
        OUTCOMES["paid"],
        challenge=True,
        challenges_always=True,
    ),
    StripeTestCard("4000008400001629", "Then declined", OUTCOMES["declined_after_3ds"], challenge=True),
    StripeTestCard("4000000000000002", "Declined", OUTCOMES["declined"]),
    StripeTestCard("4000000000009995", "Insufficient funds", OUTCOMES["insufficient_funds"]),
    StripeTestCard("4000000000009987", "Lost card", OUTCOMES["lost_card"]),
    StripeTestCard("4000000000009979", "Stolen card", OUTCOMES["stolen_card"]),
    StripeTestCard("4000000000000069", "Expired card", OUTCOMES["expired_card"]),
    StripeTestCard("4000000000000127", "Wrong security code", OUTCOMES["incorrect_cvc"]),
    StripeTestCard("4000000000000119", "Processing error", OUTCOMES["processing_error"]),
    StripeTestCard("4000000000006975", "Spending limit reached", OUTCOMES["card_velocity_exceeded"]),
    StripeTestCard("4000000000000341", "Declined, but can be saved", OUTCOMES["declined"], saves_only=True),
)
"""Stripe's published test cards (docs.stripe.com/testing): those that succeed, one of each brand; those of 3D
Secure; those that fail."""

TEST_CARD_GROUPS = {heading: tuple(group) for heading, group in groupby(TEST_CARDS, lambda card: card.group)}
"""The test cards by the heading that they stand under."""

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

    @property
    def grouped(self) -> CardForm:
        """The form with its number in the groups of the card's brand; any other text stays as it is."""
        digits = self.digits
        if not (digits.isascii() and digits.isdigit()):
            return self
        return replace(self, number=grouped_number(digits))


def read_card_form(fields: Mapping[str, str]) -> CardForm:
    """The card fields of a submitted form."""
    return CardForm(*(fields.get(name, "").strip() for name in ("number", "expiry", "cvc", "name")))


def filled_card_form(last4: str, now_ms: int) -> CardForm:
    """A form filled in with the test card that ends in these four digits; empty if there is none."""
    card = next((card for card in TEST_CARDS if card.last4 == last4), None)
    if card is None:
        return CardForm()
    cvc = "1234"[: card.brand.cvc_length]
    return CardForm(card.grouped, filled_expiry(now_ms), cvc, "Test Buyer")


def filled_expiry(now_ms: int) -> str:
    """An expiry date in three years."""
    return f"12 / {(instants.moment(now_ms).year + 3) % 100:02d}"


def read_decision(fields: Mapping[str, str]) -> str:
    """What a submitted form answers to the bank; empty without an answer.

    Raises Problem for an answer that the page does not offer.
    """
    decision = fields.get("decision", "")
    if decision not in ("", *DECISIONS):
        raise Problem(ACTION_UNKNOWN)
    return decision


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
        "cvc": _cvc_error(form.cvc, brand_of(form.digits)),
        "name": _name_error(form.name),
    }
    return {field: message for field, message in messages.items() if message}


def answered_form_errors(form: CardForm, now_ms: int) -> dict[str, str]:
    """What is wrong with each field of a form that comes with an answer to the bank.

    The page of the bank's question does not hold the security code, which was checked before the question.
    """
    errors = card_form_errors(form, now_ms)
    if not form.cvc:
        del errors["cvc"]
    return errors


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


def card_expiry(text: str, now_ms: int) -> tuple[int, int] | None:
    """The year and month that an expiry date says; None for what is no expiry date.

    Two digits are a year of this century; of the next one, if that year is more than 50 years ago. In 2026,
    99 is 2099; in 2098, 01 is 2101.
    """
    match = _EXPIRY.fullmatch(text)
    if match is None or not 1 <= int(match[1]) <= 12:
        return None
    year, this_year = int(match[2]), instants.moment(now_ms).year
    if year < 100:
        year += this_year // 100 * 100
        year += 100 * (year < this_year - 50)
    return year, int(match[1])


def _expiry_error(text: str, now_ms: int) -> str:
    if not text:
        return "Enter the expiry date."
    expiry, now = card_expiry(text, now_ms), instants.moment(now_ms)
    if expiry is None:
        return "Write it as MM / YY."
    if expiry < (now.year, now.month):
        return "This date is in the past."
    return "This date is too far ahead." if expiry[0] > now.year + 50 else ""


def _cvc_error(text: str, brand: CardBrand) -> str:
    if not text:
        return "Enter the security code."
    lengths = (3, 4) if brand is UNKNOWN_BRAND else (brand.cvc_length,)
    if text.isascii() and text.isdigit() and len(text) in lengths:
        return ""
    if brand is UNKNOWN_BRAND:
        return "The security code has three or four digits."
    return f"The security code of {brand.name} has {'four' if brand.cvc_length == 4 else 'three'} digits."


def _name_error(text: str) -> str:
    if not text:
        return "Enter the name on the card."
    return f"Write the name in at most {LONGEST_NAME} characters." if len(text) > LONGEST_NAME else ""
