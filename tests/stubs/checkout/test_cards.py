import pytest
from orgbilling_stubs.billing import instants
from orgbilling_stubs.checkout import cards
from orgbilling_stubs.checkout.cards import (
    TEST_CARDS,
    TEST_CARDS_BY_NUMBER,
    CardForm,
    StripeTestCard,
    brand_of,
    card_form_errors,
    filled_card_form,
    grouped_number,
    has_valid_check_digit,
    read_card_form,
)

NOW_MS = instants.parse("2026-03-10T12:00:00Z")
GOOD = CardForm("4242 4242 4242 4242", "03 / 26", "123", "Ada")


def test_the_table_is_that_of_stripe() -> None:
    assert {card.number: (card.brand.code, card.outcome.name, card.challenge) for card in TEST_CARDS} == {
        "4242424242424242": ("visa", "paid", False),
        "5555555555554444": ("mastercard", "paid", False),
        "378282246310005": ("amex", "paid", False),
        "6011111111111117": ("discover", "paid", False),
        "36227206271667": ("diners", "paid", False),
        "3566002020360505": ("jcb", "paid", False),
        "6205500000000000004": ("unionpay", "paid", False),
        "4000002500003155": ("visa", "paid", True),
        "4000002760003184": ("visa", "paid", True),
        "4000008400001629": ("visa", "declined_after_3ds", True),
        "4000000000000002": ("visa", "declined", False),
        "4000000000009995": ("visa", "insufficient_funds", False),
        "4000000000009987": ("visa", "lost_card", False),
        "4000000000009979": ("visa", "stolen_card", False),
        "4000000000000069": ("visa", "expired_card", False),
        "4000000000000127": ("visa", "incorrect_cvc", False),
        "4000000000000119": ("visa", "processing_error", False),
        "4000000000006975": ("visa", "card_velocity_exceeded", False),
        "4000000000000341": ("visa", "declined", False),
    }
    assert all(map(has_valid_check_digit, TEST_CARDS_BY_NUMBER))
    assert len({card.last4 for card in TEST_CARDS}) == len(TEST_CARDS)


@pytest.mark.parametrize(
    ("digits", "grouped"),
    [
        ("4242424242424242", "4242 4242 4242 4242"),
        ("378282246310005", "3782 822463 10005"),
        ("36227206271667", "3622 720627 1667"),
        ("6205500000000000004", "6205 5000 0000 0000 004"),
        ("42424", "4242 4"),
        ("37828", "3782 8"),
        ("4" * 22, "4444 4444 4444 4444 4444 44"),
        ("", ""),
    ],
)
def test_a_number_is_grouped_as_on_the_card(digits: str, grouped: str) -> None:
    assert grouped_number(digits) == grouped
    assert CardForm(number=digits).grouped.number == grouped


def test_what_is_no_number_is_not_grouped() -> None:
    assert CardForm(number="4242 x").grouped == CardForm(number="4242 x")
    assert CardForm(number="\u0664" * 16).grouped == CardForm(number="\u0664" * 16)


@pytest.mark.parametrize(
    ("digits", "code"),
    [
        ("2221000000000009", "mastercard"),
        ("2720999999999996", "mastercard"),
        ("2721000000000004", "unknown"),
        ("2220999999999999", "unknown"),
        ("5105105105105100", "mastercard"),
        ("5600000000000000", "unknown"),
        ("371449635398431", "amex"),
        ("30569309025904", "diners"),
        ("38520000023237", "diners"),
        ("3530111333300000", "jcb"),
        ("6500000000000002", "discover"),
        ("", "unknown"),
    ],
)
def test_the_brand_follows_from_the_number(digits: str, code: str) -> None:
    assert brand_of(digits).code == code


@pytest.mark.parametrize("card", TEST_CARDS, ids=lambda card: card.last4)
def test_the_security_code_is_as_long_as_the_brand_says(card: StripeTestCard) -> None:
    for length in range(1, 6):
        form = CardForm(card.number, "03 / 26", "1" * length, "Ada")
        assert ("cvc" in card_form_errors(form, NOW_MS)) is (length != card.brand.cvc_length)


def test_a_check_digit_catches_a_wrong_digit() -> None:
    assert not has_valid_check_digit("4242424242424241")
    assert has_valid_check_digit("378282246310005")


@pytest.mark.parametrize("number", ["4242424242424242", "4242-4242-4242-4242", "4242\u00a04242 4242\t4242"])
@pytest.mark.parametrize("expiry", ["03/26", "3/26", "03 / 2026", "03-26", "0326", "12/76"])
def test_good_cards_are_taken_however_they_are_written(number: str, expiry: str) -> None:
    assert card_form_errors(CardForm(number, expiry, "123", "ليلى"), NOW_MS) == {}


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("number", "", "Enter the card number"),
        ("number", "4242", "incomplete"),
        ("number", "4242" * 5, "too long"),
        ("number", "4242 4242 4242 424x", "digits only"),
        ("number", "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢", "digits only"),
        ("number", "4242 4242 4242 4241", "not valid"),
        ("number", "5105 1051 0510 5100", "Only test cards"),
        ("expiry", "", "Enter the expiry"),
        ("expiry", "13/29", "MM / YY"),
        ("expiry", "00/29", "MM / YY"),
        ("expiry", "soon", "MM / YY"),
        ("expiry", "02/26", "in the past"),
        ("expiry", "12/99", "too far"),
        ("expiry", "12/77", "too far"),
        ("expiry", "12/00", "in the past"),
        ("expiry", "12/2199", "too far"),
        ("cvc", "", "Enter the security code"),
        ("cvc", "12", "Visa has three"),
        ("cvc", "1234", "Visa has three"),
        ("cvc", "١٢٣", "Visa has three"),
        ("name", "", "Enter the name"),
        ("name", "x" * 201, "200"),
    ],
)
def test_an_error_belongs_to_its_field(field: str, value: str, message: str) -> None:
    values = {"number": GOOD.number, "expiry": GOOD.expiry, "cvc": GOOD.cvc, "name": GOOD.name}
    errors = card_form_errors(CardForm(**(values | {field: value})), NOW_MS)
    assert list(errors) == [field]
    assert message in errors[field]


def test_fields_are_stripped_and_may_be_missing() -> None:
    assert read_card_form({"number": " 1 ", "other": "x"}) == CardForm("1")


@pytest.mark.parametrize("clock", ["1999-12-31T23:59:59Z", "2026-03-10T12:00:00Z", "2098-01-01T00:00:00Z"])
def test_a_sample_is_good_at_any_time(clock: str) -> None:
    for card in cards.TEST_CARDS:
        assert (
            card_form_errors(filled_card_form(card.last4, instants.parse(clock)), instants.parse(clock)) == {}
        )
    assert filled_card_form("0000", NOW_MS) == CardForm()
