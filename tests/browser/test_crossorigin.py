"""A page of another origin cannot drive the stub, whatever a browser lets it try."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest

pytestmark = pytest.mark.slow

EVIL = "evil.test"
REBOUND = "rebound.test"
BODY = '{"organization": "org_stolen"}'
RESULT = "(async () => { try { %s } catch (error) { return 'threw' } })()"


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>Prizes</title><link rel=icon href=data:,><h1>You won</h1>")

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def attacker() -> Iterator[int]:
    """The port of the attacker's own server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def chromium(browser: Any) -> Iterator[Any]:
    """A second Chromium, for which the attacker's names lead to this machine, as after DNS rebinding."""
    arguments = [
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        f"--host-resolver-rules=MAP {EVIL} 127.0.0.1, MAP {REBOUND} 127.0.0.1",
    ]
    path = os.environ.get("CHROMIUM") or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
    )
    launched = browser.browser_type.launch(executable_path=path, args=arguments)
    yield launched
    launched.close()


@pytest.fixture
def visit(chromium: Any) -> Iterator[Any]:
    """Opens a page at an address."""
    context = chromium.new_context()
    context.set_default_timeout(10_000)

    def open_page(url: str) -> Any:
        page = context.new_page()
        page.goto(url)
        return page

    yield open_page
    context.close()


@pytest.fixture
def world(stub: Any) -> Any:
    """The stub with one organization that is worth attacking."""
    stub.app.service.tenant("org_victim")
    return stub


def state(world: Any) -> Any:
    service = world.app.service
    return {name: list(service.store.read(name)) for name in service.store.organizations()}


def run(page: Any, script: str) -> Any:
    return page.evaluate(RESULT % script)


FETCHES = {
    "plain fetch": "(await fetch(URL, {...POST, headers: JSON_})).status",
    "no-cors": "(await fetch(URL, {...POST, mode: 'no-cors'})).type",
    "no-cors, JSON type": "(await fetch(URL, {...POST, mode: 'no-cors', headers: JSON_})).type",
    "no-cors, no body": "(await fetch(VICTIM + '/reset', {method: 'POST', mode: 'no-cors'})).type",
    "blob": "(await fetch(URL, {...POST, mode: 'no-cors', body: new Blob([BODY])})).type",
    "credentials": "(await fetch(URL, {...POST, credentials: 'include', headers: JSON_})).status",
    "delete": "(await fetch(VICTIM, {method: 'DELETE'})).status",
    "put": "(await fetch(VICTIM + '/scenario', {...POST, method: 'PUT', headers: JSON_})).status",
    "with a token": "(await fetch(URL, {...POST, headers: {...JSON_, 'X-Control-Token': 'x'}})).status",
    "read": "(await fetch(URL)).status",
    "beacon": "navigator.sendBeacon(URL, BODY) && 'sent'",
    "typed beacon": "navigator.sendBeacon(URL, new Blob([BODY], {type: 'application/json'})) && 'sent'",
    "XMLHttpRequest": "(x => (x.open('POST', URL, false), x.send(BODY), x.status))(new XMLHttpRequest())",
}
UNREAD = ("threw", "opaque", "sent")


@pytest.mark.parametrize("name", FETCHES)
def test_a_script_of_another_origin_changes_and_reads_nothing(
    world: Any, visit: Any, attacker: int, name: str
) -> None:
    before = state(world)
    page = visit(f"http://{EVIL}:{attacker}/")
    place = f"{world.url}/_mock/v1/organizations"
    names = f"const URL = '{place}', VICTIM = '{place}/org_victim', BODY = '{BODY}';"
    types = "const JSON_ = {'Content-Type': 'application/json'}, POST = {method: 'POST', body: BODY};"
    assert run(page, f"{names}{types} return {FETCHES[name]}") in UNREAD
    page.wait_for_timeout(200)
    assert state(world) == before


@pytest.mark.parametrize(
    "encoding", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_a_form_of_another_origin_changes_nothing(
    world: Any, visit: Any, attacker: int, encoding: str
) -> None:
    before = state(world)
    page = visit(f"http://{EVIL}:{attacker}/")
    page.set_content(
        f'<form method="post" enctype="{encoding}" action="{world.url}/_mock/v1/organizations">'
        """<input name='{"organization": "org_stolen", "x": "' value='"}'><button>Claim</button></form>"""
    )
    page.click("button")
    page.wait_for_url(f"{world.url}/**")
    assert "may not change anything" in page.content()
    assert state(world) == before


def test_a_sandboxed_frame_has_no_origin_and_changes_nothing(world: Any, visit: Any, attacker: int) -> None:
    before = state(world)
    page = visit(f"http://{EVIL}:{attacker}/")
    place = f"{world.url}/_mock/v1/organizations"
    script = f"fetch('{place}', {{method: 'POST', mode: 'no-cors', body: '{{}}'}})"
    page.set_content(f'<iframe sandbox="allow-scripts" srcdoc="<script>{script}</script>"></iframe>')
    page.wait_for_timeout(500)
    assert state(world) == before


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_rebound_name_is_refused(world: Any, visit: Any, method: str) -> None:
    """The page's own name leads to the stub: for the browser this is the same origin."""
    before = state(world)
    port = urlsplit(world.url).port
    page = visit(f"http://{REBOUND}:{port}/healthz")
    body = f", body: '{BODY}', headers: {{'Content-Type': 'application/json'}}" if method == "POST" else ""
    place = "/_mock/v1/organizations" + ("/org_victim" if method == "DELETE" else "")
    answer = run(page, f"return await (await fetch('{place}', {{method: '{method}'{body}}})).json()")
    # The page itself is refused, and what it shows may not even ask (its content security policy).
    assert answer == "threw" or (answer["status"], "Host header" in answer["detail"]) == (421, True)
    assert state(world) == before


def test_a_page_of_this_machine_may(world: Any, visit: Any, dashboard_url: str) -> None:
    """The proof that the attacks above fail for their origin, not for a mistake in them."""
    page = visit(dashboard_url)
    place = f"{world.url}/_mock/v1/organizations"
    body, headers = '{"organization": "org_own"}', "{'Content-Type': 'application/json'}"
    sent = f"{{method: 'POST', body: '{body}', headers: {headers}}}"
    assert run(page, f"return (await fetch('{place}', {sent})).status") == 201
    assert run(page, f"return (await fetch('{place}/org_own', {{method: 'DELETE'}})).status") == 204
