"""Two processes on one store: what one has answered, the other shows, too."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from orgbilling_stubs.journal import sharing as sharing_module
from orgbilling_stubs.journal.sharing import JournalSharing
from orgbilling_stubs.tenants.store.errors import OUTCOME_UNKNOWN, UNREACHABLE, StoreError

MOCK = "/_mock/v1"
PATIENCE_S = 60.0


@pytest.fixture
def pair(
    lasting_store_address: str, serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> tuple[Any, ...]:
    """Two stubs on one store, as two processes would be; they tell each other sooner than they usually do."""
    monkeypatch.setattr(sharing_module, "WRITE_EVERY_S", 0.01)
    monkeypatch.setattr(sharing_module, "POLL_MS", 10)
    return tuple(serve(db=lasting_store_address) for _ in range(2))


def eventually(condition: Callable[[], object]) -> Any:
    """What a condition gives as soon as it is something."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if result := condition():
            return result
        time.sleep(0.02)
    raise AssertionError("it did not come")


def journal(stub: Any, **query: Any) -> list[dict[str, Any]]:
    answer = stub("GET", f"{MOCK}/journal", None, params=query)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["exchanges"])


def traces(stub: Any, **query: Any) -> list[str]:
    return [row["trace"] for row in journal(stub, **query)]


def trace(answer: httpx.Response) -> str:
    return answer.headers["x-trace-id"]


@pytest.mark.slow_beyond(1)
def test_what_one_answers_the_other_shows_as_it_was(pair: tuple[Any, Any]) -> None:
    first, second = pair
    asked = [
        first("GET", "/org/billing", headers={"User-Agent": "app"}),
        first("GET", "/org/ledger?days=nonsense"),
        first("POST", "/org/vouchers/redeem", json={"code": "TEST-CREDIT-5-shared"}),
        first("GET", "/org/billing", None),
        first("GET", "/org/billing", headers={"Prefer": "code=503"}),
    ]
    own = journal(first)
    assert [row["trace"] for row in own] == [trace(answer) for answer in asked[::-1]]
    assert eventually(lambda: len(journal(second)) == len(asked))
    assert journal(second) == own
    assert journal(second, status="503") == own[:1]
    assert traces(second, organization="-") == [trace(asked[3])]
    explained = [stub("GET", f"{MOCK}/journal/{trace(asked[2])}", None).json() for stub in pair]
    assert explained[0] == explained[1]
    assert explained[1]["ledger"]


@pytest.mark.slow_beyond(1)
def test_trace_ids_of_two_processes_differ_and_those_of_the_first_are_those_of_one_alone(
    pair: tuple[Any, Any], serve: Callable[..., Any]
) -> None:
    alone = serve()
    ids = [[trace(stub("GET", "/org/billing")) for _ in range(3)] for stub in (*pair, alone)]
    assert ids[0] == ids[2]
    assert not set(ids[0]) & set(ids[1])


@pytest.mark.slow_beyond(1)
def test_the_order_is_that_of_the_requests(pair: tuple[Any, Any]) -> None:
    asked = []
    for number in range(6):
        asked.append(trace(pair[number % 2]("GET", "/org/billing")))
        time.sleep(0.002)  # the next millisecond: within one, the order is that of the trace ids
    for stub in pair:
        assert eventually(lambda stub=stub: len(traces(stub)) == 6)
        assert traces(stub) == asked[::-1]


@pytest.mark.slow_beyond(1)
def test_a_request_can_be_sent_again_by_the_other(pair: tuple[Any, Any]) -> None:
    first, second = pair
    asked = trace(first("GET", "/org/ledger?days=7"))
    assert eventually(lambda: traces(second))
    again = second("POST", f"{MOCK}/journal/{asked}/replay", None)
    assert (again.status_code, again.json()["path"]) == (200, "/api/v1/org/ledger?days=7")
    assert eventually(lambda: again.json()["trace"] in traces(first))


