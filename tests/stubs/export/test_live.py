"""What is exported is what a running stub answers."""

from __future__ import annotations

import csv

import pytest
from orgbilling_stubs.domain import instant
from orgbilling_stubs.export import people
from orgbilling_stubs.export.texts import instants

from .conftest import AS_OF_MS

NAMES = ["org_standard", "org_dense_000002", "org_free_credit_used_000003", "org_postpaid_over_limit_x"]


def read(path):
    with path.open(newline="") as file:
        return [*csv.DictReader(file)]


def exported(row):
    """A row of the export as the API would answer it."""
    body = {
        "amountCredits": float(row["amount_credits"]),
        "amountUsd": float(row["amount_usd"]),
        "createdAt": row["created_at"],
        "description": row["description"],
        "entryId": row["entry_id"],
        "entryType": row["entry_type"],
        "tenantId": row["tenant_id"],
        "tokens": int(row["tokens"]),
    }
    optional = {"createdBy": row["created_by"], "trafficSource": row["traffic_source"]}
    return body | {name: value for name, value in optional.items() if value}


def answered(body):
    """A row of the API with the instant at fixed width."""
    return body | {"createdAt": instants([instant.parse(body["createdAt"])])[0]}


@pytest.fixture
def rows(make, tmp_path):
    """The exported ledgers of some organisations by tenant, at the clock of the running stub."""
    chosen = [people.Person(name, name.removeprefix("org_").rstrip("x_0123456789")) for name in NAMES]
    make(tmp_path, cast=people.cast(chosen, 1, AS_OF_MS), block=100)
    found: dict[str, list[dict[str, str]]] = {}
    for row in read(tmp_path / "ledger.csv"):
        found.setdefault(row["organisation_id"], []).append(row)
    return found


def test_the_ledger_is_that_of_a_running_stub_row_by_row(rows, dashboard):
    for organisation in NAMES:
        since = instants([AS_OF_MS - 365 * instant.DAY_MS])[0]
        expected = [exported(row) for row in reversed(rows[organisation]) if row["created_at"] > since]
        answer = dashboard("GET", "/org/ledger?days=365", organisation)
        assert answer.status_code == 200
        assert [*map(answered, answer.json())] == expected
        balance = dashboard("GET", "/org/billing", organisation).json()["creditBalance"]
        micros = sum(round(float(row["amount_credits"]) * 1e6) for row in rows[organisation])
        assert micros == round(balance * 1e6)
