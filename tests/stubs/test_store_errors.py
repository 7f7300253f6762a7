"""What clients get while the database cannot be used: the API, the control API and the hosted pages alike."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest
from orgbilling_stubs.tenants.store import errors, retry

from tests.stubs.conftest import BASE, Dashboard

MOCK = "/_mock/v1/organizations"
Build = Callable[[], Dashboard]


@pytest.fixture(autouse=True)
def _quick_and_unreported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "WAIT_S", 0.05)
    monkeypatch.setattr(retry, "_reported_ms", {})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.db"


@pytest.fixture
def build(path: Path, serve: Callable[..., Dashboard]) -> Build:
    return lambda: serve(db=f"sqlite:///{path}")


def redeem(dashboard: Dashboard, code: str, organization: str = "org_a") -> httpx.Response:
    return dashboard("POST", "/org/vouchers/redeem", organization, json={"code": f"TEST-CREDIT-5-{code}"})


def checkout_path(dashboard: Dashboard) -> str:
    body = {"amount": 50, "currency": "USD"}
    return dashboard("POST", "/org/billing/checkout", "org_a", json=body).json()["url"].removeprefix(BASE)


def sql(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(statement)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield


WRITES: dict[str, Callable[[Dashboard, str], httpx.Response]] = {
    "a command": lambda dashboard, page: redeem(dashboard, "x"),
    "the first sight of an organization": lambda dashboard, page: dashboard("GET", "/org/billing", "org_new"),
    "a preview of a scenario": lambda dashboard, page: dashboard(
        "GET", "/org/billing", "org_a", headers={"Prefer": "scenario=low-balance"}
    ),
    "a rule": lambda dashboard, page: dashboard(
        "POST",
        "/_mock/v1/faults",
        None,
        json={"effect": {"status": 502}, "operations": ["getOrgBilling"], "force": True},
    ),
    "the console": lambda dashboard, page: dashboard("GET", "/_mock/", None),
    "a snapshot": lambda dashboard, page: dashboard(
        "POST", f"{MOCK}/org_a/snapshots", None, json={"name": "s"}
    ),
    "a snapshot of all": lambda dashboard, page: dashboard(
        "POST", f"{MOCK}/*/snapshots", None, json={"name": "s"}
    ),
    "a new organization": lambda dashboard, page: dashboard(
        "POST", MOCK, None, json={"organization": "org_made"}
    ),
    "a deletion": lambda dashboard, page: dashboard("DELETE", f"{MOCK}/org_a", None),
    "a payment of a program": lambda dashboard, page: dashboard(
        "POST", f"{page}/complete", None, json={"outcome": "paid"}, headers={"Origin": BASE}
    ),
    "a payment on the page": lambda dashboard, page: dashboard(
        "POST", page, None, data={"action": "expire"}, headers={"Origin": BASE}
    ),
}


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_lock_of_another_program_is_waited_for_and_then_named(
    build: Build,
    path: Path,
    write: Callable[[Dashboard, str], httpx.Response],
    caplog: pytest.LogCaptureFixture,
) -> None:
    dashboard = build()
    page = checkout_path(dashboard)
    before = dashboard("GET", "/org/billing", "org_a").json()
    with locked(path):
        response = write(dashboard, page)
        assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
        media_type = response.headers["Content-Type"]
        if media_type.startswith("text/html"):
            assert "locked by another program" in response.text
        else:
            assert media_type == "application/problem+json"
            assert response.json()["detail"] == errors.LOCKED.detail
        write(dashboard, page)
        assert dashboard("GET", "/org/billing", "org_a").json() == before
    lines = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert lines == [f"database_locked: {path} is locked by another program"]
    assert write(dashboard, page).status_code < 400


def test_the_loop_goes_on_while_a_request_waits_for_a_lock(
    build: Build, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A redemption waits until the lock is gone; other requests are answered meanwhile."""
    monkeypatch.setattr(retry, "WAIT_S", 30)
    dashboard = build()
    dashboard("GET", "/org/billing", "org_b")
    redeem(dashboard, "before")

    async def run() -> None:
        transport = httpx.ASGITransport(dashboard.app.asgi)
        headers = {name: f"Bearer {dashboard.token(name)}" for name in ("org_a", "org_b")}
        async with httpx.AsyncClient(transport=transport, base_url=f"{BASE}/api/v1") as client:
            with locked(path):
                waiting = asyncio.ensure_future(
                    client.post(
                        "/org/vouchers/redeem",
                        json={"code": "TEST-CREDIT-5-a"},
                        headers={"Authorization": headers["org_a"]},
                    )
                )
                for _ in range(5):
                    other = await client.get("/org/billing", headers={"Authorization": headers["org_b"]})
                    assert other.status_code == 200
                    assert (await client.get(f"{BASE}/healthz")).status_code == 200
                assert not waiting.done()
            assert (await waiting).status_code == 200

    asyncio.run(run())


