"""One request and one answer, whichever API lets a session end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from orgbilling_stubs.checkout.outcomes import OUTCOMES, TABLE, PaymentOutcome

ORG = "org_standard"


def by_page(shop: Any, url: str, body: dict[str, Any]) -> Any:
    return shop.complete(url, **body)


def by_control(shop: Any, url: str, body: dict[str, Any]) -> Any:
    path = f"/_mock/v1/organizations/{ORG}/checkouts/{url.rpartition('/')[2]}/complete"
    return shop.ask("POST", path, json=body)


@pytest.mark.slow
@pytest.mark.parametrize("outcome", TABLE, ids=lambda outcome: outcome.name)
@pytest.mark.parametrize("more", [{}, {"webhookSeconds": [30]}, {"declineCode": "lost_card"}], ids=str)
def test_both_doors_answer_the_same(open_shop: Any, outcome: Any, more: dict[str, Any]) -> None:
    answers = []
    for way in (by_page, by_control):
        shop = open_shop()
        answer = way(shop, shop.checkout(), {"outcome": outcome.name, **more})
        answers.append((answer.status_code, answer.json(), shop.balance()))
    assert answers[0] == answers[1]


@pytest.mark.slow_beyond(2)
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"outcome": "won"},
        {"outcome": "paid", "webhookSeconds": [-1]},
        {"outcome": "paid", "webhookSeconds": list(range(11))},
        {"outcome": "paid", "sessionId": "x"},
    ],
    ids=str,
)
def test_both_doors_refuse_the_same(open_shop: Any, body: dict[str, Any]) -> None:
    refused = []
    for way in (by_page, by_control):
        shop = open_shop()
        before = shop.balance()
        answer = way(shop, shop.checkout(), body)
        refused.append((answer.status_code, answer.json()["detail"], answer.json()["errors"]))
        assert shop.balance() == before
    assert refused[0] == refused[1]
    assert refused[0][0] == 422


def test_a_session_that_is_over_stays_as_it_is(shop: Any) -> None:
    url = shop.checkout()
    assert by_control(shop, url, {"outcome": "expired"}).json()["status"] == "expired"
    for way in (by_page, by_control):
        assert way(shop, url, {"outcome": "paid"}).status_code == 410
    assert by_control(shop, f"{url}x", {"outcome": "paid"}).status_code == 404


@pytest.mark.slow
@pytest.mark.parametrize("outcome", TABLE, ids=lambda outcome: outcome.name)
def test_every_outcome_can_be_asked_for(open_shop: Callable[..., Any], outcome: PaymentOutcome) -> None:
    shop = open_shop(success_url="https://a.example/{CHECKOUT_SESSION_ID}", cancel_url="https://a.example/no")
    url, before = shop.checkout(), shop.balance()
    session_id = url.rpartition("/")[2]
    answer = shop.complete(url, outcome=outcome.name)
    assert answer.status_code == 200
    paid = outcome.name == "paid"
    assert answer.json() == {
        "$schema": "http://127.0.0.1:4010/_mock/v1/schemas/CompletedCheckout.json",
        "session": session_id,
        "url": f"http://127.0.0.1:4010{url}",
        "purpose": "top_up",
        "status": {"pay": "complete", "expire": "expired"}.get(outcome.action, "open"),
        "amount": 2500,
        "currency": "USD",
        "openedAt": "2026-03-10T12:00:00Z",
        "settled": paid,
        "declineCode": outcome.decline_code or None,
        "contractId": None,
        "outcome": outcome.name,
        "creditBalance": (before + 25_000_000 * paid) / 1_000_000,
        "redirectUrl": f"https://a.example/{session_id}"
        if paid
        else None
        if outcome.action == "decline"
        else "https://a.example/no",
    }


@pytest.mark.parametrize("webhook", [[], [5], [5, 5]])
def test_the_webhook_comes_when_it_is_told_to(shop: Any, webhook: list[int]) -> None:
    url, before = shop.checkout(), shop.balance()
    assert not shop.complete(url, outcome="paid", webhookSeconds=webhook).json()["settled"]
    shop.later(ORG, 5)
    assert shop.balance() == before + (25_000_000 if webhook else 0)


def test_paying_twice_is_paying_once(shop: Any) -> None:
    url = shop.checkout()
    first, second = (shop.complete(url, outcome="paid") for _ in range(2))
    assert first.json() == second.json()
    assert shop.complete(url, outcome="expired").status_code == 409


def test_refusals_are_problems(shop: Any) -> None:
    url = shop.checkout()
    assert shop.ask("GET", f"{url}/complete").headers["allow"] == "POST"
    unknown = shop.complete(f"{url}x", outcome="paid")
    assert (unknown.status_code, unknown.json()["detail"]) == (404, "checkout session not found")
    shop.complete(url, outcome="expired")
    answer = shop.complete(url, outcome="paid")
    assert answer.status_code == 410
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "$schema": "http://127.0.0.1:4010/_mock/v1/schemas/ErrorModel.json",
        "title": "Gone",
        "status": 410,
        "detail": "checkout session has expired",
        "errors": [
            {
                "location": "path.session",
                "message": "checkout session has expired",
                "value": url.rpartition("/")[2],
            }
        ],
    }


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize(
    ("content", "status", "location"),
    [
        (b"", 400, None),
        (b"{", 400, "body"),
        (b"[]", 422, "body"),
        (b"{}", 422, "body"),
        (b'{"outcome":"maybe"}', 422, "body.outcome"),
        (b'{"outcome":["paid"]}', 422, "body.outcome"),
        (b'{"outcome":"paid","webhookSeconds":[-1]}', 422, "body.webhookSeconds[0]"),
        (b'{"outcome":"paid","webhookSeconds":[31536001]}', 422, "body.webhookSeconds[0]"),
        (b'{"outcome":"paid","webhookSeconds":"never"}', 422, "body.webhookSeconds"),
        (b'{"outcome":"paid","webhok":[1]}', 422, "body.webhok"),
        (b'{"outcome":"paid","declineCode":"card_declined"}', 422, "body.outcome"),
        (b'{"outcome":"paid","outcome":"expired"}', 400, "body"),
        (b'{"outcome":"paid","x":"' + b"x" * (1 << 20) + b'"}', 413, None),
    ],
)
def test_bodies_that_do_not_fit(shop: Any, content: bytes, status: int, location: str | None) -> None:
    url = shop.checkout()
    answer = shop.ask(
        "POST", f"{url}/complete", content=content, headers={"content-type": "application/json"}
    )
    assert answer.status_code == status
    assert {error["location"] for error in answer.json().get("errors", ())} == (
        {location} if location else set()
    )
    assert shop.get(url).status == 200


def test_a_wrong_outcome_lists_the_right_ones(shop: Any) -> None:
    [error] = shop.complete(shop.checkout(), outcome="maybe").json()["errors"]
    assert all(name in error["message"] for name in OUTCOMES)


def test_pages_of_other_origins_cannot_complete(shop: Any) -> None:
    url, before = shop.checkout(), shop.balance()

    def status(**headers: str) -> int:
        named = {"content-type": "application/json"} | headers
        body = b'{"outcome":"paid"}'
        return int(shop.ask("POST", f"{url}/complete", content=body, headers=named).status_code)

    assert status(origin="https://evil.example") == 403
    assert status(origin="null") == 403
    assert status(**{"content-type": "text/plain"}) == 415
    assert status(**{"content-type": "application/x-www-form-urlencoded"}) == 415
    assert shop.balance() == before
    assert status(origin="http://localhost:3000") == 200


def test_a_test_page_on_this_machine_may_read_the_answer(open_shop: Callable[..., Any]) -> None:
    shop = open_shop()
    preflight_headers = {"origin": "http://localhost:3000", "access-control-request-method": "POST"}
    url = f"{shop.checkout()}/complete"
    preflight = shop.ask("OPTIONS", url, headers=preflight_headers)
    assert preflight.headers["access-control-allow-origin"] == "http://localhost:3000"
    answer = shop.ask("POST", url, json={"outcome": "paid"}, headers={"origin": "http://localhost:3000"})
    assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"
    listed = open_shop(cors=("https://app.example",))
    url = f"{listed.checkout()}/complete"
    answer = listed.ask("POST", url, json={"outcome": "paid"}, headers={"origin": "https://app.example"})
    assert answer.status_code == 200
    anyone = open_shop(cors=("*",))
    url = f"{anyone.checkout()}/complete"
    answer = anyone.ask("POST", url, json={"outcome": "paid"}, headers={"origin": "https://evil.example"})
    assert answer.status_code == 403
