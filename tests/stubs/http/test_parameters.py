from __future__ import annotations

import pytest
from orgbilling_stubs.http.application import HttpSettings
from orgbilling_stubs.http.context import EncodedReply


@pytest.fixture
def days(make):
    """Asks the ledger with a query string: the `days` that the handler saw, or the finding."""

    def asked(query: bytes, settings: HttpSettings | None = None):
        seen = []

        def handler(call):
            seen.append(call.parameters["days"])
            return EncodedReply(b"[]")

        answer = make(settings, getOrgLedger=handler)("GET", "/org/ledger", query=query)
        return seen[0] if seen else (answer.status, answer.json["errors"])

    return asked


@pytest.mark.parametrize(
    ("query", "value"),
    [
        (b"", 30),
        (b"days=1", 1),
        (b"days=365", 365),
        (b"days=007", 7),
        (b"days=%37", 7),
        (b"d%61ys=7", 7),
        (b"other=1&days=7&x", 7),
        (b"days=7&limit=5", 7),
        (b"Days=9", 30),
        (b"&&&=&", 30),
    ],
)
def test_days_is_read_and_defaults_to_30(days, query, value):
    assert days(query) == value


@pytest.mark.parametrize(
    ("query", "message", "value"),
    [
        (b"days=0", "expected number >= 1", 0),
        (b"days=-1", "expected number >= 1", -1),
        (b"days=366", "expected number <= 365", 366),
        (b"days=x", "invalid integer", "x"),
        (b"days=", "invalid integer", ""),
        (b"days", "invalid integer", ""),
        (b"days=1.0", "invalid integer", "1.0"),
        (b"days=1_0", "invalid integer", "1_0"),
        (b"days=+7", "invalid integer", " 7"),
        (b"days=%FF", "invalid integer", "\ufffd"),
        (b"days=%zz", "invalid integer", "%zz"),
        ("days=٣".encode(), "invalid integer", "٣"),
        (b"days=9223372036854775808", "invalid integer", "9223372036854775808"),
        (b"days=1&days=2", "expected a single value", ["1", "2"]),
    ],
)
def test_a_wrong_days_is_told_in_the_words_of_the_framework(days, query, message, value):
    status, errors = days(query)
    assert status == 422
    assert errors == [{"message": message, "location": "query.days", "value": value}]


def test_lenient_takes_the_first_of_several_and_the_default_for_none(days):
    lenient = HttpSettings(lenient=True)
    assert days(b"days=", lenient) == 30
    assert days(b"days=7&days=x", lenient) == 7


def test_a_handler_cannot_change_cached_parameters(make):
    def handler(call):
        found = call.parameters.pop("days")
        return EncodedReply(b"[]", headers={"X-Days": str(found)})

    ask = make(getOrgLedger=handler)
    assert [ask("GET", "/org/ledger", query=b"days=5").headers["x-days"] for _ in range(2)] == ["5", "5"]


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256, "\x7f"])
def test_an_idempotency_key_is_visible_ascii(ask, is_problem, key):
    answer = ask("POST", "/org/vouchers/redeem", b'{"code":"a"}', headers={"idempotency-key": key})
    assert is_problem(answer)
    assert answer.status == 422
    assert answer.json["errors"][0]["location"] == "header.Idempotency-Key"


def test_the_fingerprint_is_that_of_operation_and_body(make):
    seen = []

    def handler(call):
        seen.append(call.idempotency)
        raise LookupError

    ask = make(redeemOrgVoucher=handler, createOrgBillingPortal=handler)
    key = {"idempotency-key": "k" * 255}
    ask("POST", "/org/vouchers/redeem", b'{"code":"a"}', headers=key)
    ask("POST", "/org/vouchers/redeem", b' { "code" : "a" } ', headers=key)
    ask("POST", "/org/vouchers/redeem", b'{"code":"b"}', headers=key)
    ask("POST", "/org/billing/portal", headers=key)
    ask("POST", "/org/billing/portal")

    assert seen[0] == seen[1]
    assert len({each.fingerprint for each in seen[:4]}) == 3
    assert seen[4] is None
