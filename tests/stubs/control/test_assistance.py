"""What the control API takes, and how it answers a mistake."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from orgbilling_openapi import control_description
from orgbilling_openapi.json_pointer import children, follow
from orgbilling_stubs.http.assisted_input import assisted_errors
from orgbilling_stubs.http.json_schemas import Schemas

ORG = "/organizations/org_a"


@pytest.fixture(autouse=True)
def _organization(drive: Any) -> None:
    drive("POST", "/organizations", {"organization": "org_a", "persona": "low_balance", "asOf": "2026-03-10"})


@pytest.mark.slow_beyond(2)
@pytest.mark.parametrize("name", ["low_balance", "low-balance", "Low Balance", 3, "3"])
def test_a_scenario_is_found_in_any_spelling(drive: Any, name: str | int) -> None:
    answer = drive("PUT", f"{ORG}/scenario", {"scenario": name})
    assert (answer.status_code, answer.json()["scenario"]) == (200, "low-balance")


def rows(answer: Any) -> list[tuple[str, str]]:
    assert 400 <= answer.status_code < 500
    return [(row["location"], row["message"]) for row in answer.json()["errors"]]


@pytest.mark.slow_beyond(2)
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("low_balanc", 'no such scenario; did you mean "low-balance"?'),
        ("zebra", "no such scenario: see GET /scenarios"),
        (26, "expected number <= 25"),
        (None, "expected string or integer"),
    ],
)
def test_an_unknown_scenario_is_refused_with_the_nearest_one(drive: Any, name: object, message: str) -> None:
    assert rows(drive("PUT", f"{ORG}/scenario", {"scenario": name})) == [("body.scenario", message)]


@pytest.mark.slow_beyond(2)
@pytest.mark.parametrize(
    ("by", "now"),
    [
        ("1h", "2026-03-10T01:00:00Z"),
        ("+1 month", "2026-04-10T00:00:00Z"),
        ("-2d 12h", "2026-03-07T12:00:00Z"),
        ("P1M", "2026-04-10T00:00:00Z"),
    ],
)
def test_a_clock_moves_by_a_plain_duration(drive: Any, by: str, now: str) -> None:
    drive("PUT", f"{ORG}/clock", {"mode": "frozen", "at": "2026-03-10"})
    assert drive("POST", f"{ORG}/clock/advance", {"by": by}).json()["clock"]["now"] == now


@pytest.mark.parametrize(
    ("to", "now"), [("2026-03-20", "2026-03-20T00:00:00Z"), ("End_of_month", "2026-03-31T23:59:59Z")]
)
def test_a_clock_jumps_to_a_plain_date_or_a_name(drive: Any, to: str, now: str) -> None:
    drive("PUT", f"{ORG}/clock", {"mode": "frozen", "at": "2026-03-10"})
    assert drive("POST", f"{ORG}/clock/jump", {"to": to}).json()["clock"]["now"] == now


@pytest.mark.slow_beyond(2)
@pytest.mark.parametrize(
    ("method", "path", "body", "location", "message"),
    [
        ("PUT", "/clock", {"mode": "frozen", "now": "2026-03-10"}, "body.now", "no member `now`"),
        ("POST", "/clock/jump", {"to": "end-of-mont"}, "body.to", 'did you mean "end-of-month"?'),
        ("POST", "/clock/advance", {"by": "a month"}, "body.by", "expected a duration such as P1M, 1h or"),
        ("POST", "/tokens", {"bad": "expird"}, "body.bad", 'did you mean "expired"?'),
        ("POST", "/meters", {"meter": "event", "slugg": "x"}, "body.slugg", 'did you mean "slug"?'),
        ("GET", "/clock?limt=3", None, "query.limt", 'expected limit, after; did you mean "limit"?'),
    ],
)  # fmt: skip
def test_a_mistake_is_answered_with_its_place_and_what_was_meant(
    drive: Any, method: str, path: str, body: object, location: str, message: str
) -> None:
    messages = dict(rows(drive(method, ORG + path, body)))
    assert message in messages[location]


@pytest.mark.parametrize("path", ["/journal?org=org_a", "/scenarios?name=x"])
def test_an_unknown_query_parameter_is_refused_with_the_known_ones(drive: Any, path: str) -> None:
    (location, message), *others = rows(drive("GET", path))
    known = {"/journal": "organization, operation, status, since, limit"}.get(path.partition("?")[0])
    assert location == f"query.{path.partition('?')[2].partition('=')[0]}"
    assert message.startswith(
        f"unknown query parameter; {f'expected {known}' if known else 'the operation has none'}"
    )
    assert others == []


def test_coverage_and_journal_take_the_days_that_people_write(drive: Any) -> None:
    assert drive("GET", "/journal?since=2026-03-10").status_code == 200


@pytest.mark.slow_beyond(2)
@pytest.mark.parametrize(
    ("rule", "location"),
    [
        ({"operations": ["getOrgBiling"], "effect": {"reset": True}}, "body.operations[0]"),
        ({"operations": ["getOrgBilling"], "methods": ["POST"], "effect": {"reset": True}}, "body.methods"),
        ({"from": "2026-01-02", "until": "2026-01-01", "effect": {"reset": True}}, "body.until"),
        ({"probability": 0, "effect": {"reset": True}}, "body.probability"),
        ({"effect": {"late": True}}, "body.effect"),
        ({"effect": {"reset": False}}, "body.effect"),
        ({"effect": {"detail": "gone"}}, "body.effect.detail"),
        ({"effect": {"hangMs": 5, "retryAfterSeconds": 3}}, "body.effect.retryAfterSeconds"),
        ({"effect": {"reset": True, "hangMs": 1}}, "body.effect.hangMs"),
        ({"effect": {"latency": {"ms": 5, "maxMs": 1}}}, "body.effect.latency.ms"),
        ({"effect": {"field": "creditBalance"}}, "body.effect.field"),
        ({"effect": {"duplicateMember": {"name": "nothing"}}}, "body.effect.duplicateMember.name"),
        ({"effect": {"status": 418}}, "body.effect.status"),
        ({"effect": {"statuss": 503}}, "body.effect.statuss"),
        ({"effect": {"latency": {"distribution": "uniform"}}}, "body.effect.latency"),
    ],
)
def test_every_error_of_a_rule_has_its_place(drive: Any, rule: object, location: str) -> None:
    assert [place for place, _ in rows(drive("POST", "/faults", rule))] == [location]


def test_a_rule_that_exists_is_named(drive: Any) -> None:
    rule = {"id": "mine", "effect": {"reset": True}}
    drive("POST", "/faults", rule)
    answer = drive("POST", "/faults", rule)
    assert (answer.status_code, rows(answer)[0][0]) == (409, "body.id")
    assert answer.json()["errors"][0]["value"] == "mine"


def test_an_id_without_its_prefix_gets_it_and_the_response_says_so(drive: Any) -> None:
    shown = drive("PUT", "/organizations/standard/scenario", {"scenario": "nulls"}).json()
    assert shown["organization"] == "org_standard"
    created = drive("POST", "/organizations", {"organization": "mine"}).json()
    assert created["organization"] == "org_mine"
    assert drive("POST", "/organizations/mine/fork", {"into": "yours"}).json()["organization"] == "org_yours"
    rule = drive("POST", "/faults", {"organizations": ["mine"], "effect": {"reset": True}}).json()
    assert rule["organizations"] == ["org_mine"]
    listed = drive("GET", "/faults?organization=mine").json()["faults"]
    assert [listed_rule["id"] for listed_rule in listed] == [rule["id"]]
    names = [row["organization"] for row in drive("GET", "/organizations").json()["organizations"]]
    assert sorted(names) == ["org_a", "org_mine", "org_standard", "org_yours"]


def test_an_organization_that_exists_under_another_id_is_named_by_it(drive: Any, dashboard: Any) -> None:
    dashboard("POST", "/org/vouchers/redeem", "acme", json={"code": "TEST-CREDIT-5-a"})
    assert drive("GET", "/organizations/acme").json()["organization"] == "acme"


INSTANT = (
    "expected an instant such as 2026-03-10T12:00:00Z, in the years 1972 to 8999, "
    "or a date such as 2026-03-10"
)


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize(
    "text",
    [
        "tomorrow",
        "2026-11-28T10:00",
        "2026-11-28 10:00:00Z",
        "28.11.2026",
        "2026-02-30",
    ],
)
def test_a_text_that_is_no_instant_is_answered_with_one_that_is(drive: Any, text: str) -> None:
    answer = drive("PUT", f"{ORG}/clock", {"mode": "frozen", "at": text})
    assert answer.json()["errors"] == [{"location": "body.at", "message": INSTANT, "value": text}]
    rule = {"from": text, "effect": {"reset": True}}
    assert rows(drive("POST", "/faults", rule)) == [("body.from", INSTANT)]


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize(
    ("method", "path", "body", "location", "message"),
    [
        ("POST", f"{ORG}/refunds", {"amountUsd": "0"}, "body.amountUsd", "above 0"),
        ("POST", f"{ORG}/refunds", {"amountUsd": "-1"}, "body.amountUsd", "above 0"),
        ("POST", f"{ORG}/adjustments", {"amountUsd": "1,50"}, "body.amountUsd", "such as 12.50"),
        (
            "PATCH",
            f"{ORG}/prices",
            {"tokenPricePer1KUsd": "1,5"},
            "body.tokenPricePer1KUsd",
            "a price in USD",
        ),
        ("POST", f"{ORG}/vouchers", {"code": "A", "creditUsd": "-1"}, "body.creditUsd", "from 0 to"),
        ("POST", f"{ORG}/vouchers", {"code": "A B"}, "body.code", "expected a code of at most 64 letters"),
        ("POST", f"{ORG}/tokens", {"role": "Größe"}, "body.role", "expected a role in lower-case letters"),
        ("POST", "/faults", {"id": "A", "effect": {"reset": True}}, "body.id", "lower-case letters, digits"),
        ("GET", "/journal?status=abc", None, "query.status", "expected a status such as 409"),
        ("PUT", f"{ORG}/checkout-settings", {"successUrl": "x"}, "body.successUrl", "absolute http or https"),
        ("POST", f"{ORG}/clock/jump", {"to": "2026-02-30"}, "body.to", "expected an"),
    ],
)
def test_a_value_against_a_pattern_is_answered_in_words(
    drive: Any, method: str, path: str, body: dict[str, object] | None, location: str, message: str
) -> None:
    answer = drive(method, path, body)
    [row] = answer.json()["errors"]
    assert row["location"] == location
    assert message in row["message"]
    assert "pattern" not in row["message"]
    if body is not None:
        assert row["value"] == body[location.removeprefix("body.")]


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize(
    ("method", "path", "body", "location", "message"),
    [
        (
            "PUT",
            "/clock",
            {},
            "body",
            "expected required property mode to be present: one of frozen, live, server",
        ),
        (
            "PUT",
            "/clock",
            {"mode": "frozn"},
            "body.mode",
            'expected value to be one of "frozen, live, server"; did you mean "frozen"?',
        ),
        ("PUT", "/clock", {"mode": None}, "body.mode", 'expected value to be one of "frozen, live, server"'),
        (
            "PUT",
            "/clock",
            {"mode": "live", "at": "2026-03-10"},
            "body.at",
            "no member `at`; live takes no other member",
        ),
        (
            "PUT",
            "/clock",
            {"mode": "frozen", "at": "2026-03-10", "now": 1},
            "body.now",
            "no member `now`; frozen takes `at`",
        ),
        ("POST", "/checkouts/latest/complete", {}, "body", "expected outcome or card"),
        (
            "POST",
            "/checkouts/latest/complete",
            {"outcome": "paid", "card": "4242424242424242"},
            "body.outcome",
            "give outcome or card, not both",
        ),
        (
            "POST",
            "/checkouts/latest/complete",
            {"card": "4242424242424242", "declineCode": "lost_card"},
            "body",
            "expected required property outcome to be present, since `declineCode` is given: declined",
        ),
    ],
)
def test_a_union_is_answered_with_what_its_alternatives_take(
    drive: Any, method: str, path: str, body: object, location: str, message: str
) -> None:
    assert rows(drive(method, ORG + path, body)) == [(location, message)]


def unions(document: Any, node: Any, seen: set[int]) -> Iterator[Any]:
    """Each schema with alternatives, or next to them, below a node."""
    node = follow(document, node)
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, dict) and ("anyOf" in node or "oneOf" in node):
        yield node
    for _, child in children(node):
        yield from unions(document, child, seen)


def request_unions() -> list[Any]:
    """Each union that a body or a parameter of the control API has."""
    document = control_description.load()
    seen: set[int] = set()
    requests = [
        part
        for item in document["paths"].values()
        for part in [
            item.get("parameters", []),
            *(
                [operation.get("parameters", []), operation.get("requestBody", {})]
                for operation in item.values()
                if isinstance(operation, dict)
            ),
        ]
    ]
    return list(unions(document, requests, seen))


def test_no_union_of_the_control_api_is_answered_with_the_words_of_a_validator() -> None:
    document = control_description.load()
    schemas = Schemas(document)
    found = request_unions()
    assert len(found) > 8
    for union in found:
        schema = schemas.standalone(union, "request")
        validator = schemas.validator(union, "request")
        alternatives = [follow(document, part) for part in union.get("anyOf", union.get("oneOf"))]
        members = {name for node in [union, *alternatives] for name in node.get("properties", {})}
        wrong = [{}, {"zebra": 1}, [], [{}], "", "zebra?", True, 10**15, -1.5, None]
        wrong += [{name: value} for name in members for value in (None, {}, "zebra?", 10**15)]
        for value in wrong:
            for row in assisted_errors(schema, validator, value, "body"):
                assert "schema" not in row["message"], (union, value, row)
                assert "pattern" not in row["message"], (union, value, row)


@pytest.mark.parametrize("sent", ["26", "0"])
def test_an_error_repeats_the_value_as_it_was_sent(drive: Any, sent: str) -> None:
    [row] = drive("PUT", f"{ORG}/scenario", {"scenario": sent}).json()["errors"]
    assert row["value"] == sent


@pytest.mark.parametrize("role", ["Admin", "admin", "MEMBER"])
def test_a_role_is_taken_in_any_case(drive: Any, role: str) -> None:
    assert drive("POST", f"{ORG}/tokens", {"role": role}).status_code == 201


@pytest.mark.parametrize(
    ("by", "now"), [("2 Months", "2026-05-10"), ("p1m", "2026-04-10"), ("1 DAY", "2026-03-11")]
)
def test_a_duration_is_taken_in_any_case(drive: Any, by: str, now: str) -> None:
    drive("PUT", f"{ORG}/clock", {"mode": "frozen", "at": "2026-03-10"})
    answer = drive("POST", f"{ORG}/clock/advance", {"by": by})
    assert answer.json()["clock"]["now"] == f"{now}T00:00:00Z"


def test_a_unit_is_suggested(drive: Any) -> None:
    [(_, message)] = rows(drive("POST", f"{ORG}/clock/advance", {"by": "1 moth"}))
    assert message.endswith('did you mean "month"?')
    assert drive("POST", f"{ORG}/clock/advance", {"by": "1M"}).status_code == 422


def test_the_journal_takes_an_operation_in_any_spelling(drive: Any) -> None:
    assert drive("GET", "/journal?operation=get-org-billing").status_code == 200


def test_a_rule_takes_operations_in_any_spelling(drive: Any) -> None:
    names = ["get-org-billing", "LIST_ORG_ACTIVE_CHARACTERS", "getOrgContract"]
    rule = drive("POST", "/faults", {"operations": names, "effect": {"reset": True}}).json()
    assert rule["operations"] == ["getOrgBilling", "listOrgActiveCharacters", "getOrgContract"]


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize(
    ("method", "path", "body", "location", "hint"),
    [
        (
            "POST",
            f"{ORG}/meters",
            {"meter": "event", "slug": "diary_generatio"},
            "body.slug",
            "diary_generation",
        ),
        ("POST", f"{ORG}/usage", {"model": "gpt"}, "body.model", "gpt-5"),
        ("POST", f"{ORG}/checkouts/latest/complete", {"outcome": "payed"}, "body.outcome", "paid"),
        ("POST", f"{ORG}/snapshots/befor/restore", None, "path.snapshot", "before"),
        ("DELETE", f"{ORG}/snapshots/befor", None, "path.snapshot", "before"),
        ("GET", f"{ORG}/comparison?from=befor", None, "query.from", "before"),
        ("GET", f"{ORG}/comparison?to=befor", None, "query.to", "before"),
        ("GET", "/organizations/org_other_on", None, "path.organization", "org_other_one"),
        ("GET", "/organizations/other_on/ledger", None, "path.organization", "org_other_one"),
        ("GET", f"{ORG}/comparison?with=org_other_on", None, "query.with", "org_other_one"),
        ("DELETE", "/organizations/org_other_on", None, "path.organization", "org_other_one"),
        ("GET", "/organizations/*/clock?after=org_other_on", None, "query.after", "org_other_one"),
        ("GET", "/faults/slo", None, "path.rule", "slow"),
        ("DELETE", "/faults/slo", None, "path.rule", "slow"),
    ],
)
def test_a_name_that_does_not_exist_is_answered_with_its_place_and_the_nearest(
    drive: Any, method: str, path: str, body: dict[str, object] | None, location: str, hint: str
) -> None:
    drive("POST", f"{ORG}/snapshots", {"name": "before"})
    drive("POST", "/organizations", {"organization": "org_other_one"})
    drive("POST", "/faults", {"id": "slow", "effect": {"latency": {"ms": 1}}})
    [row] = drive(method, path, body).json()["errors"]
    assert row["location"] == location
    assert f'did you mean "{hint}' in row["message"]


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize(
    ("method", "path", "body", "status", "location", "value"),
    [
        ("POST", "/organizations", {"organization": "org_a"}, 409, "body.organization", "org_a"),
        ("POST", "/organizations", {"organization": "a"}, 409, "body.organization", "a"),
        ("POST", f"{ORG}/fork", {"into": "a"}, 409, "body.into", "a"),
        ("GET", "/organizations/nobody", None, 404, "path.organization", "nobody"),
        ("POST", f"{ORG}/checkouts/latest/webhook", None, 404, "path.session", "latest"),
        ("POST", f"{ORG}/checkouts/cs_test_1/webhook", None, 404, "path.session", "cs_test_1"),
        ("GET", f"/journal/{'0' * 32}", None, 404, "path.trace", "0" * 32),
        ("POST", f"/journal/{'0' * 32}/replay", None, 404, "path.trace", "0" * 32),
        ("POST", f"{ORG}/usage", {"project": 9_999}, 404, "body.project", 9_999),
    ],
)
def test_a_name_at_fault_is_told_with_its_place_and_as_it_was_sent(
    drive: Any, method: str, path: str, body: object, status: int, location: str, value: object
) -> None:
    answer = drive(method, path, body)
    assert answer.status_code == status
    [row] = answer.json()["errors"]
    assert (row["location"], row["value"]) == (location, value)


@pytest.mark.parametrize("spelling", ["ORG_standard", "Org_Standard", "org-standard"])
def test_an_id_with_its_prefix_in_another_spelling_is_that_id_in_lower_case(
    drive: Any, spelling: str
) -> None:
    shown = drive("PUT", f"/organizations/{spelling}/scenario", {"scenario": "nulls"}).json()
    assert shown["organization"] == "org_standard"
