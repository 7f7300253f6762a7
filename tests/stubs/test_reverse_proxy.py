"""Behind a reverse proxy that serves the stub below a path, every page works as it does without one."""

from __future__ import annotations

import asyncio
import json
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx
import pytest
import yaml
from orgbilling_stubs.app import build
from orgbilling_stubs.settings import Settings
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

ORGANIZATION = "org_standard"
PREFIX = "/mock"
PUBLIC_URL = f"https://billing.example{PREFIX}"
API = f"{PUBLIC_URL}/api/v1"
CONSOLE = f"{PUBLIC_URL}/_mock/"
YAML_FILES = (".yaml", "-3.0.yaml")
CARD = {"number": "4242 4242 4242 4242", "expiry": "12 / 29", "cvc": "123", "name": "Ada Lovelace"}
FORWARDED = {
    "x-forwarded-proto": "https",
    "x-forwarded-host": "billing.example",
    "x-forwarded-prefix": PREFIX,
}


class ReverseProxy:
    """Passes on what is below PREFIX, without it; every other path is unknown to it."""

    def __init__(self, app: ASGIApp, headers: dict[str, str], peer: str = "127.0.0.1") -> None:
        self._app = app
        self._headers = [(name.encode(), value.encode()) for name, value in headers.items()]
        self._peer = peer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not scope["path"].startswith(f"{PREFIX}/"):
            await PlainTextResponse("not below the prefix", 404)(scope, receive, send)
            return
        headers = [(name, value) for name, value in scope["headers"] if name != b"host"]
        passed_on = {
            "scheme": "http",
            "path": scope["path"].removeprefix(PREFIX),
            "raw_path": scope["raw_path"].removeprefix(PREFIX.encode()),
            "client": (self._peer, 50_000),
            "server": ("127.0.0.1", 4010),
            "headers": [(b"host", b"127.0.0.1:4010"), *headers, *self._headers],
        }
        await self._app({**scope, **passed_on}, receive, send)


