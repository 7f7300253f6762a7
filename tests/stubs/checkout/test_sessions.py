from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from orgbilling_stubs.billing.commands import ChangeCheckoutSettings, OpenCheckout
from orgbilling_stubs.billing.errors import BillingError
from orgbilling_stubs.checkout.outcomes import OUTCOMES
from orgbilling_stubs.checkout.sessions import CheckoutSession, CheckoutSessions
from orgbilling_stubs.checkout.settings import HostedPageSettings

ORG = "org_standard"
OpenSession = Callable[..., CheckoutSession]


@pytest.fixture
def sessions(shop: Any) -> CheckoutSessions:
    return CheckoutSessions(
        shop.service, HostedPageSettings(success_url="https://s.example/{CHECKOUT_SESSION_ID}")
    )


@pytest.fixture
def open_session(shop: Any, sessions: CheckoutSessions) -> OpenSession:
    def open_session(organization: str = ORG, **terms: Any) -> Any:
        event = shop.execute(organization, OpenCheckout(2_500, terms.get("currency", "USD")))
        return sessions.find(organization, event.session_id)

    return open_session


def test_nobody_is_created_by_guessing_an_address(shop: Any, sessions: CheckoutSessions) -> None:
    assert sessions.tenant("org_guessed") is None
    with pytest.raises(BillingError, match="session_unknown"):
        sessions.find("org_guessed", "cs")
    assert shop.service.store.organizations() == []


def test_a_session_belongs_to_one_organization(
    shop: Any, sessions: CheckoutSessions, open_session: OpenSession
) -> None:
    session = open_session()
    shop.service.tenant("org_other")
    with pytest.raises(BillingError, match="session_unknown"):
        sessions.find("org_other", session.checkout.session_id)


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize(
    ("name", "status", "paid"),
    [(name, "complete" if name == "paid" else "expired" if name == "expired" else "open", name == "paid")
     for name in OUTCOMES],
)  # fmt: skip
def test_every_outcome_leaves_the_session_as_it_should(
    shop: Any,
    sessions: CheckoutSessions,
    open_session: OpenSession,
    name: str,
    status: str,
    paid: bool,
) -> None:
    before = shop.balance()
    after = sessions.end_attempt(open_session(), OUTCOMES[name])
    assert after.status == status
    assert after.checkout.declined == (OUTCOMES[name].decline_code or None)
    assert shop.balance() - before == (25_000_000 if paid else 0)


def test_a_paid_session_stays_paid(shop: Any, sessions: CheckoutSessions, open_session: OpenSession) -> None:
    session = sessions.end_attempt(open_session(), OUTCOMES["paid"])
    balance = shop.balance()
    for name in ("paid", "declined", "cancelled"):
        assert sessions.end_attempt(session, OUTCOMES[name]).status == "complete"
    with pytest.raises(BillingError, match="session_complete"):
        sessions.end_attempt(session, OUTCOMES["expired"])
    assert shop.balance() == balance


def test_an_expired_session_cannot_be_paid(
    shop: Any, sessions: CheckoutSessions, open_session: OpenSession
) -> None:
    session = open_session()
    shop.later(ORG, 86_400)
    with pytest.raises(BillingError, match="session_expired"):
        sessions.end_attempt(session, OUTCOMES["paid"])


def test_the_timing_is_the_sessions_then_the_organizations_then_the_servers(
    shop: Any, sessions: CheckoutSessions, open_session: OpenSession
) -> None:
    assert open_session().webhook_timing() == (0,)
    shop.execute(ORG, ChangeCheckoutSettings(webhook_delays_s=[7]))
    assert open_session().webhook_timing() == (7,)
    assert not sessions.end_attempt(open_session(), OUTCOMES["paid"]).checkout.settled
    assert sessions.end_attempt(open_session(), OUTCOMES["paid"], (0,)).checkout.settled


def test_a_webhook_can_be_delivered_by_hand(
    shop: Any, sessions: CheckoutSessions, open_session: OpenSession
) -> None:
    before = shop.balance()
    session = sessions.end_attempt(open_session(), OUTCOMES["paid"], ())
    assert shop.balance() == before
    assert sessions.settle(sessions.settle(session)).checkout.settled
    assert shop.balance() == before + 25_000_000
    with pytest.raises(BillingError, match="session_unpaid"):
        sessions.settle(open_session())


def test_addresses_have_the_session_in_them(
    shop: Any, sessions: CheckoutSessions, open_session: OpenSession
) -> None:
    session = open_session()
    assert session.success_url == f"https://s.example/{session.checkout.session_id}"
    assert session.cancel_url is None
    shop.execute(
        ORG, ChangeCheckoutSettings(success_url="https://o.example/", cancel_url="https://o.example/no")
    )
    assert (session.success_url, session.cancel_url) == ("https://o.example/", "https://o.example/no")


def test_an_amount_is_in_the_currency_of_the_payment(open_session: OpenSession) -> None:
    assert open_session().amount() == "$25.00"
    assert open_session(currency="JPY").amount() == "¥2,500"
    assert open_session(currency="CHF").amount(named=False) == "25.00"


def test_the_link_of_a_contract_does_not_expire(shop: Any, sessions: CheckoutSessions) -> None:
    organization = "org_contract_pending"
    session_id = shop.contract().rpartition("/")[2]
    shop.later(organization, 30 * 86_400)
    session = sessions.find(organization, session_id)
    assert session.status == "open"
    assert sessions.end_attempt(session, OUTCOMES["paid"]).status == "complete"
    assert shop.service.tenant(organization).contract.status == "active"
