"""Two servers on one database: what the console of one does shows on the other at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.stubs.console.test_app import ORG, Forms, outcome_of, page

OWN = {"path.organization": ORG}
CONTROL = f"/_mock/v1/organizations/{ORG}"


@pytest.fixture
def pair(lasting_store_address: str, serve: Callable[..., Any]) -> tuple[Any, ...]:
    """Two servers, each of which has the organization in memory."""
    stubs = tuple(serve(db=lasting_store_address) for _ in range(2))
    for stub in stubs:
        assert stub("GET", "/org/billing", ORG).status_code == 200
    return stubs


def act(stub: Any, action: str, **fields: str) -> str:
    """What the page says after a form of the console was sent."""
    html = outcome_of(stub, action, fields)
    assert "That did not work" not in html
    return html


def described(stub: Any) -> dict[str, Any]:
    return dict(stub("GET", CONTROL, None).json())


@pytest.mark.slow
def test_a_scenario_its_undo_and_the_clock(pair: tuple[Any, Any]) -> None:
    first, second = pair
    before = second("GET", "/org/billing", ORG).json()
    act(first, "setScenario", **OWN, **{"body.scenario": "overdrawn"})
    shown = second("GET", "/org/billing", ORG).json()
    assert shown == first("GET", "/org/billing", ORG).json()
    assert shown["creditBalance"] < 0
    assert described(second)["scenario"] == "overdrawn"
    assert "Undo: scenario overdrawn" in page(second)
    [undo] = [fields for action, fields in Forms(page(second)).forms if action.endswith("undoCommand")]
    act(second, "undoCommand", **undo)
    assert first("GET", "/org/billing", ORG).json() == second("GET", "/org/billing", ORG).json() == before
    act(first, "advanceClock", **OWN, **{"body.by": "P1M"})
    assert described(second)["clock"] == described(first)["clock"]
    assert described(second)["clock"]["now"] == "2026-04-10T12:00:00Z"


@pytest.mark.slow
def test_a_fault_and_its_removal(pair: tuple[Any, Any]) -> None:
    first, second = pair
    fields = {"body.effect": '{"status": 503}', "body.id": "down", "body.times": "2"}
    act(first, "addFault", **fields)
    assert second("GET", "/org/billing", ORG).status_code == 503
    assert [stub("GET", "/org/billing", ORG).status_code for stub in (first, second)] == [503, 200]
    act(second, "addFault", **{"body.effect": '{"status": 429}', "body.id": "busy"})
    assert first("GET", "/org/billing", ORG).status_code == 429
    act(first, "removeFault", **{"path.rule": "busy"})
    assert second("GET", "/org/billing", ORG).status_code == 200


@pytest.mark.slow_beyond(1)
def test_a_checkout_begun_at_one_is_paid_at_the_other(pair: tuple[Any, Any]) -> None:
    first, second = pair
    before = second("GET", "/org/billing", ORG).json()["creditBalance"]
    body = {"amount": 2_500, "currency": "USD"}
    opened = first("POST", "/org/billing/checkout", ORG, json=body)
    assert opened.status_code == 200, opened.text
    session = second("GET", f"{CONTROL}/checkouts", None).json()["checkouts"][0]["session"]
    act(second, "completeCheckout", **OWN, **{"path.session": session, "body.outcome": "paid"})
    assert first("GET", "/org/billing", ORG).json()["creditBalance"] == before + 25
