"""On the wire, too, the suite sends what was allowed and nothing else; for a recording, nothing at all."""

from __future__ import annotations

import json
import socket

import httpx
import pytest
from orgbilling_conformance import conform

from mutation.mutations import PROFILE, ROUTES, put
from mutation.proxy import Proxy
from mutation.sound_server import SECOND, VOUCHER, sound_server
from mutation.tcp_recorder import recorded
from mutation.test_recorder import READS, WRITES, foreign
from mutation.trial import FEW_EXAMPLES, contract_id


def given(server, writes=()):
    return {
        "token": server.token(),
        "second_token": server.token(SECOND),
        "expired_token": server.bad("expired"),
        "pending_token": server.bad("pending"),
        "allow_write": writes,
        "voucher": VOUCHER if "redeem" in writes else None,
        "contract_id": contract_id(server) if "subscribe" in writes else None,
    }


def test_the_tap_sees_every_request_and_what_is_none():
    server = sound_server()
    with recorded(server.app) as recorder, httpx.Client(trust_env=False) as client:
        for method in ("GET", "DELETE"):
            client.request(method, f"{recorder.url}/api/v1/org/billing?a=1")
        assert recorder.seen == [("GET", "/api/v1/org/billing"), ("DELETE", "/api/v1/org/billing")]
        with socket.create_connection(recorder.server_address) as raw:
            raw.sendall(b"no request\r\n\r\n")
            raw.recv(100)
        assert (recorder.connections, recorder.unparsed) == (2, [b"no request\r\n\r\n"])


MODES = [
    pytest.param((), True, id="reading-quick"),
    pytest.param(("redeem", "portal"), True, id="writing-quick"),
    pytest.param((), False, id="reading-full", marks=pytest.mark.slow),
    pytest.param(tuple(WRITES), False, id="writing-full", marks=pytest.mark.slow),
]


@pytest.mark.slow
@pytest.mark.parametrize(("writes", "quick"), MODES)
def test_at_an_address_what_was_allowed_is_sent_and_nothing_else(writes, quick):
    server = sound_server()
    with recorded(server.app) as recorder:
        report = conform(url=recorder.url, quick=quick, examples=FEW_EXAMPLES, **given(server, writes))
        assert report.verdict == "conforms"
        assert len(recorder.seen) == report.head["requests"]
        assert (foreign(set(recorder.seen), writes), recorder.unparsed) == (set(), [])
        assert set(recorder.seen) >= READS | {WRITES[name] for name in writes}


@pytest.mark.slow
def test_undocumented_methods_on_documented_paths_alone():
    server = sound_server()
    with recorded(server.app) as recorder:
        conform(url=recorder.url, quick=True, token=server.token(), allow_write=("methods",))
        paths = {path for _, path in ROUTES.values()} | {"/api/v1/org/no-such-operation"}
        assert {path for _, path in foreign(set(recorder.seen))} <= paths
        assert not set(recorder.seen) & set(WRITES.values())


@pytest.mark.slow
def test_a_replay_sends_no_more_than_was_allowed(tmp_path):
    server = sound_server()
    proxy = Proxy(server.app, put(PROFILE, "currency", to=5)(server))
    report = tmp_path / "report.json"
    writes = tuple(WRITES)
    document = conform(proxy, quick=True, **given(server, writes)).to_json()
    forged = {"query": "", "auth": "first", "headers": [], "body": None, "purpose": ""}
    asked = [("DELETE", "/org/billing"), ("GET", "/_mock/v1/organizations"), ("GET", "/../secrets")]
    document["findings"][0]["exchanges"] += tuple({"method": m, "path": p, **forged} for m, p in asked)
    report.write_text(json.dumps(document))
    with recorded(proxy) as recorder:
        replayed = conform(url=recorder.url, token=server.token(), replay=report)
        assert replayed.verdict == "violated"
        assert foreign(set(recorder.seen)) == set()
        assert set(recorder.seen) >= {("GET", "/api/v1/org/billing")}


def entry(url, method, path):
    sent = {"method": method, "url": f"{url}{path}", "headers": [{"name": "Authorization", "value": "x"}]}
    content = {"text": "{}", "mimeType": "application/json"}
    return {"request": sent, "response": {"status": 200, "headers": [], "content": content}, "time": 1}


@pytest.mark.slow
def test_for_a_recording_nothing_is_sent(tmp_path, monkeypatch):
    server, connected = sound_server(), []

    def refuse(*address):
        connected.append(address)
        raise OSError

    with recorded(server.app) as recorder:
        entries = [entry(recorder.url, *route) for route in ROUTES.values()]
        file = tmp_path / "recording.har"
        file.write_text(json.dumps({"log": {"version": "1.2", "entries": entries}}))
        for name in ("connect", "connect_ex", "sendto"):
            monkeypatch.setattr(socket.socket, name, refuse)
        monkeypatch.setattr(socket, "getaddrinfo", refuse)
        report = conform(har=file, **given(server, tuple(WRITES)))
        monkeypatch.undo()
        assert report.verdict == "violated"
        assert (recorder.connections, recorder.seen, connected, report.head["requests"]) == (0, [], [], 0)
