from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from orgbilling_conformance.guard import BudgetError
from orgbilling_conformance.scenarios import random_walk


@pytest.mark.slow
def test_the_walk_reads_and_writes_and_finds_nothing_on_the_stub(
    suite: Any, token: Callable[..., str]
) -> None:
    run = suite(token=token("org_standard_walk"), allow_write=["redeem", "checkout"], voucher="x")
    random_walk.walk(run, 6)
    assert run.findings() == ()
    lines = {entry.line.partition("?")[0] for entry in run.guard.sent_requests}
    assert {"POST /org/vouchers/redeem", "POST /org/billing/checkout", "GET /org/ledger"} <= lines


@pytest.mark.slow
def test_the_walk_finds_a_rejected_write_that_costs(suite: Any, mutated_app: Any) -> None:
    cost = 0

    def change_response(path: str, status: int, headers: dict[str, str], body: Any) -> Any:
        nonlocal cost
        cost += path.endswith("/redeem")
        if path == "/org/billing":
            body["creditBalance"] -= cost
        return status, headers, body

    run = suite(mutated_app(change_response), allow_write=["redeem"], voucher="x")
    random_walk.walk(run, 6)
    assert "refused-harmless" in {finding.rule for finding in run.findings()}


def test_the_walk_ends_with_the_budget(suite: Any) -> None:
    run = suite(max_requests=10, allow_write=["checkout"])
    with pytest.raises(BudgetError):
        random_walk.walk(run, 3)
    assert run.guard.sent == 10
