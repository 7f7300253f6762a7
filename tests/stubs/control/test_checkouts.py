from __future__ import annotations

import inspect
from typing import Any

import pytest
from orgbilling_openapi import control_description
from orgbilling_stubs.checkout import webhook_timing
from orgbilling_stubs.checkout.completion import CheckoutCompletion
from orgbilling_stubs.checkout.errors import PAYMENT_LINK_CANNOT_EXPIRE
from orgbilling_stubs.checkout.outcomes import OUTCOMES
from orgbilling_stubs.control.checkouts import HostedCheckouts

ORG = "/organizations/org_a"
LATEST = f"{ORG}/checkouts/latest"


@pytest.fixture
def opened(drive: Any, dashboard: Any) -> str:
    drive("POST", "/organizations", {"organization": "org_a", "persona": "overdrawn"})
    answer = dashboard("POST", "/org/billing/checkout", "org_a", json={"amount": 2500})
    url: str = answer.json()["url"]
    return url


def balance(drive: Any) -> float:
    found: float = drive("GET", ORG).json()["creditBalance"]
    return found


def test_the_session_that_was_opened_is_listed(drive: Any, opened: str) -> None:
    [row] = drive("GET", f"{ORG}/checkouts").json()["checkouts"]
    assert (row["url"], row["status"], row["amount"], row["settled"]) == (opened, "open", 2500, False)


def test_paid_is_credited_once(drive: Any, opened: str) -> None:
    before = balance(drive)
    for _ in range(2):
        paid = drive("POST", f"{LATEST}/complete", {"outcome": "paid"}).json()
        assert (paid["status"], paid["settled"]) == ("complete", True)
    assert balance(drive) == before + 25
    assert drive("POST", f"{LATEST}/webhook").status_code == 200
    assert balance(drive) == before + 25


@pytest.mark.slow
@pytest.mark.parametrize(("seconds", "arrives"), [([30], True), ([], False), ([30, 60], True)])
def test_the_balance_follows_the_webhook(drive: Any, opened: str, seconds: list[int], arrives: bool) -> None:
    before = balance(drive)
    drive("POST", f"{LATEST}/complete", {"outcome": "paid", "webhookSeconds": seconds})
    assert balance(drive) == before
    drive("POST", f"{ORG}/clock/advance", {"by": "PT2M"})
    row = drive("GET", f"{ORG}/checkouts").json()["checkouts"][0]
    assert row["settled"] is arrives
    drive("POST", f"{LATEST}/webhook")
    assert drive("GET", f"{ORG}/checkouts").json()["checkouts"][0]["settled"]


def test_a_decline_is_forgotten_once_the_session_is_paid(drive: Any, opened: str) -> None:
    drive("POST", f"{LATEST}/complete", {"outcome": "declined"})
    paid = drive("POST", f"{LATEST}/complete", {"outcome": "paid"}).json()
    assert (paid["status"], paid["declineCode"]) == ("complete", None)


def test_declined_and_expired(drive: Any, opened: str) -> None:
    declined = {"outcome": "declined", "declineCode": "insufficient_funds"}
    row = drive("POST", f"{LATEST}/complete", declined).json()
    assert (row["status"], row["declineCode"]) == ("open", "insufficient_funds")
    assert drive("POST", f"{LATEST}/complete", {"outcome": "expired"}).json()["status"] == "expired"
    assert drive("POST", f"{LATEST}/complete", {"outcome": "paid"}).status_code == 410


@pytest.mark.parametrize("number", ["4242424242424242", "4242 4242 4242 4242", "4242-4242-4242-4242"])
def test_a_test_card_pays(drive: Any, opened: str, number: str) -> None:
    paid = drive("POST", f"{LATEST}/complete", {"card": number, "webhookSeconds": [0]}).json()
    assert (paid["outcome"], paid["status"]) == ("paid", "complete")


def test_a_test_card_is_declined(drive: Any, opened: str) -> None:
    row = drive("POST", f"{LATEST}/complete", {"card": "4000000000009995"}).json()
    assert (row["status"], row["declineCode"]) == ("open", "insufficient_funds")


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "body"),
        ({"card": "visa"}, "body.card"),
        ({"card": "4111111111111111"}, "body.card"),
        ({"card": "4242424242424242", "outcome": "paid"}, "body.outcome"),
        ({"card": "4242424242424242", "declineCode": "card_declined"}, "body"),
    ],
)
def test_a_card_or_an_outcome_is_given(drive: Any, opened: str, body: dict[str, Any], place: str) -> None:
    refused = drive("POST", f"{LATEST}/complete", body)
    assert (refused.status_code, refused.json()["errors"][0]["location"]) == (422, place)


@pytest.mark.slow
@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("server", [{}, {"webhook": (9,), "cancel_url": "https://a.test/no"}])
def test_both_ways_to_complete_a_session_are_the_same(
    serve: Any, outcome: str, server: dict[str, Any]
) -> None:
    answers = []
    for hosted in (False, True):
        dashboard = serve(**server)
        opened = dashboard("POST", "/org/billing/checkout", "org_a", json={"amount": 2500}).json()["url"]
        path = opened.removeprefix("http://127.0.0.1:4010") if hosted else f"/_mock/v1{LATEST}"
        answer = dashboard("POST", f"{path}/complete", None, json={"outcome": outcome})
        assert answer.status_code == 200, answer.text
        answers.append(answer.json())
    assert answers[0] == answers[1]
    assert answers[0]["settled"] is (outcome == "paid" and not server)


def test_with_a_standing_clock_the_latest_session_is_the_one_opened_last(
    drive: Any, dashboard: Any, opened: str
) -> None:
    second = dashboard("POST", "/org/billing/checkout", "org_a", json={"amount": 700}).json()["url"]
    assert [each["url"] for each in drive("GET", f"{ORG}/checkouts").json()["checkouts"]] == [second, opened]
    assert drive("POST", f"{LATEST}/complete", {"outcome": "cancelled"}).json()["url"] == second


