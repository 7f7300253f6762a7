"""Every effect, as a client sees it: bytes on a socket."""

from __future__ import annotations

import time

import pytest
from orgbilling_conformance import conform
from orgbilling_openapi import strict_json


def timed(world, *request, **options):
    started = time.perf_counter()
    answer = world(*request, **options)
    return answer, time.perf_counter() - started


def test_a_status_with_a_body_that_is_true_to_the_contract(world, is_problem):
    world.fault(status=503, operations=("getOrgBilling",))
    answer = world("/org/billing")
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert is_problem(answer)
    assert world("/org/model-pricing").status == 200


@pytest.mark.parametrize("distribution", ["fixed", "uniform", "lognormal"])
def test_latency(world, distribution):
    world.fault(latency={"ms": 40, "distribution": distribution, "maxMs": 60, "sigmaPermille": 100})
    answer, seconds = timed(world, "/org/billing")
    assert answer.status == 200
    assert 0.03 <= seconds < 1


def test_latency_and_status_combine(world):
    world.fault(latency={"ms": 40}, status=503)
    answer, seconds = timed(world, "/org/billing")
    assert answer.status == 503
    assert seconds >= 0.04


def test_a_slow_drip_is_slow_and_whole(world):
    whole = world("/org/billing")
    world.fault(dripBytesPerSecond=len(whole.body) * 5)
    with world.connect() as connection:
        connection.sendall(world.request("/org/billing"))
        started = time.perf_counter()
        parts = []
        while not b"".join(parts).endswith(whole.body):
            parts.append(connection.recv(65536))
            assert parts[-1]
        seconds = time.perf_counter() - started
    assert len(parts) >= 2  # a busy client finds several pieces at once
    assert seconds >= 0.1


