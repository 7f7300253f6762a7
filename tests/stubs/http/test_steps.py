"""What the steps around an operation see of a request, and what they can do to its response."""

from __future__ import annotations

import pytest
from orgbilling_openapi import description as descriptions
from orgbilling_stubs.auth.errors import AuthError
from orgbilling_stubs.http.application import assemble
from orgbilling_stubs.http.context import Reply, Response, StreamReply


class Recorder:
    """Remembers every exchange."""

    def __init__(self):
        self.exchanges = []

    def __call__(self, context, response):
        self.exchanges.append((context, response))


def replace(call_next):
    """A step that answers by itself, when the request asks for it."""

    async def answer(context):
        if b"x-replace" in context.headers:
            return Response(299, [], b"instead")
        return await call_next(context)

    return answer


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture
def client(ask, recorder, profile):
    """The client of other tests, in front of a server with a recorder and a step that replaces."""

    def events():
        async def run(connection):
            await connection.write(b"data: 1\n\n", more=True)
            await connection.write(b"")

        return StreamReply(b"text/event-stream", run)

    def authorize(headers, method, values):
        if dict(headers).get(b"authorization") != b"Bearer admin":
            raise AuthError("token_missing")
        return "somebody"

    handlers = {
        "getOrgBilling": lambda context: Reply(profile),
        "getOrgModelPricing": lambda context: events(),
        "redeemOrgVoucher": lambda context: 1 / 0,
    }
    ask.app = assemble(descriptions.load(), handlers, authorize, recorder=recorder, fault_injection=replace)
    return ask


def test_every_response_is_recorded_with_what_it_was_made_of(client, recorder):
    answer = client("GET", "/org/billing")
    [(context, response)] = recorder.exchanges
    assert (context.operation.operation_id, context.principal) == ("getOrgBilling", "somebody")
    assert context.trace_id == answer.headers["x-trace-id"]
    assert (response.status, response.body) == (200, answer.body)
    assert context.error is None


def test_errors_and_crashes_are_recorded_with_their_reason(client, recorder):
    client("GET", "/org/billing", token=None)
    client("POST", "/org/vouchers/redeem", b'{"code":"A"}')
    (refused, _), (crashed, response) = recorder.exchanges
    assert (refused.error.code, refused.principal) == ("token_missing", None)
    assert (response.status, type(crashed.error)) == (500, ZeroDivisionError)
    assert (crashed.body, crashed.raw_body) == ({"code": "A"}, b'{"code":"A"}')


def test_a_step_may_answer_instead_of_the_operation(client, recorder):
    answer = client("GET", "/org/billing", headers={"x-replace": "1"})
    assert (answer.status, answer.body) == (299, b"instead")
    assert [response.status for _, response in recorder.exchanges] == [299]


def test_a_handler_may_answer_with_a_stream(client):
    answer = client("GET", "/org/model-pricing", headers={"origin": "http://localhost:3000"})
    assert (answer.status, answer.body) == (200, b"data: 1\n\n")
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert len(answer.headers["x-trace-id"]) == 32
