from __future__ import annotations

from typing import Any

import pytest
from orgbilling_fixtures import personas
from orgbilling_stubs.auth import bad_tokens


def test_an_organization_begins_as_it_is_told(drive: Any, dashboard: Any) -> None:
    body = {"organization": "org_a", "persona": "low_balance", "seed": 7, "asOf": "2025-02-28T23:59:59Z"}
    created = drive("POST", "/organizations", body)
    assert created.status_code == 201
    shown = created.json()
    assert (shown["persona"], shown["seed"], shown["states"]) == ("low_balance", 7, [3])
    assert shown["clock"]["now"] == "2025-02-28T23:59:59Z"
    assert dashboard("GET", "/org/billing", "org_a").json()["creditBalance"] == shown["creditBalance"] == 3.2
    assert drive("POST", "/organizations", body).status_code == 409


def test_a_persona_has_its_name_in_any_spelling(drive: Any) -> None:
    created = drive("POST", "/organizations", {"organization": "org_a", "persona": "Low-Balance"})
    assert created.json()["persona"] == "low_balance"


def test_a_misspelt_persona_is_answered_with_the_right_one(drive: Any) -> None:
    refused = drive("POST", "/organizations", {"organization": "org_a", "persona": "low_balanc"})
    assert refused.json()["errors"][0]["message"] == 'no such persona; did you mean "low_balance"?'


def test_a_persona_can_be_written_out(drive: Any) -> None:
    persona = {"billing": {"balance": 12.34}, "usage": {"history_days": 3}}
    created = drive("POST", "/organizations", {"organization": "org_a", "persona": persona})
    assert created.json()["creditBalance"] == 12.34
    assert created.json()["persona"] == "inline"


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"persona": "nobody"}, "body.persona"),
        ({"persona": "../../etc/passwd.yaml"}, "body.persona"),
        ({"persona": {"billing": {"balance": "much"}}}, "body.persona.billing.balance"),
        ({"persona": {"name": 3}}, "body.persona.name"),
        ({"asOf": "1900-01-01T00:00:00Z"}, "body.asOf"),
        ({"asOf": "yesterday"}, "body.asOf"),
        ({"seed": -1}, "body.seed"),
        ({"organization": "*"}, "body.organization"),
        ({"extra": 1}, "body.extra"),
    ],
)
def test_a_wrong_beginning_is_refused_where_it_is_wrong(drive: Any, body: dict[str, Any], place: str) -> None:
    refused = drive("POST", "/organizations", {"organization": "org_a"} | body)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["location"] == place
    assert drive("GET", "/organizations").json()["organizations"] == []


def test_reading_creates_nothing(drive: Any) -> None:
    for place in ("", "/clock", "/snapshots", "/invariants", "/bundle", "/checkout-settings", "/checkouts"):
        refused = drive("GET", f"/organizations/org_a{place}")
        assert refused.status_code == 404, place
        assert refused.json()["detail"].startswith("no such organization")
    assert drive("DELETE", "/organizations/org_a").status_code == 404
    assert drive("GET", "/organizations").json()["organizations"] == []


@pytest.mark.slow
def test_forgetting_and_beginning_again(drive: Any, dashboard: Any) -> None:
    before = drive("POST", "/organizations", {"organization": "org_a"}).json()
    drive("POST", "/organizations/org_a/adjustments", {"amountUsd": 5})
    assert drive("POST", "/organizations/org_a/reset").json()["creditBalance"] == before["creditBalance"]
    drive("POST", "/organizations", {"organization": "org_b"})
    assert drive("POST", "/organizations/*/reset").json()["errors"] == []
    assert drive("DELETE", "/organizations/org_a").status_code == 204
    assert [each["organization"] for each in drive("GET", "/organizations").json()["organizations"]] == [
        "org_b"
    ]
    assert drive("DELETE", "/organizations/*").status_code == 204
    assert drive("GET", "/organizations").json()["organizations"] == []
    assert dashboard("GET", "/org/billing", "org_a").status_code == 200


def test_the_personas_are_listed(drive: Any) -> None:
    assert [each["name"] for each in drive("GET", "/personas").json()["personas"]] == personas.names()