SURFACES: dict[str, Callable[[Dashboard, str], httpx.Response]] = {
    "API": lambda dashboard, page: dashboard("GET", "/org/billing", "org_a"),
    "API with a fault": lambda dashboard, page: dashboard(
        "GET", "/org/billing", "org_a", headers={"Prefer": "delay=1"}
    ),
    "command": lambda dashboard, page: redeem(dashboard, "x"),
    "control API": lambda dashboard, page: dashboard("GET", f"{MOCK}/org_a", None),
    "control API, all": lambda dashboard, page: dashboard("GET", MOCK, None),
    "bundle": lambda dashboard, page: dashboard("GET", f"{MOCK}/org_a/bundle", None),
    "page": lambda dashboard, page: dashboard("GET", page, None),
    "console": lambda dashboard, page: dashboard("GET", "/_mock/?org=org_a", None),
}


@pytest.mark.slow_beyond(2)
@pytest.mark.parametrize("ask", SURFACES.values(), ids=SURFACES)
def test_a_file_that_is_gone_is_named_everywhere(
    build: Build,
    path: Path,
    ask: Callable[[Dashboard, str], httpx.Response],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("orgbilling_stubs.tenants.store.sqlite.LOOK_EVERY_MS", -1)
    dashboard = build()
    page = checkout_path(dashboard)
    path.rename(path.with_name("aside"))
    for _ in range(2):
        response = ask(dashboard, page)
        assert (response.status_code, response.headers["Retry-After"]) == (503, "30")
        assert "deleted or replaced" in response.text
    lines = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(lines) == 1
    assert lines[0].message.startswith(f"database_missing: {path} cannot be found")
    assert lines[0].exc_info is None
    path.with_name("aside").rename(path)
    assert ask(dashboard, page).status_code == 200


def test_a_disk_that_is_full_is_named_and_nothing_is_acknowledged(build: Build, path: Path) -> None:
    dashboard = build()
    before = dashboard("GET", "/org/billing", "org_a").json()
    db = dashboard.app.service.store._db  # type: ignore[attr-defined]
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA max_page_count={pages}")
    taken = 0
    while (response := redeem(dashboard, f"{'x' * 40}{taken}")).status_code == 200:
        taken += 1
    assert (response.status_code, response.json()["detail"]) == (503, errors.FULL.detail)
    now = dashboard("GET", "/org/billing", "org_a").json()
    assert now["creditBalance"] == before["creditBalance"] + 5 * taken
    assert build()("GET", "/org/billing", "org_a").json() == now


def damage(path: Path, organization: str) -> None:
    sql(path, f"UPDATE record SET at_ms = at_ms + 1 WHERE organization = '{organization}' AND sequence = 1")


@pytest.mark.slow
def test_a_damaged_organization_is_named_and_nothing_else_suffers(build: Build, path: Path) -> None:
    dashboard = build()
    page = checkout_path(dashboard)
    before = dashboard("GET", "/org/billing", "org_b").json()
    damage(path, "org_a")
    dashboard = build()
    for name, ask in SURFACES.items():
        if name != "control API, all":
            response = ask(dashboard, page)
            assert response.status_code == 500, name
            assert "Retry-After" not in response.headers
    assert dashboard("GET", "/org/billing", "org_a").json()["detail"] == errors.LOG_DAMAGED.detail
    assert dashboard("GET", "/org/billing", "org_b").json() == before
    listed = dashboard("GET", MOCK, None).json()
    assert [row["organization"] for row in listed["organizations"]] == ["org_b"]
    assert [(row["organization"], row["code"]) for row in listed["errors"]] == [("org_a", "log_damaged")]
    snapshots = dashboard("POST", f"{MOCK}/*/snapshots", None, json={"name": "s"}).json()
    assert [row["organization"] for row in snapshots["errors"]] == ["org_a"]
    checked = dashboard("GET", f"{MOCK}/*/invariants", None).json()
    assert [row["organization"] for row in checked["organizations"]] == ["org_b"]
    assert checked["errors"] == listed["errors"]
    bundle = dashboard("GET", f"{MOCK}/*/bundle", None)
    assert bundle.status_code == 200
    header, *recorded = map(json.loads, bundle.text.splitlines())
    assert (header["organizations"], header["errors"]) == (1, listed["errors"])
    assert recorded[0]["organization"] == "org_b"
    replayed = dashboard(
        "POST",
        "/_mock/v1/bundle",
        None,
        content=bundle.content,
        headers={"Content-Type": "application/x-ndjson"},
    )
    assert replayed.status_code == 200
    assert dashboard("DELETE", f"{MOCK}/org_a", None).status_code == 204
    assert dashboard("GET", "/org/billing", "org_a").status_code == 200


def test_a_damaged_organization_is_restored_from_a_bundle(build: Build, path: Path) -> None:
    dashboard = build()
    redeem(dashboard, "a")
    before = dashboard("GET", "/org/billing", "org_a").json()
    bundle = dashboard("GET", f"{MOCK}/org_a/bundle", None).content
    damage(path, "org_a")
    dashboard = build()
    for exported in ("bundle", "invariants"):
        assert dashboard("GET", f"{MOCK}/org_a/{exported}", None).status_code == 500
        assert dashboard("GET", f"{MOCK}/*/{exported}", None).status_code == 200
    media_type = {"Content-Type": "application/x-ndjson"}
    assert dashboard("POST", "/_mock/v1/bundle", None, content=bundle, headers=media_type).status_code == 200
    assert dashboard("GET", "/org/billing", "org_a").json() == before
    damage(path, "org_a")
    assert build()("DELETE", f"{MOCK}/*", None).status_code == 204


def test_a_damaged_log_of_the_server_is_named_at_the_start_and_can_be_cleared(
    build: Build, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    dashboard, other = build(), build()
    WRITES["a rule"](dashboard, "")
    assert dashboard("GET", "/org/billing", "org_a").status_code == 502
    damage(path, "_server")
    dashboard = build()
    lines = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(lines) == 1
    assert "the log of _server is damaged" in lines[0]
    assert dashboard("GET", "/org/billing", "org_a").status_code == 200
    assert redeem(dashboard, "a").status_code == 200
    assert dashboard("GET", "/_mock/?org=org_a", None).status_code == 200
    assert WRITES["a rule"](dashboard, "").status_code == 500
    assert dashboard("DELETE", f"{MOCK}/org_a", None).status_code == 204
    assert dashboard("DELETE", "/_mock/v1/faults", None).status_code == 204
    assert WRITES["a rule"](dashboard, "").status_code == 201
    assert dashboard("GET", "/org/billing", "org_a").status_code == 502
    assert len(other("GET", "/_mock/v1/faults", None).json()["faults"]) == 1