def test_a_code_of_stripe_goes_with_a_decline(drive: Any, opened: str) -> None:
    def code(**body: str) -> str | None:
        found: str | None = drive("POST", f"{LATEST}/complete", body).json()["declineCode"]
        return found

    assert code(outcome="declined") == "generic_decline"
    assert code(outcome="declined", declineCode="authentication_required") == "authentication_required"
    assert code(outcome="expired_card") == "expired_card"


def test_the_contract_lists_the_outcomes_and_limits_of_the_pages() -> None:
    schemas = control_description.load()["components"]["schemas"]
    properties = schemas["CheckoutOutcome"]["properties"]
    assert properties["outcome"]["enum"] == list(OUTCOMES)
    assert {outcome.decline_code for outcome in OUTCOMES.values()} - {""} <= set(
        properties["declineCode"]["enum"]
    )
    assert properties["declineCode"]["default"] == OUTCOMES["declined"].decline_code
    seconds = schemas["WebhookSeconds"]
    assert (seconds["maxItems"], seconds["items"]["maximum"]) == (
        webhook_timing.MOST_DELAYS,
        webhook_timing.LONGEST_DELAY_S,
    )
    completed = schemas["CompletedCheckout"]
    assert schemas["Checkout"]["properties"].items() <= completed["properties"].items()


def test_a_payment_link_of_a_contract_does_not_expire(drive: Any) -> None:
    drive("POST", "/organizations", {"organization": "org_p", "persona": "contract_pending"})
    link = "/organizations/org_p/checkouts/latest"
    refused = drive("POST", f"{link}/complete", {"outcome": "expired"})
    assert (refused.status_code, refused.json()["detail"]) == (409, PAYMENT_LINK_CANNOT_EXPIRE.detail)
    assert drive("POST", f"{link}/complete", {"outcome": "declined"}).json()["status"] == "open"
    assert drive("POST", f"{link}/complete", {"outcome": "paid"}).json()["purpose"] == "contract"
    assert drive("GET", "/organizations/org_p").json()["contractStatus"] == "active"
    again = drive("POST", f"{link}/complete", {"outcome": "expired"})
    assert again.json()["detail"] == "checkout session is already paid"


def test_habits_are_kept_and_followed(drive: Any, opened: str) -> None:
    nothing = {"successUrl": None, "cancelUrl": None, "returnUrl": None, "webhookSeconds": None}
    asked = {"successUrl": "http://localhost:3000/ok?s={CHECKOUT_SESSION_ID}", "webhookSeconds": []}
    drive("PUT", f"{ORG}/checkout-settings", asked)
    found = drive("GET", f"{ORG}/checkout-settings").json()
    assert {name: found[name] for name in nothing} == nothing | asked
    before = balance(drive)
    drive("POST", f"{LATEST}/complete", {"outcome": "paid"})
    assert balance(drive) == before
    drive("PUT", f"{ORG}/checkout-settings", {})
    found = drive("GET", f"{ORG}/checkout-settings").json()
    assert {name: found[name] for name in nothing} == nothing


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("latest/complete", {"outcome": "paid", "declineCode": "card_declined"}, 422),
        ("latest/complete", {"outcome": "expired", "webhookSeconds": [1]}, 422),
        ("latest/complete", {"outcome": "refunded"}, 422),
        ("latest/complete", {"outcome": "expired_card", "declineCode": "expired_card"}, 422),
        ("cs_test_unknown/complete", {"outcome": "paid"}, 404),
        ("cs_test_unknown/webhook", None, 404),
        ("nothing/webhook", None, 422),
        ("latest/webhook", None, 409),
    ],
)
def test_what_makes_no_sense_is_refused(
    drive: Any, opened: str, path: str, body: dict[str, Any] | None, status: int
) -> None:
    assert drive("POST", f"{ORG}/checkouts/{path}", body).status_code == status


@pytest.mark.parametrize("url", ["javascript:alert(1)", "/billing", "http://a b", "ftp://a"])
def test_a_habit_leads_to_a_web_page(drive: Any, opened: str, url: str) -> None:
    assert drive("PUT", f"{ORG}/checkout-settings", {"successUrl": url}).status_code == 422


@pytest.mark.slow_beyond(2)
@pytest.mark.parametrize("member", ["successUrl", "cancelUrl", "returnUrl"])
@pytest.mark.parametrize("url", ["http://[bad", "http://x:99999999/"])
def test_a_habit_that_no_browser_could_follow_is_refused(
    drive: Any, opened: str, member: str, url: str
) -> None:
    before = drive("GET", f"{ORG}/checkout-settings").json()
    answer = drive("PUT", f"{ORG}/checkout-settings", {member: url})
    assert answer.status_code == 422
    assert [each["location"] for each in answer.json()["errors"]] == [f"body.{member}"]
    assert drive("GET", f"{ORG}/checkout-settings").json() == before


def test_without_a_session_there_is_no_latest(drive: Any) -> None:
    drive("POST", "/organizations", {"organization": "org_a", "persona": "no_contract"})
    assert drive("POST", f"{LATEST}/webhook").status_code == 404


@pytest.mark.parametrize("name", [name for name in vars(HostedCheckouts) if not name.startswith("_")])
def test_the_hosted_pages_implement_the_protocol(name: str) -> None:
    """The control API knows the hosted pages by a protocol alone: what stands behind it has to keep it."""
    implemented, declared = getattr(CheckoutCompletion, name), getattr(HostedCheckouts, name)
    assert inspect.signature(implemented) == inspect.signature(declared)
