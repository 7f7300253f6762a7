from __future__ import annotations

import pytest
from orgbilling_fixtures import personas
from orgbilling_stubs.api import serializers
from orgbilling_stubs.billing import instants as instant
from orgbilling_stubs.billing.billing_days import MONTH_OPENS_MS, SETTLEMENT_MS
from orgbilling_stubs.billing.state import after_history
from orgbilling_stubs.export import row_tables
from orgbilling_stubs.export.writers.text_formats import instants

from .conftest import config_of


def columns(name, *tables):
    tenant = after_history(config_of(name))
    rows_of = row_tables.tables(tenant, personas.load(name), tables)
    return tenant, *(rows_of[table] for table in tables)


@pytest.mark.parametrize("name", ["standard", "free_credit_used", "postpaid_over_limit", "extreme_numbers"])
def test_the_ledger_is_the_apis_row_by_row(name):
    tenant, ledger = columns(name, "ledger")
    for place, body in enumerate(reversed(serializers.ledger(tenant, None))):
        row = {
            column: ledger[column][place]
            for column in ledger
            if column not in ("organization_id", "tenant_id")
        }
        assert row["entry_id"] == body["entryId"]
        assert serializers.usd(row["amount_credits"]) == body["amountCredits"]
        assert serializers.usd(row["amount_usd"]) == body["amountUsd"]
        assert instants([row["created_at"]]) == instants([instant.parse(body["createdAt"])])
        assert (row["description"], row["entry_type"], row["tokens"]) == (
            body["description"],
            body["entryType"],
            body["tokens"],
        )
        assert (row["created_by"], row["traffic_source"]) == (
            body.get("createdBy"),
            body.get("trafficSource"),
        )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["standard", "free_credit_used", "low_balance", "dense", "extreme_numbers"])
def test_usage_adds_up_to_the_apis_summary(name):
    tenant, usage = columns(name, "usage_by_day")
    body = serializers.summary(tenant, 4_000)
    assert sum(usage["input_tokens"]) == body["totalInputTokens"]
    assert sum(usage["output_tokens"]) == body["totalOutputTokens"]
    assert sum(usage["messages"]) == body["totalMessages"]
    assert sum(usage["sessions"]) == body["totalSessions"]
    assert sum(usage["entries"]) == sum(row.kind == "usage" for row in tenant.ledger.rows)


@pytest.mark.parametrize("name", ["standard", "free_credit_used", "dense"])
def test_meters_and_characters_add_up_to_the_apis(name):
    tenant, events, services, characters = columns(name, "events", "services", "characters")
    assert sum(events["count"]) == serializers.events(tenant, 4_000)["totalEvents"]
    assert sum(services["count"]) == serializers.services(tenant, 4_000)["totalEvents"]
    assert max(characters["high_water_mark"]) == serializers.characters(tenant, 4_000)["highWaterMark"]
    assert characters["month"] == sorted({*characters["month"]})


def test_who_stopped_at_zero_uses_nothing_more():
    tenant, usage = columns("free_credit_used", "usage_by_day")
    active = {row.at_ms // instant.DAY_MS for row in tenant.ledger.rows if row.kind == "usage"}
    assert {*usage["day"]} == active


def test_evenings_and_openings_are_billed_at_their_times():
    rows = after_history(config_of("standard")).ledger.rows
    settled = {row.at_ms % instant.DAY_MS for row in rows if row.kind == "event_charge"}
    opened = {row.at_ms % instant.DAY_MS for row in rows if row.kind == "character_charge"}
    assert (settled, opened) == ({SETTLEMENT_MS}, {MONTH_OPENS_MS})
