"""Who knows the id of a session may use it: beyond loopback nobody can compute one with another stub."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from orgbilling_stubs.api.serializers import response_digests
from orgbilling_stubs.app import App, build
from orgbilling_stubs.settings import Settings, SettingsError
from orgbilling_stubs.tenants import bundle
from orgbilling_stubs.tenants.reset import reset

PUBLIC = {"auth": "verify", "host": "192.0.2.1"}


def _urls(dashboard: Any) -> list[str]:
    """Every address of an organization that acts without a token."""
    opened = dashboard("POST", "/org/billing/checkout", json={"amount": 2500})
    portal = dashboard("POST", "/org/billing/portal")
    contract = dashboard("GET", "/org/contract", "org_contract_pending")
    subscribed = dashboard(
        "POST",
        "/org/contract/subscribe",
        "org_no_contract",
        json={"contractId": "11111111-1111-4111-8111-111111111111"},
    )
    answers = [opened.json()["url"], portal.json()["url"], contract.json()["paymentLinkUrl"]]
    return [*answers, subscribed.json()["url"]]


@pytest.mark.slow
def test_two_servers_have_the_same_ids_on_loopback_and_when_asked(serve: Callable[..., Any]) -> None:
    urls = _urls(serve())
    assert _urls(serve()) == urls
    assert _urls(serve(**PUBLIC, deterministic_ids=True)) == urls


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [PUBLIC, pytest.param({"deterministic_ids": False}, marks=pytest.mark.slow)]
)
def test_no_session_of_a_server_can_be_computed_with_another(
    serve: Callable[..., Any], options: dict[str, Any]
) -> None:
    predictable, first, second = _urls(serve()), _urls(serve(**options)), _urls(serve(**options))
    assert len({*predictable, *first, *second}) == 3 * len(first)


@pytest.mark.slow
def test_a_reset_and_a_scenario_draw_a_new_secret(serve: Callable[..., Any]) -> None:
    dashboard = serve(**PUBLIC)
    before = _urls(dashboard)
    service = dashboard.app.service
    for organization in ("org_standard", "org_contract_pending", "org_no_contract"):
        reset(service, organization)
    assert not set(before) & set(_urls(dashboard))


@pytest.mark.slow
def test_sessions_survive_a_restart_and_a_second_server_shares_them(
    serve: Callable[..., Any], tmp_path: Path
) -> None:
    db = f"sqlite:///{tmp_path}/log.db"
    first = serve(**PUBLIC, db=db)
    checkout = _urls(first)[0]
    link = first("GET", "/org/contract", "org_contract_pending").json()["paymentLinkUrl"]
    second = serve(**PUBLIC, db=db)
    assert second("GET", "/org/contract", "org_contract_pending").json()["paymentLinkUrl"] == link
    path = checkout.partition("/_mock")[2]
    assert second("GET", f"/_mock{path}", None).status_code == 200


@pytest.mark.slow
def test_a_loopback_server_on_a_database_with_secrets_draws_secrets_too(
    serve: Callable[..., Any], tmp_path: Path
) -> None:
    db = f"sqlite:///{tmp_path}/log.db"
    serve(**PUBLIC, db=db)("GET", "/org/billing", "org_low_balance")
    assert not set(_urls(serve())) & set(_urls(serve(db=db)))


def test_a_database_with_predictable_sessions_is_not_served_beyond_loopback(
    serve: Callable[..., Any], tmp_path: Path
) -> None:
    db = f"sqlite:///{tmp_path}/log.db"
    urls = _urls(serve(db=db))
    with pytest.raises(SettingsError, match=r"session ids, .*org_standard.*--deterministic-ids"):
        build(Settings(**PUBLIC, db=db))  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="deterministic session ids"):
        build(Settings(db=db, deterministic_ids=False))
    link = serve(**PUBLIC, db=db, deterministic_ids=True)("GET", "/org/contract", "org_contract_pending")
    assert link.json()["paymentLinkUrl"] == urls[2]


@pytest.mark.slow
def test_a_bundle_replays_sessions_with_a_secret_elsewhere(serve: Callable[..., Any]) -> None:
    dashboard = serve(**PUBLIC)
    _urls(dashboard)
    app: App = dashboard.app
    names = ["org_standard", "org_contract_pending", "org_no_contract"]
    text = bundle.export(app.service, names, "digest", response_digests)
    for recorded in bundle.read(text).organizations:
        assert bundle.replay(recorded, response_digests).different == []


def test_a_secret_in_a_bundle_is_text() -> None:
    app = build(Settings(clock="2026-03-10T12:00:00Z"))
    lines = bundle.export(app.service, ["org_standard"], "digest", response_digests).splitlines()
    first = json.loads(lines[2])
    first["event"]["session_secret"] = 7
    lines[2] = json.dumps(first)
    with pytest.raises(bundle.BundleError, match="TenantCreated"):
        bundle.read("\n".join(lines))