@pytest.mark.parametrize(("truncate", "kept"), [(-1, None), (0, 0), (10, 10)])
def test_a_truncated_body_is_shorter_than_its_content_length(world, truncate, kept):
    whole = world("/org/billing").body
    world.fault(truncateBytes=truncate)
    answer = world("/org/billing")
    assert answer.status == 200
    assert int(answer.headers["content-length"]) == len(whole)
    assert answer.body == whole[: len(whole) // 2 if kept is None else kept]
    assert answer.ended == "closed"


def test_a_body_can_drip_and_be_cut(world):
    world.fault(truncateBytes=40, dripBytesPerSecond=400)
    answer, seconds = timed(world, "/org/billing")
    assert (len(answer.body), answer.ended) == (40, "closed")
    assert seconds >= 0.03


def test_a_reset_is_a_reset(world):
    world.fault(reset=True)
    answer = world("/org/billing")
    assert (answer.status, answer.body, answer.ended) == (0, b"", "reset")
    world.instrumentation.rules.clear()
    assert world("/org/billing").status == 200


def test_a_late_reset_fires_for_after_the_work_is_done(world, organization):
    world.fault(reset=True, late=True, operations=("redeemOrgVoucher",), times=1)
    before = world("/org/billing", organization=organization).json["creditBalance"]
    code = {"code": "TEST-CREDIT-5-LATE"}
    key = {"Idempotency-Key": "once"}
    lost = world("/org/vouchers/redeem", code, organization=organization, headers=key)
    assert lost.ended == "reset"
    again = world("/org/vouchers/redeem", code, organization=organization, headers=key)
    assert again.status == 200
    after = world("/org/billing", organization=organization).json["creditBalance"]
    assert after == pytest.approx(before + 5)


def test_an_early_reset_leaves_the_work_undone(world, organization):
    world.fault(reset=True, operations=("redeemOrgVoucher",), times=1)
    code = {"code": "TEST-CREDIT-5-EARLY"}
    assert world("/org/vouchers/redeem", code, organization=organization).ended == "reset"
    assert world("/org/vouchers/redeem", code, organization=organization).status == 200


def test_a_hang_answers_nothing_and_closes_at_its_end(world):
    world.fault(hangMs=60)
    answer, seconds = timed(world, "/org/billing")
    assert (answer.status, answer.ended) == (0, "closed")
    assert seconds >= 0.05


def test_a_hang_leaves_a_request_without_an_answer(world):
    world.fault(hangMs=60_000)
    with world.connect() as connection:
        connection.sendall(world.request("/org/billing"))
        connection.settimeout(0.1)
        with pytest.raises(TimeoutError):
            connection.recv(1)
    assert [each.status for each in world.exchanges()] == [0]


def test_stale_answers_lack_the_last_commands(world, organization):
    before = world("/org/billing", organization=organization).json
    for number in range(2):
        body = {"code": f"TEST-CREDIT-5-STALE{number}"}
        assert world("/org/vouchers/redeem", body, organization=organization).status == 200
    rule = world.fault(stale={"commands": 1})
    one = world("/org/billing", organization=organization).json
    world.instrumentation.rules.remove(rule.id)
    world.fault(stale={"commands": 2})
    two = world("/org/billing", organization=organization).json
    summary = world("/org/usage-summary", organization=organization).json
    newest = world("/org/ledger?days=1", organization=organization).json[0]
    assert one["creditBalance"] == pytest.approx(before["creditBalance"] + 5)
    assert two["creditBalance"] == summary["creditBalanceUsd"] == before["creditBalance"]
    assert newest["description"].endswith("STALE1")


def test_stale_answers_can_be_of_some_seconds_ago(world, organization):
    now = world("/org/billing", organization=organization).json
    world.fault(stale={"seconds": 7 * 86_400})
    then = world("/org/billing", organization=organization).json
    assert then["updatedAt"] <= "2026-03-03T12:00:00Z" < now["updatedAt"]


def test_null_instead_of_empty_arrays(world, organization):
    path = "/org/service-agreements"
    empty = "org_empty_" + organization[-20:]
    assert world(path, organization=empty).json == []
    world.fault(nulls=True)
    answer = world(path, organization=empty)
    assert answer.body == b"null"
    assert answer.headers["content-length"] == "4"


def test_an_undocumented_field(world):
    plain = world("/org/billing")
    world.fault(field="surprise")
    answer = world("/org/billing", headers={"If-None-Match": plain.headers["etag"]})
    assert answer.status == 200
    assert answer.json.keys() - plain.json.keys() == {"surprise"}
    assert all("surprise" in row for row in world("/org/ledger").json)
    assert answer.headers["etag"] != plain.headers["etag"]


def test_a_rate_limit_counts_down_and_then_refuses(world, is_problem, organization):
    world.fault(rateLimit={"limit": 2, "seconds": 60})
    answers = [world("/org/billing", organization=organization) for _ in range(3)]
    assert [each.status for each in answers] == [200, 200, 429]
    assert [each.headers["x-ratelimit-remaining"] for each in answers] == ["1", "0", "0"]
    assert {each.headers["x-ratelimit-limit"] for each in answers} == {"2"}
    assert abs(int(answers[2].headers["x-ratelimit-reset"]) - time.time() - 60) < 5
    assert 1 <= int(answers[2].headers["retry-after"]) <= 30
    assert is_problem(answers[2])
    assert world("/org/billing", organization=organization + "b").status == 200


def test_a_connection_goes_on_after_a_fault_that_leaves_it_whole(world):
    world.fault(status=503, times=1)
    with world.connect() as connection:
        for expected in (503, 200):
            connection.sendall(world.request("/org/billing"))
            assert world.read(connection).status == expected


def test_connections_end_the_same_under_plain_uvicorn(plain_world, caplog):
    world = plain_world
    whole = world("/org/billing").body
    ends = {"reset": {"reset": True}, "cut": {"truncateBytes": 9}, "hang": {"hangMs": 20}}
    seen = {}
    for name, effect in ends.items():
        rule = world.fault(**effect)
        answer = world("/org/billing")
        seen[name] = (answer.status, answer.body, answer.ended)
        world.instrumentation.rules.remove(rule.id)
    assert seen == {
        "reset": (0, b"", "reset"),
        "cut": (200, whole[:9], "closed"),
        "hang": (0, b"", "closed"),
    }
    assert world("/org/billing").body == whole
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


def test_a_member_twice_which_lenient_parsers_accept(world):
    plain = world("/org/billing")
    world.fault(duplicateMember={"name": "creditBalance", "value": 0})
    answer = world("/org/billing", headers={"If-None-Match": plain.headers["etag"]})
    assert answer.status == 200
    assert answer.body == plain.body.rstrip()[:-1] + b',"creditBalance":0}'
    assert int(answer.headers["content-length"]) == len(answer.body)
    assert answer.json == plain.json | {"creditBalance": 0}
    with pytest.raises(ValueError, match="creditBalance"):
        strict_json.loads(answer.body)
    [exchange, _] = world.exchanges()
    assert (exchange.response_body, exchange.fault.text) == (answer.body, "rule flt_1")


def test_a_member_twice_in_every_row_with_its_own_value(world):
    plain = world("/org/ledger?days=7")
    world.fault(duplicateMember={"name": "amountUsd"})
    answer = world("/org/ledger?days=7")
    assert answer.json == plain.json
    assert answer.body.count(b'"amountUsd":') == 2 * len(plain.json)


@pytest.mark.slow
def test_the_conformance_suite_reports_a_member_twice(world):
    world.fault(duplicateMember={"name": "creditBalance"})
    url = f"http://127.0.0.1:{world.port}"
    report = conform(url=url, token=world.token(), quick=True)
    assert report.verdict == "violated"
    assert {finding.rule for finding in report.findings} == {"json"}
