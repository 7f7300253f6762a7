from __future__ import annotations

import json
from typing import Any

import pytest

ORG = "/organizations/org_a"
NDJSON = {"content-type": "application/x-ndjson"}


@pytest.fixture(autouse=True)
def _organization(drive: Any) -> None:
    drive("POST", "/organizations", {"organization": "org_a", "persona": "low_balance"})


def balance(drive: Any, organization: str = "org_a") -> float:
    found: float = drive("GET", f"/organizations/{organization}").json()["creditBalance"]
    return found


def test_snapshots_come_back(drive: Any) -> None:
    assert drive("POST", f"{ORG}/snapshots", {"name": "before"}).status_code == 200
    drive("POST", f"{ORG}/adjustments", {"amountUsd": 10})
    drive("POST", f"{ORG}/clock/advance", {"by": "P1D"})
    assert balance(drive) > 4
    rows = drive("GET", f"{ORG}/snapshots").json()["snapshots"]
    assert rows == [{"name": "before", "at": "2026-03-10T12:00:00Z"}]
    assert drive("POST", f"{ORG}/snapshots/before/restore").json()["clock"]["now"] == rows[0]["at"]
    assert balance(drive) == 3.2
    assert drive("POST", f"{ORG}/snapshots/never/restore").status_code == 404


def test_undo(drive: Any) -> None:
    drive("POST", f"{ORG}/adjustments", {"amountUsd": 10})
    assert drive("POST", f"{ORG}/undo").json()["creditBalance"] == 3.2
    assert drive("POST", f"{ORG}/undo").status_code == 409


def test_undo_with_a_version_takes_back_only_the_last_command_of_that_version(drive: Any) -> None:
    version = drive("POST", f"{ORG}/adjustments", {"amountUsd": 10}).json()["version"]
    drive("POST", f"{ORG}/snapshots", {"name": "passed-over"})
    assert drive("POST", f"{ORG}/undo?version={version}").json()["creditBalance"] == 3.2
    version = drive("POST", f"{ORG}/adjustments", {"amountUsd": 10}).json()["version"]
    drive("POST", f"{ORG}/clock/advance", {"by": "P1D"})
    refused = drive("POST", f"{ORG}/undo?version={version}")
    assert refused.status_code == 409
    assert "'clock to 2026-03-11 12:00 UTC'" in refused.json()["detail"]
    drive("DELETE", ORG)
    drive("POST", "/organizations", {"organization": ORG.rpartition("/")[2]})
    refused = drive("POST", f"{ORG}/undo?version={version}")
    assert "there is none to take back" in refused.json()["detail"]


def test_a_fork_does_not_touch_its_parent(drive: Any) -> None:
    assert drive("POST", f"{ORG}/fork", {"into": "org_b"}).status_code == 201
    drive("POST", "/organizations/org_b/adjustments", {"amountUsd": 10})
    assert (balance(drive), balance(drive, "org_b")) == (3.2, 13.2)
    assert drive("POST", f"{ORG}/fork", {"into": "org_b"}).status_code == 409
    assert drive("POST", f"{ORG}/fork", {"into": "org_a"}).status_code == 409
    # Neither is copied, nor created.
    assert drive("POST", "/organizations/org_new/fork", {"into": "org_new"}).status_code == 409
    assert drive("GET", "/organizations/org_new").status_code == 404


def test_a_snapshot_is_not_undone(drive: Any) -> None:
    drive("POST", f"{ORG}/adjustments", {"amountUsd": 1})
    drive("POST", f"{ORG}/snapshots", {"name": "one"})
    drive("POST", f"{ORG}/adjustments", {"amountUsd": 2})
    assert [drive("POST", f"{ORG}/undo").json()["creditBalance"] for _ in range(2)] == [4.2, 3.2]
    assert drive("POST", f"{ORG}/undo").status_code == 409
    assert [row["name"] for row in drive("GET", f"{ORG}/snapshots").json()["snapshots"]] == ["one"]
    assert drive("POST", f"{ORG}/snapshots/one/restore").json()["creditBalance"] == 4.2


@pytest.mark.slow
def test_a_fork_replays_from_its_own_bundle(drive: Any) -> None:
    """With the detours of its parent: what was undone, scenarios, clocks that went back."""
    drive("POST", f"{ORG}/adjustments", {"amountUsd": 1})
    drive("POST", f"{ORG}/snapshots", {"name": "one"})
    drive("PUT", f"{ORG}/scenario", {"scenario": "webhook-late"})
    drive("POST", f"{ORG}/clock/advance", {"by": "-P7D"})
    drive("POST", f"{ORG}/undo")
    drive("POST", f"{ORG}/fork", {"into": "org_b"})
    bundle = drive("GET", "/organizations/org_b/bundle")
    drive("DELETE", "/organizations/*")
    assert drive("POST", "/bundle", content=bundle.content, headers=NDJSON).status_code == 200
    assert drive("POST", "/organizations/org_b/snapshots/one/restore").json()["creditBalance"] == 4.2
    assert drive("GET", ORG).status_code == 404


