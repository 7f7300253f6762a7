"""What holds of every page: escaping, headers, who may change something, what is missing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from orgbilling_fixtures import hostile_texts
from orgbilling_stubs.app import build
from orgbilling_stubs.checkout import app as hosted
from orgbilling_stubs.checkout import rendering
from orgbilling_stubs.checkout.cards import TEST_CARDS
from orgbilling_stubs.checkout.outcomes import OUTCOMES
from orgbilling_stubs.http.page_middleware import STRICT_HEADERS
from orgbilling_stubs.settings import Settings, SettingsError

ROOT = Path(__file__).parents[3]
TEMPLATES = ROOT / "stubs/orgbilling_stubs/checkout/templates"
ORG = "org_standard"


def every_page(shop: Any, organization: str = ORG) -> dict[str, Any]:
    checkout, portal = shop.checkout(organization), shop.portal(organization)
    paid, expired = shop.checkout(organization), shop.checkout(organization)
    shop.pay(paid)
    shop.complete(expired, outcome="expired")
    invoice = shop.get(portal).attribute("invoice-link", "href")
    return {
        "payment": shop.get(checkout),
        "declined": shop.pay(checkout, number="4000000000000002"),
        "challenge": shop.pay(checkout, number="4000002500003155"),
        "cancelled": shop.get(f"{checkout}/cancelled"),
        "return": shop.get(f"{paid}/return"),
        "complete": shop.get(paid),
        "expired": shop.get(expired),
        "missing": shop.get(f"{checkout}x"),
        "portal": shop.get(portal),
        "invoice": shop.get(invoice),
        "cancel": shop.get(f"{portal}/cancel"),
        "resume": shop.get(f"{portal}/resume"),
    }


def test_every_page_is_a_closed_document(shop: Any) -> None:
    for name, page in every_page(shop).items():
        assert page.text.startswith('<!doctype html>\n<html lang="en">'), name
        assert re.search(r"<title>\S[^<]+ \(test mode\)</title>", page.text), name
        assert page.text.count("<h1") == 1, name
        assert page.text.count("<main") == 1, name
        policy = page.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'"), name
        assert "form-action 'self'" in policy, name
        assert page.headers["x-frame-options"] == "DENY", name
        assert page.headers["cache-control"] == "no-store", name
        assert page.headers["referrer-policy"] == "same-origin", name
        assert not page.elements.tags & {"script", "iframe", "object", "embed", "style", "base"}, name
        attributes = page.elements.attributes
        assert not [attribute for attribute in attributes if attribute.startswith("on")], name
        assert "style" not in attributes, name


def test_every_field_has_a_label(shop: Any) -> None:
    for name, page in every_page(shop).items():
        fields = re.findall(r'<(?:input|select)(?![^>]*type="hidden")(?: [^>]*)? id="([^"]+)"', page.text)
        visible = re.findall(r'<(?:input|select)(?![^>]*type="hidden")', page.text)
        assert len(fields) == len(visible), name
        assert set(fields) <= set(re.findall(r'<label for="([^"]+)"', page.text)), name


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(hostile_texts.ALL)))
def test_names_stay_text(shop: Any, number: int) -> None:
    text = hostile_texts.ALL[number]
    plan = shop.service.tenant(ORG).config
    object.__setattr__(plan, "company", text)
    plain = {name: page.elements for name, page in every_page(shop, "org_euro").items()}
    for name, page in every_page(shop).items():
        assert page.elements.tags <= plain[name].tags | {"dl", "div", "dt", "dd", "table", "p"}, name
        if "organization" in page:
            assert " ".join(text.split()) in page["organization"], name


def test_an_organization_may_be_called_anything(shop: Any) -> None:
    for organization in ("org_<script>alert(1)</script>", 'org_"/../&?#%', "org_شركة", "org_" + "w" * 2_000):
        url = shop.checkout(organization)
        page = shop.get(url)
        assert page.status == 200
        assert organization in page["organization"]
        assert "script" not in page.elements.tags
        assert shop.pay(url).headers["location"] == f"{url}/return"
        assert "return-page" in shop.get(f"{url}/return")
        assert shop.get(shop.get(shop.portal(organization)).attribute("invoice-link", "href")).status == 200


def test_sessions_of_others_are_missing(shop: Any) -> None:
    shop.service.tenant("org_other")
    for url in (shop.checkout(), shop.portal()):
        assert shop.get(url.replace(ORG, "org_other")).status == 404
        assert shop.get(url.replace(ORG, "org_never_seen")).status == 404
    assert "org_never_seen" not in shop.service.store.organizations()
    session_id = shop.checkout().rpartition("/")[2]
    assert shop.get(f"/_mock/portal/{ORG}/{session_id}").status == 404


@pytest.mark.parametrize("site", [{"origin": "https://evil.example"}, {"sec_fetch_site": "cross-site"}])
def test_a_page_elsewhere_cannot_pay_or_cancel(shop: Any, card: dict[str, str], site: dict[str, str]) -> None:
    headers = {name.replace("_", "-"): value for name, value in site.items()}
    checkout, portal, before = shop.checkout(), shop.portal(), shop.balance()
    for url in (checkout, f"{portal}/cancel"):
        answer = shop.ask("POST", url, data=card, headers=headers)
        assert answer.status_code == 403
        assert 'data-testid="refused-page"' in answer.text
    assert shop.balance() == before
    assert shop.service.tenant(ORG).contract.status == "active"


def test_methods_media_and_sizes_are_checked(shop: Any) -> None:
    url = shop.checkout()
    assert shop.ask("PUT", url).headers["allow"] == "GET, HEAD, POST"
    assert shop.ask("PUT", url).status_code == 405
    assert shop.ask("PUT", f"{url}/complete").headers["allow"] == "POST"
    assert shop.ask("POST", url, json={}).status_code == 415
    assert shop.ask("POST", url, data={"name": "x" * (1 << 20)}).status_code == 413
    returned = shop.ask("POST", f"{url}/return", data={})
    assert (returned.status_code, returned.headers["allow"]) == (405, "GET, HEAD")
    head = shop.ask("HEAD", url)
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) > 1_000


def test_every_response_keeps_to_itself(shop: Any) -> None:
    url = shop.checkout()
    responses = [shop.ask(method, url) for method in ("GET", "HEAD", "PUT")]
    responses += [shop.ask("POST", f"{url}/complete", json=body) for body in ({}, {"outcome": "paid"})]
    responses += [
        shop.ask("GET", path) for path in (f"{url}/return", f"{url}x", "/_mock/checkout/", f"{url}/")
    ]
    for response in responses:
        policy = response.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        for name, value in STRICT_HEADERS.items():
            assert response.headers[name] == value


def test_a_redirect_is_followed_by_a_get(shop: Any) -> None:
    response = shop.ask("GET", f"{shop.checkout()}/return")
    assert (response.status_code, response.content) == (303, b"")
    assert "content-type" not in response.headers


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize(
    "path",
    [
        "/_mock/checkout/",
        "/_mock/checkout/org_standard",
        "/_mock/checkout//{session}",
        "/_mock/checkout/org_standard/{session}/",
        "/_mock/checkout/org_standard%2F{session}",
        "/_mock/portal/org_standard/{session}",
    ],
)
def test_other_paths_are_missing(shop: Any, path: str) -> None:
    session_id = shop.checkout().rpartition("/")[2]
    page = shop.get(path.format(session=session_id))
    assert (page.status, "missing-page" in page) == (404, True)


def test_the_files_of_the_pages_are_served(shop: Any) -> None:
    page = shop.get(shop.checkout())
    paths = re.findall(r'<(?:link|img)[^>]*(?:href|src)="([^"]+)"', page.text)
    assert [path.rpartition("/")[2].partition("?")[0] for path in paths] == [
        "icon.svg",
        "theme.css",
        "hosted-pages.css",
        "icon.svg",
    ]
    for path in paths:
        response = shop.ask("GET", path)
        assert response.status_code == 200
        assert "immutable" in response.headers["cache-control"]


def test_a_fault_of_ours_shows_no_traceback(
    shop: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*args: Any) -> None:
        raise RuntimeError("secret")

    url = shop.checkout()
    monkeypatch.setattr("orgbilling_stubs.checkout.sessions.CheckoutSessions.find", broken)
    page = shop.get(url)
    assert (page.status, "failed-page" in page) == (500, True)
    answer = shop.complete(url, outcome="paid")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "secret" not in page.text + answer.text
    assert "secret" in caplog.text


def test_a_client_that_leaves_gets_no_answer(shop: Any) -> None:
    messages: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": shop.checkout(),
        "query_string": b"",
        "headers": [(b"content-type", b"application/x-www-form-urlencoded"), (b"content-length", b"9")],
    }
    asyncio.run(hosted.hosted_pages(shop.service)(scope, receive, send))
    assert messages == []


def test_the_prefixes_are_where_the_urls_lead(shop: Any) -> None:
    assert shop.checkout().startswith(hosted.PREFIXES[0])
    assert shop.portal().startswith(hosted.PREFIXES[1])


@pytest.mark.parametrize(
    ("settings", "option"),
    [
        ({"success_url": "javascript:alert(1)"}, "--success-url"),
        ({"cancel_url": "/back"}, "--cancel-url"),
        ({"return_url": "ftp://x"}, "--return-url"),
        ({"webhook": (-1,)}, "--webhook"),
    ],
)
def test_unusable_settings_are_one_line(settings: dict[str, Any], option: str) -> None:
    with pytest.raises(SettingsError, match=option):
        build(Settings(**settings))


@pytest.mark.slow
def test_starting_costs_no_template_engine(open_shop: Callable[..., Any]) -> None:
    import subprocess
    import sys

    code = "import sys, orgbilling_stubs.app as a; a.build(); print('jinja2' in sys.modules)"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "False"


def test_the_documentation_lists_every_test_id_and_card() -> None:
    text = (ROOT / "docs/hosted-pages.md").read_text("utf-8")
    used: set[str] = set()
    for path in TEMPLATES.glob("*.html"):
        used |= set(re.findall(r'data-testid="([^"{]+)"', path.read_text("utf-8")))
    used |= {notice.testid for notice in rendering.NOTICES}
    used |= {
        "webhook-state",
        "redirect-hint",
        "deliver-button",
        "test-card-4242",
        "card-number",
        "card-number-error",
    }
    documented = set(re.findall(r"`([a-z0-9_-]+)`", text))
    assert used - documented == set()
    for card in TEST_CARDS:
        assert card.grouped in text
    assert set(OUTCOMES) <= set(re.findall(r"`([a-z0-9_]+)`", text))


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize("organization", ["_server", "%00", "%ED%A0%80", "a%2Fb", "x" * 200])
def test_what_cannot_be_an_organization_has_no_sessions(
    open_shop: Callable[..., Any], tmp_path: Path, organization: str
) -> None:
    shop = open_shop(db=f"sqlite:///{tmp_path}/log.db")
    rule = shop.ask("POST", "/_mock/v1/faults", json={"effect": {"status": 503}})
    assert rule.status_code == 201, "the log of the server, _server, begins with it"
    for path in (f"checkout/{organization}/cs_test_{'A' * 58}", f"portal/{organization}/bps_{'A' * 24}"):
        assert shop.get(f"/_mock/{path}").status == 404
        assert shop.post(f"/_mock/{path}/renew").status == 404
