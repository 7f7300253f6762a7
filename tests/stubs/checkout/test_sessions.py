from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from orgbilling_stubs.billing.commands import ChangeCheckoutSettings, OpenCheckout
from orgbilling_stubs.billing.errors import BillingError
from orgbilling_stubs.checkout.outcomes import OUTCOMES
from orgbilling_stubs.checkout.sessions import CheckoutSessions
from orgbilling_stubs.checkout.settings import HostedPageSettings

ORG = "org_standard"


@pytest.fixture
def till(shop: Any) -> CheckoutSessions:
    return CheckoutSessions(
        shop.service, HostedPageSettings(success_url="https://s.example/{CHECKOUT_SESSION_ID}")
    )


@pytest.fixture
def sell(shop: Any, till: CheckoutSessions) -> Callable[..., Any]:
    def sell(organization: str = ORG, **terms: Any) -> Any:
        event = shop.do(organization, OpenCheckout(2_500, terms.get("currency", "USD")))
        return till.find(organization, event.session_id)

    return sell


def test_nobody_is_created_by_guessing_an_address(shop: Any, till: CheckoutSessions) -> None:
    assert till.tenant("org_guessed") is None
    assert till.find("org_guessed", "cs") is None
    assert shop.service.store.organizations() == []


def test_a_session_belongs_to_one_organization(
    shop: Any, till: CheckoutSessions, sell: Callable[..., Any]
) -> None:
    sale = sell()
    shop.service.tenant("org_other")
    assert till.find("org_other", sale.checkout.session_id) is None


@pytest.mark.parametrize(
    ("name", "status", "paid"),
    [(name, "complete" if name == "paid" else "expired" if name == "expired" else "open", name == "paid")
     for name in OUTCOMES],
)  # fmt: skip
def test_every_outcome_leaves_the_session_as_it_should(
    shop: Any, till: CheckoutSessions, sell: Callable[..., Any], name: str, status: str, paid: bool
) -> None:
    before = shop.balance()
    after = till.conclude(sell(), OUTCOMES[name])
    assert after.status == status
    assert after.checkout.declined == (OUTCOMES[name].code or None)
    assert shop.balance() - before == (25_000_000 if paid else 0)


def test_a_paid_session_stays_paid(shop: Any, till: CheckoutSessions, sell: Callable[..., Any]) -> None:
    sale = till.conclude(sell(), OUTCOMES["paid"])
    balance = shop.balance()
    for name in ("paid", "declined", "cancelled"):
        assert till.conclude(sale, OUTCOMES[name]).status == "complete"
    with pytest.raises(BillingError, match="session_complete"):
        till.conclude(sale, OUTCOMES["expired"])
    assert shop.balance() == balance


def test_an_expired_session_cannot_be_paid(
    shop: Any, till: CheckoutSessions, sell: Callable[..., Any]
) -> None:
    sale = sell()
    shop.later(ORG, 86_400)
    with pytest.raises(BillingError, match="session_expired"):
        till.conclude(sale, OUTCOMES["paid"])


def test_the_timing_is_the_sessions_then_the_organizations_then_the_servers(
    shop: Any, till: CheckoutSessions, sell: Callable[..., Any]
) -> None:
    assert sell().webhook == (0,)
    shop.do(ORG, ChangeCheckoutSettings(webhook_delays_s=[7]))
    assert sell().webhook == [7]
    assert not till.conclude(sell(), OUTCOMES["paid"]).checkout.settled
    assert till.conclude(sell(), OUTCOMES["paid"], (0,)).checkout.settled


def test_a_webhook_can_be_delivered_by_hand(
    shop: Any, till: CheckoutSessions, sell: Callable[..., Any]
) -> None:
    before = shop.balance()
    sale = till.conclude(sell(), OUTCOMES["paid"], ())
    assert shop.balance() == before
    assert till.deliver(till.deliver(sale)).checkout.settled
    assert shop.balance() == before + 25_000_000
    with pytest.raises(BillingError, match="session_unpaid"):
        till.deliver(sell())


def test_addresses_have_the_session_in_them(
    shop: Any, till: CheckoutSessions, sell: Callable[..., Any]
) -> None:
    sale = sell()
    assert sale.success_url == f"https://s.example/{sale.checkout.session_id}"
    assert sale.cancel_url is None
    shop.do(ORG, ChangeCheckoutSettings(success_url="https://o.example/", cancel_url="https://o.example/no"))
    assert (sale.success_url, sale.cancel_url) == ("https://o.example/", "https://o.example/no")


def test_an_amount_is_in_the_currency_of_the_payment(sell: Callable[..., Any]) -> None:
    assert sell().amount() == "$25.00"
    assert sell(currency="JPY").amount() == "¥2,500"
    assert sell(currency="CHF").amount(named=False) == "25.00"


def test_the_link_of_a_contract_does_not_expire(shop: Any, till: CheckoutSessions) -> None:
    organization = "org_contract_pending"
    session_id = shop.contract().rpartition("/")[2]
    shop.later(organization, 30 * 86_400)
    sale = till.find(organization, session_id)
    assert sale is not None
    assert sale.status == "open"
    assert till.conclude(sale, OUTCOMES["paid"]).status == "complete"
    assert shop.service.tenant(organization).contract.status == "active"
