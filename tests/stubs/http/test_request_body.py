from __future__ import annotations

import pytest
from orgbilling_stubs.http.application import HttpSettings
from orgbilling_stubs.http.context import Reply

REDEEM = "/org/vouchers/redeem"
CHECKOUT = "/org/billing/checkout"


def rows(answer):
    return [(row["location"], row["message"]) for row in answer.json["errors"]]


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"\xff\xfe",
        b'{"code":"\xff"}',
        b'{"code":"\\ud800"}',
        b"[" * 10_000 + b"]" * 10_000,
        b'{"code":' * 5_000,
        b'{"code":1e400}',
        b'{"code":NaN}',
        b'{"code":-Infinity}',
        b'{"code":' + b"9" * 5_000 + b"}",
        b'{"code":"a","code":"b"}',
        b'{"code":"a","x":{"y":1,"y":2}}',
        b"\x00",
        b"nul",
        b"'a'",
    ],
)
def test_what_is_not_json_is_a_400_that_shows_the_text(ask, is_problem, raw):
    answer = ask("POST", REDEEM, raw)
    assert is_problem(answer)
    assert answer.status == 400
    assert answer.json["errors"][0]["location"] == "body"
    assert answer.json["errors"][0]["value"].startswith(raw[:20].decode("utf-8", "replace"))
    assert len(answer.body) < 4_000


def test_no_body_at_all_is_a_400_without_errors(ask):
    answer = ask("POST", REDEEM)
    assert (answer.status, answer.json["detail"]) == (400, "request body is required")
    assert "errors" not in answer.json


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b"{}", [("body", "expected required property code to be present")]),
        (b"[]", [("body", "expected object")]),
        (b"null", [("body", "expected object")]),
        (b'{"code":1}', [("body.code", "expected string")]),
        (b'{"code":"a","foo":1}', [("body.foo", "unexpected property")]),
        (
            b'{"CODE":"a","foo":1}',
            [
                ("body.CODE", "unexpected property"),
                ("body.foo", "unexpected property"),
                ("body", "expected required property code to be present"),
            ],
        ),
        (b'{"code":"a","$schema":"http://localhost/x.json"}', [("body.$schema", "unexpected property")]),
    ],
)
def test_all_findings_are_told_at_once(ask, is_problem, raw, found):
    answer = ask("POST", REDEEM, raw)
    assert is_problem(answer)
    assert (answer.status, answer.json["detail"]) == (422, "validation failed")
    assert sorted(rows(answer)) == sorted(found)


def test_an_unexpected_property_shows_the_whole_object(ask):
    answer = ask("POST", REDEEM, b'{"code":"a","foo":1}')
    assert answer.json["errors"][0]["value"] == {"code": "a", "foo": 1}


@pytest.mark.parametrize("amount", [b"500.0", b"5e2", b"5E2"])
def test_a_whole_number_written_as_a_float_is_an_integer_to_the_contract_and_none_to_the_framework(
    make, amount
):
    seen = []

    def checkout(call):
        seen.append(call.body["amount"])
        return Reply({"url": "http://x"})

    body = b'{"amount":' + amount + b"}"
    assert make(createOrgBillingCheckout=checkout)("POST", CHECKOUT, body).status == 200
    assert [(amount, type(amount)) for amount in seen] == [(500, int)]
    answer = make(HttpSettings(lenient=True))("POST", CHECKOUT, body)
    assert answer.status == 422
    assert rows(answer) == [("body", "expected integer")]


def test_digits_and_dots_in_texts_are_no_floats(ask):
    assert ask("POST", REDEEM, b'{"code":"1.0e5"}').status == 200


@pytest.mark.parametrize("amount", [b"99999999999999999999", b"-9223372036854775809", b"1e300"])
def test_an_integer_out_of_range_is_a_422(ask, is_problem, amount):
    answer = ask("POST", CHECKOUT, b'{"amount":' + amount + b"}")
    assert is_problem(answer)
    assert answer.status == 422


@pytest.mark.parametrize(
    ("media", "status"),
    [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("Application/JSON", 200),
        ("application/vnd.api+json", 200),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("application/jsonp", 415),
        ("", 415),
    ],
)
def test_media_types(ask, media, status):
    assert ask("POST", REDEEM, b'{"code":"a"}', headers={"content-type": media}).status == status


def test_the_lenient_stub_tolerates_what_the_framework_tolerates(make):
    ask = make(HttpSettings(lenient=True))
    assert ask("POST", REDEEM, b'{"CODE":"a"}').json["voucherCode"] == "a"
    assert ask("POST", REDEEM, b'{"code":"a","code":"b"}').json["voucherCode"] == "b"
    assert ask("POST", REDEEM, b'{"code":"a","$schema":"http://localhost/x.json"}').status == 200
    assert ask("POST", REDEEM, b'{"code":"a","foo":1}').status == 422
    assert ask("POST", CHECKOUT, b'{"amount":500.0}').status == 422


def test_an_operation_without_a_body_ignores_one(ask):
    assert ask("POST", "/org/billing/portal", b"{}").status == 200
    assert ask("POST", "/org/billing/portal", b"\xff", headers={"content-type": "x"}).status == 200
    assert ask("GET", "/org/billing", b"{").status == 200


@pytest.mark.slow_beyond(10)
@pytest.mark.parametrize("levels", [98, 99, 100, 101, 250, 270, 400, 1_000, 1_023, 1_025, 5_000])
@pytest.mark.parametrize("member", [b"code", b"other"])
def test_no_depth_of_nesting_is_a_500(ask, is_problem, levels, member):
    answer = ask("POST", REDEEM, b'{"' + member + b'":' + b"[" * levels + b"]" * levels + b"}")
    assert is_problem(answer)
    assert answer.status == (400 if levels > 99 else 422)  # one level is the object itself


@pytest.mark.parametrize("body", [b'{"code":"a"}', [b'{"code":', b'"a"}']])
def test_a_body_needs_a_content_type(make, body):
    for settings in (HttpSettings(), HttpSettings(lenient=True)):
        answer = make(settings)("POST", REDEEM, body, typed=False)
        assert answer.status == 415
        assert "application/json" in answer.json["detail"]


def test_where_there_is_no_body_no_content_type_is_needed(ask):
    assert ask("POST", "/org/billing/portal").status == 200
    answer = ask("POST", REDEEM, b"", typed=False)
    assert (answer.status, answer.json["detail"]) == (400, "request body is required")


@pytest.mark.parametrize("schema", [b'"/api/v1/schemas/X.json"', b'"x"', b'""', b'"http://x/y.json"'])
def test_schema_in_a_request_is_tolerated_when_lenient(make, schema):
    body = b'{"$schema":' + schema + b',"code":"a"}'
    assert make(HttpSettings(lenient=True))("POST", REDEEM, body).status == 200
    assert make()("POST", REDEEM, body).status == 422
