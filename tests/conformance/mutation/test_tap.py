"""On the wire, too, the suite sends what was allowed and nothing else; for a recording, nothing at all."""

from __future__ import annotations

import json
import socket

import httpx
import pytest
from orgbilling_conformance import conform

from mutation.proxy import Proxy
from mutation.shape import PROFILE, ROUTES, put
from mutation.tap import tapped
from mutation.test_recorder import READS, WRITES, foreign
from mutation.trial import FEW, agreed
from mutation.world import SECOND, VOUCHER, world


def given(of, writes=()):
    return {
        "token": of.token(),
        "second_token": of.token(SECOND),
        "expired_token": of.bad("expired"),
        "pending_token": of.bad("pending"),
        "allow_write": writes,
        "voucher": VOUCHER if "redeem" in writes else None,
        "contract_id": agreed(of) if "subscribe" in writes else None,
    }


def test_the_tap_sees_every_request_and_what_is_none():
    of = world()
    with tapped(of.app) as tap, httpx.Client(trust_env=False) as client:
        for method in ("GET", "DELETE"):
            client.request(method, f"{tap.url}/api/v1/org/billing?a=1")
        assert tap.seen == [("GET", "/api/v1/org/billing"), ("DELETE", "/api/v1/org/billing")]
        with socket.create_connection(tap.server_address) as raw:
            raw.sendall(b"no request\r\n\r\n")
            raw.recv(100)
        assert (tap.connections, tap.unread) == (2, [b"no request\r\n\r\n"])


MODES = [
    pytest.param((), True, id="reading-quick"),
    pytest.param(("redeem", "portal"), True, id="writing-quick"),
    pytest.param((), False, id="reading-full", marks=pytest.mark.slow),
    pytest.param(tuple(WRITES), False, id="writing-full", marks=pytest.mark.slow),
]


@pytest.mark.slow
@pytest.mark.parametrize(("writes", "quick"), MODES)
def test_at_an_address_what_was_allowed_is_sent_and_nothing_else(writes, quick):
    of = world()
    with tapped(of.app) as tap:
        report = conform(url=tap.url, quick=quick, examples=FEW, **given(of, writes))
        assert report.verdict == "conforms"
        assert len(tap.seen) == report.head["requests"]
        assert (foreign(set(tap.seen), writes), tap.unread) == (set(), [])
        assert set(tap.seen) >= READS | {WRITES[name] for name in writes}


@pytest.mark.slow
def test_undocumented_methods_on_documented_paths_alone():
    of = world()
    with tapped(of.app) as tap:
        conform(url=tap.url, quick=True, token=of.token(), allow_write=("methods",))
        paths = {path for _, path in ROUTES.values()} | {"/api/v1/org/no-such-operation"}
        assert {path for _, path in foreign(set(tap.seen))} <= paths
        assert not set(tap.seen) & set(WRITES.values())


@pytest.mark.slow
def test_a_replay_sends_no_more_than_was_allowed(tmp_path):
    of = world()
    proxy = Proxy(of.app, put(PROFILE, "currency", to=5)(of))
    report = tmp_path / "report.json"
    writes = tuple(WRITES)
    document = conform(proxy, quick=True, **given(of, writes)).to_json()
    forged = {"query": "", "auth": "first", "headers": [], "body": None, "purpose": ""}
    asked = [("DELETE", "/org/billing"), ("GET", "/_mock/v1/organizations"), ("GET", "/../secrets")]
    document["findings"][0]["exchanges"] += tuple({"method": m, "path": p, **forged} for m, p in asked)
    report.write_text(json.dumps(document))
    with tapped(proxy) as tap:
        again = conform(url=tap.url, token=of.token(), replay=report)
        assert again.verdict == "violated"
        assert foreign(set(tap.seen)) == set()
        assert set(tap.seen) >= {("GET", "/api/v1/org/billing")}


def entry(url, method, path):
    sent = {"method": method, "url": f"{url}{path}", "headers": [{"name": "Authorization", "value": "x"}]}
    content = {"text": "{}", "mimeType": "application/json"}
    return {"request": sent, "response": {"status": 200, "headers": [], "content": content}, "time": 1}


def test_for_a_recording_nothing_is_sent(tmp_path, monkeypatch):
    of, connected = world(), []

    def refuse(*address):
        connected.append(address)
        raise OSError

    with tapped(of.app) as tap:
        entries = [entry(tap.url, *route) for route in ROUTES.values()]
        file = tmp_path / "recording.har"
        file.write_text(json.dumps({"log": {"version": "1.2", "entries": entries}}))
        for name in ("connect", "connect_ex", "sendto"):
            monkeypatch.setattr(socket.socket, name, refuse)
        monkeypatch.setattr(socket, "getaddrinfo", refuse)
        report = conform(har=file, **given(of, tuple(WRITES)))
        monkeypatch.undo()
        assert report.verdict == "violated"
        assert (tap.connections, tap.seen, connected, report.head["requests"]) == (0, [], [], 0)
