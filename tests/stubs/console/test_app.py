"""The console: its pages show the state, its forms drive the control API, and no other site can use it."""

from __future__ import annotations

import asyncio
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from orgbilling_fixtures import scenarios
from orgbilling_openapi import control_description
from orgbilling_openapi.operations import operations_by_id
from orgbilling_stubs.console.actions import MOST_OUTCOME_BYTES, Outcome, Outcomes
from orgbilling_stubs.console.app import PAGES
from orgbilling_stubs.console.page import NAVIGATION
from orgbilling_stubs.console.scenarios_page import GROUPS
from orgbilling_stubs.control.control_client import ControlResponse
from orgbilling_stubs.http.command_name import command_name

ORG = "org_console"
ROOT = Path(__file__).parents[3]
HOME = "/_mock/"


class Forms(HTMLParser):
    """The forms of a page: their action, and their fields with values."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str]]] = []
        self._select: str | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "form":
            self.forms.append((attributes.get("action") or "", {}))
        elif tag in ("input", "textarea", "select") and self.forms and attributes.get("name"):
            self.forms[-1][1][str(attributes["name"])] = attributes.get("value") or ""
            self._select = str(attributes["name"]) if tag == "select" else None
        elif tag == "option" and self.forms and self._select is not None:
            fields = self.forms[-1][1]  # the first option is chosen, unless another one is selected
            if "selected" in attributes or not fields[self._select]:
                fields[self._select] = attributes.get("value") or ""


def page(dashboard: Any, path: str = HOME, **query: str) -> str:
    answer = dashboard("GET", path, None, params={"org": ORG, **query})
    assert answer.status_code == 200, answer.text
    return str(answer.text)


def outcome_of(dashboard: Any, action: str, fields: dict[str, str], **headers: str) -> str:
    """The page that an action leads back to."""
    location = submit(dashboard, f"/_mock/actions/{action}", fields, **headers).headers["location"]
    return str(dashboard("GET", location, None, headers=headers).text)


def submit(dashboard: Any, action: str, fields: dict[str, str], **headers: str) -> Any:
    return dashboard("POST", action, None, data=fields, headers=headers)


@pytest.fixture
def existing(dashboard: Any) -> Any:
    dashboard("GET", "/org/billing", ORG)
    return dashboard


@pytest.mark.slow
def test_every_scenario_is_one_form_of_the_first_page(existing: Any) -> None:
    forms = Forms(page(existing)).forms
    shown = [fields["body.scenario"] for action, fields in forms if action.endswith("/setScenario")]
    assert sorted(shown) == sorted(scenario.name for scenario in scenarios.load())
    for action, fields in forms:
        if fields.get("body.scenario") == "low-balance":
            answer = submit(existing, action, fields)
            assert answer.status_code == 303
            assert answer.headers["location"].startswith(f"/_mock/?org={ORG}&outcome=")
    described = existing("GET", f"/_mock/v1/organizations/{ORG}", None).json()
    assert described["scenario"] == "low-balance"
    assert "Undo: scenario low-balance" in page(existing)


@pytest.mark.slow
def test_undo_in_a_page_of_earlier_takes_back_nothing_else(existing: Any) -> None:
    outcome_of(existing, "setScenario", {"path.organization": ORG, "body.scenario": "overdrawn"})
    [undo] = [fields for action, fields in Forms(page(existing)).forms if action.endswith("undoCommand")]
    assert undo["title"] == "Undone: scenario overdrawn"
    outcome_of(existing, "advanceClock", {"path.organization": ORG, "body.by": "P1M"})
    html = outcome_of(existing, "undoCommand", undo)
    assert "<h2>That did not work</h2>" in html
    assert "the last one is now &#39;clock to 2026-04-10 12:00 UTC&#39;" in html
    assert "Undo: clock to 2026-04-10 12:00 UTC" in html


@pytest.mark.slow
@pytest.mark.parametrize(
    ("operation", "body", "title"),
    [
        ("jumpClock", {"body.to": "2026-03-10"}, "clock back to 2026-03-10 00:00 UTC"),
        ("setClock", {"body.mode": "frozen"}, "clock frozen at 2026-03-10 12:00 UTC"),
        ("setClock", {"body.mode": "live"}, "clock set running"),
    ],
)
def test_undo_says_which_move_of_the_clock(
    existing: Any, operation: str, body: dict[str, str], title: str
) -> None:
    outcome_of(existing, operation, {"path.organization": ORG, **body})
    assert f"Undo: {title}" in page(existing)


def test_a_permalink_asks_before_it_changes_anything(existing: Any) -> None:
    html = page(existing, scenario="overdrawn")
    assert 'data-testid="wanted"' in html
    assert existing("GET", f"/_mock/v1/organizations/{ORG}", None).json()["scenario"] is None


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize(
    ("spelling", "shown"),
    [
        ("lowbalance", 'data-testid="wanted"'),
        ("3", 'data-testid="wanted"'),
        ("low-blance", "There is no scenario “low-blance”; did you mean &#34;low-balance&#34;?"),
        ("nope", "There is no scenario “nope”"),
    ],
)
def test_a_permalink_takes_other_spellings_and_says_what_is_no_scenario(
    existing: Any, spelling: str, shown: str
) -> None:
    assert shown in page(existing, scenario=spelling)


@pytest.mark.slow_beyond(2)
@pytest.mark.parametrize("organization", ["org_a/b", "*", "%", "org_%41", "org_a b", "org_\0", "a" * 129])
def test_a_text_that_is_no_organization_id_is_not_found(dashboard: Any, organization: str) -> None:
    headers = {"Accept": "text/html"}
    for path in [*PAGES, "/_mock/find", "/_mock/organizations", "/_mock/bundle"]:
        answer = dashboard("GET", path, None, params={"org": organization}, headers=headers)
        assert answer.status_code == 404, path
        assert "this is no organization id" in answer.text, path
        assert 'href="/_mock/organizations"' in answer.text, path


def test_a_short_name_leads_to_its_organization(existing: Any) -> None:
    answer = existing("GET", HOME, None, params={"org": "console", "scenario": "overdrawn"})
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{HOME}?org={ORG}&scenario=overdrawn"


def test_a_form_does_not_create_an_organization_that_was_deleted_meanwhile(existing: Any) -> None:
    fields = {"path.organization": ORG, "body.by": "P1D", "back": f"/_mock/time?org={ORG}"}
    existing("DELETE", f"/_mock/v1/organizations/{ORG}", None)
    html = outcome_of(existing, "advanceClock", fields)
    assert f"there is no {ORG}: it was deleted meanwhile" in html
    assert any(action.endswith("/createOrganization") for action, _ in Forms(html).forms)
    assert existing("GET", f"/_mock/v1/organizations/{ORG}", None).status_code == 404


def test_a_slash_at_the_end_leads_to_the_page(existing: Any) -> None:
    answer = existing("GET", "/_mock/now/", None, params={"org": ORG})
    assert (answer.status_code, answer.headers["location"]) == (308, f"/_mock/now?org={ORG}")


def test_a_bad_token_says_what_it_gets(existing: Any) -> None:
    html = outcome_of(existing, "mintToken", {"path.organization": ORG, "body.bad": "expired"})
    assert "<strong>expired</strong>" in html
    assert "A request with it gets <code>" in html


def test_an_amount_is_taken_as_it_was_written(existing: Any) -> None:
    fields = {"path.organization": ORG, "body.amountUsd": "0.0000001"}
    assert "That did not work" in outcome_of(existing, "adjustBalance", fields)
    fields["body.amountUsd"] = "0.000001"
    assert "That did not work" not in outcome_of(existing, "adjustBalance", fields)


@pytest.mark.slow
def test_lines_to_paste_call_the_command_by_its_path(
    existing: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.argv", [str(tmp_path / "orgbilling")])
    empty = existing("GET", "/_mock/requests", None, params={"org": "org_standard"}).text
    landing = existing("GET", "/_mock/../", None, headers={"Accept": "text/html"}).text
    for html in (empty, landing):
        assert f"$({tmp_path / 'orgbilling'} token --org org_standard" in html
    monkeypatch.chdir(tmp_path)
    assert command_name() == "./orgbilling"


@pytest.mark.slow
def test_a_permalink_outlasts_the_creation_of_its_organization(dashboard: Any) -> None:
    html = page(dashboard, scenario="overdrawn")
    [(action, fields)] = [form for form in Forms(html).forms if form[0].endswith("createOrganization")]
    html = dashboard("GET", submit(dashboard, action, fields).headers["location"], None).text
    assert 'data-testid="wanted"' in html
    [show] = [form for form in Forms(html).forms if form[1].get("body.scenario") == "overdrawn"][:1]
    html = dashboard("GET", submit(dashboard, *show).headers["location"], None).text
    assert 'data-testid="wanted"' not in html


def test_every_operation_of_the_control_api_has_a_form(existing: Any) -> None:
    actions = {action.rpartition("/")[2] for action, _ in Forms(page(existing, f"{HOME}operations")).forms}
    assert actions >= operations_by_id(control_description.load()).keys() - {"streamJournal"}


@pytest.mark.slow
def test_an_operation_with_a_query_has_fields_for_it(existing: Any) -> None:
    forms = dict(Forms(page(existing, f"{HOME}operations")).forms)
    assert {"path.organization", "path.to", "path.by"} <= forms["/_mock/actions/previewClock"].keys()
    assert {"path.limit", "path.after"} <= forms["/_mock/actions/getClock"].keys()
    fields = {"path.organization": ORG, "path.to": "", "path.by": "PT1S"}
    assert "Nothing happens on the way." in outcome_of(existing, "previewClock", fields)


def test_an_outcome_shows_the_answer_and_the_curl_command(existing: Any) -> None:
    fields = {"path.organization": ORG, "body.by": "P1D", "back": f"/_mock/operations?org={ORG}"}
    location = submit(existing, "/_mock/actions/advanceClock", fields).headers["location"]
    assert location.startswith(f"/_mock/operations?org={ORG}&outcome=")
    html = existing("GET", location, None).text
    assert f"curl -sS http://127.0.0.1:4010/_mock/v1/organizations/{ORG}/clock/advance" in html
    assert "&#39;{&#34;by&#34;:&#34;P1D&#34;}&#39;" in html


def test_a_refused_action_says_what_was_wrong(existing: Any) -> None:
    fields = {"path.organization": ORG, "body.by": "tomorrow"}
    html = outcome_of(existing, "advanceClock", fields)
    assert "That did not work" in html
    assert "body.by" in html


def test_a_text_of_digits_stays_a_text(existing: Any) -> None:
    fields = {"path.organization": ORG, "body.code": "2026", "body.creditUsd": "5"}
    html = outcome_of(existing, "createVoucher", fields)
    assert "That did not work" not in html


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "evil.example"},
    ],
)
def test_a_page_of_another_origin_can_do_nothing(existing: Any, headers: dict[str, str]) -> None:
    fields = {"path.organization": ORG, "body.scenario": "overdrawn"}
    expected = 421 if "Host" in headers else 403
    assert submit(existing, "/_mock/actions/setScenario", fields, **headers).status_code == expected
    assert existing("GET", f"/_mock/v1/organizations/{ORG}", None).json()["scenario"] is None


@pytest.mark.slow_beyond(2)
@pytest.mark.parametrize(
    "fields",
    [
        {"body.effect": "2", "body.effect.status": "503"},
        {"body.effect.status": "503", "body.effect": "2"},
        {"body.effect.status.x": "1", "body.effect.status": "2"},
        {"body." + ".".join("a" * 20_000): "1"},
        {"body.effect": "[" * 900 + "]" * 900},
        {"body": "[" * 900 + "]" * 900},
        {"body": '{"effect": {"status": 503}, "effect": {"status": 500}}'},
        {"body": "{"},
    ],
    ids=lambda fields: next(iter(fields))[:20],
)
def test_fields_that_make_no_body_are_refused(existing: Any, fields: dict[str, str]) -> None:
    answer = submit(existing, "/_mock/actions/addFault", fields)
    if answer.status_code == 303:
        assert "That did not work" in existing("GET", answer.headers["location"], None).text
    else:
        assert answer.status_code == 400
    assert existing("GET", "/_mock/v1/faults", None).json()["faults"] == []


def test_large_outcomes_make_room_for_one_another() -> None:
    outcomes = Outcomes()
    size_bytes = MOST_OUTCOME_BYTES // 2
    ids = [outcomes.keep(Outcome("", ControlResponse(200, None, "", size_bytes))) for _ in range(3)]
    assert [outcomes.get(outcome_id) is not None for outcome_id in ids] == [False, True, True]


@pytest.mark.parametrize("token", ["€", "a\r\nSet-Cookie: x", "x" * 100_000])
def test_a_token_that_no_cookie_can_hold_is_wrong(existing: Any, token: str) -> None:
    answer = submit(existing, "/_mock/sign-in", {"token": token})
    assert (answer.status_code, "set-cookie" in answer.headers) == (401, False)


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize(
    "back",
    [
        "https://evil.example/",
        "//evil.example/_mock/",
        "/x",
        "javascript:1",
        "http://[",
        "http://a\u2100b/",
    ],
)
def test_an_action_leads_back_to_the_console_alone(existing: Any, back: str) -> None:
    fields = {"path.organization": ORG, "back": back}
    location = submit(existing, "/_mock/actions/getOrganization", fields).headers["location"]
    assert location.startswith("/_mock/?outcome=")


def test_beyond_loopback_the_console_asks_for_the_control_token(serve: Any) -> None:
    stub = serve(host="0.0.0.0", auth="verify")
    token = stub.app.control_token
    refused = stub("GET", HOME, None, headers={"Accept": "text/html"})
    assert (refused.status_code, "Control token" in refused.text) == (401, True)
    assert stub("GET", HOME, None, headers={"Cookie": "orgbilling_control=wrong"}).status_code in (401, 403)
    signed = submit(stub, "/_mock/sign-in", {"token": token})
    cookie = signed.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/_mock"} <= {part.strip() for part in cookie.split(";")}
    sent = {"Cookie": cookie.partition(";")[0]}
    assert stub("GET", HOME, None, headers=sent).status_code == 200
    assert "X-Control-Token: $ORGBILLING_CONTROL_TOKEN" in outcome_of(
        stub, "listScenarios", {"title": "All"}, **sent
    )


def test_beyond_loopback_a_browser_that_is_signed_in_reads_the_api_reference(serve: Any) -> None:
    stub = serve(host="0.0.0.0", auth="verify")
    signed_in = {"Cookie": f"orgbilling_control={stub.app.control_token}"}
    for path in ("/_mock/docs", "/_mock/v1/docs", "/_mock/v1/openapi.json", "/_mock/v1/schemas/Clock.json"):
        assert stub("GET", path, None).status_code == 401
        assert stub("GET", path, None, headers={"Cookie": "orgbilling_control=wrong"}).status_code == 401
        assert stub("GET", path, None, headers=signed_in).status_code == 200, path
    for method, path in (("GET", "/organizations"), ("POST", "/reset"), ("GET", "/docsx"), ("POST", "/docs")):
        assert stub(method, f"/_mock/v1{path}", None, headers=signed_in).status_code == 401, path


@pytest.mark.slow
def test_every_response_may_load_only_files_of_our_own(existing: Any) -> None:
    for path in [*PAGES, "/_mock/nothing", "/_mock/actions/nothing"]:
        answer = existing("GET", path, None, params={"org": ORG})
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy, path
        assert "frame-ancestors 'none'" in policy, path
        assert answer.headers["x-content-type-options"] == "nosniff", path
        assert "<script>" not in answer.text, path
        assert " style=" not in answer.text, path


def test_a_client_that_leaves_while_it_sends_a_form_gets_no_answer(
    existing: Any, caplog: pytest.LogCaptureFixture
) -> None:
    messages: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        messages.append(message)

    form = (b"content-type", b"application/x-www-form-urlencoded")
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/_mock/actions/listFaults",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1:4010"), form, (b"content-length", b"9")],
    }
    asyncio.run(existing.app.asgi(scope, receive, send))
    assert (messages, caplog.text) == ([], "")


@pytest.mark.slow
def test_a_query_of_any_bytes_is_no_crash(existing: Any) -> None:
    scope = {
        "type": "http",
        "method": "GET",
        "query_string": b"\xff\xfe",
        "headers": [(b"host", b"127.0.0.1:4010")],
        "scheme": "http",
        "http_version": "1.1",
        "server": ("127.0.0.1", 4010),
        "client": ("127.0.0.1", 1),
    }
    statuses = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    for path in PAGES:
        asyncio.run(existing.app.asgi(scope | {"path": path, "raw_path": path.encode()}, receive, send))
    assert statuses == [200] * len(PAGES)


def test_every_page_is_in_the_navigation() -> None:
    assert list(PAGES) == [path for path, _ in NAVIGATION]


def test_an_organization_that_does_not_exist_is_created_by_a_click(dashboard: Any) -> None:
    html = page(dashboard)
    assert f"There is no {ORG} yet" in html
    assert dashboard("GET", f"/_mock/v1/organizations/{ORG}", None).status_code == 404
    [(action, fields)] = [form for form in Forms(html).forms if form[0].endswith("createOrganization")]
    submit(dashboard, action, fields)
    assert dashboard("GET", f"/_mock/v1/organizations/{ORG}", None).status_code == 200


def test_an_error_is_a_page_for_a_browser_and_a_problem_for_a_program(existing: Any) -> None:
    for path, status in (("/_mock/nothing", 404), ("/_mock/actions/getOrganization", 405)):
        page = existing("GET", path, None, headers={"Accept": "text/html,*/*;q=0.8"})
        document = existing("GET", path, None)
        assert (page.status_code, document.status_code) == (status, status)
        assert page.headers["content-type"].startswith("text/html")
        assert 'href="/_mock/"' in page.text
        assert document.headers["content-type"] == "application/problem+json"
        assert document.json()["status"] == status
        assert document.headers.get("allow") == ("POST" if status == 405 else None)


def test_a_path_that_only_begins_like_the_console_is_none_of_it(existing: Any) -> None:
    assert existing("GET", "/_mockery", None).headers["x-trace-id"]
    assert existing("GET", "/_mock", None).headers["location"] == "/_mock/"


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize(("operation", "hosted"), [("openCheckout", "checkout"), ("openPortal", "portal")])
def test_the_bar_opens_the_hosted_pages(existing: Any, operation: str, hosted: str) -> None:
    [(action, fields)] = [form for form in Forms(page(existing)).forms if form[0].endswith(operation)]
    location = submit(existing, action, fields).headers["location"]
    base_url = "http://127.0.0.1:4010"
    assert location.startswith(f"{base_url}/_mock/{hosted}/{ORG}/")
    assert existing("GET", location.removeprefix(base_url), None).status_code == 200


def test_a_form_follows_no_address_but_a_hosted_page(existing: Any) -> None:
    fields = {"path.organization": ORG, "follow": "url"}
    assert "outcome=" in submit(existing, "/_mock/actions/getOrganization", fields).headers["location"]
    unknown = {"path.organization": "?", "follow": "url"}
    assert "outcome=" in submit(existing, "/_mock/actions/openPortal", unknown).headers["location"]


def test_the_cards_are_grouped_under_the_25_states_and_say_which_were_met(existing: Any) -> None:
    numbers = [number for _, group in GROUPS for number in group]
    assert sorted(numbers) == list(range(1, 26))
    assert [title for title, _ in GROUPS] == [
        "Credit",
        "Postpaid",
        "Contract",
        "Data",
        "Stripe",
        "Session",
        "Network",
    ]
    assert "met by your client" not in page(existing)
    for name in ("low-balance", "overdrawn"):
        existing("PUT", f"/_mock/v1/organizations/{ORG}/scenario", None, json={"scenario": name})
        existing("GET", "/org/billing", ORG)
    html = page(existing)
    card = html[html.index('data-name="low-balance"') :].partition("</li>")[0]
    assert "met by your client" in card
    card = html[html.index('data-name="overdrawn"') :].partition("</li>")[0]
    assert "shown now" in card


def test_every_key_is_in_the_documentation() -> None:
    documented = (ROOT / "docs" / "console.md").read_text("utf-8")
    templates = (ROOT / "stubs" / "orgbilling_stubs" / "console" / "templates").glob("*.html")
    keys = {
        key
        for template in templates
        for key in re.findall(r'(?:data-|[\s,(])key="([^"{])"', template.read_text("utf-8"))
    }
    assert {"/", "?", "u", "f", "t", "p", "r", "o"} <= keys
    assert {key for key in keys if f"`{key}`" not in documented} == set()
