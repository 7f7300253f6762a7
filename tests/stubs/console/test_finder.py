"""The pages that find things: the command palette, and the organizations."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from orgbilling_fixtures import scenarios
from orgbilling_openapi import control_description
from orgbilling_openapi.operations import operations_by_id
from orgbilling_stubs.console import finder
from orgbilling_stubs.console.finder import Entry, _with_balance, best_first
from orgbilling_stubs.console.page import NAVIGATION
from orgbilling_stubs.control.control_client import ControlClient, ControlResponse

from tests.stubs.console.test_app import Forms

ORG = "org_console"
FIND = "/_mock/find"
ORGANIZATIONS = "/_mock/organizations"


def html_of(dashboard: Any, path: str, **query: str) -> str:
    answer = dashboard("GET", path, None, params={"org": ORG, **query})
    assert answer.status_code == 200, answer.text
    return str(answer.text)


@pytest.fixture
def existing(dashboard: Any) -> Any:
    dashboard("GET", "/org/billing", ORG)
    return dashboard


def test_the_palette_has_every_page_scenario_organization_and_operation(existing: Any) -> None:
    html = html_of(existing, FIND)
    for path, _ in NAVIGATION:
        assert f'class="entry" data-item href="{path}?org={ORG}"' in html
    shown = [fields.get("body.scenario") for _, fields in Forms(html).forms]
    assert {scenario.name for scenario in scenarios.load()} <= set(shown)
    for operation_id in operations_by_id(control_description.load()):
        assert f'/_mock/operations?org={ORG}#{operation_id}"' in html
    assert f'href="/_mock/?org={ORG}"' in html


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize(
    ("search", "first"),
    [
        ("low_bal", "low-balance"),
        ("UNDO", ">Undo<"),
        ("advanceClock", ">Move by a duration<"),
        ("requests", ">Requests<"),
        ("month", ">+1 month<"),
        (ORG, f">{ORG}<"),
        ("fail 429", "Fail the next request: 429"),
    ],
)
def test_the_search_finds_by_words_in_any_spelling(existing: Any, search: str, first: str) -> None:
    html = html_of(existing, FIND, q=search)
    start = html.index('id="entries"')
    assert first in html[start : html.index("</li>", start)]


def test_what_begins_with_the_search_comes_first() -> None:
    entries = [Entry("Page", title) for title in ("Bill a month", "A clock", "Clock", "Block", "Clockwork")]
    assert [entry.title for entry in best_first("clock", entries)] == ["Clock", "A clock", "Clockwork"]
    assert best_first("", entries) == entries


def test_an_action_leads_back_to_the_page_of_the_search(existing: Any) -> None:
    back = f"/_mock/requests?org={ORG}&status=4XX"
    html = html_of(existing, FIND, q="+1 day", back=back)
    [(action, fields)] = [form for form in Forms(html).forms if form[1].get("body.by") == "P1D"]
    location = existing("POST", action, None, data=fields).headers["location"]
    assert location.startswith("/_mock/requests?org=org_console&status=4XX&outcome=")


def test_nothing_found_is_said(existing: Any) -> None:
    assert "Nothing matches “no such thing”." in html_of(existing, FIND, q="no such thing")


def test_organizations_are_listed_with_persona_and_balance(existing: Any) -> None:
    existing("GET", "/org/billing", "org_low_balance")
    html = html_of(existing, ORGANIZATIONS, back="/_mock/requests?org=org_console&trace=1")
    described = existing("GET", "/_mock/v1/organizations/org_low_balance", None).json()
    row = html[html.index('href="/_mock/requests?org=org_low_balance"') :].partition("</li>")[0]
    assert f"{described['creditBalance']:,.2f} {described['currency']}" in row
    assert described["persona"] in row
    assert "org_low_balance" not in html_of(existing, ORGANIZATIONS, q="console")


@pytest.mark.slow
def test_an_organization_that_does_not_exist_can_be_begun(existing: Any) -> None:
    html = html_of(existing, ORGANIZATIONS, q="new")
    assert 'href="/_mock/?org=org_new"' in html
    assert "org_org_" not in html_of(existing, ORGANIZATIONS, q="org_x")
    assert "begin it" not in html_of(existing, ORGANIZATIONS, q=ORG)
    assert "begin it" not in html_of(existing, ORGANIZATIONS, q="no id")
    assert "There is no org_new yet" in existing("GET", "/_mock/?org=org_new", None).text
    assert "org_console" in html_of(existing, ORGANIZATIONS, org="org_new")


@pytest.mark.slow
def test_only_so_many_organizations_are_described(existing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finder, "MOST_ORGANIZATIONS", 4)
    for number in range(6):
        existing.app.service.tenant(f"org_many_{number}")
    html = html_of(existing, ORGANIZATIONS, q="many")
    assert html.count('<span class="kind">Organization<') == 4
    assert "2 more: search for a part of the name." in html


def test_an_organization_that_cannot_be_read_says_why() -> None:
    class Client:
        async def call(self, *arguments: object) -> ControlResponse:
            return ControlResponse(503, {"detail": "the database is locked"}, "", 0)

    client = cast("ControlClient", Client())
    entry = asyncio.run(_with_balance(client, Entry("Organization", ORG, "a persona")))
    assert (entry.detail, entry.hint) == ("cannot be read", "the database is locked")


def test_a_persona_is_created_with_a_click(existing: Any) -> None:
    html = html_of(existing, ORGANIZATIONS, q="low_bal", back="/_mock/now?org=org_console")
    [(action, fields)] = [form for form in Forms(html).forms if form[0].endswith("/createOrganization")]
    assert fields["body.organization"] == "org_low_balance"
    location = existing("POST", action, None, data=fields).headers["location"]
    assert location.startswith("/_mock/now?org=org_low_balance&outcome=")
    assert "create it" not in html_of(existing, ORGANIZATIONS, q="low_balance")


def test_a_new_organization_says_which_persona_may_have_been_meant(existing: Any) -> None:
    assert "did you mean &#34;low_balance&#34;?" in html_of(existing, ORGANIZATIONS, q="low_blance")