@pytest.mark.parametrize("version", [1, 2])
def test_a_token_opens_the_api(drive: Any, dashboard: Any, version: int) -> None:
    created = drive("POST", "/organizations/org_a/tokens", {"role": "member", "version": version})
    headers = {"Authorization": f"Bearer {created.json()['token']}"}
    assert dashboard("GET", "/org/billing", None, headers=headers).status_code == 200
    assert dashboard("POST", "/org/billing/portal", None, headers=headers, json={}).status_code == 403
    assert drive("POST", "/organizations/org_b/tokens").json()["bad"] is None


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize(
    "kind", [name for name in bad_tokens.BAD_TOKENS if name not in ("wrong-azp", "member")]
)
def test_a_bad_token_does_not(drive: Any, dashboard: Any, kind: str) -> None:
    created = drive("POST", "/organizations/org_a/tokens", {"bad": kind}).json()
    assert created["errorCode"] == bad_tokens.BAD_TOKENS[kind].error_code
    headers = {"Authorization": f"Bearer {created['token']}"}
    accepted = {"wrong-key", "unknown-kid"}  # --auth trust believes foreign signatures
    status = dashboard("GET", "/org/billing", None, headers=headers).status_code
    assert status in (401, 403) or (kind in accepted and status == 200)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "asked", "problem"),
    [
        ({}, {"bad": "wrong-azp"}, None),
        ({"azp": ("http://localhost:3000",)}, {"bad": "wrong-azp"}, "azp_not_allowed"),
        ({"azp": ("http://app.test",)}, {"azp": "http://app.test"}, None),
        ({"azp": ("http://app.test",)}, {"azp": "http://other.test"}, "azp_not_allowed"),
        ({"auth": "off"}, {"bad": "garbage"}, None),
        ({"auth": "off"}, {"bad": "wrong-key"}, None),
        ({"auth": "verify"}, {"bad": "wrong-key"}, "signature_invalid"),
        ({}, {"bad": "member"}, "admin_required"),
        ({}, {"role": "member"}, "admin_required"),
        ({}, {}, None),
    ],
)
def test_what_a_token_meets_is_what_this_server_does(
    serve: Any, settings: dict[str, Any], asked: dict[str, Any], problem: str | None
) -> None:
    dashboard = serve(**settings)
    created = dashboard("POST", "/_mock/v1/organizations/org_a/tokens", None, json=asked).json()
    assert created["errorCode"] == problem
    headers = {"Authorization": f"Bearer {created['token']}"}
    body = {"amount": 500}
    status = dashboard("POST", "/org/billing/checkout", None, headers=headers, json=body).status_code
    assert (status == 200) is (problem is None)


def test_beginning_again_drops_the_rules_for_it_alone(drive: Any) -> None:
    drive("POST", "/organizations", {"organization": "org_a"})
    drive("PUT", "/organizations/org_a/scenario", {"scenario": "stripe-down"})
    for named in ({"organizations": ["org_a"]}, {"organizations": ["org_a", "org_b"]}, {}):
        rule = {"effect": {"reset": True}} | named
        assert drive("POST", "/faults", rule).status_code == 201
    assert drive("POST", "/organizations/org_a/reset").json()["scenario"] is None
    left = [each["organizations"] for each in drive("GET", "/faults").json()["faults"]]
    assert left == [["org_a", "org_b"], []]


@pytest.mark.parametrize(
    ("organization", "persona", "notice"),
    [
        ("org_low_balance", "low_balance", None),
        ("org_low_balanc", "standard", 'names no persona, so it gets standard; did you mean "low_balance"?'),
        ("org_acme", "standard", None),
    ],
)
def test_a_token_says_which_persona_its_organization_gets(
    drive: Any, organization: str, persona: str, notice: str | None
) -> None:
    minted = drive("POST", f"/organizations/{organization}/tokens").json()
    expected = None if notice is None else f"{organization} {notice}"
    assert (minted["persona"], minted["notice"]) == (persona, expected)
    drive("POST", "/organizations", {"organization": organization, "persona": "overdrawn"})
    minted = drive("POST", f"/organizations/{organization}/tokens").json()
    assert (minted["persona"], minted["notice"]) == ("overdrawn", None)
