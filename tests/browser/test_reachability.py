"""Everything of the console by a browser without scripts, by the keyboard alone, and by no other site."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from orgbilling_fixtures import scenarios
from orgbilling_openapi import control_description
from orgbilling_openapi.operations import operations_by_id
from orgbilling_stubs.console.app import PAGES

pytestmark = pytest.mark.slow

SCENARIOS = [scenario.name for scenario in scenarios.load()]
OPERATIONS = [name for name in operations_by_id(control_description.load()) if name != "streamJournal"]
MARK_CONTROLS = """() => {
    const nodes = [...document.querySelectorAll("a[href], button, summary, input, select, textarea")];
    const shown = nodes.filter(node => node.checkVisibility({visibilityProperty: true}) && !node.disabled
        && node.type !== "hidden" && node.tabIndex >= 0 && !(node.type === "radio" && !node.checked));
    shown.forEach((node, index) => { node.dataset.waiting = index; });
    return shown.length;
}"""
FOCUS_STATE = """() => {
    const node = document.activeElement;
    const part = node.type?.startsWith("date"); // Chromium shows the focus on a part of such a field.
    return [node.dataset.waiting ?? null, part || node.matches(":focus-visible")];
}"""
MISSED_CONTROLS = """visited => [...document.querySelectorAll("[data-waiting]")]
    .filter(node => !visited.includes(node.dataset.waiting)).map(node => node.outerHTML.slice(0, 120))"""
READ = """async url => {
    try { return (await (await fetch(url, {credentials: "include"})).text()).length } catch { return "threw" }
}"""
FORM = (
    '<form method="post" action="{action}"><input name="path.organization" value="org_victim">'
    '<input name="body" value="{{}}"><button>Claim</button></form>'
)


@pytest.fixture
def plain(browser: Any) -> Iterator[Any]:
    """A page of a browser that runs no scripts."""
    context = browser.new_context(java_script_enabled=False)
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


def shown_scenario(stub: Any, page: Any, organization: str) -> str | None:
    address = f"{stub.url}/_mock/v1/organizations/{organization}"
    name: str | None = page.request.get(address).json()["scenario"]
    return name


def test_every_scenario_is_one_click_away_without_scripts(stub: Any, plain: Any) -> None:
    organization = "org_standard_plain"
    stub.app.service.tenant(organization)
    plain.goto(f"{stub.url}/_mock/?org={organization}")
    for name in SCENARIOS:
        plain.locator(f"#{name}").get_by_role("button").first.click()
        plain.get_by_test_id("outcome").wait_for()
        assert shown_scenario(stub, plain, organization) == name


def test_every_control_operation_is_two_clicks_from_the_first_page_without_scripts(
    stub: Any, plain: Any
) -> None:
    """Each has a form, which is opened, sent, and answered with what the control API answers."""
    stub.app.service.tenant("org_standard_forms")
    plain.goto(f"{stub.url}/_mock/?org=org_standard_forms")
    plain.get_by_role("link", name="All operations").click()
    address = plain.url
    assert sorted(
        form.get_attribute("id") for form in plain.locator("details.operation form").all()
    ) == sorted(OPERATIONS)
    for name in OPERATIONS:
        plain.goto(address)
        form = plain.locator(f"form#{name}")
        form.locator("xpath=..").locator("summary").click()
        for field in form.locator("input[required]").all():
            field.fill("1")
        form.get_by_role("button").last.click()
        outcome = plain.get_by_test_id("outcome")
        outcome.wait_for()
        assert "Not Found" not in plain.title(), name
        if name == "deleteOrganization":
            stub.app.service.tenant("org_standard_forms")


def tab_to(page: Any, script: str, most: int = 400) -> None:
    """Press Tab until the focused element is the one that is meant."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate(f"({script})(document.activeElement)"):
            return
    raise AssertionError(f"not reached by Tab: {script}")


@pytest.mark.parametrize("name", [SCENARIOS[0], SCENARIOS[20], SCENARIOS[-1]])
def test_a_scenario_is_shown_by_the_keyboard_alone(stub: Any, page: Any, name: str) -> None:
    organization = "org_standard_keys"
    stub.app.service.tenant(organization)
    page.goto(f"{stub.url}/_mock/?org={organization}")
    tab_to(page, f"node => node.closest('#{name}') !== null && node.tagName === 'BUTTON'")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    page.get_by_test_id("outcome").wait_for()
    assert shown_scenario(stub, page, organization) == name


def test_every_form_of_every_page_is_reached_by_tab(stub: Any, page: Any) -> None:
    """Tab visits each button and link that is shown, and the focus is visible on it."""
    organization = "org_standard_tab"
    stub.app.service.tenant(organization)
    for path in PAGES:
        page.goto(f"{stub.url}{path}?org={organization}")
        if path.endswith("operations"):  # which has a form for each: opened, they are all there
            page.evaluate("document.querySelectorAll('details').forEach(node => { node.open = true })")
        waiting = page.evaluate(MARK_CONTROLS)
        visited: set[str] = set()
        for _ in range(2 * waiting + 50):
            page.keyboard.press("Tab")
            state = page.evaluate(FOCUS_STATE)
            if state[0] is not None:
                assert state[1], (path, page.evaluate("document.activeElement.outerHTML"))
                visited.add(state[0])
            if len(visited) == waiting:
                break
        assert page.evaluate(MISSED_CONTROLS, sorted(visited)) == [], path


@pytest.fixture(scope="module")
def stranger(browser: Any) -> Iterator[Any]:
    """A page of evil.test, which leads to this machine."""
    context = browser.new_context()
    context.set_default_timeout(10_000)
    context.route(
        "http://evil.test/**",
        lambda route: route.fulfill(
            content_type="text/html", body="<!doctype html><title>Prizes</title><link rel=icon href=data:,>"
        ),
    )
    page = context.new_page()
    yield page
    context.close()


def logs(stub: Any) -> dict[str, list[Any]]:
    store = stub.app.service.store
    return {organization: list(store.read(organization)) for organization in store.organizations()}


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_page_of_another_site_carries_out_no_action(stub: Any, stranger: Any, name: str) -> None:
    stub.app.service.tenant("org_victim")
    before = logs(stub)
    stranger.goto("http://evil.test/")
    stranger.set_content(FORM.format(action=f"{stub.url}/_mock/actions/{name}"))
    with stranger.expect_navigation():
        stranger.click("button")
    assert "may not change anything" in stranger.content()
    assert logs(stub) == before


@pytest.mark.parametrize("path", [*PAGES, "/_mock/stream"])
def test_a_page_of_another_site_reads_and_frames_no_page(stub: Any, stranger: Any, path: str) -> None:
    stranger.goto("http://evil.test/")
    assert stranger.evaluate(READ, f"{stub.url}{path}") == "threw"
    stranger.set_content(f'<iframe src="{stub.url}{path}"></iframe>')
    stranger.wait_for_timeout(300)
    assert "org_standard" not in "".join(frame.content() for frame in stranger.frames[1:])
