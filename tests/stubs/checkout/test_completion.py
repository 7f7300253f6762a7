"""One request and one answer, whichever API lets a session end."""

from __future__ import annotations

from typing import Any

import pytest
from orgbilling_stubs.checkout.outcomes import TABLE

ORG = "org_standard"


def by_page(shop: Any, url: str, body: dict[str, Any]) -> Any:
    return shop.complete(url, **body)


def by_control(shop: Any, url: str, body: dict[str, Any]) -> Any:
    place = f"/_mock/v1/organizations/{ORG}/checkouts/{url.rpartition('/')[2]}/complete"
    return shop.ask("POST", place, json=body)


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
