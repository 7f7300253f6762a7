"""A dashboard in a browser talks to one address, and the real API stands behind it, in every mode."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from orgbilling_stubs.beside.settings import BesideMode, BesideSettings

pytestmark = pytest.mark.slow

READS = (
    "billing", "characters", "contract", "events", "ledger", "model-pricing", "service-agreements",
    "service-usage", "usage-summary", "billing",
)  # fmt: skip
FETCH = """async ([base, paths, token, options]) => {
    const answers = [];
    for (const path of paths) {
        const headers = {Authorization: 'Bearer ' + token};
        const answer = await fetch(base + path, {headers, credentials: 'include', ...options});
        const text = await answer.text();
        answers.push([answer.status, text, answer.headers.get('link')]);
    }
    return answers;
}"""
STREAM = """async ([url, token]) => {
    const answer = await fetch(url, {headers: {Authorization: 'Bearer ' + token}});
    const reader = answer.body.getReader();
    const {value} = await reader.read();
    await reader.cancel();
    return new TextDecoder().decode(value);
}"""


class WithCookieAndStream:
    """A server that also sets a cookie for its own name, and has an event stream without an end."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.cookies: list[bytes] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        self.cookies += [value for name, value in scope["headers"] if name == b"cookie"]
        if scope["path"].endswith("/stream"):
            headers = [(b"content-type", b"text/event-stream")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b"data: first\n\n", "more_body": True})
            while (await receive())["type"] != "http.disconnect":
                pass
            return

        async def send_with_cookie(message: Any) -> None:
            if message["type"] == "http.response.start":
                cookie = (b"set-cookie", b"seen=1; Domain=api.example.com; Secure; SameSite=None; Path=/")
                message = {**message, "headers": [*message["headers"], cookie]}
            await send(message)

        await self.app(scope, receive, send_with_cookie)


@pytest.fixture(scope="module")
def servers() -> Iterator[SimpleNamespace]:
    folder = str(Path(__file__).parents[1] / "conformance")
    sys.path.insert(0, folder)
    names = {"servers": ("huma", "session_tokens"), "mutation": ("tcp_recorder",)}
    modules = {name: import_module(f"{package}.{name}") for package, found in names.items() for name in found}
    yield SimpleNamespace(**modules)
    sys.path.remove(folder)


@pytest.fixture
def beside(serve_stub: Callable[..., Any], servers: SimpleNamespace) -> Iterator[Callable[..., Any]]:
    """A stub beside a real API of another framework, in a mode."""
    contexts: list[Any] = []

    def entered(context: Any) -> Any:
        contexts.append(context)
        return context.__enter__()

    def serve(mode: BesideMode, **options: Any) -> Any:
        app = WithCookieAndStream(servers.huma.app())
        recorder = entered(servers.tcp_recorder.recorded(app))
        settings = BesideSettings(recorder.url, mode, **options)
        stub = entered(serve_stub(host="127.0.0.1", clock="live", beside=settings))
        return SimpleNamespace(stub=stub, recorder=recorder, app=app)

    yield serve
    for context in reversed(contexts):
        context.__exit__(None, None, None)


def looked(page: Any, dashboard_url: str, url: str, token: str, paths: Any = READS, **options: Any) -> Any:
    """What a page of another origin on this machine gets."""
    page.goto(dashboard_url)
    page.wait_for_load_state()
    return page.evaluate(FETCH, [f"{url}/api/v1/org/", list(paths), token, options])


def findings(stub: Any) -> set[tuple[str, str, str]]:
    real_api = stub.app.real_api
    assert real_api.observer.wait(120)
    return {finding.key for finding in real_api.observation.findings()}


def test_a_browser_sees_the_real_api_and_its_findings_appear(
    page: Any, dashboard_url: str, beside: Any, servers: SimpleNamespace
) -> None:
    running = beside(BesideMode.OBSERVE, allow_write=("portal",))
    url, token = running.stub.url, servers.session_tokens.token("org_acme")
    answers = looked(page, dashboard_url, url, token)
    assert [status for status, *_ in answers] == [404 if name == "contract" else 200 for name in READS]
    assert "consumption" in answers[4][1]
    assert answers[0][2] is not None  # exposed to the page
    assert ("schema-value", "getOrgLedger", "/*/entryType") in findings(running.stub)
    # The cookie that the real API set for its own name comes back to it.
    assert b"seen=1" in running.app.cookies
    assert page.evaluate(STREAM, [f"{url}/api/v1/characters/7/stream", token]) == "data: first\n\n"
    [[status, text, _]] = looked(page, dashboard_url, url, token, ["billing/portal"], method="POST")
    assert (status, "billing.stripe.com" in text) == (200, True)
    [[status, *_]] = looked(
        page, dashboard_url, url, token, ["vouchers/redeem"], method="POST", body='{"code": "HELLO5"}'
    )
    assert status == 403
    assert ("POST", "/api/v1/org/vouchers/redeem") not in running.recorder.seen
    page.goto(f"{url}/_mock/requests?organization=*")
    page.get_by_text("real API").first.wait_for()


def test_a_browser_sees_the_stub_and_the_real_api_is_compared(
    page: Any, dashboard_url: str, beside: Any, servers: SimpleNamespace
) -> None:
    running = beside(BesideMode.COMPARE)
    token = servers.session_tokens.token("org_acme")
    for name in READS:  # one after the other, so that none is more than may be compared at once
        [[_, text, _]] = looked(page, dashboard_url, running.stub.url, token, [name])
        assert "consumption" not in text
    found = findings(running.stub)
    assert ("same-values", "getOrgLedger", "/*/entryType") in found
    assert {method for method, _ in running.recorder.seen} == {"GET"}


def test_a_browser_sees_both_in_hybrid_mode(
    page: Any, dashboard_url: str, beside: Any, servers: SimpleNamespace
) -> None:
    running = beside(BesideMode.HYBRID, real=("getOrgLedger", "/characters/*"))
    token = servers.session_tokens.token("org_acme")
    ledger, billing = looked(page, dashboard_url, running.stub.url, token, ["ledger", "billing"])
    assert "consumption" in ledger[1]
    assert "stripeCustomerId" in billing[1]
    stream = [f"{running.stub.url}/api/v1/characters/7/stream", token]
    assert page.evaluate(STREAM, stream) == "data: first\n\n"
    assert {path for _, path in running.recorder.seen} == {
        "/api/v1/org/ledger",
        "/api/v1/characters/7/stream",
    }
    answered = {(row.operation, row.answered_by) for row in running.stub.app.journal.newest()}
    assert answered == {("getOrgLedger", "real"), ("getOrgBilling", "stub")}
