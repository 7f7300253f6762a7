import pytest
from orgbilling_stubs.billing import instants
from orgbilling_stubs.checkout import cards
from orgbilling_stubs.checkout.cards import (
    TEST_CARDS,
    TEST_CARDS_BY_NUMBER,
    CardForm,
    card_form_errors,
    filled_card_form,
    has_valid_check_digit,
    read_card_form,
)

NOW_MS = instants.parse("2026-03-10T12:00:00Z")
GOOD = CardForm("4242 4242 4242 4242", "03 / 26", "123", "Ada")


def test_the_table_is_that_of_stripe() -> None:
    assert {card.number: (card.outcome.name, card.challenge) for card in TEST_CARDS} == {
        "4242424242424242": ("paid", False),
        "4000000000000002": ("declined", False),
        "4000000000009995": ("insufficient_funds", False),
        "4000000000000069": ("expired_card", False),
        "4000000000000127": ("incorrect_cvc", False),
        "4000000000000119": ("processing_error", False),
        "4000002500003155": ("paid", True),
        "4000008400001629": ("declined_after_3ds", True),
    }
    assert all(map(has_valid_check_digit, TEST_CARDS_BY_NUMBER))
    assert len({card.last4 for card in TEST_CARDS}) == len(TEST_CARDS)


def test_a_check_digit_catches_a_wrong_digit() -> None:
    assert not has_valid_check_digit("4242424242424241")
    assert has_valid_check_digit("378282246310005")


@pytest.mark.parametrize("number", ["4242424242424242", "4242-4242-4242-4242", "4242\u00a04242 4242\t4242"])
@pytest.mark.parametrize("expiry", ["03/26", "3/26", "03 / 2026", "03-26", "0326", "12/76"])
def test_good_cards_are_taken_however_they_are_written(number: str, expiry: str) -> None:
    assert card_form_errors(CardForm(number, expiry, "1234", "ليلى"), NOW_MS) == {}


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("number", "", "Enter the card number"),
        ("number", "4242", "incomplete"),
        ("number", "4242" * 5, "too long"),
        ("number", "4242 4242 4242 424x", "digits only"),
        ("number", "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢", "digits only"),
        ("number", "4242 4242 4242 4241", "not valid"),
        ("number", "5555 5555 5555 4444", "Only test cards"),
        ("expiry", "", "Enter the expiry"),
        ("expiry", "13/29", "MM / YY"),
        ("expiry", "00/29", "MM / YY"),
        ("expiry", "soon", "MM / YY"),
        ("expiry", "02/26", "in the past"),
        ("expiry", "12/99", "in the past"),
        ("expiry", "12/2199", "too far"),
        ("cvc", "", "Enter the security code"),
        ("cvc", "12", "three or four"),
        ("cvc", "12345", "three or four"),
        ("cvc", "١٢٣", "three or four"),
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
