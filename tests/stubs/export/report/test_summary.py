from __future__ import annotations

import pytest
from orgbilling_fixtures import personas
from orgbilling_stubs.api import serializers
from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.state import after_history
from orgbilling_stubs.export import row_tables
from orgbilling_stubs.export.report import summary

from ..conftest import config_of


def of(name, window=365):
    tenant = after_history(config_of(name))
    return tenant, summary.summarize(row_tables.tables(tenant, personas.load(name), summary.TABLES), window)


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("name", ["standard", "low_balance", "postpaid_near_limit", "new_org", "empty"])
def test_the_sums_are_those_of_the_ledger(name):
    tenant, found = of(name)
    assert len(found.days) == len(found.balance) == len(found.tokens) <= 365
    assert found.days[-1] == "2026-03-10"
    assert found.balance[-1] == tenant.ledger.balance_micros
    since_ms = instants.parse(found.days[0])
    rows = [row for row in tenant.ledger.rows if row.at_ms >= since_ms]
    assert sum(found.charged) == -sum(min(row.usd_micros, 0) for row in rows)
    assert sum(found.tokens) == sum(row.tokens for row in rows)
    assert sum(amount for _, amount in found.charge_kinds) == sum(found.charged)
    for mix in (found.projects, found.models, found.sources):
        assert sum(amount for _, amount in mix) == sum(found.tokens)
        assert len(mix) <= summary.LARGEST + 1


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("name", ["standard", "month_edges", "low_balance"])
def test_at_midnight_the_day_that_ends_is_the_last_one(name):
    midnight_ms = instants.parse("2026-03-01T00:00:00Z")
    tenant = after_history(config_of(name, midnight_ms))
    found = summary.summarize(row_tables.tables(tenant, personas.load(name), summary.TABLES), 30)
    assert (found.days[0], found.days[-1]) == ("2026-01-30", "2026-02-28")
    assert found.tokens[-1] > 0
    assert found.balance[-1] == tenant.ledger.balance_micros
    since_ms = instants.parse(found.days[0])
    assert sum(found.tokens) == sum(row.tokens for row in tenant.ledger.rows if row.at_ms >= since_ms)


def test_the_balance_carries_what_was_before_the_window():
    tenant, found = of("standard", 30)
    assert len(found.days) == 30
    first_ms = instants.parse(found.days[0])
    assert found.balance[0] == tenant.ledger.balance_at(first_ms + instants.DAY_MS - 1)


@pytest.mark.slow
def test_the_small_ones_come_together():
    _, found = of("dense")
    assert found.projects[-1][0] == summary.OTHERS
    assert [amount for _, amount in found.projects[:-1]] == sorted(
        (a for _, a in found.projects[:-1]), reverse=True
    )


def test_weekdays_are_means_from_monday_on():
    _, found = of("standard")
    assert min(found.weekday_tokens[:5]) > max(found.weekday_tokens[5:])
    tokens = serializers.summary(after_history(config_of("standard")), 365)["totalTokens"]
    assert abs(sum(found.weekday_tokens) / 7 - tokens / 365) < tokens / 365 / 20


def test_numbers_are_shortened_as_people_say_them():
    shown = [summary.short(number) for number in (0, 999, 1_234, -12_300_000, 4e9, 5e12)]
    assert shown == ["0", "999", "1.23k", "-12.3M", "4G", "5T"]
    assert summary.usd(1_234_567_890) == "1,234.57 USD"
