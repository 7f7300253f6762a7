from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from orgbilling_stubs.app import asgi, build
from orgbilling_stubs.settings import Settings, SettingsError


def test_the_defaults_are_enough() -> None:
    assert callable(asgi())


def test_wrong_settings_are_one_line(tmp_path: Path) -> None:
    wrong: dict[str, dict[str, Any]] = {
        "persona": {"personas": ("nobody",)},
        "--clock": {"clock": "soon"},
        "database": {"db": "mysql://x"},
        "beyond loopback": {"loopback": False},
        "choose one": {"auth": "verify", "clerk_pem": tmp_path / "a", "clerk_jwks": "b"},
        "need --auth verify": {"clerk_jwks": "b"},
        "--cors: not an origin": {"cors": ("http://localhost:3000/",)},
        "--azp: not an origin": {"azp": ("foo",)},
        "--published": {"published": tmp_path / "none.json"},
        "missing.pem": {"auth": "verify", "clerk_pem": tmp_path / "missing.pem"},
    }
    for told, settings in wrong.items():
        with pytest.raises(SettingsError, match=told) as caught:
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
