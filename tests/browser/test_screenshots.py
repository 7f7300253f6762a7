"""Every page on desks, on phones, and in the dark on tablets: axe finds nothing, and nothing sticks out.

Pictures of them are written to ./screenshots, to be looked at.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from orgbilling_fixtures import hostile_texts
from orgbilling_stubs.billing.commands import ExpireCheckout, PayCheckout
from orgbilling_stubs.console.app import FINDERS, PAGES
from orgbilling_stubs.tenants.undo import undo

FOLDER = Path(__file__).parent.parent.parent / "screenshots"
PICTURES = Path(os.environ.get("PICTURES", FOLDER))
"""Where the pictures of the documentation go: `make screenshots` names its folder."""
LARGEST_PICTURE_BYTES = 150_000
LOOKS = ((1280, "light"), (360, "light"), (768, "dark"))
"""The widths of windows and the color schemes in which a page is looked at: each once, not each with each."""
COLOR_RULES = ["color-contrast", "link-in-text-block"]
"""The rules of axe that depend on colors: in the dark, the others would find what they find in the light."""
SETTLED = """() => document.getAnimations().every(
    each => each.playState !== "running" || each.effect.getComputedTiming().endTime === Infinity
)"""
OPEN_DETAILS = "() => document.querySelectorAll('details').forEach(node => { node.open = true })"
CARD = {"number": "4242 4242 4242 4242", "expiry": "12 / 29", "cvc": "123", "name": "Ada Lovelace"}

pytestmark = pytest.mark.slow


def paid(stub: Any, organization: str, *webhook: int) -> str:
    url = stub.checkout(organization)
    stub.app.service.execute(organization, PayCheckout(url.rpartition("/")[2], webhook))
    return url


def expired(stub: Any, organization: str) -> str:
    url = stub.checkout(organization)
    stub.app.service.execute(organization, ExpireCheckout(url.rpartition("/")[2]))
    return url


def console_of_persona(path: str, persona: str, query: str = "") -> Callable[[Any, str], str]:
    """A page of the console about an organization of a persona."""

    def open_page(stub: Any, org: str) -> str:
        stub.app.service.tenant(f"org_{persona}_{org}")
        return f"{stub.url}/_mock/{path}?org=org_{persona}_{org}{query}"

    return open_page


def submit_card(page: Any, **changes: str) -> None:
    for name, value in (CARD | changes).items():
        page.get_by_test_id(f"card-{name}").fill(value)
    page.get_by_test_id("pay-button").click()


def reference_shown(page: Any) -> None:
    """Wait until Scalar has drawn the operations."""
    page.get_by_role("heading", level=1).first.wait_for()


def invoice(status: str) -> Callable[[Any], None]:
    def follow(page: Any) -> None:
        row = page.get_by_test_id("invoice-row").filter(has=page.get_by_text(status, exact=True)).first
        row.get_by_test_id("invoice-link").click()

    return follow


def named(company: str) -> Callable[[Any, str], str]:
    """A page of an organization with this name."""

    def open_page(stub: Any, org: str) -> str:
        url: str = stub.checkout(f"org_standard_{org}")
        object.__setattr__(stub.app.service.tenant(f"org_standard_{org}").config, "company", company)
        return url

    return open_page


def late(stub: Any, organization: str) -> str:
    """A paid session in another currency, whose webhook comes later."""
    url: str = stub.checkout(organization, 5_000, "JPY")
    stub.app.service.execute(organization, PayCheckout(url.rpartition("/")[2], (30,)))
    return url


def lost(stub: Any, organization: str) -> str:
    """A session of a history that was given up."""
    url: str = stub.checkout(organization, 5_000, "JPY")
    undo(stub.app.service, organization)
    return url


SHOTS: dict[str, tuple[Callable[[Any, str], str], Callable[[Any], None] | None]] = {
    "landing": (lambda stub, org: f"{stub.url}/", None),
    "reference": (lambda stub, org: f"{stub.url}/api/v1/docs", reference_shown),
    "reference-control": (lambda stub, org: f"{stub.url}/_mock/docs", reference_shown),
    "payment": (lambda stub, org: stub.checkout(f"org_standard_{org}"), None),
    "payment-test-card": (lambda stub, org: stub.checkout(f"org_standard_{org}") + "?card=3155", None),
    "payment-errors": (
        lambda stub, org: stub.checkout(f"org_standard_{org}"),
        lambda page: submit_card(page, number="4242 4242 4242 4241", expiry="13/20", cvc="", name=""),
    ),
    "payment-declined": (
        lambda stub, org: stub.checkout(f"org_standard_{org}"),
        lambda page: submit_card(page, number="4000 0000 0000 0002"),
    ),
    "payment-yen": (lambda stub, org: stub.checkout(f"org_standard_{org}", 1_250_000, "JPY"), None),
    "payment-most": (lambda stub, org: stub.checkout(f"org_standard_{org}", (1 << 63) - 8, "KWD"), None),
    "payment-contract": (lambda stub, org: stub.contract(f"org_contract_pending_{org}"), None),
    "payment-hostile": (lambda stub, org: stub.checkout(f"org_hostile_texts_{org}"), None),
    "payment-long": (named(hostile_texts.LONG), None),
    "payment-rtl": (named("شركة النور للذكاء الاصطناعي (ذ.م.م.) 2026"), None),
    "challenge": (
        lambda stub, org: stub.checkout(f"org_standard_{org}"),
        lambda page: submit_card(page, number="4000 0025 0000 3155"),
    ),
    "return": (lambda stub, org: stub.checkout(f"org_standard_{org}"), submit_card),
    "webhook-late": (lambda stub, org: late(stub, f"org_standard_{org}"), None),
    "lost": (lambda stub, org: lost(stub, f"org_standard_{org}"), None),
    "complete": (lambda stub, org: paid(stub, f"org_standard_{org}"), None),
    "cancelled": (lambda stub, org: stub.checkout(f"org_standard_{org}") + "/cancelled", None),
    "expired": (lambda stub, org: expired(stub, f"org_standard_{org}"), None),
    "missing": (lambda stub, org: f"{stub.url}/_mock/checkout/org_{org}/cs_test_none", None),
    "portal": (lambda stub, org: stub.portal(f"org_standard_{org}"), None),
    "portal-overdue": (lambda stub, org: stub.portal(f"org_installment_overdue_{org}"), None),
    "portal-postpaid": (lambda stub, org: stub.portal(f"org_postpaid_over_limit_{org}"), None),
    "portal-details": (lambda stub, org: stub.portal(f"org_standard_{org}") + "/billing-details", None),
    "portal-card": (
        lambda stub, org: stub.portal(f"org_standard_{org}") + "/payment-method?card=0005",
        None,
    ),
    "portal-cancelled": (lambda stub, org: stub.portal(f"org_contract_cancelled_{org}"), None),
    "portal-hostile": (lambda stub, org: stub.portal(f"org_hostile_texts_{org}"), None),
    "portal-extreme": (lambda stub, org: stub.portal(f"org_extreme_numbers_{org}"), None),
    "confirm": (lambda stub, org: stub.portal(f"org_standard_{org}") + "/cancel", None),
    "console-now-postpaid": (console_of_persona("now", "postpaid_over_limit"), None),
    "console-money-year": (console_of_persona("money", "extreme_numbers", "&days=365"), None),
    "console-money-hostile": (console_of_persona("money", "hostile_texts"), None),
    "console-time": (console_of_persona("time", "contract_active", "&to=2026-06-01&compare=1"), None),
    "console-time-overdrawn": (console_of_persona("time", "overdrawn"), None),
    "invoice-paid": (lambda stub, org: stub.portal(f"org_standard_{org}"), invoice("paid")),
    "invoice-part": (lambda stub, org: stub.portal(f"org_postpaid_over_limit_{org}"), invoice("overdue")),
    "invoice-overdue": (lambda stub, org: stub.portal(f"org_installment_overdue_{org}"), invoice("overdue")),
}


def trace_of_request(stub: Any, organization: str) -> str:
    """Send a request, and return the trace id by which the journal knows it."""
    token = httpx.post(f"{stub.url}/_mock/v1/organizations/{organization}/tokens", json={}).json()["token"]
    headers = {"Authorization": f"Bearer {token}", "Prefer": "code=503"}
    response = httpx.get(f"{stub.url}/api/v1/org/ledger?days=7", headers=headers)
    return response.headers["X-Trace-Id"]


def console(path: str, **query: str) -> Callable[[Any, str], str]:
    """A page of the console about an organization that has sent a request, and has a fault rule."""

    def open_page(stub: Any, org: str) -> str:
        organization = f"org_standard_{org}"
        created = httpx.post(f"{stub.url}/_mock/v1/organizations", json={"organization": organization})
        created.raise_for_status()
        rule = {"organizations": [organization], "operations": ["getOrgBilling"], "effect": {"status": 503}}
        httpx.post(f"{stub.url}/_mock/v1/faults", json=rule).raise_for_status()
        trace = trace_of_request(stub, organization)
        words = {name: text.replace("TRACE", trace) for name, text in query.items()}
        return f"{stub.url}{path}?{urlencode({'org': organization, **words})}"

    return open_page


def outcome(path: str, operation: str, **fields: str) -> Callable[[Any, str], str]:
    """A page of the console that shows what an action did."""

    def open_page(stub: Any, org: str) -> str:
        back = console(path)(stub, org).removeprefix(stub.url)
        form = {"path.organization": f"org_standard_{org}", "back": back, **fields}
        address = f"{stub.url}/_mock/actions/{operation}"
        response = httpx.post(address, data=form, headers={"Origin": stub.url})
        return str(response.headers["location"].replace("/_mock", f"{stub.url}/_mock", 1))

    return open_page


for path in PAGES:
    name = path.removeprefix("/_mock/") or "scenarios"
    SHOTS[f"console-{name}"] = (console(path), None)
    SHOTS[f"console-{name}-outcome"] = (outcome(path, "undoCommand", title="Undone"), None)
for path in FINDERS:
    SHOTS[f"console-{path.removeprefix('/_mock/')}"] = (console(path), None)
SHOTS |= {
    "console-palette": (console("/_mock/"), lambda page: page.keyboard.press("Control+k")),
    "console-keys": (console("/_mock/"), lambda page: page.keyboard.press("?")),
    "console-problem": (outcome("/_mock/", "setScenario", **{"body.scenario": "nope"}), None),
    "console-requests-opened": (console("/_mock/requests", trace="TRACE"), None),
    "console-wanted": (console("/_mock/", scenario="low-balance"), None),
    "console-token": (outcome("/_mock/", "mintToken"), None),
    "console-unknown-organization": (lambda stub, org: f"{stub.url}/_mock/?org=org_{org}", None),
    "console-not-found": (lambda stub, org: f"{stub.url}/_mock/nothing", None),
    "not-found": (lambda stub, org: f"{stub.url}/nothing", None),
}


@pytest.fixture(scope="module")
def axe() -> Any:
    """Deque's axe-core, as the package of Playwright's users has it."""
    sync_playwright = pytest.importorskip("axe_playwright_python.sync_playwright")
    return sync_playwright.Axe()


def findings(axe: Any, page: Any, scheme: str) -> list[str]:
    """What axe finds on a page: the rule, and the elements that break it."""
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if scheme == "dark":
        options["runOnly"] = COLOR_RULES
    found = axe.run(page, options=options).response["violations"]
    return [f"{rule['id']}: {node['html'][:200]}" for rule in found for node in rule["nodes"]]


@pytest.mark.parametrize("name", SHOTS)
def test_a_page_is_accessible_and_fits(stub: Any, page: Any, axe: Any, name: str) -> None:
    open_page, act = SHOTS[name]
    page.emulate_media(reduced_motion="reduce")
    page.goto(open_page(stub, name))
    if act is not None:
        act(page)
    page.wait_for_load_state()
    check(axe, page, name)


def test_the_sign_in_is_accessible(serve_stub: Any, page: Any, axe: Any) -> None:
    with serve_stub(host="0.0.0.0", auth="verify") as guarded:
        page.goto(f"{guarded.url}/_mock/")
        page.get_by_label("Token").wait_for()
        check(axe, page, "console-sign-in")


@pytest.mark.parametrize(
    ("name", "path", "scenario"),
    [
        ("console", "", "low-balance"),
        ("console-time", "time", "contract-active"),
        ("console-now", "now", "contract-active"),
    ],
)
def test_the_documentation_has_a_picture(
    serve_stub: Any, page: Any, name: str, path: str, scenario: str
) -> None:
    page.set_viewport_size({"width": 1280, "height": 760})
    with serve_stub() as running:
        control = f"{running.url}/_mock/v1/organizations/org_standard/scenario"
        httpx.put(control, json={"scenario": scenario}).raise_for_status()
        page.goto(f"{running.url}/_mock/{path}?org=org_standard")
        page.wait_for_load_state("networkidle")
        PICTURES.mkdir(exist_ok=True)
        file = PICTURES / f"{name}.png"
        page.screenshot(path=file)
    assert file.stat().st_size <= LARGEST_PICTURE_BYTES


def show(page: Any, width: int, scheme: str) -> None:
    """Show a page in a window of a width, and in a color scheme, with the colors that it then comes to."""
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    page.wait_for_function(SETTLED)


def check(axe: Any, page: Any, name: str) -> None:
    """However a page is looked at, axe must find nothing, and the page must not scroll sideways.

    It is photographed before its details are opened, as people see it first.
    """
    FOLDER.mkdir(exist_ok=True)
    for width, scheme in LOOKS:
        show(page, width, scheme)
        page.screenshot(path=FOLDER / f"{name}-{width}-{scheme}.png", full_page=True)
    page.evaluate(OPEN_DETAILS)
    problems = []
    for width, scheme in LOOKS:
        show(page, width, scheme)
        look = f"{width} {scheme}"
        problems += [f"{look}: {line}" for line in findings(axe, page, scheme)]
        overflow = page.evaluate("document.documentElement.scrollWidth") - width
        problems += [f"{look}: {overflow} px wider than the window"] if overflow > 0 else []
    assert not problems, "\n".join(problems)
