from __future__ import annotations

import pytest
from orgbilling_fixtures import personas
from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.billing_days import MONTH_OPENS_MS, SETTLEMENT_MS, billing_day, month_openings
from orgbilling_stubs.billing.events import TenantCreated
from orgbilling_stubs.billing.state import after_history
from orgbilling_stubs.tenants.tenant_factory import tenant_config

AS_OF_MS = instants.parse("2026-03-10T12:00:00Z")


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-03-10T00:00:00Z", "2026-03-10"),
        ("2026-03-10T23:55:00Z", "2026-03-10"),
        ("2026-03-10T23:55:00.001Z", "2026-03-11"),
        ("2026-03-10T23:59:59.999Z", "2026-03-11"),
    ],
)
def test_the_billing_day_ends_at_2355(moment, day):
    assert billing_day(instants.parse(moment)) == instants.parse(day) // instants.DAY_MS


def test_months_open_from_the_first_day_until_the_instant():
    start = instants.parse("2026-01-01T12:00:00Z")
    found = [instants.text(at_ms) for at_ms in month_openings(start, instants.parse("2026-03-01T00:05:00Z"))]
    assert found == ["2026-01-01T00:05:00Z", "2026-02-01T00:05:00Z", "2026-03-01T00:05:00Z"]
    assert len([*month_openings(start, instants.parse("2026-03-01T00:04:59.999Z"))]) == 2


def test_the_engine_bills_at_these_times():
    created = TenantCreated(personas.load("standard").document, 1, AS_OF_MS, "org_a")
    rows = after_history(tenant_config("org_a", created)).ledger.rows
    settled = {row.at_ms % instants.DAY_MS for row in rows if row.kind == "event_charge"}
    opened = {row.at_ms % instants.DAY_MS for row in rows if row.kind == "character_charge"}
    assert (settled, opened) == ({SETTLEMENT_MS}, {MONTH_OPENS_MS})
