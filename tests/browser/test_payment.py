"""Paying in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from orgbilling_stubs.tenants import clock_commands
from orgbilling_stubs.tenants.reset import reset

CARD = {"number": "4242 4242 4242 4242", "expiry": "12 / 29", "cvc": "123", "name": "Ada Lovelace"}

pytestmark = pytest.mark.slow


def fill(page: Any, **changes: str) -> None:
    for name, value in (CARD | changes).items():
        page.get_by_test_id(f"card-{name}").fill(value)


def pay(page: Any, **changes: str) -> None:
    fill(page, **changes)
    page.get_by_test_id("pay-button").click()


def top_ups(stub: Any, organization: str, cents: int = 2_500) -> int:
    rows = stub.app.service.tenant(organization).ledger.rows
    return [row.credits_micros for row in rows if row.description == "Credit top-up"].count(cents * 10_000)


@pytest.fixture
def led(serve_stub: Callable[..., Any], dashboard_url: str) -> Any:
    """A stub that leads to a dashboard on another origin, by a detour over a third one."""
    with serve_stub(
        success_url=f"{dashboard_url}/via/ok?session={{CHECKOUT_SESSION_ID}}",
        cancel_url=f"{dashboard_url}/no?session={{CHECKOUT_SESSION_ID}}",
    ) as running:
        yield running


def test_a_payment_leads_to_the_dashboard(led: Any, page: Any) -> None:
    url = led.checkout("org_standard")
    page.goto(url)
    pay(page)
    page.wait_for_url(re.compile(r"^http://localhost:\d+/ok\?session=" + url.rpartition("/")[2]))
    assert page.title() == "Dashboard"
    assert top_ups(led, "org_standard") == 1


def test_cancelling_leads_back_and_leaves_the_session_open(led: Any, page: Any) -> None:
    url = led.checkout("org_standard")
    page.goto(url)
    page.get_by_test_id("cancel-link").click()
    page.wait_for_url(re.compile(r"/no\?session=cs_test_"))
    page.go_back()
    pay(page)
    page.wait_for_url(re.compile("/ok"))
    assert top_ups(led, "org_standard") == 1


def test_the_back_button_and_a_reload_are_harmless(led: Any, page: Any) -> None:
    page.goto(led.checkout("org_standard"))
    pay(page)
    page.wait_for_url(re.compile("/ok"))
    page.go_back()
    page.reload()
    page.get_by_test_id("complete-page").wait_for()
    page.get_by_test_id("continue-link").click()
    page.wait_for_url(re.compile("/ok"))
    assert top_ups(led, "org_standard") == 1


def test_a_decline_stays_and_another_card_pays(stub: Any, page: Any) -> None:
    organization = "org_standard_decline"
    page.goto(stub.checkout(organization))
    pay(page, number="4000 0000 0000 9995")
    assert "enough money" in page.get_by_test_id("form-error").text_content()
    assert page.get_by_test_id("card-number").input_value() == "4000 0000 0000 9995"
    assert page.get_by_test_id("card-cvc").input_value() == ""
    assert top_ups(stub, organization) == 0
    page.reload()
    page.get_by_test_id("form-error").wait_for()
    pay(page)
    page.get_by_test_id("return-page").wait_for()
    assert top_ups(stub, organization) == 1


def test_three_d_secure_fails_and_then_succeeds(stub: Any, page: Any) -> None:
    organization = "org_standard_3ds"
    page.goto(stub.checkout(organization))
    pay(page, number="4000 0025 0000 3155")
    page.get_by_test_id("challenge-fail").click()
    assert "could not confirm" in page.get_by_test_id("form-error").text_content()
    page.get_by_test_id("card-cvc").fill("123")
    page.get_by_test_id("pay-button").click()
    assert top_ups(stub, organization) == 0
    page.get_by_test_id("challenge-authorize").click()
    page.get_by_test_id("return-page").wait_for()
    assert top_ups(stub, organization) == 1


def test_three_d_secure_can_end_in_a_decline(stub: Any, page: Any) -> None:
    page.goto(stub.checkout("org_standard_3ds_declined"))
    page.get_by_text("Test cards").click()
    page.get_by_test_id("test-card-1629").click()
    page.get_by_test_id("pay-button").click()
    page.get_by_test_id("challenge-authorize").click()
    assert "declined" in page.get_by_test_id("form-error").text_content()


def test_a_double_click_pays_once(stub: Any, page: Any) -> None:
    organization = "org_standard_double"
    page.goto(stub.checkout(organization))
    fill(page)
    page.get_by_test_id("pay-button").dblclick(no_wait_after=True)
    page.get_by_test_id("return-page").wait_for()
    assert top_ups(stub, organization) == 1


def test_two_tabs_pay_once(stub: Any, page: Any) -> None:
    organization = "org_standard_tabs"
    url = stub.checkout(organization)
    other = page.context.new_page()
    for tab in (page, other):
        tab.goto(url)
    for tab in (page, other):
        pay(tab)
        tab.get_by_test_id("return-page").wait_for()
    assert top_ups(stub, organization) == 1


def test_a_late_webhook_lets_the_balance_lag(stub: Any, page: Any) -> None:
    organization = "org_standard_late"
    url = stub.checkout(organization)
    page.goto(url)
    page.get_by_test_id("webhook-select").select_option("30")
    pay(page)
    assert "in 30 s" in page.get_by_test_id("webhook-state").text_content()
    assert top_ups(stub, organization) == 0
    service = stub.app.service
    clock_commands.move_clock(service, organization, service.tenant(organization).now_ms + 30_000)
    page.goto(url)
    assert "Arrived" in page.get_by_test_id("webhook-state").text_content()
    assert top_ups(stub, organization) == 1


def test_a_webhook_that_never_comes_is_delivered_by_hand(stub: Any, page: Any) -> None:
    organization = "org_standard_never"
    url = stub.checkout(organization)
    page.goto(f"{url}?webhook=never")
    pay(page)
    page.goto(url)
    page.get_by_test_id("deliver-button").click()
    assert "Arrived" in page.get_by_test_id("webhook-state").text_content()
    assert top_ups(stub, organization) == 1


def test_the_keyboard_is_enough(stub: Any, page: Any) -> None:
    organization = "org_standard_keyboard"
    page.goto(stub.checkout(organization))
    keys = page.keyboard
    for text in ("4242424242424241", "1229", "123", "Ada"):
        keys.type(text)
        keys.press("Tab")
    keys.press("Enter")
    page.get_by_test_id("card-number-error").wait_for()
    focused = "document.activeElement.dataset.testid"
    assert page.evaluate(focused) == "card-number"
    assert page.evaluate("document.activeElement.getAttribute('aria-describedby')") == "number-error"
    page.keyboard.press("ControlOrMeta+A")
    keys.type("4000002500003155")
    keys.press("Tab")
    keys.press("Tab")
    keys.type("123")
    keys.press("Enter")
    page.get_by_test_id("challenge-page").wait_for()
    assert page.evaluate(focused) == "challenge-authorize"
    keys.press("Enter")
    page.get_by_test_id("return-page").wait_for()
    assert top_ups(stub, organization) == 1


def test_what_has_the_focus_can_be_seen(stub: Any, page: Any) -> None:
    page.goto(stub.checkout("org_standard_focus"))
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    focused: list[str] = []
    while focused[-1:] != ["expire-button"]:
        focused.append(
            page.evaluate("document.activeElement.dataset.testid || document.activeElement.tagName")
        )
        assert page.evaluate(outline) == "solid", focused
        page.keyboard.press("Tab")
    assert focused[:6] == ["card-number", "card-expiry", "card-cvc", "card-name", "pay-button", "cancel-link"]
    assert "webhook-select" in focused


def test_it_works_without_javascript(stub: Any, browser: Any) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 360, "height": 700})
    page = context.new_page()
    organization = "org_contract_pending_plain"
    stub.app.service.tenant(organization)
    page.goto(stub.contract(organization))
    pay(page)
    page.get_by_test_id("return-page").wait_for()
    context.close()
    assert stub.app.service.tenant(organization).contract.status == "active"


def test_a_page_of_another_origin_cannot_pay(stub: Any, page: Any, dashboard_url: str) -> None:
    organization = "org_standard_attacked"
    url = stub.checkout(organization)
    inputs = "".join(f'<input name="{name}" value="{value}">' for name, value in CARD.items())
    page.goto(f"{dashboard_url}/evil")
    page.evaluate(
        "html => { document.body.innerHTML = html; document.forms[0].submit() }",
        f'<form method="post" action="{url}">{inputs}</form>',
    )
    page.get_by_test_id("refused-page").wait_for()
    page.goto(f"{dashboard_url}/evil")
    answer = page.evaluate(
        """url => fetch(url + '/complete', {method: 'POST', mode: 'no-cors', body: '{"outcome":"paid"}'})
            .then(() => 'answered', () => 'blocked')""",
        url,
    )
    assert answer == "blocked"
    assert top_ups(stub, organization) == 0


# WCAG 2.2 AA, by its own formula: every text against the color behind it.
CONTRAST = """() => {
  const luminance = rgb => { const [r, g, b] = rgb.map(v => { v /= 255;
    return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4 });
    return .2126 * r + .7152 * g + .0722 * b };
  const parse = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const behind = node => { for (; node; node = node.parentElement) {
    const color = parse(getComputedStyle(node).backgroundColor);
    if (color.length === 3 || color[3] === 1) return color.slice(0, 3) } return [255, 255, 255] };
  const weak = [];
  for (const node of document.querySelectorAll('body *')) {
    const own = [...node.childNodes].some(child => child.nodeType === 3 && child.data.trim());
    if (!own || !node.checkVisibility()) continue;
    const style = getComputedStyle(node), large = parseFloat(style.fontSize) >= 24;
    const [a, b] = [luminance(parse(style.color).slice(0, 3)), luminance(behind(node))].sort((x, y) => y - x);
    const ratio = (a + .05) / (b + .05);
    if (ratio < (large ? 3 : 4.5)) weak.push([node.textContent.trim().slice(0, 30), ratio]);
  }
  return weak }"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_have_contrast(stub: Any, page: Any, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    organization = f"org_installment_overdue_{scheme}"
    page.goto(stub.checkout(organization) + "?card=0002")
    page.get_by_test_id("pay-button").click()
    assert page.evaluate(CONTRAST) == []
    page.goto(stub.checkout(organization) + "/cancelled")
    assert page.evaluate(CONTRAST) == []
    page.goto(stub.portal(organization))
    assert page.evaluate(CONTRAST) == []
    page.get_by_test_id("contract-cancel-link").click()
    assert page.evaluate(CONTRAST) == []


