"""Pictures of every page at two widths, in light and dark, written to ./screenshots to be looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from orgbilling_fixtures import hostile_texts
from orgbilling_stubs.billing.commands import ExpireCheckout, PayCheckout

FOLDER = Path(__file__).parent.parent.parent / "screenshots"
WIDTHS = (1280, 360)
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


def submit_card(page: Any, **changes: str) -> None:
    for name, value in (CARD | changes).items():
        page.get_by_test_id(f"card-{name}").fill(value)
    page.get_by_test_id("pay-button").click()


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


SHOTS: dict[str, tuple[Callable[[Any, str], str], Callable[[Any], None] | None]] = {
    "landing": (lambda stub, org: f"{stub.url}/", None),
    "reference": (lambda stub, org: f"{stub.url}/api/v1/docs", None),
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
    "payment-most": (lambda stub, org: stub.checkout(f"org_standard_{org}", (1 << 63) - 1, "KWD"), None),
    "payment-contract": (lambda stub, org: stub.contract(f"org_contract_pending_{org}"), None),
    "payment-hostile": (lambda stub, org: stub.checkout(f"org_hostile_texts_{org}"), None),
    "payment-long": (named(hostile_texts.LONG), None),
    "payment-rtl": (named("شركة النور للذكاء الاصطناعي (ذ.م.م.) 2026"), None),
    "challenge": (
        lambda stub, org: stub.checkout(f"org_standard_{org}"),
        lambda page: submit_card(page, number="4000 0025 0000 3155"),
    ),
    "return": (lambda stub, org: stub.checkout(f"org_standard_{org}"), submit_card),
    "complete": (lambda stub, org: paid(stub, f"org_standard_{org}"), None),
    "cancelled": (lambda stub, org: stub.checkout(f"org_standard_{org}") + "/cancelled", None),
    "expired": (lambda stub, org: expired(stub, f"org_standard_{org}"), None),
    "missing": (lambda stub, org: f"{stub.url}/_mock/checkout/org_{org}/cs_test_none", None),
    "portal": (lambda stub, org: stub.portal(f"org_standard_{org}"), None),
    "portal-overdue": (lambda stub, org: stub.portal(f"org_installment_overdue_{org}"), None),
    "portal-postpaid": (lambda stub, org: stub.portal(f"org_postpaid_over_limit_{org}"), None),
    "portal-cancelled": (lambda stub, org: stub.portal(f"org_contract_cancelled_{org}"), None),
    "portal-hostile": (lambda stub, org: stub.portal(f"org_hostile_texts_{org}"), None),
    "portal-extreme": (lambda stub, org: stub.portal(f"org_extreme_numbers_{org}"), None),
    "confirm": (lambda stub, org: stub.portal(f"org_standard_{org}") + "/cancel", None),
    "invoice-paid": (lambda stub, org: stub.portal(f"org_standard_{org}"), invoice("paid")),
    "invoice-overdue": (lambda stub, org: stub.portal(f"org_installment_overdue_{org}"), invoice("overdue")),
}


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> Iterator[str]:
    return request.param


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", SHOTS)
def test_a_page_fits_and_is_photographed(stub: Any, page: Any, scheme: str, width: int, name: str) -> None:
    open_page, act = SHOTS[name]
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(open_page(stub, f"{name}-{width}-{scheme}"))
    if act is not None:
        act(page)
    page.wait_for_load_state()
    FOLDER.mkdir(exist_ok=True)
    page.screenshot(path=FOLDER / f"{name}-{width}{'' if scheme == 'light' else '-dark'}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
