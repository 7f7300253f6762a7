"""The bar at the top of each page: what it says of the organization, and when it checks the invariants."""

from __future__ import annotations

from typing import Any

import pytest
from orgbilling_stubs.console import invariant_reports
from orgbilling_stubs.control.control_client import ControlClient

ORG = "org_console"
MOCK = f"/_mock/v1/organizations/{ORG}"
INSTANT = "2026-05-01T12:34:56Z"


def page(dashboard: Any, path: str = "", organization: str = ORG) -> str:
    answer = dashboard("GET", f"/_mock/{path}", None, params={"org": organization})
    assert answer.status_code == 200, answer.text
    return str(answer.text)


@pytest.fixture
def frozen(dashboard: Any) -> Any:
    """A dashboard whose organization has a clock that stands still."""
    dashboard("PUT", f"{MOCK}/clock", None, json={"mode": "frozen", "at": INSTANT})
    return dashboard


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The organizations whose invariants have been checked."""
    organizations: list[str] = []
    call = ControlClient.call

    async def counted(self: ControlClient, operation_id: str, *arguments: Any, **options: Any) -> Any:
        if operation_id == "checkInvariants":
            organizations.append(arguments[0]["organization"])
        return await call(self, operation_id, *arguments, **options)

    monkeypatch.setattr(ControlClient, "call", counted)
    return organizations


@pytest.mark.slow
def test_the_invariants_are_checked_again_only_when_something_has_changed(
    frozen: Any, checked: list[str]
) -> None:
    for path in ("", "now", "requests", "now"):
        assert "<dt>Invariants</dt><dd>hold</dd>" in page(frozen, path)
    assert checked == [ORG]
    frozen("POST", f"{MOCK}/adjustments", None, json={"amountUsd": 5})
    page(frozen)
    assert checked == [ORG] * 2
    frozen("POST", f"{MOCK}/undo", None)
    page(frozen)
    frozen("POST", f"{MOCK}/reset", None)
    page(frozen)
    assert checked == [ORG] * 4


@pytest.mark.slow
def test_a_clock_that_runs_is_checked_once_a_minute(
    frozen: Any, checked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    service = frozen.app.service
    tenant = service.tenant(ORG)
    page(frozen)
    for after_ms, checks in ((1, 1), (3_999, 1), (4_000, 2), (63_999, 2), (64_000, 3)):
        at_ms = 1_777_638_896_000 + after_ms  # INSTANT, and four seconds before a whole minute
        monkeypatch.setattr(service.clock, "now_of", lambda clock, at_ms=at_ms: at_ms)
        page(frozen)
        assert (tenant.now_ms, len(checked)) == (at_ms, checks)


def test_a_long_ledger_is_not_checked_by_a_page(
    frozen: Any, checked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invariant_reports, "MOST_LEDGER_ROWS", 10)
    link = f'<a href="/_mock/operations?org={ORG}#checkInvariants">not checked</a>'
    assert f"<dt>Invariants</dt><dd>{link}</dd>" in page(frozen)
    assert f"The ledger is so long that a check would hold up requests: {link}." in page(frozen, "now")
    assert checked == []


@pytest.mark.slow
def test_few_reports_are_remembered(
    dashboard: Any, checked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invariant_reports, "MOST_REPORTS", 1)
    clock = {"mode": "frozen", "at": INSTANT}
    for organization in ("org_a", "org_b"):
        dashboard("PUT", f"/_mock/v1/organizations/{organization}/clock", None, json=clock)
        page(dashboard, organization=organization)
    page(dashboard, organization="org_b")
    page(dashboard, organization="org_a")
    assert checked == ["org_a", "org_b", "org_a"]


def test_the_page_now_says_at_which_instant_the_invariants_were_checked(frozen: Any) -> None:
    assert "Checked at 2026-05-01 12:34 UTC." in page(frozen, "now")


def test_the_clock_is_shown_to_the_minute_with_its_exact_instant(frozen: Any) -> None:
    shown = (
        f'title="{INSTANT}"><time datetime="{INSTANT}">2026-05-01 12:34 UTC</time></a> <small>frozen</small>'
    )
    assert shown in page(frozen)


@pytest.mark.slow
def test_a_postpaid_organization_has_what_is_outstanding_in_the_bar(dashboard: Any) -> None:
    organization = "org_postpaid_over_limit"
    profile = dashboard("GET", "/org/billing", organization).json()
    html = page(dashboard, organization=organization)
    assert f"<dt>Outstanding</dt><dd>{profile['outstandingUsd']:,.2f} USD</dd>" in html
    assert "<dt>Balance</dt>" not in html


def test_an_amount_in_the_bar_is_in_us_dollars_whatever_the_profile_has(dashboard: Any) -> None:
    organization = "org_eur"
    persona = {"currency": "EUR"}
    created = {"organization": organization, "persona": persona}
    assert dashboard("POST", "/_mock/v1/organizations", None, json=created).status_code == 201
    profile = dashboard("GET", "/org/billing", organization).json()
    assert profile["currency"] == "EUR"
    html = page(dashboard, organization=organization)
    assert f"<dt>Balance</dt><dd>{profile['creditBalance']:,.2f} USD</dd>" in html


def test_all_that_the_bar_shows_is_live(frozen: Any) -> None:
    html = page(frozen)
    for region in ("balance", "clock", "scenario", "faults", "invariants", "undo"):
        assert f'id="bar-{region}" data-live' in html


def test_commands_beside_the_api_are_told_to_open_pages(frozen: Any) -> None:
    session = frozen("POST", f"{MOCK}/checkouts", None, json={"amount": 2500}).json()["session"]
    changes: list[str] = []
    frozen.app.journal.change_followers.append(lambda: changes.append("change"))
    checkout = f"/_mock/checkout/{ORG}/{session}"
    for path in (f"{MOCK}/clock", checkout, "/_mock/now"):
        frozen("GET", path, None, params={"org": ORG} if path == "/_mock/now" else None)
    frozen("GET", "/org/billing", ORG)
    frozen("POST", "/org/vouchers/redeem", ORG, json={"code": "TEST-CREDIT-25-x"})
    frozen("POST", f"{MOCK}/clock/jump", None, json={"to": "nowhere"})
    assert changes == []
    assert frozen("POST", f"{MOCK}/clock/advance", None, json={"by": "PT1H"}).status_code == 200
    assert len(changes) == 1
    assert frozen("POST", f"{checkout}/complete", None, json={"outcome": "paid"}).status_code == 200
    assert len(changes) == 2
