from __future__ import annotations

import pytest
from orgbilling_openapi import control_description
from orgbilling_stubs.faults import errors, handlers


def test_every_fault_operation_of_the_contract_has_its_handler():
    tagged = [
        operation["operationId"]
        for item in control_description.load()["paths"].values()
        for operation in item.values()
        if isinstance(operation, dict) and "faults" in operation.get("tags", ())
    ]
    assert sorted(handlers.fault_handlers(None)) == sorted(tagged)


def test_a_rule_lives_from_its_request_to_its_removal(world):
    asked = {"operations": ["getOrgBilling"], "times": 1, "effect": {"status": 503, "retryAfterSeconds": 9}}
    added = world.drive("POST", "/faults", asked)
    assert (added["id"], added["times"], added["fired"]) == ("flt_1", 1, 0)
    assert world("/org/billing").headers["retry-after"] == "9"
    assert world("/org/billing").status == 200
    assert world.drive("GET", "/faults/flt_1")["fired"] == 1
    listed = world.drive("GET", "/faults")
    assert ([each["id"] for each in listed["spent"]], listed["faults"]) == (["flt_1"], [])
    assert world.drive("DELETE", "/faults/flt_1") == 204
    assert world.drive("GET", "/faults")["spent"] == []


def test_an_organization_sees_the_rules_that_can_fire_for_it_and_clears_what_is_its_own(world):
    for rule_ in ({"organizations": ["org_a"]}, {"organizations": ["org_b"]}, {}):
        world.drive("POST", "/faults", rule_ | {"effect": {"reset": True}})
    seen = world.drive("GET", "/faults?organization=org_a")["faults"]
    assert [each["organizations"] for each in seen] == [["org_a"], []]
    assert world.drive("DELETE", "/faults?organization=org_a") == 204
    left = world.drive("GET", "/faults")["faults"]
    assert [each["organizations"] for each in left] == [["org_b"], []]
    assert world.drive("DELETE", "/faults") == 204
    assert world.drive("GET", "/faults")["faults"] == []


WRONG = {
    errors.OPERATION_UNKNOWN: {"operations": ["getNothing"], "effect": {"reset": True}},
    errors.METHOD_UNUSED: {"operations": ["getOrgBilling"], "methods": ["POST"], "effect": {"reset": True}},
    errors.LIMIT_INVALID: {
        "from": "2026-01-02T00:00:00Z",
        "until": "2026-01-01T00:00:00Z",
        "effect": {"reset": True},
    },
    errors.EFFECT_EMPTY: {"effect": {"late": True}},
    errors.EFFECTS_CONFLICT: {"effect": {"reset": True, "hangMs": 1}},
    errors.EFFECT_INVALID: {"effect": {"latency": {"ms": 5, "maxMs": 1}}},
    errors.STATUS_UNLISTED: {"effect": {"status": 418}},
}


@pytest.mark.parametrize("row", WRONG, ids=lambda row: row.code)
def test_a_wrong_rule_is_refused(world, row):
    answer = world.drive("POST", "/faults", WRONG[row])
    assert answer["status"] == row.status
    assert world.drive("GET", "/faults")["faults"] == []


@pytest.mark.parametrize("member", ["organizations", "operations", "methods"])
def test_an_empty_list_is_refused_for_it_would_name_nobody(world, member):
    answer = world.drive("POST", "/faults", {member: [], "effect": {"reset": True}})
    assert answer["status"] == 422
    assert [each["location"] for each in answer["errors"]] == [f"body.{member}"]
    assert world.drive("GET", "/faults")["faults"] == []


def test_a_rule_that_never_fires_for_is_refused(world):
    answer = world.drive("POST", "/faults", {"probability": 0, "effect": {"reset": True}})
    assert (answer["status"], answer["detail"]) == (422, "probability: the rule could never fire")
    assert world.drive("GET", "/faults")["faults"] == []


@pytest.mark.parametrize("name", ["creditBalance", "$schema", "detail", "amountUsd"])
def test_a_documented_member_is_not_overwritten(world, name):
    answer = world.drive("POST", "/faults", {"effect": {"field": name}})
    assert answer["status"] == 422
    assert f"a member {name};" in answer["detail"]
    assert world.drive("GET", "/faults")["faults"] == []


def test_an_id_can_be_given_once(world):
    asked = {"id": "mine", "effect": {"reset": True}}
    assert world.drive("POST", "/faults", asked)["id"] == "mine"
    assert world.drive("POST", "/faults", asked)["status"] == 409
    assert world.drive("GET", "/faults/other")["status"] == 404
    assert world.drive("DELETE", "/faults/other")["status"] == 404


def test_every_effect_can_be_written_and_read_back(world):
    effect = {
        "latency": {"ms": 5, "distribution": "uniform", "maxMs": 9, "sigmaPermille": 500},
        "dripBytesPerSecond": 9,
        "truncateBytes": -1,
        "stale": {"commands": 2},
        "nulls": True,
        "field": "x",
        "rateLimit": {"limit": 3, "seconds": 5},
    }
    added = world.drive("POST", "/faults", {"effect": effect})
    assert added["effect"] == effect
