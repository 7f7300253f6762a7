"""The server of `net_http` keeps the documents, whatever it chooses, and the suite finds no error in it."""

from __future__ import annotations

import gzip
import http.client
import json

import jsonschema_rs
import pytest
from mutation.soundness import check
from orgbilling_openapi import description
from orgbilling_openapi.composition import vendor_facts

from servers import net_http, session_tokens
from servers.net_http import Choices, cbor, choices, parse_query, serving, wants_cbor
from servers.warned import unexpected_warnings

PLAIN = Choices()
DIFFERENT = [
    Choices(schema="none", link=False, optional=False, contract=False, challenge=False, sparse_problems=True),
    Choices(schema="relative", ours=False, shuffled=True, compressed=True, chunked=True, upper_case=True),
    Choices(closing=True, problem_404=True, cors=True, keys=True, tagged=True, empty_list=True),
    Choices(http_1_0=True, compressed=True, unknown_status=422),
]


@pytest.fixture(scope="module")
def document():
    """The vendor's facts, and our description of the paths that they do not have."""
    found, ours = vendor_facts(), description.load()
    found["paths"] = ours["paths"] | found["paths"]
    found["components"]["schemas"] = ours["components"]["schemas"] | found["components"]["schemas"]
    for schema in found["components"]["schemas"].values():
        schema["properties"].get("$schema", {}).pop("format", None)  # the published examples are relative
    return found


def ask(server, path, method="GET", body=None, token=None, **headers):
    """Status, headers in lower case, and body."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=30)
    sent = session_tokens.token("org_acme") if token is None else token
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    headers |= {"Authorization": f"Bearer {sent}"} if sent else {}
    connection.request(method, f"/api/v1/org/{path}", body, headers)
    answer = connection.getresponse()
    content = answer.read()
    found = {name.lower(): value for name, value in answer.getheaders()}
    connection.close()
    return answer.status, found, gzip.decompress(content) if "content-encoding" in found else content


def keeps(document, path, method, status, headers, body):
    described = document["paths"][f"/org/{path}"][method.lower()]["responses"]
    content = described["200" if status == 200 else "default"]["content"]
    [(media, schema)] = content.items()
    assert headers["content-type"].partition(";")[0] == media
    whole = {**schema["schema"], "components": document["components"]}
    jsonschema_rs.Draft202012Validator(whole, validate_formats=True).validate(json.loads(body))


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize("made", [PLAIN, *DIFFERENT], ids=range(5))
def test_what_is_answered_is_described(document, made):
    with serving(made, 3) as server:
        for path in net_http.READS:
            status, headers, body = ask(server, path, Accept_Encoding="gzip")
            assert status == 200 or (path == "contract" and not made.contract)
            keeps(document, path, "GET", status, headers, body)
        for path, token in (
            ("billing", ""),
            ("billing", "x.y.z"),
            ("ledger?days=0", None),
            ("ledger?days=x", None),
        ):
            status, headers, body = ask(server, path, token=token)
            assert status in (401, 422)
            keeps(document, path.partition("?")[0], "GET", status, headers, body)
        for body in (
            b"",
            b"{",
            b"[]",
            b"{}",
            b'{"code":5}',
            b'{"code":"x","y":1}',
            b'{"code":"x"}',
            b" " * 2**20,
        ):
            status, headers, answer = ask(server, "vouchers/redeem", "POST", body)
            assert 400 <= status < 500
            keeps(document, "vouchers/redeem", "POST", status, headers, answer)


def test_a_voucher_is_single_use(document):
    with serving(PLAIN) as server:
        for expected in (200, 404):
            status, headers, body = ask(server, "vouchers/redeem", "POST", b'{"CODE":"TWENTY"}')
            assert status == expected
            keeps(document, "vouchers/redeem", "POST", status, headers, body)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        *((query, 200) for query in ("days=%", "days=%zz", "days=30;31", "days=", "days", "days=7&days=x")),
        *((query, 200) for query in ("Days=0", "days=%2B7")),
        *((query, 422) for query in ("days=%00", "days=30.0", "days=x&days=7")),
    ],
)
def test_queries_are_read_as_go_reads_them(query, status):
    with serving(PLAIN) as server:
        assert ask(server, f"ledger?{query}")[0] == status


def test_a_pair_that_cannot_be_decoded_is_dropped():
    assert parse_query("a=1&b=%&c;d=2&a=3&%zz=4&e=+&=x") == {"a": ["1", "3"], "e": [" "], "": ["x"]}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"amount":1000,"currency":null}', 200),
        (b'{"AMOUNT":1000}', 200),
        (b'{"amount":"x","amount":1000}', 200),
        (b'{"amount":1000,"$schema":7}', 200),
        (b'{"amount":null}', 422),
        (b'{"amount":1000.0}', 422),
        (b'{"amount":9223372036854775808}', 422),
        (b'\xef\xbb\xbf{"amount":1000}', 400),
        (b'{"amount":1000}{}', 400),
    ],
)
def test_bodies_are_read_as_the_framework_reads_them(body, status):
    with serving(PLAIN) as server:
        assert ask(server, "billing/checkout", "POST", body)[0] == status


def test_the_router_speaks_plain_text_and_whoever_asks_gets_cbor():
    with serving(PLAIN) as server:
        for path, method, expected in (("nowhere", "GET", 404), ("ledger", "DELETE", 405)):
            status, headers, body = ask(server, path, method)
            assert (status, headers["content-type"]) == (expected, "text/plain; charset=utf-8")
            assert not body.startswith(b"{")
        status, headers, body = ask(
            server, "model-pricing", Accept="application/cbor, application/json;q=0.5"
        )
        assert (status, headers["content-type"], body[:1]) == (200, "application/cbor", b"\x81")
        assert ask(server, "nowhere", "HEAD")[2] == b""
    assert not wants_cbor("application/json, application/cbor;q=0.9")


def test_cbor_by_the_examples_of_its_standard():
    assert cbor({"a": 1, "b": [2, 3]}) == bytes.fromhex("a26161016162820203")
    assert cbor([-1, True, None, 1.1, "ü"]).hex() == "8520f5f6fb3ff199999999999a62c3bc"


def test_seeds_choose_everything_that_is_open_one_way_and_the_other():
    drawn = [choices(seed) for seed in range(50)]
    for name, kind in Choices.__annotations__.items():
        if kind == "bool" and name != "idempotent":
            assert {getattr(made, name) for made in drawn} == {True, False}
    assert {made.schema for made in drawn} == {"absolute", "relative", "none"}


@pytest.mark.slow
@pytest.mark.parametrize("made", [PLAIN, *DIFFERENT], ids=range(5))
def test_the_suite_accuses_none_of_an_error(made):
    report = check(1, made)
    assert report.errors == ()
    assert unexpected_warnings("net_http", report) == []
    assert report.verdict == ("conforms" if made.contract else "inconclusive")


@pytest.mark.slow
def test_in_full_what_we_assume_alone_is_warned_of():
    report = check(2, PLAIN, quick=False)
    # The server knows no `cursor` and no `limit`, and takes any word for a currency.
    assert {(finding.severity, finding.basis) for finding in report.findings} == {("warning", "assumed")}
    assert report.verdict == "conforms"
