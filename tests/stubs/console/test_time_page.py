"""The page of time moves the clock, previews jumps, and keeps and compares states, all without a script."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest
from orgbilling_openapi import description
from orgbilling_openapi.operations import operations_by_id

ORG = "org_console"
PATH = "/_mock/time"
API = f"/_mock/v1/organizations/{ORG}"


class Buttons(HTMLParser):
    """The forms of a page: action, fields, text and key of the button."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[dict[str, Any]] = []
        self._in_button = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "form":
            self.forms.append({"action": attributes.get("action"), "fields": {}, "text": "", "key": None})
        elif tag == "input" and self.forms and attributes.get("name"):
            self.forms[-1]["fields"][attributes["name"]] = attributes.get("value") or ""
        elif tag == "button" and self.forms:
            self._in_button = True
            self.forms[-1]["key"] = attributes.get("data-key")

    def handle_endtag(self, tag: str) -> None:
        self._in_button = self._in_button and tag != "button"

    def handle_data(self, data: str) -> None:
        if self._in_button:
            self.forms[-1]["text"] += data


@pytest.fixture
def contract(dashboard: Any) -> Any:
    persona = {"organization": ORG, "persona": "contract_active"}
    dashboard("POST", "/_mock/v1/organizations", None, json=persona)
    return dashboard


def page(dashboard: Any, **query: str) -> str:
    answer = dashboard("GET", PATH, None, params={"org": ORG, **query})
    assert answer.status_code == 200, answer.text
    return str(answer.text)


