"""Personas at the limits of their schema: every operation answers, also years later."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Dashboard

PERSONA = """
billing: {{mode: prepaid, exhausted: overdraw, balance: {balance}, stripe_customer: false}}
usage:
  history_days: 1100
  messages_per_day: 10000000000000
  growth_percent_per_month: {growth}
  projects: 40
  characters: 10000000
  events_per_day: 1000000000
  services_per_day: 1000000000
prices: {{input_per_1k: 1000000, output_per_1k: 1000000, character_month: 1000000}}
contract: {{credit: 10000000000, service: 10000000000, term_months: 60, starts_days: -1500}}
"""
READS = (
    *("/org/billing", "/org/characters?days=365", "/org/contract", "/org/events?days=365"),
    *("/org/ledger?days=365", "/org/service-usage?days=365", "/org/usage-summary?days=365"),
)


@pytest.mark.slow
@pytest.mark.parametrize(("growth", "balance"), [(50, 10**10), (-20, -(10**10))])
def test_every_operation_answers_at_the_limits(
    serve: Callable[..., Dashboard], tmp_path: Path, growth: int, balance: int
) -> None:
    path = tmp_path / "extreme.yaml"
    path.write_text(PERSONA.format(growth=growth, balance=balance))
    dashboard = serve(personas=(str(path),))
    largest = 0
    for _ in range(2):
        for url in READS:
            response = dashboard("GET", url, "org_other")
            assert response.status_code == 200, (url, response.text)
        largest = max(largest, response.json()["totalTokens"])
        advance = "/_mock/v1/organizations/org_other/clock/advance"
        assert dashboard("POST", advance, json={"by": "P1Y"}).status_code == 200
    assert largest == 2**63 - 1