class Page(HTMLParser):
    """What a page leads to: links and files, and forms with the values of their fields."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__()
        self.url = str(response.url)
        self.links: list[str] = []
        self.forms: list[tuple[str, str, dict[str, str]]] = []
        self.feed(response.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form":
            url = urljoin(self.url, attributes.get("action") or self.url)
            self.forms.append((attributes.get("method", "get"), url, {}))
        elif self.forms and tag in ("input", "button", "textarea", "select") and "name" in attributes:
            self.forms[-1][2][attributes["name"]] = attributes.get("value", "")
        self.links += [
            urljoin(self.url, attributes[name]) for name in ("href", "src", "data-url") if name in attributes
        ]


class Browser:
    """Asks for everything that the pages lead to; every answer has to be of the stub and no error."""

    def __init__(self, proxy: ASGIApp) -> None:
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(proxy), headers={"accept": "*/*"})
        self._visited: set[tuple[str, tuple[str, ...]]] = set()
        self.paths: set[str] = set()

    def send(self, method: str, url: str, **options: Any) -> httpx.Response:
        assert url.startswith(f"{PUBLIC_URL}/"), url
        response = asyncio.run(self._client.request(method, url, **options))
        assert response.status_code < 400, (method, url, response.status_code, response.text[:200])
        self.paths.add(urlsplit(url).path.removeprefix(PREFIX))
        return response

    def submit(self, url: str, fields: dict[str, str]) -> httpx.Response:
        """Submit a form, and follow its redirects."""
        headers = {"origin": "https://billing.example", "content-type": "application/x-www-form-urlencoded"}
        response = self.send("POST", url, data=fields, headers=headers)
        while "location" in response.headers:
            response = self.send("GET", urljoin(url, response.headers["location"]))
        return response

    def crawl(self, url: str) -> None:
        """Visit a page and all that it leads to; addresses that differ in query values alone once."""
        parts = urlsplit(url)
        key = (parts.path, tuple(name for name, _ in parse_qsl(parts.query)))
        if key in self._visited or parts.netloc == "shop.example":
            return
        self._visited.add(key)
        response = self.send("GET", url)
        if "location" in response.headers:
            self.crawl(urljoin(url, response.headers["location"]))
        if response.headers.get("content-type", "").startswith("text/html"):
            page = Page(response)
            for link in page.links:
                self.crawl(link)
            for method, action, _ in page.forms:
                assert action.startswith(f"{PUBLIC_URL}/"), action
                if method == "get":
                    self.crawl(action)


def form_to(response: httpx.Response, path: str) -> tuple[str, dict[str, str]]:
    """The first form of a page that leads to a path: its URL, and its fields."""
    return next((url, fields) for _, url, fields in Page(response).forms if urlsplit(url).path == path)


def settings(**network: Any) -> Settings:
    return Settings(clock="2026-03-10T12:00:00Z", auth="off", **network)


CASES = {
    "X-Forwarded-Prefix": (settings(allowed_hosts=("billing.example",)), FORWARDED),
    "--public-url": (settings(public_url=PUBLIC_URL), {}),
}


@pytest.fixture(params=CASES)
def browser(request: pytest.FixtureRequest) -> Browser:
    chosen, headers = CASES[request.param]
    return Browser(ReverseProxy(build(chosen).asgi, headers))


@pytest.mark.slow_beyond(1)
def test_a_checkout_and_the_portal_work_from_the_first_page_to_the_last(browser: Browser) -> None:
    opened = browser.send("POST", f"{API}/org/billing/checkout", json={"amount": 5000}).json()
    payment_page = browser.send("GET", opened["url"])
    browser.crawl(opened["url"])
    url, _ = form_to(payment_page, urlsplit(opened["url"]).path)
    paid = browser.submit(url, CARD)
    assert str(paid.url) == f"{opened['url']}/return"
    assert "Payment received" in paid.text
    browser.crawl(opened["url"])

    portal = browser.send("POST", f"{API}/org/billing/portal").json()["url"]
    browser.crawl(portal)
    url, fields = form_to(browser.send("GET", f"{portal}/cancel"), f"{urlsplit(portal).path}/cancel")
    assert str(browser.submit(url, fields).url) == portal
    browser.crawl(f"{portal}/resume")
    assert any("/invoices/" in path for path in browser.paths)


def test_the_question_of_the_bank_is_answered(browser: Browser) -> None:
    opened = browser.send("POST", f"{API}/org/billing/checkout", json={"amount": 5000}).json()["url"]
    question = browser.submit(opened, {**CARD, "number": "4000 0025 0000 3155"})
    url, fields = form_to(question, urlsplit(opened).path)
    assert str(browser.submit(url, {**fields, "decision": "authorize"}).url) == f"{opened}/return"


@pytest.mark.slow
def test_every_page_of_the_console_and_of_the_documents_works(browser: Browser) -> None:
    browser.send("GET", f"{API}/org/billing")
    for start in (f"{PUBLIC_URL}/", f"{API}/docs", CONSOLE.rstrip("/"), f"{PUBLIC_URL}/_mock/docs"):
        browser.crawl(start)
    browser.crawl(f"{CONSOLE}?org=org_not_there_yet")
    assert {"/_mock/requests", "/_mock/operations", "/api/v1/openapi.yaml", "/_mock/v1/openapi.json"} < (
        browser.paths
    )


@pytest.mark.slow
def test_every_form_of_the_console_leads_back_to_its_page(browser: Browser) -> None:
    browser.send("GET", f"{API}/org/billing")
    for name in ("", "requests", "operations"):
        start = f"{CONSOLE}{name}?org={ORGANIZATION}"
        forms = {
            url: fields for method, url, fields in Page(browser.send("GET", start)).forms if method == "post"
        }
        for url, fields in forms.items():
            leads_to = (
                (f"{CONSOLE}checkout/", f"{CONSOLE}portal/")
                if fields.get("follow")
                else f"{CONSOLE}{name}?org="
            )
            assert str(browser.submit(url, fields).url).startswith(leads_to)


@pytest.mark.slow_beyond(1)
def test_a_curl_command_of_the_console_has_the_url_that_clients_see(browser: Browser) -> None:
    browser.send("GET", f"{API}/org/billing")
    page = browser.send("GET", f"{CONSOLE}?org={ORGANIZATION}")
    url, fields = form_to(page, f"{PREFIX}/_mock/actions/setScenario")
    shown = browser.submit(url, fields).text
    assert f"curl -sS -X PUT {PUBLIC_URL}/_mock/v1/organizations/{ORGANIZATION}/scenario" in shown
    requests = Page(browser.send("GET", f"{CONSOLE}requests?org={ORGANIZATION}"))
    exchange = next(link for link in requests.links if "trace=" in link)
    assert f"curl -sS -X GET {API}/org/billing" in browser.send("GET", exchange).text


@pytest.mark.slow_beyond(1)
def test_urls_in_what_an_action_answers_are_those_that_clients_see(browser: Browser) -> None:
    opened = browser.send("POST", f"{API}/org/billing/checkout", json={"amount": 5000}).json()["url"]
    session = opened.rpartition("/")[2]
    fields = {"path.organization": ORGANIZATION, "path.session": session, "body.outcome": "paid"}
    shown = browser.submit(f"{CONSOLE}actions/completeCheckout", fields).text
    assert f"&#34;url&#34;: &#34;{opened}&#34;" in shown


@pytest.mark.parametrize("prefix", ["/api/v1", "/_mock/v1"])
@pytest.mark.parametrize(
    "suffix", [".json", "-3.0.json", *(pytest.param(name, marks=pytest.mark.slow) for name in YAML_FILES)]
)
def test_the_servers_of_a_description_are_below_the_prefix(
    browser: Browser, prefix: str, suffix: str
) -> None:
    text = browser.send("GET", f"{PUBLIC_URL}{prefix}/openapi{suffix}").text
    document = json.loads(text) if suffix.endswith("json") else yaml.safe_load(text)
    assert document["servers"] == [{"url": PREFIX + prefix}]


def test_the_cookie_of_the_console_is_sent_below_the_prefix_alone() -> None:
    app = build(
        Settings(
            host="0.0.0.0", auth="off", allowed_hosts=("billing.example",), trusted_proxies=("10.0.0.7",)
        )
    )
    browser = Browser(ReverseProxy(app.asgi, FORWARDED, peer="10.0.0.7"))
    signed_in = browser.send("POST", f"{CONSOLE}sign-in", data={"token": app.control_token})
    assert signed_in.headers["location"] == f"{PREFIX}/_mock/"
    cookie = signed_in.headers["set-cookie"].lower().split("; ")
    assert {"path=/mock/_mock", "secure", "httponly", "samesite=strict"} <= set(cookie)
    assert "Control token" not in browser.send("GET", CONSOLE).text


PAGES = ("/", "/api/v1/docs", "/api/v1/openapi.json", "/_mock/operations", "/_mock/portal/a/b", "/nothing")


@pytest.mark.parametrize("path", PAGES)
def test_the_prefix_is_all_that_a_proxy_changes_in_a_page(path: str) -> None:
    app = build(settings(allowed_hosts=("billing.example",))).asgi
    answers = []
    for headers in ({**FORWARDED, "x-forwarded-prefix": ""}, FORWARDED):
        client = httpx.AsyncClient(transport=httpx.ASGITransport(ReverseProxy(app, headers)))
        answers.append(asyncio.run(client.get(f"{PUBLIC_URL}{path}", headers={"accept": "text/html"})).text)
    plain, prefixed = answers
    assert PREFIX + "/" not in plain
    assert prefixed != plain
    assert prefixed.replace(f"{PREFIX}/", "/") == plain


def test_nobody_but_a_trusted_proxy_says_where_links_lead() -> None:
    app = build(settings(allowed_hosts=("billing.example",))).asgi
    client = httpx.AsyncClient(transport=httpx.ASGITransport(ReverseProxy(app, FORWARDED, peer="10.0.0.8")))
    for path in PAGES:
        assert (
            f"{PREFIX}/"
            not in asyncio.run(client.get(f"{PUBLIC_URL}{path}", headers={"accept": "text/html"})).text
        )
