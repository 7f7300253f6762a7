"""Overrides of one request, in a running server."""

from __future__ import annotations

import json

import pytest
from orgbilling_stubs.faults import COOKIE, errors

CARRIERS = {
    "header": lambda wanted: {"headers": {"Prefer": wanted}},
    "cookie": lambda wanted: {"headers": {"Cookie": f"{COOKIE}={wanted.replace(', ', '&')}"}},
    "query": lambda wanted: {"query": "?" + "&".join(f"__{each}" for each in wanted.split(", "))},
}


def prefer(world, carrier, wanted, path="/org/billing", body=None, **request):
    options = CARRIERS[carrier](wanted)
    return world(path + options.pop("query", ""), body, **request, **options)


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_code_in_every_carrier(world, carrier, is_problem):
    answer = prefer(world, carrier, "code=503, delay=1")
    assert (answer.status, answer.headers["preference-applied"]) == (503, "code=503, delay=1")
    assert is_problem(answer)


@pytest.mark.parametrize("organization", ["org_standard", None])
def test_codes_come_before_authentication(world, organization):
    for code in (401, 403, 429, 500):
        answer = world("/org/billing", organization=organization, headers={"Prefer": f"code={code}"})
        assert answer.status == code
    challenged = world("/org/billing", organization=organization, headers={"Prefer": "code=401"})
    assert challenged.headers["www-authenticate"] == 'Bearer error="invalid_token"'


def test_every_listed_status_of_every_operation_can_be_had(world, is_problem):
    contract = world("/openapi.json", organization=None).json
    for path, item in contract["paths"].items():
        for method, operation in item.items():
            for status in operation["responses"]:
                if not status.isdecimal() or status == "200":
                    continue
                body = {} if method == "post" else None
                answer = world(path, body, organization=None, headers={"Prefer": f"code={status}"})
                assert answer.status == int(status), (path, status)
                assert is_problem(answer) if status != "304" else answer.body == b""


def test_200_is_the_normal_answer_whatever_the_rules_say(world):
    world.fault(status=503)
    assert world("/org/billing").status == 503
    answer = world("/org/billing", headers={"Prefer": "code=200"})
    assert (answer.status, answer.json["billingMode"]) == (200, "prepaid")
    assert world("/org/billing", organization=None, headers={"Prefer": "code=200"}).status == 401


def test_an_unlisted_status_needs_force(world, is_problem):
    refused = world("/org/billing", headers={"Prefer": "code=418"})
    assert refused.status == 400
    assert refused.json["detail"].startswith(errors.CODE_UNLISTED.detail)
    assert is_problem(refused)
    assert world("/org/billing", headers={"Prefer": "code=418, force"}).status == 418
    accepted = world("/org/billing", headers={"Prefer": "code=202, force"})
    assert (accepted.status, accepted.json["billingMode"]) == (202, "prepaid")


def test_an_example_needs_neither_token_nor_body_and_changes_nothing(world):
    answer = world("/org/vouchers/redeem", {}, organization=None, headers={"Prefer": "example=default"})
    assert answer.status == 200
    assert answer.json["$schema"].startswith("http://127.0.0.1/api/v1/schemas/")
    assert {"voucherCode", "newBalance"} <= answer.json.keys()
    assert answer.headers["preference-applied"] == "example=default"


def test_a_delay_leaves_the_answer_alone(world):
    plain = world("/org/billing")
    answer = world("/org/billing", headers={"Prefer": "delay=20ms"})
    assert (answer.status, answer.body) == (200, plain.body)
    assert answer.headers["etag"] == plain.headers["etag"]


def test_a_write_with_an_injected_error_writes_nothing(world, organization):
    before = world("/org/billing", organization=organization).json
    body = {"code": "TEST-CREDIT-5-FORCED"}
    injected = world("/org/vouchers/redeem", body, organization=organization, headers={"Prefer": "code=409"})
    assert injected.status == 409
    assert world("/org/billing", organization=organization).json == before


def test_a_scenario_for_one_request(world, organization):
    zero = {"Prefer": "scenario=zero-balance"}
    plain = world("/org/billing", organization=organization).json
    staged = world("/org/billing", organization=organization, headers=zero)
    assert staged.json["creditBalance"] == 0 != plain["creditBalance"]
    assert staged.headers["preference-applied"] == "scenario=zero-balance"
    assert world("/org/billing", organization=organization).json == plain
    assert world("/org/billing", organization=None, headers=zero).status == 401


def test_a_scenario_made_of_faults_fires_for_its_request_alone(world, organization):
    answer = world("/org/billing", organization=organization, headers={"Prefer": "scenario=session-expired"})
    assert (answer.status, answer.json["detail"]) == (401, "the session token has expired")
    assert world("/org/billing", organization=organization).status == 200


