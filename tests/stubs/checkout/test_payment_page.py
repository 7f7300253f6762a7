"""The payment page as a browser without JavaScript sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from orgbilling_stubs.billing.commands import ChangeCheckoutSettings
from orgbilling_stubs.checkout.cards import TEST_CARDS, StripeTestCard

ORG = "org_standard"


def by_last4(card: StripeTestCard) -> str:
    return card.last4


def test_the_page_says_what_is_paid_by_whom(shop: Any) -> None:
    page = shop.get(shop.checkout())
    assert page.status == 200
    assert page["amount"] == "$25.00 USD"
    assert page["purpose"] == "Credit top-up"
    assert shop.service.tenant(ORG).config.company in page["organization"]
    assert ORG in page["organization"]
    assert page["pay-button"] == "Pay $25.00"
    assert "test-badge" in page
    assert [card.last4 for card in TEST_CARDS if f"test-card-{card.last4}" in page] == [
        card.last4 for card in TEST_CARDS
    ]


def test_a_contract_shows_its_installments(shop: Any) -> None:
    page = shop.get(shop.contract())
    assert page["purpose"] == "First contract payment"
    assert len(page.all("line")) >= 1
    assert shop.pay(shop.contract()).status == 303
    assert shop.service.tenant("org_contract_pending").contract.status == "active"
    assert shop.get(shop.contract())["amount"] == page["amount"].removesuffix(" USD")


@pytest.mark.slow
@pytest.mark.parametrize("card", TEST_CARDS, ids=by_last4)
def test_each_test_card_behaves_as_its_row_says(shop: Any, card: StripeTestCard) -> None:
    url, before = shop.checkout(), shop.balance()
    page = shop.pay(url, number=card.number, cvc="1234"[: card.brand.cvc_length])
    if card.challenge:
        assert (page.status, "challenge-page" in page) == (200, True)
        assert shop.balance() == before
        page = shop.pay(url, number=card.number, decision="authorize", cvc="")
    if card.outcome.name == "paid":
        assert (page.status, page.headers["location"]) == (303, f"{url}/return")
        assert shop.balance() == before + 25_000_000
        return
    assert page.status == 402
    errors = [page[testid] for testid in ("form-error", f"card-{card.outcome.field}-error") if testid in page]
    assert card.outcome.message in errors
    assert page.attribute("card-number", "value") == card.grouped
    assert page.attribute("card-name", "value") == "Ada Lovelace"
    assert page.attribute("card-cvc", "value") == ""
    assert shop.balance() == before
    assert shop.pay(url).status == 303
    assert shop.balance() == before + 25_000_000


def test_three_d_secure_can_fail_and_be_tried_again(shop: Any) -> None:
    url, number = shop.checkout(), "4000002500003155"
    page = shop.pay(url, number=number, decision="fail", webhook="7")
    assert page.status == 402
    assert "could not confirm" in page["form-error"]
    assert page.attribute("card-expiry", "value") == "12 / 29"
    assert 'value="7" selected' in page.text
    assert shop.pay(url, number=number, decision="authorize").status == 303


def test_a_decision_means_nothing_without_a_question(shop: Any) -> None:
    assert shop.pay(shop.checkout(), number="4000000000000002", decision="authorize").status == 402
    assert shop.post(shop.checkout(), decision="authorize").status == 422


def test_what_was_typed_is_kept_but_for_the_security_code(shop: Any) -> None:
    page = shop.pay(shop.checkout(), number="4242 4242", cvc="8787", name='"><script>', webhook="never")
    assert page.status == 422
    assert page.attribute("card-number", "value") == "4242 4242"
    assert page.attribute("card-number", "aria-describedby") == "number-error"
    assert page.attribute("card-name", "value") == '"><script>'
    assert page.attribute("card-cvc", "value") == ""
    assert "8787" not in page.text
    assert "script" not in page.elements.tags
    assert page["card-number-error"] == "The card number is incomplete."
    assert 'value="never" selected' in page.text


def test_a_second_payment_changes_nothing(shop: Any) -> None:
    url, before = shop.checkout(), shop.balance()
    for _ in range(3):
        assert shop.pay(url).headers["location"] == f"{url}/return"
    assert shop.pay(url, number="4000000000000002").status == 303
    assert shop.balance() == before + 25_000_000
    assert "complete-page" in shop.get(url)
    assert "return-page" in shop.get(f"{url}/return")


def test_a_reload_of_what_comes_after_leads_back(shop: Any) -> None:
    url = shop.checkout()
    assert shop.get(f"{url}/return").headers["location"] == url
    assert "cancelled-page" in shop.get(f"{url}/cancelled")
    shop.pay(url)
    assert shop.get(f"{url}/cancelled").headers["location"] == url


@pytest.mark.parametrize("action", ["pay", "get", "return", "cancelled"])
def test_a_session_expires_after_a_day_of_the_tenants_time(shop: Any, action: str) -> None:
    url = shop.checkout()
    shop.later(ORG, 86_399)
    assert shop.get(url).status == 200
    shop.later(ORG, 1)
    if action == "cancelled":
        assert shop.get(f"{url}/cancelled").headers["location"] == url
        return
    page = shop.pay(url) if action == "pay" else shop.get(url if action == "get" else f"{url}/return")
    assert page.status == 410
    assert "expired-page" in page


def test_a_session_can_be_expired_by_hand(shop: Any) -> None:
    url = shop.checkout()
    assert shop.post(url, action="expire").headers["location"] == url
    assert shop.get(url).status == 410
    paid = shop.checkout()
    shop.pay(paid)
    assert shop.post(paid, action="expire").status == 409


@pytest.mark.parametrize(
    ("webhook", "state", "waits_s"),
    [
        ("0", "Arrived", 0),
        ("5", "in 5 s", 5),
        ("0,0", "Arrived", 0),
        ("30,60", "in 30 s", 30),
    ],
)
def test_the_balance_follows_the_webhook(shop: Any, webhook: str, state: str, waits_s: int) -> None:
    url, before = shop.checkout(), shop.balance()
    shop.pay(url, webhook=webhook)
    assert state in shop.get(url)["webhook-state"]
    if waits_s:
        assert shop.balance() == before
    shop.later(ORG, waits_s)
    assert "Arrived" in shop.get(url)["webhook-state"]
    assert [row.credits_micros for row in shop.service.tenant(ORG).ledger.rows].count(25_000_000) == 1


def test_a_webhook_that_never_comes_can_be_delivered(shop: Any) -> None:
    url, before = shop.checkout(), shop.balance()
    shop.pay(url, webhook="never")
    shop.later(ORG, 3_600)
    assert "Never" in shop.get(url)["webhook-state"]
    assert shop.post(url, action="deliver").headers["location"] == url
    assert "deliver-button" not in shop.get(url)
    assert shop.balance() >= before + 25_000_000 - 10_000_000
    assert shop.post(shop.checkout(), action="deliver").status == 409


@pytest.mark.parametrize("way", ["server", "organization", "session"])
def test_the_timing_has_three_levels(open_shop: Callable[..., Any], way: str) -> None:
    shop = open_shop(webhook=(9,) if way == "server" else (0,))
    if way == "organization":
        shop.execute(ORG, ChangeCheckoutSettings(webhook_delays_s=[9]))
    url, before = shop.checkout(), shop.balance()
    page = shop.get(f"{url}?webhook=9" if way == "session" else url)
    assert ('value="9" selected' in page.text) is (way == "session")
    assert ("As set: 9 s after the payment" in page.text) is (way != "session")
    shop.pay(url, webhook="9" if way == "session" else "")
    assert shop.balance() == before
    shop.later(ORG, 9)
    assert shop.balance() == before + 25_000_000


def test_an_unreadable_timing_is_refused(shop: Any) -> None:
    url = shop.checkout()
    assert shop.get(f"{url}?webhook=soon").status == 400
    assert shop.pay(url, webhook="-1").status == 400
    assert shop.pay(url).status == 303


def test_the_timing_in_the_address_holds_for_a_form_sent_to_it(shop: Any) -> None:
    url, before = shop.checkout(), shop.balance()
    assert shop.pay(f"{url}?webhook=soon").status == 400
    page = shop.pay(f"{url}?webhook=7", number="4000000000000002")
    assert 'value="7" selected' in page.text
    assert shop.pay(f"{url}?webhook=7").status == 303
    assert shop.balance() == before
    shop.later(ORG, 7)
    assert shop.balance() == before + 25_000_000
    chosen = shop.checkout()
    shop.pay(f"{chosen}?webhook=never", webhook="0")
    assert "Arrived" in shop.get(chosen)["webhook-state"]


@pytest.mark.parametrize("extra", [{"action": "refund"}, {"action": "Expire"}, {"decision": "perhaps"}])
def test_a_form_that_asks_for_something_unknown_pays_nothing(shop: Any, extra: dict[str, str]) -> None:
    url, before = shop.checkout(), shop.balance()
    for number in ("4242424242424242", "4000002500003155"):
        page = shop.pay(url, number=number, **extra)
        assert (page.status, "refused-page" in page) == (422, True)
    assert shop.balance() == before
    assert "checkout-page" in shop.get(url)
    shop.pay(url)
    assert shop.post(url, action="refund").status == 422


def test_a_payment_link_of_a_contract_does_not_expire(shop: Any) -> None:
    url = shop.contract()
    assert "expire-button" not in shop.get(url)
    page = shop.post(url, action="expire")
    assert (page.status, "refused-page" in page) == (409, True)
    assert "does not expire" in page.text
    shop.later("org_contract_pending", 40 * 86_400)
    assert "checkout-page" in shop.get(url)
    assert shop.complete(url, outcome="expired").status_code == 409
    assert shop.pay(url).status == 303


def test_a_session_follows_a_clock_that_goes_back(shop: Any) -> None:
    url = shop.checkout()
    shop.later(ORG, 86_400)
    assert shop.pay(url).status == 410
    shop.later(ORG, -3_600)
    assert shop.get(url).status == 200
    paid = shop.pay(url, webhook="60")
    assert paid.status == 303
    shop.later(ORG, -3_600)
    assert "checkout-page" in shop.get(url), "the payment is gone with the hour"
    shop.later(ORG, -86_400)
    assert shop.get(url).status == 404


def test_a_test_card_can_be_filled_in_by_a_link(shop: Any) -> None:
    url = shop.checkout()
    link = shop.get(f"{url}?webhook=5").attribute("test-card-3155", "href")
    assert link == f"{url}?card=3155&webhook=5"
    page = shop.get(link)
    assert page.attribute("card-number", "value") == "4000 0025 0000 3155"
    fields = {name: page.attribute(f"card-{name}", "value") for name in ("number", "expiry", "cvc", "name")}
    assert "challenge-page" in shop.post(url, **fields)
    assert shop.get(f"{url}?card=0000").attribute("card-number", "value") == ""


@pytest.mark.parametrize("level", ["server", "organization"])
def test_redirects_carry_the_session(open_shop: Callable[..., Any], level: str) -> None:
    urls = {
        "success_url": "https://app.example/ok?s={CHECKOUT_SESSION_ID}",
        "cancel_url": "https://app.example/no?s={CHECKOUT_SESSION_ID}",
    }
    shop = open_shop(**(urls if level == "server" else {"success_url": "https://server.example/"}))
    if level == "organization":
        shop.execute(ORG, ChangeCheckoutSettings(**urls))
    url = shop.checkout()
    session_id = url.rpartition("/")[2]
    assert shop.get(url).attribute("cancel-link", "href") == f"https://app.example/no?s={session_id}"
    shop.pay(url)
    page = shop.get(f"{url}/return")
    assert page.headers["refresh"] == f"0; url=https://app.example/ok?s={session_id}"
    assert page.attribute("continue-link", "href") == f"https://app.example/ok?s={session_id}"
    again = shop.get(url)
    assert "refresh" not in again.headers
    assert again["continue-link"] == "Continue to app.example"


def test_without_addresses_the_pages_are_our_own(shop: Any) -> None:
    url = shop.checkout()
    assert shop.get(url).attribute("cancel-link", "href") == f"{url}/cancelled"
    page = shop.get(f"{url}/cancelled")
    assert page.attribute("continue-link", "href") == url
    assert "redirect-hint" in page
    shop.pay(url)
    page = shop.get(f"{url}/return")
    assert "redirect-hint" in page
    assert "refresh" not in page.headers


def test_a_bad_address_of_an_organization_is_never_followed(shop: Any) -> None:
    shop.execute(ORG, ChangeCheckoutSettings(success_url="javascript:alert(1)", cancel_url="//evil.example"))
    url = shop.checkout()
    page = shop.get(url)
    assert page.attribute("cancel-link", "href") == f"{url}/cancelled"
    shop.pay(url)
    assert "refresh" not in shop.get(f"{url}/return").headers
    assert "javascript:" not in shop.get(url).text


@pytest.mark.parametrize(
    ("typed", "shown"),
    [("4000000000000002", "4000 0000 0000 0002"), ("3782-8224-6310-006", "3782 822463 10006")],
)
def test_a_number_is_regrouped_after_an_error(shop: Any, typed: str, shown: str) -> None:
    page = shop.pay(shop.checkout(), number=typed)
    assert page.status in (402, 422)
    assert page.attribute("card-number", "value") == shown


def test_test_cards_of_every_kind_are_visible_without_opening_anything(shop: Any) -> None:
    page = shop.get(shop.checkout())
    assert "details" not in page.elements.tags
    for card in TEST_CARDS:
        filled_in = shop.get(page.attribute(f"test-card-{card.last4}", "href"))
        assert filled_in.attribute("card-number", "value") == card.grouped
        assert len(filled_in.attribute("card-cvc", "value")) == card.brand.cvc_length


@pytest.mark.parametrize(
    ("field", "value"), [("expiry", "99/99"), ("expiry", ""), ("name", ""), ("name", "x" * 201), ("cvc", "1")]
)
def test_an_answer_to_the_bank_comes_with_a_good_form(shop: Any, field: str, value: str) -> None:
    url, before = shop.checkout(), shop.balance()
    page = shop.pay(url, number="4000002500003155", decision="authorize", **{field: value})
    assert (page.status, f"card-{field}-error" in page) == (422, True)
    assert shop.balance() == before


def test_a_top_up_says_what_a_credit_is(shop: Any) -> None:
    assert shop.get(shop.checkout()).all("line") == ["Credits of $1 each25.00"]
    assert shop.get(shop.checkout(cents=5_000, currency="JPY")).all("line") == ["Credits of $1 each33.33"]