def test_the_page_of_a_payment_follows_its_webhook(serve_stub: Callable[..., Any], page: Any) -> None:
    with serve_stub(clock="live") as running:
        page.goto(running.checkout("org_standard") + "?webhook=4")
        pay(page)
        state = page.get_by_test_id("webhook-state")
        state.get_by_text("On its way").wait_for()
        page.evaluate("window.notReloaded = true")
        state.get_by_text("Arrived").wait_for()
        assert page.get_by_test_id("refresh-link").count() == 0
        assert page.evaluate("window.notReloaded")
        assert top_ups(running, "org_standard") == 1


def test_without_javascript_a_link_shows_whether_the_webhook_has_come(stub: Any, browser: Any) -> None:
    organization = "org_standard_no_script"
    page = browser.new_context(java_script_enabled=False).new_page()
    url = stub.checkout(organization)
    page.goto(f"{url}?webhook=never")
    pay(page)
    page.goto(url)
    page.get_by_test_id("deliver-button").click()
    page.get_by_text("Arrived").wait_for()
    page.context.close()


def test_a_lost_session_is_begun_anew_with_one_click(stub: Any, page: Any) -> None:
    organization = "org_standard_lost"
    url = stub.checkout(organization)
    reset(stub.app.service, organization)
    page.goto(url)
    page.get_by_text("The organization was reset.").wait_for()
    page.get_by_test_id("renew-button").click()
    pay(page)
    page.get_by_test_id("return-page").wait_for()
    assert top_ups(stub, organization) == 1
