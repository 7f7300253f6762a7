"""What one client sends never breaks what another one reads of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import httpx
import pytest
from orgbilling_stubs.auth import key_file
from orgbilling_stubs.auth.tokens import ClerkSession, mint_token
from orgbilling_stubs.tenants.clock import wall_ms

if TYPE_CHECKING:
    from conftest import Dashboard

BODIES = {
    "nested lists": b"[" * 260 + b"]" * 260,
    "nested objects": b'{"code":' * 260 + b"1" + b"}" * 260,
    "at the depth that serializers take": b"[" * 252 + b"]" * 252,
    "at the limit": b"[" * 100 + b"]" * 100,
    "deeper than parsers go": b"[" * 100_000,
    "half a surrogate pair": b'{"code":"\\ud800","\\udfff":1}',
    "invalid UTF-8": b'{"code":"\xff\xfe\xc0\x80"}',
    "NUL": b'{"code":"\\u0000"}\x00',
    "a number of 5,001 digits": b'{"code":' + b"9" * 5_001 + b"}",
    "integers beyond 64 bits": b'{"code":18446744073709551616,"a":-9223372036854775809}',
    "a number beyond doubles": b'{"code":1e400}',
    "NaN": b'{"code":NaN,"a":-Infinity}',
    "a member twice": b'{"code":"a","code":"b"}',
    "line ends": b'{"code":"a\\r\\n\\u2028data: x\\n\\n"}\r\n\r\n',
    "a long number with an exponent": b'{"code":1e-400,"a":-0.0,"b":0e900000000}',
    "no JSON": b"\x1f\x8b\x08\x00 <html>",
}
TEXTS = {
    "invalid UTF-8": b"\xff\xfe%ff%c0%80",
    "half a surrogate pair": b"\xed\xa0\x80%ed%a0%80\\ud800",
    "NUL": b"%00",
    "nested": b"[" * 900,
    "deep object": b"a[b]" * 300,
    "many digits": b"9" * 5_001,
    "line ends": b"%0d%0aevent:%20x%0a%0a",
}


class Clients:
    """One client that sends hostile requests, and another one that reads what there is to read of them."""

    def __init__(self, dashboard: Dashboard) -> None:
        self._app = dashboard.app.asgi
        self._token = mint_token(key_file.load_signing_key(), ClerkSession("org_standard"), wall_ms())

    def send(self, path: str, body: bytes | None = None, headers: Mapping[str, bytes] | None = None) -> int:
        """Send a request as the hostile client; the status."""
        sent = {"Authorization": f"Bearer {self._token}".encode(), "Content-Type": b"application/json"}
        method = "GET" if body is None else "POST"
        return self._request(method, path, body, sent | dict(headers or {})).status_code

    def read(self) -> None:
        """Read everything that repeats requests, as the other client; fail where one cannot be read."""
        listed = self._read("/_mock/v1/journal").json()["exchanges"]
        assert listed
        for exchange in listed:
            self._read(f"/_mock/v1/journal/{exchange['trace']}")
        self._read("/_mock/v1/journal?organization=org_standard")
        self._read("/_mock/v1/coverage")
        bundle = self._read("/_mock/v1/organizations/org_standard/bundle").content
        again = self._request("POST", "/_mock/v1/bundle", bundle, {"Content-Type": b"application/x-ndjson"})
        assert again.status_code == 200, again.text

    async def followed(self, path: str, bodies: list[bytes]) -> bytes:
        """What the event stream of the journal sends while bodies are posted to a path."""
        sent, left = bytearray(), asyncio.Event()

        async def receive() -> dict[str, object]:
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, bytes]) -> None:
            sent.extend(message.get("body", b""))

        scope = {"type": "http", "method": "GET", "path": "/_mock/v1/journal/stream", "query_string": b""}
        scope |= {"raw_path": scope["path"].encode(), "headers": [(b"host", b"127.0.0.1:4010")]}
        stream = asyncio.ensure_future(self._app(scope, receive, send))
        while not sent:
            await asyncio.sleep(0.01)
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        transport = httpx.ASGITransport(self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:4010") as client:
            for body in bodies:
                assert (await client.post(path, headers=headers, content=body)).status_code < 500
        while sent.count(b"\n\n") <= len(bodies):
            await asyncio.sleep(0.01)
        left.set()
        await stream
        return bytes(sent)

    def _read(self, path: str) -> httpx.Response:
        response = self._request("GET", path, None, {})
        assert response.status_code == 200, (path, response.text)
        return response

    def _request(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, bytes]
    ) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:4010") as client:
                return await client.request(method, path, headers=dict(headers), content=body)

        return asyncio.run(send())


@pytest.fixture
def clients(dashboard: Dashboard) -> Clients:
    clients = Clients(dashboard)
    assert clients.send("/api/v1/org/billing") == 200
    return clients


@pytest.mark.slow
def test_no_body_breaks_a_reader(clients: Clients) -> None:
    for name, body in BODIES.items():
        assert clients.send("/api/v1/org/vouchers/redeem", body) < 500, name
    clients.read()


@pytest.mark.slow
def test_no_text_breaks_a_reader(clients: Clients) -> None:
    for name, text in TEXTS.items():
        assert clients.send("/api/v1/org/ledger?days=" + text.decode("latin-1")) < 500, name
        assert clients.send("/api/v1/org/ledger?" + text.decode("latin-1") + "=1&days=7") < 500, name
        for header in ("Prefer", "Cookie", "Idempotency-Key", "Content-Type", "Referer", "User-Agent"):
            for value in (text, b"orgbilling_prefer=" + text, b"code=" + text):
                sent = {header: value}
                assert clients.send("/api/v1/org/vouchers/redeem", b'{"code":"a"}', sent) < 500, (name, sent)
    clients.read()


def test_every_body_reaches_whoever_follows_the_journal(clients: Clients) -> None:
    text = asyncio.run(clients.followed("/api/v1/org/vouchers/redeem", list(BODIES.values())))
    comment, *events, rest = text.split(b"\n\n")
    assert (comment, rest) == (b": following the journal", b"")
    assert len(events) == len(BODIES)
    for event in events:
        kind, identifier, data = event.split(b"\n")
        assert kind == b"event: exchange"
        assert identifier.removeprefix(b"id: ").decode() == json.loads(data.removeprefix(b"data: "))["trace"]
