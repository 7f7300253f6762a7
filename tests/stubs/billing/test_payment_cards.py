from __future__ import annotations

import pytest
from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.payment_cards import PaymentCard, usual_card


@pytest.mark.parametrize(
    ("decline_code", "asks", "off_session"),
    [
        (None, False, None),
        (None, True, "authentication_required"),
        ("generic_decline", False, "generic_decline"),
        ("generic_decline", True, "generic_decline"),
    ],
)
def test_a_payment_without_the_customer_fails_when_the_bank_asks(
    decline_code: str | None, asks: bool, off_session: str | None
) -> None:
    assert PaymentCard("visa", "1", 1, 2030, decline_code, asks).off_session_decline_code == off_session


def test_the_usual_card_pays() -> None:
    card = usual_card(instants.parse("2026-03-10T12:00:00Z"))
    assert (card.last4, card.exp_year, card.off_session_decline_code) == ("4242", 2028, None)
