"""Every refusal of HTTP itself: one row each, in order of precedence."""

from __future__ import annotations

import asyncio

import pytest
from orgbilling_stubs.http import errors, request_body
from orgbilling_stubs.http.context import Reply
from orgbilling_stubs.http.errors import TABLE, TITLES, Problem

REDEEM = "/org/vouchers/redeem"
BIG = b'{"code":"' + b"x" * (1 << 20) + b'"}'

ROWS = {
    "route_unknown": (("GET", "/org/nothing"), {"token": None}),
    "method_wrong": (("DELETE", "/org/billing"), {"token": None}),
    "host_refused": (("GET", "/org/billing"), {"token": None, "headers": {"host": "evil.example"}}),
    "origin_refused": (
        ("POST", REDEEM, b"{}"),
        {"token": None, "headers": {"origin": "https://evil.example"}},
    ),
    "media_wrong": (("POST", REDEEM, BIG), {"headers": {"content-type": "text/xml"}}),
    "body_large": (("POST", REDEEM, BIG), {}),
    "body_missing": (("POST", REDEEM, b""), {}),
    "body_malformed": (("POST", REDEEM, b"{"), {}),
    "invalid": (("POST", REDEEM, b"{}"), {}),
}


@pytest.mark.parametrize("name", sorted(ROWS))
def test_a_refusal_has_the_status_and_detail_of_its_row(ask, is_problem, name):
    row = next(problem_type for problem_type in TABLE if problem_type.code == name)
    args, named = ROWS[name]

    answer = ask(*args, **named)

    assert is_problem(answer)
    assert answer.status == row.status
    assert answer.json["title"] == TITLES[row.status]
    assert answer.json["detail"].startswith(row.detail)


def test_every_row_is_tested_somewhere():
    elsewhere = {"credentials_missing", "body_slow", "crashed", "invalid_response", "unimplemented"}
    of_heads = {"request_malformed", "target_long", "headers_many", "header_large", "head_large", "head_slow"}
    of_heads |= {"framing_large", "transfer_coding_unknown", "server_full"}
    of_heads |= {"host_missing", "host_repeated", "host_invalid"}  # see server/test_connection_limits.py
    assert {row.code for row in TABLE} == set(ROWS) | elsewhere | of_heads
    assert len({row.code for row in TABLE}) == len(TABLE)


def test_the_first_that_applies_is_the_answer(ask):
    wrong = {"content-type": "text/xml"}
    misdirected = wrong | {"host": "evil.example"}
    assert ask("PATCH", "/nothing", BIG, token=None, headers=misdirected).status == 421
    assert ask("PATCH", REDEEM, BIG, token=None, headers=misdirected).status == 421
    assert ask("PATCH", "/nothing", BIG, token=None, headers=wrong).status == 404
    assert ask("PATCH", REDEEM, BIG, token=None, headers=wrong).status == 405
    foreign = wrong | {"origin": "null"}
    assert ask("POST", REDEEM, BIG, token=None, headers=foreign | {"host": "evil.example"}).status == 421
    assert ask("POST", REDEEM, BIG, token=None, headers=foreign).status == 403
    assert ask("POST", REDEEM, BIG, token=None, headers=wrong).status == 401
    assert ask("POST", REDEEM, BIG, token="Bearer member", headers=wrong).status == 403
    assert ask("POST", REDEEM, BIG, headers=wrong).status == 415
    assert ask("POST", REDEEM, BIG).status == 413
    assert ask("POST", REDEEM, b"{").status == 400
    assert ask("POST", REDEEM, b"{}", headers={"idempotency-key": ""}).status == 422


def test_401_says_how_to_authenticate_and_405_what_is_allowed(ask):
    assert ask("GET", "/org/billing", token=None).headers["www-authenticate"].startswith("Bearer")
    assert ask("POST", "/org/billing").headers["allow"] == "GET, HEAD, OPTIONS"
    assert ask("GET", REDEEM).headers["allow"] == "OPTIONS, POST"


def test_a_body_is_too_large_from_the_very_first_byte_over(ask):
    def sized(size: int) -> bytes:
        return b'{"code":"' + b"x" * (size - 11) + b'"}'

    assert ask("POST", REDEEM, sized((1 << 20) - 1)).status != 413
    assert ask("POST", REDEEM, sized(1 << 20)).status == 413
    assert ask("POST", REDEEM, [sized(1 << 20)[:600_000], sized(1 << 20)[600_000:]]).status == 413


def test_a_slow_body_is_refused_and_the_connection_closed():
    async def never() -> dict[str, object]:
        await asyncio.sleep(60)
        return {}

    with pytest.raises(Problem) as refused:
        asyncio.run(request_body.receive_body({b"content-length": b"5"}, never, seconds=0.02))
    assert refused.value.code == "body_slow"
    assert refused.value.status == 408
    assert refused.value.headers == {"Connection": "close"}


def test_a_body_that_comes_in_pieces_is_put_together(ask):
    answer = ask("POST", REDEEM, [b'{"co', b'de":"', b'A"}'])
    assert answer.json["voucherCode"] == "A"


def test_a_crash_gives_nothing_away(make, is_problem, caplog):
    def crash(call):
        raise RuntimeError("secret")

    answer = make(getOrgBilling=crash)("GET", "/org/billing")

    assert is_problem(answer)
    assert answer.status == 500
    assert answer.json["detail"] == errors.CRASHED.detail
    assert answer.json["instance"] == f"urn:trace:{answer.headers['x-trace-id']}"
    assert b"secret" not in answer.body
    assert answer.headers["x-trace-id"] in caplog.text
    assert "secret" in caplog.text


def test_a_reply_that_breaks_the_contract_is_a_500_and_the_log_says_where(make, is_problem, caplog):
    answer = make(getOrgBilling=lambda call: Reply({"tenantId": 3}))("GET", "/org/billing")

    assert is_problem(answer)
    assert answer.status == 500
    assert "invalid_response" in caplog.text
    assert "body.tenantId: expected string" in caplog.text


def test_a_refusal_from_below_becomes_a_problem(make, is_problem):
    class SlowError(Exception):
        code, status, detail, retry_after_s = "slow_down", 429, "slow down", 7

    def refuse(call):
        raise SlowError

    answer = make(getOrgBilling=refuse)("GET", "/org/billing")
    assert is_problem(answer)
    assert answer.status == 429
    assert answer.headers["retry-after"] == "7"
