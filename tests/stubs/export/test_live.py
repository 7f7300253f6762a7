"""What is exported is what a running stub answers."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from contextlib import contextmanager

import httpx
import pytest
from orgbilling_stubs.auth import key_file
from orgbilling_stubs.auth.tokens import ClerkSession, mint_token
from orgbilling_stubs.billing import instants as instant
from orgbilling_stubs.export import selection
from orgbilling_stubs.export.selection import CONTROL_TOKEN_VARIABLE
from orgbilling_stubs.export.writers.text_formats import instants
from orgbilling_stubs.tenants.clock import wall_ms

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
    """The exported ledgers of some organizations by tenant, at the clock of the running stub."""
    chosen = [
        selection.SelectedOrganization(name, name.removeprefix("org_").rstrip("x_0123456789"))
        for name in NAMES
    ]
    make(tmp_path, selection=selection.select(chosen, 1, AS_OF_MS), part_size=100)
    found: dict[str, list[dict[str, str]]] = {}
    for row in read(tmp_path / "ledger.csv"):
        found.setdefault(row["organization_id"], []).append(row)
    return found


@pytest.mark.slow
def test_the_ledger_is_that_of_a_running_stub_row_by_row(rows, dashboard):
    for organization in NAMES:
        since = instants([AS_OF_MS - 365 * instant.DAY_MS])[0]
        expected = [exported(row) for row in reversed(rows[organization]) if row["created_at"] > since]
        answer = dashboard("GET", "/org/ledger?days=365", organization)
        assert answer.status_code == 200
        assert [*map(answered, answer.json())] == expected
        balance = dashboard("GET", "/org/billing", organization).json()["creditBalance"]
        micros = sum(round(float(row["amount_credits"]) * 1e6) for row in rows[organization])
        assert micros == round(balance * 1e6)


COMMAND = [sys.executable, "-m", "orgbilling_stubs.cli"]
CLOCK = instant.text(AS_OF_MS)
OTHERS = ("org_standard", "org_free_credit_used", "org_postpaid_over_limit")


@contextmanager
def listening():
    """A stub on a socket that anybody may reach, so that its control API asks for a token: URL and token."""
    options = ["--host", "0.0.0.0", "--port", "0", "--auth", "verify", "--clock", CLOCK, "--quiet"]
    process = subprocess.Popen(
        [*COMMAND, "serve", *options], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        said = process.stdout.readline() + process.stdout.readline()
        yield re.search(r"(http://\S+)/api/v1", said)[1], re.search(r"Control token (\S+)", said)[1]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def export_from(url, out, token=None):
    """`orgbilling export --from`, as a process."""
    environment = {name: value for name, value in os.environ.items() if name != CONTROL_TOKEN_VARIABLE}
    if token is not None:
        environment[CONTROL_TOKEN_VARIABLE] = token
    command = [*COMMAND, "export", "--from", url, "--out", str(out)]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


@pytest.mark.slow
def test_the_ledger_exported_from_a_socket_is_what_its_api_answers(tmp_path):
    """People use the API, the export asks over the same socket, and every row is the same."""
    with listening() as (url, token), httpx.Client(base_url=f"{url}/api/v1/org") as client:

        def bearing(organization):
            session = mint_token(key_file.load_signing_key(), ClerkSession(organization), wall_ms())
            return {"Authorization": f"Bearer {session}"}

        for organization in OTHERS:
            redeemed = client.post(
                "/vouchers/redeem", json={"code": "WELCOME50"}, headers=bearing(organization)
            )
            assert redeemed.status_code == 200
        refused = export_from(url, tmp_path / "refused")
        assert (refused.returncode, refused.stderr.count(CONTROL_TOKEN_VARIABLE)) == (2, 1)
        done = export_from(url, tmp_path / "out", token)
        assert done.returncode == 0, done.stderr
        answers = {name: client.get("/ledger?days=365", headers=bearing(name)).json() for name in OTHERS}
    since = instants([AS_OF_MS - 365 * instant.DAY_MS])[0]
    rows = read(tmp_path / "out" / "ledger.csv")
    for organization in OTHERS:
        own = [row for row in rows if row["organization_id"] == organization and row["created_at"] > since]
        assert [*map(answered, answers[organization])] == [*map(exported, reversed(own))]
        assert sum(row["entryType"] == "voucher" for row in answers[organization]) == 1
    assert {row["organization_id"] for row in rows} == {*OTHERS}
