from __future__ import annotations

from typing import Any

import pytest
from orgbilling_stubs.checkout.cards import TEST_CARDS, StripeTestCard

ORG = "org_standard"


def on_file(shop: Any) -> str:
    last4: str = shop.service.tenant(ORG).payment_card.last4
    return last4


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize("card", TEST_CARDS, ids=lambda card: card.last4)
def test_each_test_card_is_saved_or_declined(shop: Any, card: StripeTestCard) -> None:
    url = f"{shop.portal()}/payment-method"
    page = shop.get(shop.get(url).attribute(f"test-card-{card.last4}", "href"))
    fields = {name: page.attribute(f"card-{name}", "value") for name in ("number", "expiry", "cvc", "name")}
    answer = shop.post(url, **fields)
    if card.challenge:
        assert "challenge-page" in answer
        assert shop.post(url, **fields, decision="fail").status == 402
        assert on_file(shop) == "4242"
        answer = shop.post(url, **fields, decision="authorize")
    if card.can_be_saved:
        assert (answer.status, answer.headers["location"]) == (303, url.removesuffix("/payment-method"))
        assert on_file(shop) == card.last4
    else:
        assert answer.status == 402
        assert card.outcome.message in answer.text.replace("&#39;", "'")
        assert on_file(shop) == "4242"


def test_errors_stand_at_their_fields_and_the_number_is_grouped(shop: Any) -> None:
    page = shop.post(f"{shop.portal()}/payment-method", number="378282246310005", expiry="1/20", cvc="123")
    assert page.status == 422
    assert page.attribute("card-number", "value") == "3782 822463 10005"
    assert page.attribute("card-cvc", "value") == ""
    assert {"card-expiry-error", "card-cvc-error", "card-name-error"} <= page.elements.by_testid.keys()
    assert on_file(shop) == "4242"


@pytest.mark.parametrize(("field", "value"), [("expiry", "99/99"), ("name", ""), ("cvc", "1")])
def test_an_answer_to_the_bank_comes_with_a_good_form(shop: Any, field: str, value: str) -> None:
    url, before = f"{shop.portal()}/payment-method", shop.service.tenant(ORG).payment_card
    page = shop.pay(url, number="4000002500003155", decision="authorize", **{field: value})
    assert (page.status, f"card-{field}-error" in page) == (422, True)
    assert shop.service.tenant(ORG).payment_card == before
