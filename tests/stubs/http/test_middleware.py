from __future__ import annotations

import pytest
from orgbilling_openapi import description as contracts
from orgbilling_stubs.auth.errors import AuthError
from orgbilling_stubs.http.assemble import assemble
from orgbilling_stubs.http.context import Reply, Stream


class Ears:
    """A tap that remembers, and takes over whatever asks for it."""

    def __init__(self):
        self.heard = []
        self.wrapped = []

    def begin(self, operation, scope, headers):
        return self.instead if b"x-detour" in headers else 4711

    async def instead(self, receive, send, path):
        await send({"type": "http.response.start", "status": 299, "headers": []})
        await send({"type": "http.response.body", "body": b"instead"})

    def around(self, operation, handler):
        self.wrapped.append(operation.name)
        return handler

    def record(self, operation, turn, status, out, payload):
        self.heard.append((operation, turn, status, payload))


@pytest.fixture
def ears():
    return Ears()


@pytest.fixture
def tapped(ask, ears, profile):
    """The client of other tests, in front of a server with a tap."""

    def events():
        async def run(receive, send):
            await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
            await send({"type": "http.response.body", "body": b""})

        return Stream(b"text/event-stream", run)

    def admit(headers, method):
        if dict(headers).get(b"authorization") != b"Bearer admin":
            raise AuthError("token_missing")
        return "somebody"

    handlers = {
        "getOrgBilling": lambda call: Reply(profile),
        "getOrgModelPricing": lambda call: events(),
        "redeemOrgVoucher": lambda call: 1 / 0,
    }
    ask.app = assemble(contracts.load(), handlers, admit, tap=ears)
    return ask


def test_every_answer_is_reported_with_what_it_was_made_of(tapped, ears):
    answer = tapped("GET", "/org/billing")
    [(operation, turn, status, payload)] = ears.heard
    assert (operation.name, turn.began, turn.principal, status) == ("getOrgBilling", 4711, "somebody", 200)
    assert turn.trace == answer.headers["x-trace-id"]
    assert payload == answer.body
    assert turn.error is None


def test_refusals_and_crashes_are_reported_with_their_reason(tapped, ears):
    tapped("GET", "/org/billing", token=None)
    tapped("POST", "/org/vouchers/redeem", b'{"code":"A"}')
    (_, refused, _, _), (_, crashed, status, _) = ears.heard
    assert (refused.error.name, refused.principal) == ("token_missing", None)
    assert (status, type(crashed.error), crashed.body, crashed.raw) == (
        500,
        ZeroDivisionError,
        {"code": "A"},
        b'{"code":"A"}',
    )


def test_a_detour_answers_instead(tapped, ears):
    answer = tapped("GET", "/org/billing", headers={"x-detour": "1"})
    assert (answer.status, answer.body) == (299, b"instead")
    assert ears.heard == []


def test_handlers_are_wrapped_once_at_the_start(tapped, ears):
    assert set(ears.wrapped) == {"getOrgBilling", "getOrgModelPricing", "redeemOrgVoucher"}


def test_a_handler_may_answer_with_a_stream(tapped):
    answer = tapped("GET", "/org/model-pricing", headers={"origin": "http://localhost:3000"})
    assert (answer.status, answer.body) == (200, b"data: 1\n\n")
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert len(answer.headers["x-trace-id"]) == 32
