from __future__ import annotations

import asyncio
import gc
import logging
import re
import threading
from types import FunctionType, ModuleType

import orjson
import pytest
from orgbilling_stubs.auth.tokens import ClerkSession, mint_token
from orgbilling_stubs.billing.commands import RedeemVoucher
from orgbilling_stubs.journal import recorder as recorders
from orgbilling_stubs.journal.exchange import EXCERPT_BYTES
from orgbilling_stubs.journal.serializers import exchange_document
from orgbilling_stubs.journal.stream import event
from orgbilling_stubs.tenants import clock as clocks
from orgbilling_stubs.tenants.service import Service


def test_what_is_kept_of_an_exchange(watched):
    answer = watched("GET", "/org/ledger?days=7")
    kept = watched.newest()
    assert kept.trace == answer.headers["x-trace-id"]
    assert (kept.operation, kept.method, kept.path, kept.query) == (
        "getOrgLedger",
        "GET",
        "/api/v1/org/ledger",
        b"days=7",
    )
    assert (kept.status, kept.organization, kept.credentials) == (200, "org_standard", "bearer")
    assert 0 < kept.took_ns < 5_000_000_000
    assert kept.response_size == len(answer.content) > EXCERPT_BYTES == len(kept.response_body)


def test_a_write_is_kept_with_its_place_in_the_log(watched):
    version = watched.service.tenant("org_standard").version
    watched("POST", "/org/vouchers/redeem", json={"code": "TEST-CREDIT-5-A"})
    kept = watched.newest()
    assert (kept.version_before, kept.version_after) == (version, version + 1)
    assert orjson.loads(kept.request_body) == {"code": "TEST-CREDIT-5-A"}
    watched("GET", "/org/billing")
    kept = watched.newest()
    assert (kept.version_before, kept.version_after) == (version + 1, version + 1)


def test_refusals_are_kept_by_name_with_their_findings(watched):
    watched("GET", "/org/ledger?days=0")
    kept = watched.newest()
    assert (kept.status, kept.error.name) == (422, "invalid")
    assert kept.error.findings == (("query.days", "expected number >= 1"),)
    watched("GET", "/org/billing", headers={"Authorization": "Basic x"})
    kept = watched.newest()
    assert (kept.status, kept.error.name, kept.credentials, kept.organization) == (
        401,
        "authorization_malformed",
        "malformed",
        "",
    )


@pytest.fixture
def tokens(watched):
    """Our own token, one of a stranger, and one that is no good."""
    foreign = mint_token(watched.key, ClerkSession("org_other", "member"), clocks.wall_ms())
    return [watched.token, foreign, foreign[:-9] + "AAAAAAAAA"]


def parts(token):
    """What of a token must not be seen: any run of it that is longer than its common beginning."""
    body = token.split(".")
    return [body[1][:40], body[1][40:80], body[2][:40], token]


def reachable(thing):
    """All texts and bytes that the journal holds on to, by way of containers and turns."""
    seen, waiting, found = set(), [thing], []
    while waiting:
        each = waiting.pop()
        if id(each) in seen or isinstance(each, (type, ModuleType, FunctionType, Service)):
            continue
        seen.add(id(each))
        if isinstance(each, (str, bytes)):
            found.append(each)
        else:
            waiting += gc.get_referents(each)
    return found