@pytest.mark.slow
def test_a_bundle_leaves_and_comes_back(drive: Any) -> None:
    drive("POST", f"{ORG}/adjustments", {"amountUsd": 10})
    drive("POST", "/organizations", {"organization": "org_b"})
    bundle = drive("GET", "/organizations/*/bundle")
    assert bundle.headers["content-type"] == "application/x-ndjson"
    assert [json.loads(line).get("organization") for line in bundle.text.splitlines()].count("org_b") == 1
    drive("DELETE", "/organizations/*")
    back = drive("POST", "/bundle", content=bundle.content, headers=NDJSON)
    assert back.status_code == 200, back.text
    assert [each["organization"] for each in back.json()["organizations"]] == ["org_a", "org_b"]
    assert back.json()["organizations"][0]["clock"] == {"mode": "frozen", "now": "2026-03-10T12:00:00Z"}
    assert balance(drive) == 13.2


def test_a_bundle_that_answers_differently_stays_out(drive: Any) -> None:
    bundle = drive("GET", f"{ORG}/bundle").text
    drive("POST", f"{ORG}/adjustments", {"amountUsd": 10})
    forged = bundle.replace('"seed":1,"as_of_ms"', '"seed":2,"as_of_ms"')
    assert forged != bundle
    refused = drive("POST", "/bundle", content=forged, headers=NDJSON)
    assert refused.status_code == 422
    assert "org_a: getOrg" in refused.json()["errors"][0]["message"]
    assert balance(drive) == 13.2


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"", "body:1"),
        (b"\xff", "body"),
        (b'{"bundle": "other"}', "body:1"),
        (b"[]", "body:1"),
        (b"\n\n{", "body:3"),
    ],
)
def test_anything_else_is_no_bundle(drive: Any, content: bytes, place: str) -> None:
    refused = drive("POST", "/bundle", content=content, headers=NDJSON)
    assert refused.status_code in (400, 422)
    if content:
        assert refused.json()["errors"][0]["location"] == place


def test_a_snapshot_brings_back_the_scenario_that_was_shown(drive: Any, dashboard: Any) -> None:
    def set_scene(name: str) -> None:
        assert drive("PUT", "/organizations/org_s/scenario", {"scenario": name}).status_code == 200

    drive("POST", "/organizations", {"organization": "org_s"})
    drive("POST", "/organizations/org_s/snapshots", {"name": "plain"})
    set_scene("stripe-down")
    drive("POST", "/organizations/org_s/snapshots", {"name": "down"})
    assert dashboard("POST", "/org/billing/checkout", "org_s", json={"amount": 100}).status_code == 502
    drive("POST", "/organizations/org_s/snapshots/plain/restore")
    assert dashboard("POST", "/org/billing/checkout", "org_s", json={"amount": 100}).status_code == 200
    drive("POST", "/organizations/org_s/snapshots/down/restore")
    assert dashboard("POST", "/org/billing/checkout", "org_s", json={"amount": 100}).status_code == 502


@pytest.mark.slow
def test_a_bundle_larger_than_an_ordinary_body_can_be_imported(drive: Any) -> None:
    drive("POST", "/organizations", {"organization": "org_big"})
    for _ in range(120):
        note = {"amountUsd": 1, "description": "x" * 9_900}
        assert drive("POST", "/organizations/org_big/adjustments", note).status_code == 200
    bundle = drive("GET", "/organizations/org_big/bundle").content
    assert len(bundle) > 1 << 20
    answer = drive("POST", "/bundle", content=bundle, headers={"Content-Type": "application/x-ndjson"})
    assert answer.status_code == 200, answer.text


def test_a_snapshot_that_nobody_has_is_unknown_for_all_of_them_too(drive: Any) -> None:
    drive("POST", "/organizations", {"organization": "org_b"})
    refused = drive("POST", "/organizations/*/snapshots/never/restore")
    assert (refused.status_code, refused.json()["detail"]) == (404, "snapshot not found")
    drive("POST", f"{ORG}/snapshots", {"name": "once"})
    answer = drive("POST", "/organizations/*/snapshots/once/restore")
    assert answer.status_code == 200
    assert [(each["organization"], each["code"]) for each in answer.json()["errors"]] == [
        ("org_b", "snapshot_unknown")
    ]
    drive("DELETE", "/organizations/*")
    assert drive("POST", "/organizations/*/snapshots/once/restore").status_code == 404


def test_a_deleted_snapshot_is_gone_and_its_name_is_free(drive: Any) -> None:
    drive("POST", f"{ORG}/adjustments", {"amountUsd": 1})
    drive("POST", f"{ORG}/snapshots", {"name": "one"})
    assert drive("DELETE", f"{ORG}/snapshots/one").json()["creditBalance"] == 4.2
    assert drive("GET", f"{ORG}/snapshots").json()["snapshots"] == []
    for answer in (drive("DELETE", f"{ORG}/snapshots/one"), drive("POST", f"{ORG}/snapshots/one/restore")):
        assert (answer.status_code, answer.json()["detail"]) == (404, "snapshot not found")
    # Deleting is no command, as taking is none: undo passes over both.
    assert drive("POST", f"{ORG}/undo").json()["creditBalance"] == 3.2
    drive("POST", f"{ORG}/snapshots", {"name": "one"})
    assert [row["name"] for row in drive("GET", f"{ORG}/snapshots").json()["snapshots"]] == ["one"]
    assert drive("DELETE", "/organizations/*/snapshots/one").status_code == 200
    assert drive("DELETE", "/organizations/*/snapshots/one").status_code == 404
