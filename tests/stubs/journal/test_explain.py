from __future__ import annotations

import jsonschema_rs
import pytest
from orgbilling_openapi import control_description, json_pointer
from orgbilling_openapi import description as api
from orgbilling_stubs.faults.effects.status import Status
from orgbilling_stubs.faults.rules import FaultRule
from orgbilling_stubs.journal.explain import COMMANDS
from orgbilling_stubs.tenants.reset import reset
from orgbilling_stubs.tenants.undo import undo


@pytest.fixture(scope="module")
def validator():
    schema = {
        "$ref": "#/components/schemas/Explanation",
        "components": control_description.load()["components"],
    }
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True)


def redeem(watched, code="TEST-CREDIT-5-A", **headers):
    return watched("POST", "/org/vouchers/redeem", json={"code": code}, headers=headers)


def test_a_write_is_explained_from_the_log(watched, validator):
    why = watched.explained(redeem(watched))
    validator.validate(why)
    assert why["command"] == {
        "name": "RedeemVoucher",
        "arguments": {"code": "TEST-CREDIT-5-A"},
        "outcome": "done",
    }
    [event] = why["events"]
    assert (event["kind"], event["code"]) == ("VoucherRedeemed", "TEST-CREDIT-5-A")
    [row] = why["ledger"]
    assert (row["entryType"], row["amountCredits"]) == ("voucher", 5)
    assert why["balance"]["after"] == pytest.approx(why["balance"]["before"] + 5)
    assert why["findings"] == []


@pytest.mark.slow
def test_it_stays_explained_after_more_and_after_going_back(watched):
    answer = redeem(watched)
    first = watched.explained(answer)
    redeem(watched, "TEST-CREDIT-5-B")
    assert watched.explained(answer) == first
    undo(watched.service, "org_standard")
    undo(watched.service, "org_standard")
    assert watched.explained(answer) == first
    reset(watched.service, "org_standard")
    assert watched.explained(answer) == first


def test_a_repeated_write_appended_nothing(watched):
    redeem(watched, **{"Idempotency-Key": "once"})
    why = watched.explained(redeem(watched, **{"Idempotency-Key": "once"}))
    assert (why["command"]["outcome"], why["events"], why["ledger"]) == ("repeated", [], [])
    assert why["balance"]["before"] == why["balance"]["after"]


def test_a_refused_write_says_why(watched, validator):
    redeem(watched)
    why = watched.explained(redeem(watched))
    validator.validate(why)
    assert why["exchange"]["status"] == 409
    assert why["command"]["outcome"] == "refused"
    assert (why["events"], why["ledger"]) == ([], [])
    assert len(why["findings"]) == 1


def test_findings_of_validation(watched, validator):
    why = watched.explained(watched("GET", "/org/ledger?days=0"))
    validator.validate(why)
    assert why["findings"] == [{"location": "query.days", "message": "expected number >= 1"}]
    assert why["command"] is None


def test_a_read_shows_the_balance_it_saw(watched, validator):
    answer = watched("GET", "/org/billing")
    redeem(watched)
    why = watched.explained(answer)
    validator.validate(why)
    assert why["balance"] == {
        "before": answer.json()["creditBalance"],
        "after": answer.json()["creditBalance"],
    }


def test_the_contract_is_named_with_its_layers(watched):
    why = watched.explained(watched("GET", "/org/contract"))
    layers = {each["pointer"]: each["layer"] for each in why["apiDescription"]}
    document = api.load()
    assert all(json_pointer.find(document, place) for place in layers)
    assert layers["#/paths/~1org~1contract/get"] == "documented"
    assert len([place for place in layers if "/responses/" in place]) >= 1


def test_the_fault_of_a_response(watched, validator):
    rule = watched.instrumentation.rules.add(FaultRule((Status(503),)))
    why = watched.explained(watched("GET", "/org/billing", headers={"Prefer": "delay=1"}))
    validator.validate(why)
    assert why["fault"] == {
        "text": f"override delay=1, rule {rule.id}",
        "override": "delay=1",
        "rules": [{"id": rule.id, "match": 1}],
    }


@pytest.mark.parametrize("created_anew", [False, True])
def test_an_organization_that_is_gone_leaves_the_exchange(watched, validator, created_anew):
    """Another log under the same name does not explain what happened in the former one."""
    answer = redeem(watched)
    watched.service.delete("org_standard")
    if created_anew:
        redeem(watched)
    why = watched.explained(answer)
    validator.validate(why)
    assert (why["balance"], why["events"], why["ledger"]) == (None, [], [])
    assert why["exchange"]["status"] == 200


def test_a_stranger_is_explained_without_a_tenant(watched, validator):
    why = watched.explained(watched("GET", "/org/billing", headers={"Authorization": ""}))
    validator.validate(why)
    assert why["balance"] is None


def test_every_write_has_its_command():
    posts = [item["post"]["operationId"] for item in api.load()["paths"].values() if "post" in item]
    assert sorted(COMMANDS) == sorted(posts)
