from __future__ import annotations

import time


def test_scenarios_that_answer_a_request_count_as_met(world):
    world("/org/billing", headers={"Prefer": "scenario=low-balance"})
    world("/org/billing", headers={"Prefer": "scenario=nothing"})
    assert world.instrumentation.coverage.client.scenarios == {"low-balance": 1}


def test_the_journal_explains(world):
    answer = world("/org/billing")
    why = world.drive("GET", f"/journal/{answer.headers['x-trace-id']}")
    assert why["exchange"]["operation"] == "getOrgBilling"
    assert why["balance"]["after"] == answer.json["creditBalance"]


def test_the_coverage_is_read_and_reset(world):
    world("/org/billing")
    met = {row["name"]: row["met"] for row in world.drive("GET", "/coverage")["operations"]}
    assert (met["getOrgBilling"], met["getOrgLedger"]) == (1, 0)
    assert world.drive("DELETE", "/coverage") == 204
    assert world.drive("GET", "/coverage")["percent"] == 0


def test_the_journal_is_filtered_and_cleared(world, organization):
    world("/org/billing", organization=organization)
    world("/org/ledger?days=0", organization=organization)
    world("/org/billing")

    def listed(query=""):
        return [each["operation"] for each in world.drive("GET", f"/journal{query}")["exchanges"]]

    assert listed() == ["getOrgBilling", "getOrgLedger", "getOrgBilling"]
    assert listed(f"?organization={organization}") == ["getOrgLedger", "getOrgBilling"]
    assert listed("?status=422") == ["getOrgLedger"]
    assert listed("?operation=getOrgBilling&limit=1") == ["getOrgBilling"]
    assert listed("?since=2100-01-01T00:00:00Z") == []
    assert world.drive("DELETE", f"/journal?organization={organization}") == 204
    assert listed() == ["getOrgBilling"]
    assert world.drive("GET", f"/journal/{'0' * 32}")["status"] == 404


def test_the_journal_is_followed_until_the_client_leaves(world):
    with world.connect() as connection:
        request = world.request("/_mock/v1/journal/stream?status=200", organization=None)
        connection.sendall(request)
        heard = b""
        while b"following" not in heard:
            heard += connection.recv(4096)
        assert b"content-type: text/event-stream" in heard
        trace = world("/org/billing").headers["x-trace-id"].encode()
        world("/org/ledger?days=0")
        while b"\n\n" not in heard.partition(b"event: exchange")[2]:
            heard += connection.recv(65536)
        assert b"id: " + trace in heard
        assert heard.count(b"event: exchange") == 1
        assert len(world.instrumentation.journal.followers) == 1
    for _ in range(100):
        world("/org/model-pricing")
        if not world.instrumentation.journal.followers:
            break
    assert world.instrumentation.journal.followers == []


def test_a_stream_and_a_hang_do_not_hold_a_stopping_server(world_of_its_own):
    world = world_of_its_own
    world.fault(hangMs=600_000, operations=("getOrgBilling",))
    with world.connect() as stream, world.connect() as hang:
        stream.sendall(world.request("/_mock/v1/journal/stream", organization=None))
        assert stream.recv(10) == b"HTTP/1.1 2"
        hang.sendall(world.request("/org/billing"))
        while not world.exchanges():
            pass
        started = time.perf_counter()
        world.stop()
        assert time.perf_counter() - started < 2.5