@pytest.mark.slow_beyond(1)
def test_a_ledger_entry_names_the_request_that_another_process_has_answered(pair: tuple[Any, Any]) -> None:
    first, second = pair
    asked = trace(first("POST", "/org/vouchers/redeem", json={"code": "TEST-CREDIT-5-shared"}))

    def named() -> bool:
        entries = second("GET", f"{MOCK}/organizations/org_standard/ledger", None).json()["entries"]
        return asked in [entry["origin"]["trace"] for entry in entries]

    assert eventually(named)


@pytest.mark.slow_beyond(1)
def test_what_is_cleared_is_gone_everywhere_also_what_was_not_written_yet(
    pair: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = pair
    monkeypatch.setattr(sharing_module, "WRITE_EVERY_S", 0.5)
    first("GET", "/org/billing")
    first("GET", "/org/billing", "org_pro")
    second("GET", "/org/billing")
    assert second("DELETE", f"{MOCK}/journal?organization=org_standard", None).status_code == 204
    kept = trace(first("GET", "/org/ledger"))
    for stub in pair:
        assert eventually(lambda stub=stub: kept in traces(stub))
        assert eventually(lambda stub=stub: len(traces(stub)) == 2)
        assert traces(stub, organization="org_standard") == [kept]
    assert first("DELETE", f"{MOCK}/journal", None).status_code == 204
    assert eventually(lambda: traces(second) == [])
    assert traces(first) == []


@pytest.mark.slow_beyond(1)
def test_a_wait_ends_with_the_exchange_of_another_process(pair: tuple[Any, Any]) -> None:
    first, second = pair
    asked, ended = [], threading.Event()

    def ask() -> None:
        while not ended.is_set():
            asked.append(trace(first("GET", "/org/ledger")))
            ended.wait(0.1)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        found = second("GET", f"{MOCK}/journal/wait?operation=getOrgLedger&timeout={PATIENCE_S:g}", None)
    finally:
        ended.set()
        asking.join()
    assert found.status_code == 200
    assert found.json()["trace"] in asked


def coverage(stub: Any) -> dict[str, dict[str, int]]:
    report = stub("GET", f"{MOCK}/coverage", None).json()
    return {
        kind: {row["name"]: row["met"] for row in report[kind] if row["met"]}
        for kind in ("operations", "statuses", "parameters", "values", "scenarios")
    }


@pytest.mark.slow_beyond(1)
def test_coverage_is_counted_together_and_reset_together(pair: tuple[Any, Any]) -> None:
    first, second = pair
    first("GET", "/org/ledger?days=7")
    second("GET", "/org/ledger?days=7")
    second("GET", "/org/billing")
    met = eventually(lambda: (met := coverage(first))["operations"].get("getOrgBilling") and met)
    assert met == coverage(second)
    assert met["operations"] == {"getOrgLedger": 2, "getOrgBilling": 1}
    assert met["statuses"] == {"getOrgLedger 200": 2, "getOrgBilling 200": 1}
    assert met["parameters"] == {"getOrgLedger days": 2}
    assert met["values"]
    first("GET", "/org/billing")
    assert second("DELETE", f"{MOCK}/coverage", None).status_code == 204
    assert coverage(second)["operations"] == {}
    first("GET", "/org/billing")
    again = eventually(lambda: (met := coverage(first))["operations"] and met)
    assert again["operations"] == coverage(second)["operations"] == {"getOrgBilling": 1}
    assert again["values"]  # although this answer had been looked through before the reset


@pytest.mark.slow_beyond(1)
def test_the_journal_outlives_the_process(lasting_store_address: str, serve: Callable[..., Any]) -> None:
    before = serve(db=lasting_store_address)
    asked = trace(before("GET", "/org/billing"))
    before.app.service.store.close()
    after = serve(db=lasting_store_address)
    newer = trace(after("GET", "/org/billing"))
    assert traces(after) == [newer, asked]
    assert coverage(after)["operations"] == {"getOrgBilling": 2}


@pytest.mark.slow
@pytest.mark.slow_beyond(1)
def test_a_table_that_is_away_costs_no_request_anything(
    pair: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = pair
    monkeypatch.setattr(sharing_module, "PAUSE_S", 0.01)
    sharing: JournalSharing = first.app.journal.sharing
    table, failed = sharing._table, []

    def away(*arguments: object) -> None:
        failed.append(arguments)
        raise StoreError("it is away", UNREACHABLE)

    with monkeypatch.context() as broken:
        for name in ("append", "read", "counts", "change_counts"):
            broken.setattr(table, name, away)
        asked = trace(first("GET", "/org/billing"))
        assert traces(first) == [asked]
        assert eventually(lambda: len(failed) > 3)
        for operation in ("coverage", "journal"):
            assert first("DELETE", f"{MOCK}/{operation}", None).status_code == 503
        assert first("GET", f"{MOCK}/coverage", None).status_code == 503
        assert traces(first) == [asked]
    assert eventually(lambda: traces(second) == [asked])
    assert coverage(second)["operations"] == {"getOrgBilling": 1}


@pytest.mark.slow_beyond(1)
def test_what_may_have_been_written_is_not_written_twice(
    pair: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = pair
    monkeypatch.setattr(sharing_module, "PAUSE_S", 0.01)
    table = first.app.journal.sharing._table
    append, failed = table.append, []

    def uncertain(rows: object) -> None:
        if not failed:
            failed.append(rows)
            append(rows)
            raise StoreError("the connection was lost", OUTCOME_UNKNOWN)
        append(rows)

    monkeypatch.setattr(table, "append", uncertain)
    asked = trace(first("GET", "/org/billing"))
    assert eventually(lambda: failed)
    newer = trace(first("GET", "/org/billing"))
    assert eventually(lambda: newer in traces(second))
    assert traces(second) == [newer, asked]


@pytest.mark.slow_beyond(1)
def test_no_more_waits_to_be_written_than_the_journal_keeps(pair: tuple[Any, Any]) -> None:
    first, second = pair
    sharing = first.app.journal.sharing
    first.app.journal.per_organization = 5
    sharing._waiting = sharing._empty()
    with sharing._mutex:  # the thread cannot write now
        taken = sharing._waiting
    asked = [trace(first("GET", "/org/billing")) for _ in range(20)]
    assert len(taken) <= 5
    assert eventually(lambda: asked[-1] in traces(second))


@pytest.mark.slow_beyond(1)
def test_other_processes_learn_of_a_change_without_an_exchange(pair: tuple[Any, Any]) -> None:
    first, second = pair
    changes: list[int] = []
    second.app.journal.change_followers.append(lambda: changes.append(1))
    second_sharing = second.app.journal.sharing
    first("POST", f"{MOCK}/organizations/org_standard/adjustments", None, json={"amountUsd": 5})

    def changes_seen() -> int:
        journal(second)
        return len(changes)

    assert eventually(changes_seen)
    asyncio.run(second_sharing.catch_up())
    assert len(changes) == 1  # and it is not told back and forth


@pytest.mark.slow_beyond(1)
def test_secrets_are_not_written(pair: tuple[Any, Any]) -> None:
    first, second = pair
    body = {"code": "TEST-CREDIT-5-x", "password": "correct horse battery"}
    first("POST", "/org/vouchers/redeem", json=body, headers={"Cookie": "a=b"})
    assert eventually(lambda: journal(second))
    rows = second.app.journal.sharing._table.read(0, 100)
    written = b"".join(row.content for row in rows)
    assert b"redeem" in written
    token = first.token("org_standard").encode()
    assert token not in written
    assert token.split(b".")[1] not in written
    assert b"correct horse" not in written
