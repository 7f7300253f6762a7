"""The servers keep the documents: each answer is valid by page and published document, bad tokens are 401."""

from __future__ import annotations

import ast
import asyncio
import json
from pathlib import Path

import jsonschema_rs
import jwt
import pytest
from mutation.probes import send
from mutation.proxy import Request
from orgbilling_openapi import description
from orgbilling_openapi.composition import vendor_facts

from servers import huma, limited, rich, session_tokens, sparse
from servers.minimal_http import BASE, BODIES, GETS, POSTS, WINDOWED

SERVERS = {"sparse": sparse.app, "huma": huma.app, "rich": rich.app, "limited": lambda: limited.app(10_000)}
VOUCHERS = {"sparse": "DISCOUNT", "huma": "HELLO20", "rich": rich.VOUCHER, "limited": "HELLO5"}
HERE = Path(__file__).parent
ORGANIZATION = "org_acme"


@pytest.fixture(scope="module")
def document():
    """The vendor's facts, and our description of the paths that they do not have."""
    found, ours = vendor_facts(), description.load()
    found["paths"] = ours["paths"] | found["paths"]
    found["components"]["schemas"] = ours["components"]["schemas"] | found["components"]["schemas"]
    for schema in found["components"]["schemas"].values():
        # The published examples of it are relative, which no URI is.
        schema["properties"].get("$schema", {}).pop("format", None)
    return found


@pytest.fixture(params=SERVERS)
def name(request):
    return request.param


@pytest.fixture
def app(name):
    return SERVERS[name]()


def ask(app, path, method="GET", query="", body=b"", token=None):
    headers = [("host", "api.example.com"), ("content-type", "application/json")]
    sent = session_tokens.token(ORGANIZATION) if token is None else token
    headers += [("authorization", f"Bearer {sent}")] if sent else []
    return asyncio.run(send(app, Request(method, f"{BASE}/{path}", query, tuple(headers), body)))


def suite(document, path, method, answer):
    """Fail unless the answer is one that the facts describe."""
    described = document["paths"][f"/org/{path}"][method.lower()]["responses"]
    content = described["200" if answer.status == 200 else "default"]["content"]
    [(media, schema)] = content.items()
    assert (answer.header("content-type") or "").partition(";")[0] == media
    whole = {**schema["schema"], "components": document["components"]}
    jsonschema_rs.Draft202012Validator(whole, validate_formats=True).validate(json.loads(answer.body))


@pytest.mark.parametrize("path", GETS)
def test_what_is_read_is_described(app, document, path):
    for query in ("", "days=1", "days=365") if path in WINDOWED else ("",):
        answer = ask(app, path, query=query)
        assert answer.status == 200 or (path == "contract" and answer.status == 404)
        suite(document, path, "GET", answer)


@pytest.mark.parametrize("path", sorted(WINDOWED))
@pytest.mark.parametrize("days", ["0", "366", "-1", "x", "1.5", "9" * 30, "1e1"])
def test_a_wrong_window_is_rejected(app, document, path, days):
    answer = ask(app, path, query=f"days={days}")
    assert 400 <= answer.status < 500
    suite(document, path, "GET", answer)


BAD = [b"", b"null", b"[]", b"{", b"\xff", b"7", b"{}", b"NaN", b"[" * 5000]
WRONG = {
    "billing/checkout": {"amount": "5"},
    "contract/subscribe": {"contractId": 5},
    "vouchers/redeem": {"code": None},
}


@pytest.mark.slow_beyond(5)
@pytest.mark.parametrize("path", BODIES)
def test_a_wrong_body_is_rejected(app, document, path):
    good = {
        "billing/checkout": {"amount": 900},
        "contract/subscribe": {"contractId": "x"},
        "vouchers/redeem": {"code": "x"},
    }
    bodies = [
        *BAD,
        json.dumps(WRONG[path]).encode(),
        json.dumps({**good[path], "more": 1}).encode(),
        b" " * 2**21,
    ]
    for body in bodies:
        answer = ask(app, path, "POST", body=body)
        assert 400 <= answer.status < 500, body
        suite(document, path, "POST", answer)


def test_a_voucher_is_single_use(name, app, document):
    body = json.dumps({"code": VOUCHERS[name]}).encode()
    first, second = (ask(app, "vouchers/redeem", "POST", body=body) for _ in range(2))
    assert (first.status, first.document()["voucherCode"]) == (200, VOUCHERS[name])
    assert 400 <= second.status < 500
    suite(document, "vouchers/redeem", "POST", first)
    suite(document, "vouchers/redeem", "POST", second)


def bad_tokens():
    good = session_tokens.token(ORGANIZATION)
    head, claims, signature = good.split(".")
    said = jwt.decode(good, options={"verify_signature": False})
    return {
        "none": "",
        "garbage": "x.y.z",
        "expired": session_tokens.token(ORGANIZATION, -60),
        "unsigned": jwt.encode(said, None, algorithm="none"),
        "hs256": jwt.encode(said, "secret" * 8, algorithm="HS256"),
        "tampered": f"{head}.{claims}.{signature[::-1]}",
        "trailing": f"{good}.x",
        "no signature": f"{head}.{claims}.",
    }


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize("kind", bad_tokens())
def test_a_bad_token_is_401(app, document, kind):
    for path, method in [*((path, "GET") for path in GETS), *((path, "POST") for path in POSTS)]:
        answer = ask(app, path, method, body=b"{}" if method == "POST" else b"", token=bad_tokens()[kind])
        assert answer.status == 401
        suite(document, path, method, answer)


def test_a_session_without_an_organization_is_rejected(app, document):
    answer = ask(app, "billing", token=session_tokens.token(None))
    assert answer.status in (401, 403)
    suite(document, "billing", "GET", answer)


def test_unknown_paths_and_methods_are_rejected(app):
    assert ask(app, "nowhere").status == 404
    answer = ask(app, "ledger", "DELETE")
    assert (answer.status, answer.header("allow") is not None) == (405, True)


def test_two_organizations_do_not_meet(app):
    mine, theirs = (
        ask(app, "billing", token=session_tokens.token(owner)).document() for owner in ("org_a", "org_b")
    )
    assert mine["tenantId"] != theirs["tenantId"]


def test_more_than_the_limit_is_429_and_says_when_to_come_back():
    app = limited.app(3)
    answers = [ask(app, "billing") for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429]
    assert answers[-1].header("retry-after") == "1"


@pytest.mark.parametrize(
    "path",
    [path for path in HERE.glob("*.py") if not path.name.startswith(("test_", "conftest"))],
    ids=lambda path: path.name,
)
def test_no_server_knows_ours(path):
    names = {
        name
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in [getattr(node, "module", None) or "", *(alias.name for alias in node.names)]
    }
    assert not [name for name in names if name.startswith("orgbilling")]
