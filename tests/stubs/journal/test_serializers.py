from __future__ import annotations

import jsonschema_rs
from orgbilling_openapi import control_description
from orgbilling_stubs.http.context import AppliedFault
from orgbilling_stubs.journal.exchange import EXCERPT_BYTES, RecordedError
from orgbilling_stubs.journal.serializers import exchange_document

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1c2VyXzEifQ.c2lnbmF0dXJl"


def test_an_exchange_as_the_contract_has_it(exchange):
    shown = exchange_document(
        exchange(1, query=b"days=7", error=RecordedError("invalid", ""), fault=AppliedFault("rule a"))
    )
    schema = {"$ref": "#/components/schemas/Exchange", "components": control_description.load()["components"]}
    jsonschema_rs.Draft202012Validator(schema, validate_formats=True).validate(shown)
    assert (shown["path"], shown["milliseconds"], shown["at"]) == (
        "/api/v1/org/billing?days=7",
        1.234,
        "2026-11-22T11:00:00.123Z",
    )
    assert (shown["error"], shown["fault"]) == ("invalid", "rule a")


def test_of_a_token_its_claims_are_shown(exchange):
    credentials = exchange_document(exchange())["request"]["credentials"]
    assert credentials["kind"] == "bearer"
    assert (credentials["organization"], credentials["role"]) == ("org_a", "admin")
    nobody = exchange_document(exchange(principal=None, credentials=""))["request"]["credentials"]
    assert nobody == {"kind": "none"}


def test_a_body_is_json_where_it_is_whole(exchange):
    assert exchange_document(exchange())["response"]["body"] == {"a": 1}
    assert exchange_document(exchange(response_body=b'{"a', response_size=9))["response"]["body"] == '{"a…'
    assert exchange_document(exchange(response_body=b"<p>", response_size=3))["response"]["body"] == "<p>"
    assert exchange_document(exchange(response_body=b"", response_size=0))["response"]["body"] is None
    assert exchange_document(exchange(request_body=b"x" * EXCERPT_BYTES))["request"]["body"].endswith("x…")


def test_everything_is_redacted_once_more(exchange):
    raw = TOKEN.encode()
    shown = exchange_document(
        exchange(
            query=b"t=" + raw,
            request_headers=[(b"referer", raw), (b"referer", b"x")],
            request_body=b'{"t":"' + raw + b'"}',
            response_body=raw,
            response_size=len(raw),
            response_headers=[(b"x", raw)],
            fault=AppliedFault(f"override example={TOKEN}"),
        )
    )
    assert TOKEN not in str(shown)
    assert shown["request"]["headers"]["referer"] == "[redacted], x"


def test_no_answer_has_no_status(exchange):
    assert exchange_document(exchange(status=0, organization=""))["status"] is None
    assert exchange_document(exchange(status=0, organization=""))["organization"] is None
