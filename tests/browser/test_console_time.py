"""The page of time in Chromium: the scrubber previews jumps, and keys lead along the timeline."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from .conftest import press

pytestmark = pytest.mark.slow

ORG = "org_scrubbed"


@pytest.fixture
def http(stub: Any) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stub.url) as client:
        client.delete(f"/_mock/v1/organizations/{ORG}")
        client.post("/_mock/v1/organizations", json={"organization": ORG, "persona": "contract_active"})
        yield client


def now(http: httpx.Client) -> str:
    return str(http.get(f"/_mock/v1/organizations/{ORG}").json()["clock"]["now"])


def address(stub: Any) -> str:
    return f"{stub.url}/_mock/time?org={ORG}"


def test_the_scrubber_previews_a_jump_and_enter_goes_there(page: Any, stub: Any, http: httpx.Client) -> None:
    page.goto(address(stub))
    scrubber = page.get_by_role("slider", name="Instant")
    assert scrubber.get_attribute("aria-valuetext") == "Tuesday, 10 March 2026 at 12:00:00 UTC"
    box = scrubber.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.6, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, middle, steps=8)
    page.mouse.up()
    preview = page.get_by_test_id("preview")
    preview.get_by_text("month ends").wait_for()
    assert "The balance goes from" in preview.inner_text()
    assert now(http) == "2026-03-10T12:00:00Z"
    there = page.locator("#preview time").get_attribute("datetime")
    scrubber.press("Enter")
    page.get_by_test_id("outcome").wait_for()
    assert now(http) == there


def test_arrows_move_by_a_day_and_stop_at_a_marker(page: Any, stub: Any, http: httpx.Client) -> None:
    page.goto(address(stub))
    scrubber = page.get_by_role("slider", name="Instant")
    scrubber.press("ArrowRight")
    assert scrubber.get_attribute("aria-valuetext") == "Wednesday, 11 March 2026 at 12:00:00 UTC"
    for _ in range(20):
        scrubber.press("ArrowRight")
    # The end of the month is less than half a day away.
    assert scrubber.get_attribute("aria-valuetext") == "Tuesday, 31 March 2026 at 23:59:59 UTC"
    page.get_by_test_id("preview").get_by_text("Passes 1 month end.").wait_for()


def test_keys_lead_along_the_markers(page: Any, stub: Any, http: httpx.Client) -> None:
    page.goto(f"{stub.url}/_mock/requests?org={ORG}")
    press(page, "t")
    page.get_by_role("heading", name=f"Time of {ORG}").wait_for()
    for key, instant in (
        ("]", "2026-03-31T23:59:59Z"),
        ("t", "2026-04-01T23:59:59Z"),
        ("[", "2026-03-31T23:59:59Z"),
    ):
        with page.expect_navigation():
            press(page, key)
        page.get_by_test_id("outcome").wait_for()
        assert now(http) == instant
