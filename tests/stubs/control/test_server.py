from __future__ import annotations

from typing import Any


def test_an_organization_is_described(drive: Any, dashboard: Any) -> None:
    profile = dashboard("GET", "/org/billing", "org_low_balance_x").json()
    shown = drive("GET", "/organizations/org_low_balance_x").json()
    assert (shown["persona"], shown["tenantId"]) == ("low_balance", profile["tenantId"])
    assert shown["clock"] == {"mode": "server", "now": "2026-03-10T12:00:00Z", "offsetSeconds": 0.0}
    assert shown["scenario"] is None


def test_one_refusal_is_the_answer_and_among_all_it_is_listed(drive: Any) -> None:
    drive("POST", "/organizations", {"organization": "org_a"})
    assert drive("POST", "/organizations/org_a/undo").status_code == 409
    everyone = drive("POST", "/organizations/*/undo")
    assert everyone.status_code == 200
    assert [each["code"] for each in everyone.json()["errors"]] == ["nothing_to_undo"]


def test_a_star_is_no_name(drive: Any) -> None:
    assert drive("POST", "/organizations/*/usage", {}).status_code == 422
    assert drive("POST", "/organizations/*/tokens", {}).status_code == 422
