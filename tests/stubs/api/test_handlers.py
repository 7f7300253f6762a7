"""Every operation answers as its contract says, for every persona; and what one writes, another reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jsonschema_rs
import pytest
from orgbilling_fixtures import personas
from orgbilling_openapi import description as descriptions
from orgbilling_openapi.operations import operations
from orgbilling_stubs.auth import key_file
from orgbilling_stubs.auth.tokens import ClerkSession, mint_token
from orgbilling_stubs.tenants.clock import wall_ms

GETS = [operation for operation in operations(descriptions.load()) if operation.method == "get"]
READS = {operation.path: operation.node["operationId"] for operation in GETS}
WINDOWED = {
    operation.path
    for operation in GETS
    if "days" in [row.get("name") for row in operation.node.get("parameters", ())]
}
NO_CONTRACT = {
    "new_org",
    "free_credit_used",
    "low_balance",
    "zero_balance",
    "overdrawn",
    "postpaid_near_limit",
    "postpaid_over_limit",
    "no_contract",
}
MONTHLY = "11111111-1111-4111-8111-111111111111"


def schema_of(path: str, method: str, status: str) -> Any:
    document = descriptions.load()
    answer = document["paths"][path][method]["responses"][status]
    if "$ref" in answer:
        answer = document["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    [media] = answer["content"].values()
    rooted = media["schema"] | {"components": document["components"]}
    return jsonschema_rs.Draft202012Validator(rooted, validate_formats=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", personas.names())
def test_every_operation_answers_as_its_contract_says(dashboard: Any, name: str) -> None:
    organization = f"org_{name}"
    for path in READS:
        windows = (1, 30, 365) if path in WINDOWED else (None,)
        for days in windows:
            answer = dashboard("GET", path, organization, params={"days": days} if days else None)
            if path == "/org/contract" and answer.status_code == 404:
                schema_of(path, "get", "404").validate(answer.json())
                continue
            assert answer.status_code == 200, answer.text
            schema_of(path, "get", "200").validate(answer.json())
    for path, body in {
        "/org/billing/checkout": {"amount": 1_000},
        "/org/billing/portal": None,
        "/org/contract/subscribe": {"contractId": MONTHLY},
        "/org/vouchers/redeem": {"code": f"TEST-CREDIT-5-{name}"},
    }.items():
        answer = dashboard("POST", path, organization, json=body)
        assert answer.status_code in (200, 409), answer.text
        schema_of(path, "post", str(answer.status_code)).validate(answer.json())


@pytest.mark.slow
def test_only_personas_without_a_contract_answer_404(dashboard: Any) -> None:
    missing = {
        name
        for name in personas.names()
        if dashboard("GET", "/org/contract", f"org_{name}").status_code == 404
    }
    assert missing >= NO_CONTRACT
    assert not {name for name in missing if name.startswith("contract_")}


def test_a_voucher_moves_balance_ledger_and_summary(dashboard: Any) -> None:
    before = dashboard("GET", "/org/billing").json()["creditBalance"]
    answer = dashboard("POST", "/org/vouchers/redeem", json={"code": "WELCOME50"}).json()
    assert answer["creditAmountUsd"] == 50.0
    assert answer["newBalance"] == pytest.approx(before + 50)
    assert dashboard("GET", "/org/billing").json()["creditBalance"] == answer["newBalance"]
    assert dashboard("GET", "/org/usage-summary").json()["creditBalanceUsd"] == answer["newBalance"]
    newest = dashboard("GET", "/org/ledger", params={"days": 1}).json()[0]
    assert (newest["entryType"], newest["amountCredits"]) == ("voucher", 50.0)
    again = dashboard("POST", "/org/vouchers/redeem", json={"code": "WELCOME50"})
    assert (again.status_code, again.json()["detail"]) == (409, "voucher has already been redeemed")


def test_the_ledger_and_the_contract_name_who_asked(dashboard: Any) -> None:
    """`createdBy` is the `sub` of the token that redeemed, opened the checkout, or subscribed."""
    organization, subject = "org_no_contract", "user_2pQ7rVxYbN4mK8sLw3TzHc6Jd9F"
    key = key_file.load_signing_key()
    token = mint_token(key, ClerkSession(organization, "admin", subject=subject), wall_ms())

    def post(path: str, body: dict[str, Any]) -> Any:
        headers = {"Authorization": f"Bearer {token}"}
        answer = dashboard("POST", path, None, json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    post("/org/vouchers/redeem", {"code": "TEST-CREDIT-5-x"})
    sessions = [
        post("/org/billing/checkout", {"amount": 1_000}),
        post("/org/contract/subscribe", {"contractId": MONTHLY}),
    ]
    for session in sessions:
        address = session["url"].partition("/_mock/")[2]
        completed = dashboard("POST", f"/_mock/{address}/complete", None, json={"outcome": "paid"})
        assert completed.status_code == 200, completed.text
    oldest_first = reversed(dashboard("GET", "/org/ledger", organization).json())
    kinds = {row["entryType"]: row.get("createdBy") for row in oldest_first}
    created = {kind: kinds[kind] for kind in ("voucher", "top_up", "contract_credit")}
    assert created == dict.fromkeys(created, subject)
    assert dashboard("GET", "/org/contract", organization).json()["createdBy"] == subject


def test_a_month_of_characters_that_lasts_is_not_billed(dashboard: Any) -> None:
    answer = dashboard("GET", "/org/characters").json()
    assert answer["month"] == "2026-03"
    assert "billedAt" not in answer


@pytest.mark.parametrize(
    ("sent", "currency"),
    [({}, "USD"), ({"currency": "usd"}, "USD"), ({"currency": "Eur"}, "EUR"), ({"currency": "JPY"}, "JPY")],
)
def test_a_currency_may_be_left_out_and_is_taken_in_any_case(
    dashboard: Any, sent: dict[str, str], currency: str
) -> None:
    answer = dashboard("POST", "/org/billing/checkout", json={"amount": 1_000, **sent})
    assert answer.status_code == 200
    session = answer.json()["url"].rpartition("/")[2]
    checkouts = dashboard("GET", "/_mock/v1/organizations/org_standard/checkouts", None).json()["checkouts"]
    assert {row["session"]: row["currency"] for row in checkouts}[session] == currency


@pytest.mark.parametrize("currency", ["", "US", "EURO", "U$D", "USD\n", "\u017fek"])
def test_a_currency_has_three_letters(dashboard: Any, currency: str) -> None:
    answer = dashboard("POST", "/org/billing/checkout", json={"amount": 1_000, "currency": currency})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["location"] == "body.currency"


def test_the_request_has_no_default_currency() -> None:
    """A default would make the member required in generated types."""
    body = descriptions.load()["components"]["schemas"]["OrgBillingCheckoutInputBody"]
    assert "currency" not in body["required"]
    assert not {"default", "enum"} & body["properties"]["currency"].keys()


def test_hosted_urls_are_absolute_and_lead_back_to_this_server(dashboard: Any) -> None:
    checkout = dashboard("POST", "/org/billing/checkout", json={"amount": 1_000}).json()["url"]
    portal = dashboard("POST", "/org/billing/portal").json()["url"]
    assert checkout.startswith("http://127.0.0.1:4010/_mock/checkout/org_standard/cs_test_")
    assert portal.startswith("http://127.0.0.1:4010/_mock/portal/org_standard/bps_")


def test_a_new_organization_has_no_portal_yet(dashboard: Any) -> None:
    answer = dashboard("POST", "/org/billing/portal", "org_new_org")
    assert (answer.status_code, answer.json()["title"]) == (409, "Conflict")


def test_subscribing_leads_to_a_pending_contract(dashboard: Any) -> None:
    answer = dashboard("POST", "/org/contract/subscribe", "org_no_contract", json={"contractId": MONTHLY})
    shown = dashboard("GET", "/org/contract", "org_no_contract").json()
    assert shown["status"] == "pending_payment"
    assert shown["paymentLinkUrl"] == answer.json()["url"]


def test_idempotency_keys(dashboard: Any) -> None:
    def post(path: str, body: Any, key: str, organization: str = "org_standard") -> Any:
        return dashboard("POST", path, organization, json=body, headers={"Idempotency-Key": key})

    for path, body in (
        ("/org/billing/checkout", {"amount": 1_000}),
        ("/org/billing/portal", {}),
        ("/org/vouchers/redeem", {"code": "TEST-CREDIT-5-key"}),
    ):
        key = f"key-for-{path}"
        first, second = post(path, body, key), post(path, body, key)
        assert (
            (first.status_code, first.content)
            == (second.status_code, second.content)
            == (
                200,
                first.content,
            )
        )
    rows = len(dashboard("GET", "/org/ledger").json())
    other = post("/org/billing/checkout", {"amount": 2_000}, "key-for-/org/billing/checkout")
    assert other.status_code == 409
    assert len(dashboard("GET", "/org/ledger").json()) == rows
    elsewhere = post("/org/billing/checkout", {"amount": 2_000}, "key-for-/org/billing/checkout", "org_other")
    assert elsewhere.status_code == 200


def test_a_refusal_is_repeated_under_its_idempotency_key(dashboard: Any) -> None:
    """A command that failed once it was executed is answered so again; an invalid request uses no key up."""

    def redeem(code: str, key: str) -> Any:
        return dashboard(
            "POST", "/org/vouchers/redeem", json={"code": code}, headers={"Idempotency-Key": key}
        )

    first = redeem("MINE", "once")
    dashboard("POST", "/_mock/v1/organizations/org_standard/vouchers", json={"code": "MINE", "creditUsd": 5})
    second = redeem("MINE", "once")
    assert (first.status_code, first.content) == (second.status_code, second.content) == (404, first.content)
    assert (
        redeem("OTHER", "once").json()["detail"]
        == "Idempotency-Key was already used with a different request"
    )
    assert redeem("", "twice").status_code == 422
    assert redeem("MINE", "twice").status_code == 200


def test_the_ledger_is_paged_by_limit_and_cursor(dashboard: Any) -> None:
    whole = dashboard("GET", "/org/ledger", params={"days": 20}).json()
    paged: list[Any] = []
    url = "/org/ledger?days=20&limit=17"
    while url:
        answer = dashboard("GET", url)
        page = answer.json()
        assert 0 < len(page) <= 17
        paged += page
        link = answer.links.get("next")
        url = link["url"].partition("/api/v1")[2] if link else ""
    assert paged == whole
    assert dashboard("GET", "/org/ledger?days=20&cursor=0").json() == []
    assert dashboard("GET", "/org/events?limit=5&cursor=3").status_code == 200


def test_a_member_reads_and_does_not_write(dashboard: Any) -> None:
    assert dashboard("GET", "/org/billing", role="member").status_code == 200
    refused = dashboard("POST", "/org/billing/checkout", role="member", json={"amount": 1_000})
    assert refused.status_code == 403


@pytest.mark.parametrize(("setting", "status"), [("404", 404), ("none", 200)])
def test_what_no_contract_means_is_a_switch(serve: Callable[..., Any], setting: str, status: int) -> None:
    answer = serve(contract_none=setting)("GET", "/org/contract", "org_no_contract")
    assert answer.status_code == status
    if status == 200:
        assert answer.json()["status"] == "none"


def test_nulls_are_null_and_empty_is_empty(dashboard: Any) -> None:
    assert dashboard("GET", "/org/ledger", "org_nulls").json() is None
    assert dashboard("GET", "/org/ledger", "org_empty").json() == []
    assert dashboard("GET", "/org/events", "org_nulls").json()["byType"] is None
