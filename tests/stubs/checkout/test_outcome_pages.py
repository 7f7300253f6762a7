"""Pages after an attempt to pay: where they lead, and what they say of the webhook."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from orgbilling_stubs.billing import instants
from orgbilling_stubs.checkout.outcome_pages import duration_text

APP = "http://localhost:5173"
CONSOLE = ("/_mock/?org=org_standard", "See the organization in the console")


def checkout(shop: Any, *, organization: str = "org_standard", **headers: str) -> str:
    """The path of a session that the page of an app has opened."""
    response = shop.dashboard(
        "POST", "/org/billing/checkout", organization, json={"amount": 2_500}, headers=headers
    )
    assert response.status_code == 200, response.text
    url: str = response.json()["url"]
    return "/" + url.split("/", 3)[3]


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize(
    ("headers", "link", "label"),
    [
        ({"origin": APP}, f"{APP}/", "Back to localhost:5173"),
        ({"referer": f"{APP}/billing?tab=1"}, f"{APP}/", "Back to localhost:5173"),
        ({"origin": "http://127.0.0.1:80"}, "http://127.0.0.1/", "Back to 127.0.0.1"),
        ({"origin": APP, "referer": "http://localhost:9/x"}, f"{APP}/", "Back to localhost:5173"),
        ({"referer": "https://evil.example/x"}, *CONSOLE),
        ({"origin": "capacitor://localhost"}, *CONSOLE),
        ({}, *CONSOLE),
    ],
)
def test_a_payment_leads_back_to_the_app_that_asked_for_it(
    shop: Any, headers: dict[str, str], link: str, label: str
) -> None:
    url = checkout(shop, **headers)
    shop.pay(url)
    for page in (shop.get(f"{url}/return"), shop.get(url)):
        assert page.attribute("continue-link", "href") == link
        assert page["continue-link"] == label


def test_an_origin_of_the_allowed_list_is_led_back_to(open_shop: Callable[..., Any]) -> None:
    shop = open_shop(cors=("https://app.example", "*"))
    listed, other = (
        checkout(shop, origin=origin) for origin in ("https://app.example", "http://localhost:1")
    )
    shop.pay(listed)
    assert shop.get(f"{listed}/return").attribute("continue-link", "href") == "https://app.example/"
    shop.pay(other)
    assert shop.get(f"{other}/return").attribute("continue-link", "href") == "http://localhost:1/"


def test_an_origin_that_a_log_brings_is_checked_again(shop: Any) -> None:
    url = checkout(shop, origin=APP)
    session = shop.service.tenant("org_standard").checkouts[url.rpartition("/")[2]]
    assert session.return_origin == APP
    session.return_origin = "https://evil.example"
    shop.pay(url)
    assert "evil.example" not in shop.get(f"{url}/return").text


def test_the_way_back_is_in_the_log(shop: Any) -> None:
    url = checkout(shop, origin=APP)
    log = shop.service.log(shop.service.tenant("org_standard"))
    assert [record.event.return_origin for record in log[-1:]] == [APP]
    portal = shop.dashboard("POST", "/org/billing/portal", json={}, headers={"origin": APP}).json()
    path = "/" + portal["url"].split("/", 3)[3]
    assert shop.get(path).attribute("return-link", "href") == f"{APP}/"
    assert shop.get(path)["return-link"] == "Back to localhost:5173"
    assert url in shop.get(url).text


def test_the_page_says_which_option_makes_the_way_back_permanent(shop: Any) -> None:
    url = checkout(shop, origin=APP)
    cancelled = shop.get(f"{url}/cancelled")
    shop.pay(url)
    paid = shop.get(f"{url}/return")
    assert "--success-url" in paid["redirect-hint"]
    assert "successUrl" in paid["redirect-hint"]
    assert "--cancel-url" in cancelled["redirect-hint"]
    assert "cancelUrl" in cancelled["redirect-hint"]
    assert cancelled.attribute("app-link", "href") == f"{APP}/"
    assert "this page stays" not in paid.text + cancelled.text


def test_an_expired_session_offers_another_one_and_the_way_back(shop: Any) -> None:
    url = checkout(shop, origin=APP)
    shop.post(url, action="expire")
    page = shop.get(url)
    assert (page.status, page.attribute("continue-link", "href")) == (410, f"{APP}/")
    assert "by hand" in page["notice-text"]
    following = shop.post(f"{url}/renew").headers["location"]
    assert following != url
    assert shop.get(following)["amount"] == "$25.00 USD"
    assert shop.service.tenant("org_standard").checkouts[following.rpartition("/")[2]].return_origin == APP


def test_an_expired_session_says_how_long_it_was_open(shop: Any) -> None:
    url = shop.checkout()
    shop.later("org_standard", 86_400)
    assert shop.get(url)["notice-text"] == "It was open for 24 h. Nothing was charged."


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize(
    ("method", "suffix", "status", "link"),
    [
        ("POST", "/return", 405, "{url}"),
        ("PUT", "", 405, "{url}"),
        ("GET", "/renew", 405, "{url}"),
        ("GET", "/complete", 405, "{url}"),
        ("GET", "?webhook=x", 400, "{url}"),
        ("GET", "x", 404, "/"),
        ("GET", "/x", 404, "/"),
    ],
)
def test_no_error_is_a_dead_end(shop: Any, method: str, suffix: str, status: int, link: str) -> None:
    url = shop.checkout()
    response = shop.ask(method, url + suffix, headers={"accept": "text/html"})
    page = type(shop.get(url))(response)
    assert page.status == status
    assert page.attribute("continue-link", "href") == link.format(url=url)


def test_a_foreign_form_and_a_wrong_action_lead_somewhere(shop: Any) -> None:
    url = shop.checkout()
    for response in (
        shop.ask("POST", url, data={"a": "b"}, headers={"origin": "https://evil.example"}),
        shop.ask("POST", url, data={"action": "dance"}),
    ):
        assert 'data-testid="continue-link"' in response.text


def test_a_failed_3d_secure_leads_on(shop: Any) -> None:
    url = checkout(shop, origin=APP)
    page = shop.pay(url, number="4000002500003155", decision="fail")
    assert page.status == 402
    assert page.attribute("cancel-link", "href") == f"{url}/cancelled"


def test_a_late_webhook_is_told_in_words_and_followed(shop: Any) -> None:
    url = shop.checkout()
    shop.pay(url, webhook="30")
    page = shop.get(f"{url}/return")
    assert "in 30 s" in page["webhook-state"]
    assert "2026" not in page["webhook-state"]
    assert page.attribute("webhook-state", "data-state") == "pending"
    assert page.attribute("refresh-link", "href") == f"{url}/return"
    assert 'role="status" aria-live="polite"' in page.text
    assert "payment-state.js" in page.text
    shop.later("org_standard", 30)
    page = shop.get(f"{url}/return")
    assert page.attribute("webhook-state", "data-state") == "settled"
    assert "refresh-link" not in page
    assert "payment-state.js" not in page.text


def test_a_clock_that_stands_still_is_said_to(open_shop: Callable[..., Any]) -> None:
    for clock, stands_still in (("2026-03-10T12:00:00Z", True), ("live", False)):
        shop = open_shop(clock=clock)
        url = shop.checkout()
        shop.pay(url, webhook="3600")
        assert ("stands still" in shop.get(url)["webhook-state"]) is stands_still


@pytest.mark.parametrize(
    ("duration_ms", "text"),
    [
        (1, "1 s"),
        (1_001, "2 s"),
        (30_000, "30 s"),
        (119_000, "119 s"),
        (120_000, "2 min"),
        (90 * instants.MINUTE_MS, "90 min"),
        (5 * instants.HOUR_MS, "5 h"),
        (365 * instants.DAY_MS, "365 days"),
    ],
)
def test_a_wait_is_in_the_largest_unit_that_fits_twice(duration_ms: int, text: str) -> None:
    assert duration_text(duration_ms) == text


def test_a_page_is_written_for_the_language_of_its_reader(shop: Any) -> None:
    url = shop.checkout(cents=123_450, currency="EUR")
    german = shop.get(url, accept_language="de-DE, en;q=0.5")
    assert german["pay-button"].replace("\N{NO-BREAK SPACE}", " ") == "Pay 1.234,50 €"
    assert german["currency"] == "EUR"
    assert german.headers["content-language"] == "en"
    assert "Accept-Language" in german.headers["vary"]
    assert shop.get(url)["pay-button"] == "Pay €1,234.50"
    assert shop.get(url, accept_language="de-DE, en;q=0.5").text == german.text


@pytest.mark.parametrize(
    ("cents", "currency", "amount"),
    [(5_000, "JPY", "¥5,000 JPY"), (5_000, "KRW", "₩5,000 KRW"), (5_120, "KWD", "5.120 KWD")],
)
def test_currencies_without_cents_are_paid_as_stripe_counts_them(
    shop: Any, cents: int, currency: str, amount: str
) -> None:
    assert shop.get(shop.checkout(cents=cents, currency=currency))["amount"] == amount


@pytest.mark.parametrize(
    ("currency", "amount", "status"),
    [
        ("KWD", 5_120, 200),
        ("KWD", 5_123, 422),
        ("ISK", 10_000, 200),
        ("ISK", 10_050, 422),
        ("JPY", 5_001, 200),
        ("HUF", 5_001, 200),
    ],
)
def test_amounts_that_stripe_cannot_charge_are_refused(
    shop: Any, currency: str, amount: int, status: int
) -> None:
    body = {"amount": amount, "currency": currency}
    response = shop.dashboard("POST", "/org/billing/checkout", json=body)
    assert response.status_code == status
    if status == 422:
        assert "multiples of" in response.json()["detail"]


def test_the_page_says_what_a_payment_in_another_currency_buys(shop: Any) -> None:
    page = shop.get(shop.checkout(cents=5_000, currency="JPY"))
    assert page["line"] == "Credits of $1 each33.33"
    assert shop.get(shop.checkout())["line"] == "Credits of $1 each25.00"


def test_a_payment_in_yen_is_an_invoice_in_yen_and_credits_in_dollars(shop: Any) -> None:
    url, before = shop.checkout(cents=5_000, currency="JPY"), shop.balance()
    shop.pay(url)
    assert shop.balance() - before == 33_330_000
    portal = shop.get(shop.portal())
    row = next(text for text in portal.all("invoice-row") if "Credit top-up" in text and "¥" in text)
    assert row.endswith("¥5,000")
    assert "$50.00" not in portal.text