def text_of(html: str) -> str:
    """The text of a page, with single spaces."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", "", html)))


def press(dashboard: Any, html: str, text: str = "", key: str | None = None, **fields: str) -> str:
    """Press the button with a text or a key, and return the page that it leads back to."""
    [form] = [
        form
        for form in Buttons(html).forms
        if (form["key"] == key if key else form["text"].strip().startswith(text))
    ][:1]
    answer = dashboard("POST", form["action"], None, data=form["fields"] | fields)
    assert answer.status_code == 303, answer.text
    return str(dashboard("GET", answer.headers["location"], None).text)


def now(dashboard: Any) -> str:
    return str(dashboard("GET", API, None).json()["clock"]["now"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("button", "instant"),
    [
        ("+1 day", "2026-03-11T12:00:00Z"),
        ("+1 month", "2026-04-10T12:00:00Z"),
        ("−1 day", "2026-03-09T12:00:00Z"),
        ("−1 month", "2026-02-10T12:00:00Z"),
        ("End of month", "2026-03-31T23:59:59Z"),
        # The moment of day at which this contract falls due is drawn for its organization.
        ("Next installment", "2026-05-21T14:01:20.329Z"),
        ("Contract end", "2026-08-21T14:01:20.329Z"),
    ],
)
def test_buttons_move_the_clock(contract: Any, button: str, instant: str) -> None:
    html = press(contract, page(contract), button)
    assert "That did not work" not in html
    assert now(contract) == instant


@pytest.mark.slow
def test_keys_lead_to_the_markers_around_the_present_instant_and_to_the_next_day(contract: Any) -> None:
    html = press(contract, page(contract), key="]")
    assert now(contract) == "2026-03-31T23:59:59Z"
    html = press(contract, html, key="[")
    assert now(contract) == "2026-02-28T23:59:59Z"
    press(contract, html, key="t")
    assert now(contract) == "2026-03-01T23:59:59Z"


def test_a_jump_that_is_impossible_says_why(contract: Any) -> None:
    text = text_of(page(contract))
    assert ("Credit exhausted is not possible: it tops up automatically, below 100.00 USD.") in text
    assert "Not possible: the organization did not exist at that instant." in text_of(
        page(contract, to="2001-01-01T00:00")
    )
    assert "Not possible: more than five years ahead at once" in text_of(
        page(contract, to="2041-01-01T00:00")
    )
    assert "Not possible: expected an RFC 3339 instant" in text_of(page(contract, to="soon"))


@pytest.mark.slow
def test_a_date_field_previews_a_jump_that_a_button_then_does(contract: Any) -> None:
    html = page(contract, to="2026-06-01T00:00")
    assert "Passes 3 month ends and 1 installment of $3,700.00. The balance goes from $" in text_of(html)
    assert f"/_mock/v1/organizations/{ORG}/clock/preview?to=2026-06-01T00%3A00%3A00Z" in html
    assert now(contract) == "2026-03-10T12:00:00Z"
    html = press(contract, html, "Go there")
    assert now(contract) == "2026-06-01T00:00:00Z"
    assert 'data-testid="preview"' not in html


@pytest.mark.slow
def test_the_clock_can_be_frozen_at_an_instant(contract: Any) -> None:
    html = press(contract, page(contract, to="2026-06-01T00:00"), "Freeze the clock there")
    assert "The clock stands still until it is moved." in text_of(html)
    assert now(contract) == "2026-06-01T00:00:00Z"


def test_a_preview_can_be_loaded_alone(contract: Any) -> None:
    part = page(contract, to="2026-06-01", part="preview")
    assert "Passes 3 month ends and 1 installment of $3,700.00." in part
    assert "Go there" in part
    assert "<header" not in part
    refused = page(contract, to="end-of-monht", part="preview")
    assert "did you mean &#34;end-of-month&#34;?" in refused


def test_every_marker_is_a_link_to_its_preview_and_a_button(contract: Any) -> None:
    html = page(contract)
    assert "Installment 2026-05 is due" in html
    assert f"/_mock/time?org={ORG}&amp;to=2026-05-21T14%3A01%3A20.329Z#preview" in html
    press(contract, html, "Jump to Installment 2026-05 is due")
    assert now(contract) == "2026-05-21T14:01:20.329Z"


def test_what_was_done_at_the_present_instant_is_no_place_to_go_back_to(contract: Any) -> None:
    contract("POST", f"{API}/adjustments", None, json={"amountUsd": 1})
    html = page(contract)
    assert "Balance adjusted" in html
    assert "Jump to Balance adjusted" not in text_of(html)
    press(contract, html, key="[")
    assert now(contract) == "2026-02-28T23:59:59Z"


@pytest.mark.slow
def test_the_mode_of_the_clock_is_shown_and_changed(contract: Any) -> None:
    assert "The clock follows the clock of the server." in text_of(page(contract))
    html = press(contract, page(contract), "Freeze it here")
    assert "The clock stands still until it is moved." in text_of(html)
    html = press(contract, html, "Let it run")
    assert contract("GET", API, None).json()["clock"]["mode"] == "live"
    press(contract, html, "Follow the server")
    assert contract("GET", API, None).json()["clock"]["mode"] == "server"


@pytest.mark.slow
def test_a_snapshot_is_taken_restored_compared_and_deleted(contract: Any) -> None:
    html = press(contract, page(contract), "Take a snapshot", **{"body.name": "before"})
    assert "Compare with now before" in text_of(html)
    contract("POST", f"{API}/adjustments", None, json={"amountUsd": "2.000001"})
    compared = text_of(page(contract, **{"compare": "1", "from": "before"}))
    assert f"3 of {len(operations_by_id(description.load()))} responses differ." in compared
    assert "+2.000001" in compared
    html = press(contract, page(contract), "Restore before")
    assert "nothing differs." in text_of(page(contract, **{"compare": "1", "from": "before"}))
    press(contract, html, "Delete before")
    assert "No snapshot yet." in page(contract)
    assert "snapshot not found" in page(contract, **{"compare": "1", "from": "before"})


@pytest.mark.slow
def test_a_fork_is_made_opened_and_compared(contract: Any) -> None:
    html = press(contract, page(contract), "Fork", **{"body.into": "org_what_if"})
    assert '<a href="/_mock/time?org=org_what_if">Open org_what_if</a>' in html
    contract("POST", "/_mock/v1/organizations/org_what_if/adjustments", None, json={"amountUsd": 3})
    compared = text_of(page(contract, **{"compare": "1", "with": "org_what_if"}))
    assert f"From {ORG} at 2026-03-10 12:00:00 to org_what_if at 2026-03-10 12:00:00" in compared
    assert "/creditBalance" in compared


@pytest.mark.slow
@pytest.mark.parametrize(
    "persona", ["postpaid_over_limit", "overdrawn", "empty", "extreme_numbers", "hostile_texts"]
)
def test_the_page_shows_every_kind_of_organization(dashboard: Any, persona: str) -> None:
    dashboard("POST", "/_mock/v1/organizations", None, json={"organization": ORG, "persona": persona})
    dashboard("POST", f"{API}/snapshots", None, json={"name": "one"})
    html = page(dashboard, to="2026-08-01", **{"compare": "1", "from": "one"})
    assert 'data-testid="preview"' in html
    assert "nothing differs." in html
    assert "style=" not in html


def test_the_default_organization_begins_with_its_first_page(dashboard: Any) -> None:
    assert "Time of org_standard" in dashboard("GET", PATH, None).text


def test_an_organization_that_does_not_exist_can_be_created_first(dashboard: Any) -> None:
    assert f"There is no {ORG} yet" in page(dashboard, to="end-of-month", compare="1")