@pytest.mark.slow
def test_a_token_is_nowhere_in_the_journal_the_stream_or_the_log(watched, tokens, caplog):
    caplog.set_level(logging.DEBUG)
    for token in tokens:
        place = {"Authorization": f"Bearer {token}"}
        watched("GET", "/org/billing", headers=place)
        watched("GET", f"/org/ledger?token={token}&days={token}", headers=place)
        watched("POST", "/org/vouchers/redeem", headers=place, json={"code": token, "x": {"y": token}})
        watched("POST", "/org/vouchers/redeem", headers=place, content=f'{{"code": "{token}"'.encode())
        watched("POST", "/org/vouchers/redeem", headers=place, json={"code": "x", token: 1})
        dotless = token.replace(".", "%2E")
        watched("GET", f"/org/billing?t={dotless}", headers=place)
        escaped = token.replace(".", "\\u002e")
        watched("POST", "/org/vouchers/redeem", headers=place, content=f'{{"code": "{escaped}"}}'.encode())
        cookie = {"Cookie": f"__session={token}; a={token}", "Authorization": ""}
        watched("GET", "/org/billing", headers=cookie | {"Prefer": f"example={token}"})
        watched("GET", f"/org/billing?__scenario={token}", headers=place | {"User-Agent": token})
        keyed = {"Idempotency-Key": token, "Referer": f"http://x/?t={token}", "X-Other": token}
        watched("POST", "/org/billing/portal", headers=place | keyed, json={})
    held = list(watched.journal.newest())
    assert len(held) == 10 * len(tokens)
    shown = "".join(str(exchange_document(each)) + event(each).decode() for each in held)
    explained = "".join(str(watched.journal.explain(each)) for each in held)
    log = "".join(record.getMessage() for record in caplog.records if record.name.startswith("orgbilling"))
    held_too = repr(
        [*held, *reachable(watched.instrumentation.recorder), vars(watched.instrumentation.coverage)]
    )
    for token in tokens:
        for part in parts(token):
            assert part not in held_too, "in memory"
            assert part not in shown, "in the journal"
            assert part not in explained, "in an explanation"
            assert part not in log, "in the log"


def test_only_harmless_headers_are_kept(watched):
    watched("GET", "/org/billing", headers={"X-Api-Key": "secret", "Accept": "a/b", "Referer": "r" * 5000})
    names = {name for name, _ in watched.newest().request_headers}
    assert b"accept" in names
    assert not names & {b"authorization", b"cookie", b"x-api-key", b"referer"}


def test_the_journal_stays_small_whatever_is_sent(watched):
    code = "x" * 200_000
    watched("POST", "/org/vouchers/redeem", json={"code": code})
    watched("GET", "/org/ledger?days=365&x=" + "y" * 20_000)
    assert all(each.held_bytes < 3 * EXCERPT_BYTES + 2048 for each in watched.journal.newest())
    assert not re.search("x{5000}|y{5000}", repr(list(watched.journal.newest())))


def test_whoever_has_read_a_response_finds_it_recorded(watched):
    coverage = watched.instrumentation.coverage
    for number in range(3):
        watched("GET", "/org/billing")
        assert (len(watched.journal), coverage.client.statuses["getOrgBilling", 200]) == (
            number + 1,
            number + 1,
        )
    watched("GET", "/org/usage-summary?days=7")
    assert coverage.client.parameters["getOrgUsageSummary", "days"] == 1
    coverage.reset(0)
    assert coverage.client.statuses == {}
    assert watched.journal.clear() == 4
    assert watched.journal.held_bytes == 0


def test_credentials_are_recorded_by_kind_alone(watched):
    cookie = {"Cookie": f"__session={watched.token}", "Authorization": ""}
    watched("GET", "/org/billing")
    watched("GET", "/org/billing", headers=cookie)
    watched("GET", "/org/billing", headers={"Cookie": f"__session={watched.token}"})
    assert len(watched.journal) == 3
    held = repr(reachable(watched.instrumentation.recorder))
    assert "getOrgBilling" in held
    assert not any(part in held for part in parts(watched.token))
    assert [each.credentials for each in watched.journal.newest()] == ["bearer", "cookie", "bearer"]


def recorded(journal):
    """How many exchanges are recorded already; `len(journal)` would have those that wait recorded."""
    return sum(map(len, journal._recorded.values()))


async def ask(watched, times):
    for _ in range(times):
        await watched.send("GET", "/org/billing")
    return recorded(watched.journal)


