"""A stub on a real port, a dashboard on another one, and Debian's Chromium in front of both."""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import uvicorn
from orgbilling_stubs.api.serializers import payment_url, portal_url
from orgbilling_stubs.app import App, build
from orgbilling_stubs.billing.commands import OpenCheckout, OpenPortal
from orgbilling_stubs.settings import Settings
from serving import served

CLOCK = "2026-03-10T12:00:00Z"
NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
REFUSED = re.compile("status of 4|BLOCKED_BY_RESPONSE")
MISSING: list[str] = []
STOPPED: list[str] = []
"""Addresses of the stubs that have been stopped: a page that is still open may go on asking them."""


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Nobody should believe that the browser tests passed where there was no browser."""
    for reason in MISSING:
        terminalreporter.section("NO BROWSER", sep="!", red=True, bold=True)
        terminalreporter.line(f"The tests in tests/browser did not run: {reason}.", red=True, bold=True)


def skip(reason: str) -> None:
    if reason not in MISSING:
        MISSING.append(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, or a skipped test and a loud line where there is none."""
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        skip(f"no {NAMES[0]} on PATH (apt-get install chromium, or set CHROMIUM)")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        skip("Playwright for Python is not installed")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page of a fresh profile; an error on its console fails the test, refused requests excepted."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(30_000)
    opened = context.new_page()
    errors: list[str] = []
    opened.on("console", lambda said: errors.append(located(said)) if said.type == "error" else None)
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    gone = re.compile("|".join(rf"net::ERR_\w+ at {re.escape(address)}/" for address in STOPPED) or "(?!)")
    errors = [error for error in errors if not gone.search(error)]
    assert [error for error in errors if not REFUSED.search(error)] == []


def located(said: Any) -> str:
    """What a page's console said, and about which address."""
    return f"{said.text} at {said.location['url']}"


def press(page: Any, key: str) -> None:
    """Press a key once the scripts of the page listen, however busy the machine is."""
    page.wait_for_load_state()
    page.keyboard.press(key)


class Stub:
    """A served stub: open sessions by organization, and see what became of them."""

    def __init__(self, app: App, url: str) -> None:
        self.app = app
        self.url = url

    def checkout(self, organization: str, cents: int = 2_500, currency: str = "USD") -> str:
        event, _ = self.app.service.execute(organization, OpenCheckout(cents, currency))
        return payment_url(self.url, organization, event.session_id)

    def contract(self, organization: str) -> str:
        contract = self.app.service.tenant(organization).contract
        return payment_url(self.url, organization, contract.session_id)

    def portal(self, organization: str) -> str:
        event, _ = self.app.service.execute(organization, OpenPortal())
        return portal_url(self.url, organization, event.session_id)

    def balance(self, organization: str) -> float:
        return self.app.service.tenant(organization).ledger.balance_micros / 1_000_000


@contextmanager
def served_stub(settings: Settings) -> Iterator[Stub]:
    app = build(settings)
    config = uvicorn.Config(app.asgi, log_config=None, lifespan="on", ws="none")
    with served(config, force=True) as server:  # a browser keeps its event streams open
        yield Stub(app, server.url)
    STOPPED.append(server.url)


@pytest.fixture(scope="module")
def serve_stub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ORGBILLING_HOME", str(tmp_path_factory.mktemp("home")))
        yield lambda **settings: served_stub(Settings(**({"clock": CLOCK} | settings)))


@pytest.fixture(scope="module")
def stub(serve_stub: Callable[..., Any]) -> Iterator[Stub]:
    """A stub with default settings, shared by tests that each have an organization of their own."""
    with serve_stub() as running:
        yield running


class _Page(BaseHTTPRequestHandler):
    """Answers every path with a page that names it; /via/… first goes through another origin and back."""

    def do_GET(self) -> None:
        port = self.server.server_address[1]
        if self.path.startswith("/via/"):
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{port}/{self.path.removeprefix('/via/')}")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(
            b"<!doctype html><title>Dashboard</title><link rel=icon href=data:,><h1>Dashboard</h1>"
        )

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def dashboard_url() -> Iterator[str]:
    """The base URL of the customer's own app, on another origin."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
