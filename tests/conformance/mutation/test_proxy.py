"""The proxy hands over what it gets, and a mutation changes what it answers."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

from mutation.mutations import LEDGER, PROFILE, for_days, operation, put, without
from mutation.probes import send
from mutation.proxy import Proxy, Request, Response

ASK = Request("GET", "/api/v1/org/billing", "a=1&days=7", (("authorization", "Bearer x"),), b"")


async def echo(scope, receive, send_):
    """Answer with what was asked."""
    body = (await receive()).get("body", b"")
    seen = {
        "method": scope["method"],
        "path": scope["path"],
        "query": scope["query_string"].decode(),
        "headers": [[name.decode(), value.decode()] for name, value in scope["headers"]],
        "body": body.decode(),
    }
    text = json.dumps(seen).encode()
    headers = [(b"content-type", b"application/json"), (b"etag", b'"1"')]
    await send_({"type": "http.response.start", "status": 200, "headers": headers})
    await send_({"type": "http.response.body", "body": text})


def response(make=None, request=ASK):
    return asyncio.run(send(Proxy(echo, *([make(None)] if make else [])), request))


def test_a_request_and_an_answer_pass_unchanged():
    found = response(request=Request("POST", "/x", "q=%20", (("a", "b"),), b"{}"))
    assert found.status == 200
    assert found.header("ETag") == '"1"'
    expected = {"method": "POST", "path": "/x", "query": "q=%20", "headers": [["a", "b"]], "body": "{}"}
    assert found.document() == expected


def test_a_changed_body_has_its_length_and_loses_its_tag():
    found = response(put(PROFILE, "query", to=7))
    assert found.document()["query"] == 7
    assert found.header("etag") is None
    assert found.header("content-length") == str(len(found.body))


def test_only_the_operation_named_is_changed():
    assert response(put(LEDGER, "query", to=7)).document()["query"] == "a=1&days=7"


def test_what_does_not_fit_is_left_alone():
    assert response(without(PROFILE, "rows", 0, "x")).header("etag") == '"1"'


def test_a_window_is_replaced_added_and_left_out():
    assert for_days(ASK, 3).query == "a=1&days=3"
    assert for_days(for_days(ASK, None), "x").query == "a=1&days=x"
    assert for_days(ASK, None).query == "a=1"


def test_head_asks_for_no_operation():
    assert operation(ASK) == PROFILE
    assert operation(replace(ASK, method="HEAD")) is None


def test_a_header_is_replaced_or_removed():
    bare = ASK.with_header("Authorization", None)
    assert bare.header("authorization") is None
    assert Response(200, (("x", "1"),), b"").with_header("X", "2").headers == (("x", "2"),)