WRONG = {
    errors.PREFERENCE_MALFORMED: 'code="503',
    errors.CODE_INVALID: "code=abc",
    errors.CODE_UNLISTED: "code=410",
    errors.EXAMPLE_UNKNOWN: "example=nothing",
    errors.DELAY_INVALID: "delay=soon",
    errors.SCENARIO_UNKNOWN: "scenario=nothing",
}


@pytest.mark.parametrize("row", errors.OVERRIDES, ids=lambda row: row.code)
def test_a_wrong_override_is_refused_by_name(world, row, is_problem):
    answer = world("/org/billing", headers={"Prefer": WRONG[row]})
    assert (answer.status, answer.headers.get("preference-applied")) == (400, None)
    assert answer.json["detail"].startswith(row.detail)
    assert is_problem(answer)
    [exchange] = world.exchanges()
    assert exchange.error.name == row.code


def test_other_preferences_and_parameters_are_not_ours(world):
    answer = world("/org/ledger?days=7&__other=1", headers={"Prefer": "return=minimal, respond-async"})
    assert answer.status == 200
    assert "preference-applied" not in answer.headers


def test_head_carries_overrides_too(world):
    answer = world("/org/billing", headers={"Prefer": "code=503"}, method="HEAD")
    assert (answer.status, answer.body) == (503, b"")


def test_pages_of_other_origins_can_read_injected_errors(world):
    origin = "http://localhost:3000"
    for wanted in ("code=503", "example=default", "delay=1"):
        headers = {"Prefer": wanted, "Origin": origin}
        answer = world("/org/billing", headers=headers)
        assert answer.headers["access-control-allow-origin"] == origin
        assert "Prefer" in answer.headers["vary"]


def test_chance_fires_for_the_same_requests_in_every_run(world):
    def run():
        world.instrumentation.rules.clear()
        world.fault(status=503, probability=0.1, seed=7)
        return [world("/org/model-pricing").status for _ in range(60)]

    first = run()
    assert 503 in first
    assert 200 in first
    assert run() == first


def test_a_rule_for_one_organization_leaves_the_others_alone(world, organization):
    world.fault(status=503, organizations=(organization,))
    assert world("/org/billing", organization=organization).status == 503
    assert world("/org/billing").status == 200
    assert world("/org/billing", organization=None).status == 401


def test_a_rule_added_later_fires_for_a_token_known_before(world, organization):
    world.fault(status=503, organizations=("org_nobody",))
    for _ in range(2):
        assert world("/org/billing", organization=organization).status == 200
    world.fault(status=429, organizations=(organization,), times=1)
    answers = [world("/org/billing", organization=organization).status for _ in range(2)]
    assert answers == [429, 200]


def test_a_window_is_on_the_clock_of_the_tenant(world, organization):
    now_ms = world.service.tenant(organization).now_ms
    world.fault(status=503, from_ms=now_ms, until_ms=now_ms + 1)
    world.fault(status=429, from_ms=now_ms + 1)
    assert world("/org/billing", organization=organization).status == 503
    assert world("/org/billing", organization=None).status in (401, 503)
    world.drive("POST", f"/organizations/{organization}/clock/advance", {"by": "P1D"})
    assert world("/org/billing", organization=organization).status == 429


def test_bodies_are_json_whatever_happens(world):
    world.fault(nulls=True, field="x")
    assert json.loads(world("/org/contract").body)


def test_the_rules_of_a_scenario_come_before_the_standing_ones_and_end_with_it(world, organization):
    rule = world.fault(status=503, organizations=(organization,))
    assert world("/org/billing", organization=organization).status == 503
    place = f"/organizations/{organization}"
    world.drive("PUT", f"{place}/scenario", {"scenario": "session-expired"})
    assert world("/org/billing", organization=organization).status == 401
    assert world.exchanges()[0].fault.text == f"rule scenario-session-expired-1, rule {rule.id}"
    world.drive("POST", f"{place}/undo")
    assert world("/org/billing", organization=organization).status == 503


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("deleted", [False, True])
def test_a_scenario_that_is_shown_again_counts_anew(world, organization, deleted):
    """Also in another log under the same name, where the scenario has the same sequence number."""
    for _ in range(2):
        world.drive("PUT", f"/organizations/{organization}/scenario", {"scenario": "rate-limited"})
        answers = [world("/org/billing", organization=organization).status for _ in range(2)]
        assert answers == [200, 429]
        if deleted:
            world.drive("DELETE", f"/organizations/{organization}")
