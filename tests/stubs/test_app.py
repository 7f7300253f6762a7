from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from orgbilling_stubs.app import asgi, build
from orgbilling_stubs.auth.keys import generate_key
from orgbilling_stubs.auth.tokens import ClerkSession, mint_token
from orgbilling_stubs.settings import Settings, SettingsError
from orgbilling_stubs.tenants.clock import wall_ms
from starlette.types import ASGIApp


def status(application: ASGIApp, method: str, path: str, **headers: str) -> int:
    async def ask() -> int:
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:4010") as client:
            return (await client.request(method, path, headers=headers)).status_code

    return asyncio.run(ask())


@pytest.mark.slow
def test_under_another_server_it_trusts_nobody_unless_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    session = ClerkSession("org_standard", "admin")
    head, claims, signature = mint_token(generate_key(), session, wall_ms()).split(".")
    read = json.loads(base64.urlsafe_b64decode(claims + "==")) | {"iss": "https://clerk.foreign.example"}
    foreign = f"{head}.{base64.urlsafe_b64encode(json.dumps(read).encode()).decode().rstrip('=')}.{signature}"
    for host in (None, "0.0.0.0", "box.example"):
        if host is not None:
            monkeypatch.setenv("ORGBILLING_HOST", host)
        cautious = asgi()
        assert status(cautious, "GET", "/api/v1/org/billing", Authorization=f"Bearer {foreign}") == 401
        assert status(cautious, "GET", "/_mock/v1/organizations") == 401
        assert "control token oct_" in caplog.text
    monkeypatch.setenv("ORGBILLING_HOST", "127.0.0.1")
    assert status(asgi(), "GET", "/api/v1/org/billing", Authorization=f"Bearer {foreign}") == 200
    assert status(asgi(), "GET", "/_mock/v1/organizations") == 200


def test_wrong_settings_are_one_line(tmp_path: Path) -> None:
    wrong: dict[str, dict[str, Any]] = {
        "persona": {"personas": ("nobody",)},
        "--clock": {"clock": "soon"},
        "database": {"db": "mysql://x"},
        "beyond loopback": {"host": "0.0.0.0"},
        "choose one": {"auth": "verify", "clerk_pem": tmp_path / "a", "clerk_jwks": "b"},
        "need --auth verify": {"clerk_jwks": "b"},
        "--cors: not an origin": {"cors": ("http://localhost:3000/",)},
        "--allowed-host: not a name": {"allowed_hosts": ("http://box",)},
        "--public-url: not a URL": {"public_url": "box.example"},
        "--trusted-proxies: not an address": {"trusted_proxies": ("box",)},
        "--azp: not an origin": {"azp": ("foo",)},
        "--published": {"published": tmp_path / "none.json"},
        "missing.pem": {"auth": "verify", "clerk_pem": tmp_path / "missing.pem"},
    }
    for message, settings in wrong.items():
        with pytest.raises(SettingsError, match=message) as caught:
            build(Settings(**settings))
        assert "\n" not in str(caught.value)


def test_a_persona_file_is_served(serve: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("shows: mine\nbilling: {balance: 12.34}\n")
    dashboard = serve(personas=(str(tmp_path / "mine.yaml"),))
    assert dashboard("GET", "/org/billing", "org_any").json()["creditBalance"] == 12.34


def test_without_authentication_no_token_is_needed(serve: Callable[..., Any]) -> None:
    dashboard = serve(auth="off")
    assert dashboard("GET", "/org/billing", None).status_code == 200


@pytest.mark.slow
def test_the_same_settings_give_the_same_bytes(serve: Callable[..., Any]) -> None:
    paths = ["/org/billing", "/org/ledger?days=365", "/org/usage-summary", "/org/contract", "/org/events"]
    first, second = ([serve(seed=7)("GET", path).content for path in paths] for _ in range(2))
    assert first == second
    assert serve(seed=8)("GET", paths[1]).content != first[1]


def test_the_keys_are_where_clerk_looks_for_them(dashboard: Any) -> None:
    for path in ("/_mock/../.well-known/jwks.json", "/_mock/../v1/jwks"):
        answer = dashboard("GET", path, None)
        assert answer.status_code == 200
        assert answer.json()["keys"][0]["alg"] == "RS256"


def test_organizations_never_see_each_other(dashboard: Any) -> None:
    before = dashboard("GET", "/org/ledger", "org_standard_b").content
    dashboard("POST", "/org/vouchers/redeem", "org_standard_a", json={"code": "TEST-CREDIT-5-a"})
    assert dashboard("GET", "/org/ledger", "org_standard_b").content == before
    tenants = {dashboard("GET", "/org/billing", f"org_{x}").json()["tenantId"] for x in "abc"}
    assert len(tenants) == 3


def test_without_a_home_the_key_is_in_memory_and_a_line_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ORGBILLING_HOME", str(tmp_path / "file"))
    app = build(Settings())
    assert app.key_notice is not None
    assert "set ORGBILLING_HOME" in app.key_notice
    assert "in memory" in app.key_notice
    monkeypatch.setenv("ORGBILLING_HOME", str(tmp_path / "home"))
    assert build(Settings()).key_notice is None
