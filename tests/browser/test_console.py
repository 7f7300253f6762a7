"""The console in Chromium: keys, and pages that follow the journal."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from orgbilling_stubs.console.requests_page import LIMIT

from .conftest import press

LOAD = Path(__file__).parents[2] / "bench" / "load.py"

pytestmark = pytest.mark.slow


class Client:
    """A client of the API, as the app beside the console is one."""

    def __init__(self, http: httpx.Client, organization: str) -> None:
        self.organization = organization
        self._http = http
        minted = http.post(f"/_mock/v1/organizations/{organization}/tokens", json={})
        self.headers = {"Authorization": f"Bearer {minted.json()['token']}"}
        self.request()

    def request(self, path: str = "/org/billing") -> int:
        return self._http.get(f"/api/v1{path}", headers=self.headers).status_code

    def page(self, name: str = "") -> str:
        return f"{self._http.base_url.join('/_mock/' + name)}?org={self.organization}"


@pytest.fixture
def client(stub: Any, request: pytest.FixtureRequest) -> Iterator[Client]:
    with httpx.Client(base_url=stub.url) as http:
        yield Client(http, f"org_{request.node.name.partition('[')[0][5:60]}")


def focused(page: Any) -> str:
    return str(page.evaluate("document.activeElement.textContent.trim()"))


def test_keys_press_what_the_page_marks_and_the_dialog_lists_them(page: Any, client: Client) -> None:
    page.goto(client.page())
    press(page, "?")
    dialog = page.get_by_role("dialog", name="Keys")
    keys = dialog.locator("kbd").all_text_contents()
    assert {"j", "k", "Enter", "/", "o", "f", "?"} <= set(keys)
    assert "u" not in keys  # nothing has been done yet
    press(page, "Escape")
    page.locator("[data-item]").first.click()
    page.get_by_test_id("outcome").wait_for()
    press(page, "?")
    assert "u" in dialog.locator("kbd").all_text_contents()
    press(page, "u")  # in front of a dialog a key does nothing
    press(page, "Escape")
    press(page, "Control+u")
    assert page.get_by_role("button", name="Undo: ").is_enabled()
    press(page, "u")
    page.get_by_role("heading", name="Undone").wait_for()


def test_no_key_is_taken_from_a_field_or_where_they_are_switched_off(page: Any, client: Client) -> None:
    page.goto(client.page("requests"))
    field = page.get_by_label("Status")
    field.focus()
    page.keyboard.type("u?jk/f")
    assert field.input_value() == "u?jk/f"
    assert page.locator("dialog[open], details[open]").count() == 0
    page.get_by_role("heading", level=1).click()
    press(page, "?")
    page.get_by_label("Single keys").uncheck()
    press(page, "Escape")
    press(page, "j")
    assert page.locator("[data-item]:focus").count() == 0
    press(page, "?")
    page.get_by_label("Single keys").check()
    press(page, "Escape")
    press(page, "j")
    assert page.locator("[data-item]:focus").count() == 1


def test_the_palette_is_a_combobox_that_the_keyboard_drives(page: Any, client: Client) -> None:
    page.goto(client.page("requests"))
    for opening in ("/", "Control+k"):
        press(page, opening)
        box = page.get_by_role("combobox", name="Find")
        box.wait_for()
        page.get_by_role("listbox").get_by_role("option").first.wait_for()
        press(page, "Escape")
        assert page.get_by_role("dialog").count() == 0
    press(page, "/")
    page.keyboard.type("org")
    page.get_by_role("listbox").get_by_role("option", name="Organization").first.wait_for()
    active = "document.getElementById(document.activeElement.getAttribute('aria-activedescendant'))"
    first = page.evaluate(f"{active}.textContent")
    press(page, "ArrowDown")
    assert page.evaluate(f"{active}.textContent") != first
    press(page, "ArrowUp")
    assert page.evaluate(f"{active}.getAttribute('aria-selected')") == "true"
    press(page, "Control+a")
    page.keyboard.type("overdrawn\n")  # at once: Enter waits for what is found
    page.get_by_test_id("outcome").wait_for()
    assert "/requests?" in page.url
    assert page.get_by_role("button", name="Undo: scenario overdrawn").is_visible()


def test_another_organization_is_two_keys_and_a_word_away(page: Any, client: Client) -> None:
    page.goto(client.page("requests"))
    press(page, "o")
    page.keyboard.type(f"{client.organization}_new\n")
    page.get_by_role("button", name="Create").click()
    page.get_by_role("heading", name=f"Requests of {client.organization}_new").wait_for()
    press(page, "o")
    page.keyboard.type(client.organization)
    page.get_by_role("listbox").get_by_text(" USD").first.wait_for()


def test_f_makes_the_next_request_fail(page: Any, client: Client) -> None:
    page.goto(client.page())
    press(page, "f")
    assert focused(page) == "500"
    press(page, "Enter")
    page.get_by_test_id("outcome").wait_for()
    assert [client.request(), client.request()] == [500, 200]


def test_j_and_k_move_through_requests_and_enter_opens_one(page: Any, client: Client) -> None:
    client.request("/org/ledger?days=7")
    page.goto(client.page("requests"))
    for key, expected in (("j", "ledger"), ("j", "billing"), ("j", "billing"), ("k", "ledger")):
        press(page, key)
        assert expected in focused(page)
    press(page, "Enter")
    page.get_by_test_id("explanation").wait_for()
    assert "getOrgLedger" in page.get_by_test_id("explanation").inner_text()


def test_new_requests_appear_and_the_focus_stays(page: Any, client: Client) -> None:
    page.goto(client.page("requests"))
    press(page, "j")
    focus = page.evaluate("document.activeElement.href")
    client.request("/org/ledger?days=9")
    page.get_by_text("days=9").wait_for()
    assert page.evaluate("document.activeElement.href") == focus


def test_the_page_answers_the_mouse_while_requests_pour_in(page: Any, client: Client, stub: Any) -> None:
    page.goto(client.page("requests"))
    refreshes: list[str] = []
    page.on("request", lambda sent: refreshes.append(sent.url) if "/requests?" in sent.url else None)
    token = client.headers["Authorization"].removeprefix("Bearer ")
    port = stub.url.rpartition(":")[2]
    command = [sys.executable, str(LOAD), port, "billing", "20", "8", token, "x", "0"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        page.locator("#exchanges tbody tr").nth(50).wait_for(state="attached")
        page.get_by_role("button", name="Keys").click()
        page.get_by_role("dialog", name="Keys").wait_for()
        press(page, "Escape")
        page.get_by_role("button", name="Pause").click()
        assert process.poll() is None, "the load ended before the click"
        seen = len(refreshes)
        process.terminate()
    assert page.locator("#exchanges tbody tr").count() <= LIMIT
    # The page asks at most about once a second, whatever the load.
    assert 1 <= seen <= 25
    count = len(refreshes)
    client.request()
    page.wait_for_timeout(1_500)
    assert len(refreshes) == count  # paused
    with page.expect_request(lambda sent: "/requests?" in sent.url):
        page.get_by_role("button", name="Pause").click()


def test_the_bar_takes_two_lines_at_1280_pixels(page: Any, stub: Any) -> None:
    httpx.put(f"{stub.url}/_mock/v1/organizations/org_bar/scenario", json={"scenario": "low-balance"})
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"{stub.url}/_mock/?org=org_bar")
    lines = page.locator(".topbar > .line")
    assert [lines.nth(number).bounding_box()["height"] < 45 for number in range(lines.count())] == [
        True,
        True,
    ]


def test_a_clock_that_is_moved_by_a_program_moves_on_an_open_page(page: Any, stub: Any) -> None:
    clock = f"{stub.url}/_mock/v1/organizations/org_moved/clock"
    httpx.put(clock, json={"mode": "frozen", "at": "2026-05-01T12:34:56Z"}).raise_for_status()
    page.goto(f"{stub.url}/_mock/requests?org=org_moved")
    page.locator("#bar-clock").get_by_text("2026-05-01 12:34 UTC").wait_for()
    httpx.post(f"{clock}/advance", json={"by": "P1D"}).raise_for_status()
    page.locator("#bar-clock").get_by_text("2026-05-02 12:34 UTC").wait_for(timeout=30_000)


def test_a_page_catches_up_after_the_server_was_away(page: Any, client: Client) -> None:
    page.route("**/stream?*", lambda route: route.fulfill(status=204))
    page.goto(client.page("requests"))
    client.request("/org/ledger?days=11")
    page.wait_for_timeout(300)
    assert page.get_by_text("days=11").count() == 0
    page.unroute("**/stream?*")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.get_by_text("days=11").wait_for()
