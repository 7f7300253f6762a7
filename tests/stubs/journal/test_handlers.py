"""The journal through the control API; the fixtures serve it behind a real uvicorn."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from orgbilling_openapi import control_description
from orgbilling_stubs.http.errors import Problem
from orgbilling_stubs.journal import handlers
from orgbilling_stubs.journal.store import Journal


def test_every_journal_operation_of_the_contract_has_its_handler():
    tagged = [
        operation["operationId"]
        for item in control_description.load()["paths"].values()
        for operation in item.values()
        if isinstance(operation, dict) and "journal" in operation.get("tags", ())
    ]
    assert sorted(handlers.journal_handlers(None, None)) == sorted(tagged)


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize(
    ("since", "status"),
    [
        ("2016-12-31T23:59:60Z", 200),
        ("2026-01-01t00:00:00z", 200),
        ("0001-01-01T00:00:00Z", 200),
        ("9999-12-31T23:59:59Z", 200),
        ("0000-01-01T00:00:00Z", 422),
        ("9999-12-31T23:59:59-23:59", 422),
        ("2026-01-01", 200),
        ("yesterday", 422),
    ],
)
def test_since_is_an_instant_or_an_error(dashboard, since, status):
    response = dashboard("GET", "/_mock/v1/journal", None, params={"since": since})
    assert response.status_code == status
    if status == 422:
        assert response.json()["errors"][0]["location"] == "query.since"


async def waited(journal, query, *arrivals, departs=False):
    """The response to one wait, during which some exchanges arrive."""
    connection = ClientThatLeaves() if departs else ClientThatStays()
    request = SimpleNamespace(parameters=query, connection=connection)
    waiting = asyncio.ensure_future(handlers.wait_for_exchange(journal, request))
    await asyncio.sleep(0)
    for arrival in arrivals:
        journal.append(arrival)
    return (await waiting).body


class ClientThatStays:
    async def departed(self, seconds):
        await asyncio.sleep(seconds)
        return False


class ClientThatLeaves:
    async def departed(self, seconds):
        return True


def test_a_wait_ends_with_the_next_exchange_that_matches(exchange):
    journal = Journal()
    journal.append(exchange(1, operation="getOrgLedger"))
    others = exchange(2), exchange(3, operation="getOrgLedger", organization="org_b")
    wanted = exchange(4, operation="getOrgLedger"), exchange(5, operation="getOrgLedger")
    query = {"operation": "getOrgLedger", "organization": "org_a", "timeout": 9}
    body = asyncio.run(waited(journal, query, *others, *wanted))
    assert body["trace"] == wanted[0].trace
    assert journal.followers == []


def test_a_wait_since_an_instant_finds_what_has_come_already(exchange):
    journal = Journal()
    for number in (1, 2, 3):
        journal.append(exchange(number, began_ns=number * 86_400 * 10**9))
    query = {"since": "1970-01-03T00:00:00Z", "timeout": 0}
    assert asyncio.run(waited(journal, query))["trace"] == exchange(2).trace


@pytest.mark.parametrize("departs", [False, True])
def test_a_wait_ends_when_time_is_up_or_the_client_has_left(exchange, departs):
    journal = Journal()
    with pytest.raises(Problem) as refusal:
        asyncio.run(waited(journal, {"timeout": 0.01, "status": "503"}, exchange(1), departs=departs))
    assert (refusal.value.code, refusal.value.status) == ("wait_expired", 404)
    assert journal.followers == []


def test_a_wait_is_answered_through_the_control_api(dashboard):
    dashboard("GET", "/org/billing")
    query = {"operation": "getOrgBilling", "since": "2000-01-01", "timeout": 1}
    found = dashboard("GET", "/_mock/v1/journal/wait", None, params=query)
    assert (found.status_code, found.json()["operation"]) == (200, "getOrgBilling")
    expired = dashboard("GET", "/_mock/v1/journal/wait", None, params={"timeout": 0})
    assert expired.json()["detail"] == "no matching exchange came in time (0 s)"


@pytest.mark.parametrize("path", ["journal", "journal/wait", "journal/stream"])
def test_a_misspelled_operation_is_refused_with_what_was_meant(dashboard, path):
    answer = dashboard("GET", f"/_mock/v1/{path}", None, params={"operation": "getOrgBiling"})
    assert answer.status_code == 422
    [row] = answer.json()["errors"]
    assert row["location"] == "query.operation"
    assert 'did you mean "getOrgBilling"?' in row["message"]


def test_exchanges_are_filtered_by_class_of_status_and_by_any_spelling_of_an_operation(dashboard):
    for _ in range(2):
        dashboard("POST", "/org/vouchers/redeem", json={"code": "TEST-CREDIT-5-x"})

    def statuses(**query):
        rows = dashboard("GET", "/_mock/v1/journal", None, params=query).json()["exchanges"]
        return [row["status"] for row in rows]

    assert statuses(status="4xx") == statuses(status="409") == [409]
    assert statuses(operation="redeem_org_voucher") == [409, 200]
    assert dashboard("GET", "/_mock/v1/journal", None, params={"status": "6XX"}).status_code == 422


def test_a_summary_of_the_journal_has_no_messages(dashboard):
    dashboard("GET", "/org/billing")
    [row] = dashboard("GET", "/_mock/v1/journal", None, params={"summary": "true"}).json()["exchanges"]
    [whole] = dashboard("GET", "/_mock/v1/journal", None).json()["exchanges"]
    assert row == {name: value for name, value in whole.items() if name not in ("request", "response")}
