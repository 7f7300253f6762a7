"""What is said at the start when a database holds organizations that were made with other settings."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from orgbilling_stubs.app import build
from orgbilling_stubs.cli.database_notice import database_notice
from orgbilling_stubs.settings import Settings
from orgbilling_stubs.tenants.store.sqlite import SqliteStore

from .test_serve import COMMAND

CLOCK = "2026-03-10T12:00:00Z"
URL = "http://127.0.0.1:4010"


@pytest.fixture
def database(tmp_path: Path) -> str:
    """A world of five organizations, made with the default seed at `CLOCK`."""
    address = f"sqlite:///{tmp_path}/world.db"
    service = build(Settings(clock=CLOCK, db=address)).service
    for name in ("org_new_org", "org_a", "org_b", "org_c", "org_d"):
        service.tenant(name)
    service.store.close()
    return address


def said(database: str, **changes: object) -> str | None:
    settings = Settings(**({"clock": CLOCK, "db": database} | changes))  # type: ignore[arg-type]
    service = build(settings).service
    try:
        return database_notice(service, database, URL)
    finally:
        service.store.close()


@pytest.mark.slow
def test_the_same_settings_say_nothing(database: str) -> None:
    assert said(database) is None
    assert said(database, clock="live") is None
    assert said("memory:", seed=7) is None


@pytest.mark.slow
def test_another_seed_and_clock_are_named_with_the_organizations_that_keep_theirs(database: str) -> None:
    line = said(database, seed=7, clock="2026-04-01T00:00:00Z")
    assert line == (
        f"{database} has organizations that were created with other settings, and keep them. Ignored: "
        "--clock (the history was made at another instant) by org_new_org, org_a, org_b and 2 more; "
        "--seed 7 by org_new_org, org_a, org_b and 2 more. To create one again: "
        f"curl -X DELETE {URL}/_mock/v1/organizations/org_new_org (or use another file)"
    )


def test_another_persona_is_named_where_it_would_have_been_taken(database: str) -> None:
    line = said(database, personas=("euro",))
    assert line is not None
    assert "Ignored: persona euro by org_a, org_b, org_c and 1 more." in line


@pytest.mark.slow
def test_an_organization_made_anew_follows(database: str) -> None:
    service = build(Settings(clock=CLOCK, db=database, seed=7)).service
    for organization in list(service.store.organizations()):
        service.delete(organization)
        service.tenant(organization)
    assert database_notice(service, database, URL) is None


def test_a_log_that_begins_otherwise_has_no_birth(tmp_path: Path) -> None:
    assert SqliteStore(tmp_path / "empty.db").creation_events() == []


@pytest.mark.slow
def test_the_server_says_it_before_it_says_where_it_listens(database: str) -> None:
    options = ["--port", "0", "--db", database, "--clock", CLOCK, "--seed", "7", "--quiet"]
    process = subprocess.Popen(
        [*COMMAND, "serve", *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert process.stdout is not None
        first, second = process.stdout.readline(), process.stdout.readline()
    finally:
        process.kill()
        process.wait()
    assert first.startswith("orgbilling: sqlite:///")
    assert "Ignored: --seed 7 by org_new_org, " in first
    assert second.startswith("Org Billing API on http://")