def test_exchanges_are_recorded_together(watched, monkeypatch):
    monkeypatch.setattr(recorders, "LONGEST_WAIT_S", 3600)

    async def counts():
        return [await ask(watched, times) for times in (recorders.TOGETHER - 1, 1, 2)]

    assert asyncio.run(counts()) == [0, recorders.TOGETHER, recorders.TOGETHER]
    assert len(watched.journal) == recorders.TOGETHER + 2


def test_no_exchange_waits_long(watched, monkeypatch):
    monkeypatch.setattr(recorders, "LONGEST_WAIT_S", 0.01)

    async def count_later():
        await ask(watched, 3)
        await asyncio.sleep(0.5)
        return recorded(watched.journal)

    assert asyncio.run(count_later()) == 3


def test_an_event_loop_has_recorded_what_waited_when_another_ended(watched, monkeypatch):
    watched("GET", "/org/billing")
    monkeypatch.setattr(recorders, "LONGEST_WAIT_S", 0.01)

    async def count_later():
        await ask(watched, 1)
        deadline = asyncio.get_running_loop().time() + 60
        while recorded(watched.journal) < 2 and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.01)
        return recorded(watched.journal)

    assert asyncio.run(count_later()) == 2


def test_what_cannot_be_recorded_keeps_no_other_from_the_journal(watched, monkeypatch, caplog):
    monkeypatch.setattr(recorders, "LONGEST_WAIT_S", 3600)
    count = watched.instrumentation.coverage.count

    def fail_for_ledger(context, *counted):
        if context.operation.operation_id == "getOrgLedger":
            raise ValueError("no such thing")
        count(context, *counted)

    monkeypatch.setattr(watched.instrumentation.coverage, "count", fail_for_ledger)
    trace = watched("GET", "/org/ledger").headers["x-trace-id"]
    watched("GET", "/org/billing")
    assert [each.operation for each in watched.journal.newest()] == ["getOrgBilling"]
    assert [row.getMessage() for row in caplog.records if row.levelno >= logging.ERROR] == [
        f"{trace} cannot be recorded: no such thing"
    ]


def test_a_large_exchange_does_not_wait(watched, monkeypatch):
    monkeypatch.setattr(recorders, "LONGEST_WAIT_S", 3600)
    monkeypatch.setattr(recorders, "LARGE_BYTES", 10)
    assert asyncio.run(ask(watched, 1)) == 1


def test_a_follower_is_told_at_once(watched, monkeypatch):
    monkeypatch.setattr(recorders, "LONGEST_WAIT_S", 3600)
    assert asyncio.run(ask(watched, 2)) == 0
    told = []
    with watched.journal.followed_by(told.append):
        asyncio.run(ask(watched, 1))
        assert len(told) == 1
    asyncio.run(ask(watched, 1))
    assert (len(told), len(watched.journal)) == (1, 4)


def test_what_waits_is_recorded_as_it_was(watched, monkeypatch):
    """Not as the tenant is when it is recorded: a command, a scenario and a clock come in between."""
    monkeypatch.setattr(recorders, "LONGEST_WAIT_S", 3600)
    service = watched.service
    watched("GET", "/org/billing")
    before = service.tenant("org_standard").version
    service.execute("org_standard", RedeemVoucher("TEST-CREDIT-5-A", None))
    watched("GET", "/org/billing")
    second, first = watched.journal.newest()
    assert (first.version_after, second.version_after) == (before, before + 1)


def test_another_thread_finds_what_was_answered(watched):
    """An embedded server's journal is read by the thread of the test."""
    answered, found = [], []

    async def serve():
        for _ in range(3 * recorders.TOGETHER):
            await watched.send("GET", "/org/billing")
            answered.append(1)

    serving = threading.Thread(target=lambda: asyncio.run(serve()))
    serving.start()
    while serving.is_alive():
        before = len(answered)
        found.append((before, len(watched.journal)))
    serving.join()
    assert all(before <= recorded for before, recorded in found)
    traces = [exchange.trace for exchange in watched.journal.newest()]
    assert len(traces) == len({*traces}) == 3 * recorders.TOGETHER
