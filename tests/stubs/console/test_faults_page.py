"""The page of fault rules shows what is in force, clears it, and adds rules of every effect."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import unescape
from html.parser import HTMLParser
from typing import Any, ClassVar

import orjson
import pytest
from orgbilling_stubs.faults import effects
from orgbilling_stubs.faults.effects.effect import ObjectEffect, integer, json_field

ORG = "org_faulty"
PATH = "/_mock/faults"


class FieldNames(HTMLParser):
    """The names of all fields and buttons of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("input", "select", "button"):
            self.names.add(dict(attrs).get("name") or "")


@pytest.fixture
def existing(dashboard: Any) -> Any:
    dashboard("GET", "/org/billing", ORG)
    return dashboard


def page(dashboard: Any, **query: str) -> str:
    answer = dashboard("GET", PATH, None, params={"org": ORG, **query})
    assert answer.status_code == 200, answer.text
    return str(answer.text)


def add(dashboard: Any, **effect: Any) -> Any:
    members = effect.pop("rule", {})
    answer = dashboard("POST", "/_mock/v1/faults", None, json={"effect": effect, **members})
    assert answer.status_code == 201, answer.text
    return answer.json()


def submit(dashboard: Any, action: str, fields: Mapping[str, Any]) -> str:
    """The page that a form leads back to."""
    answer = dashboard("POST", f"/_mock/actions/{action}", None, data={"back": f"{PATH}?org={ORG}", **fields})
    assert answer.status_code == 303, answer.text
    return unescape(dashboard("GET", answer.headers["location"], None).text)


def in_force(dashboard: Any, organization: str = ORG) -> list[Any]:
    listed = dashboard("GET", "/_mock/v1/faults", None, params={"organization": organization})
    return list(listed.json()["faults"])


def row_of(html: str, rule: str) -> str:
    """The text of a rule's row."""
    row = re.search(rf'<tr data-rule="{rule}">(.*?)</tr>', html, re.DOTALL)
    assert row is not None
    return " ".join(unescape(re.sub("<[^>]+>", " ", row[1])).split())


@pytest.mark.slow
def test_a_rule_says_what_it_does_where_how_often_and_who_set_it(existing: Any) -> None:
    rule = {"operations": ["getOrgLedger"], "times": 3, "probability": 0.5, "seed": 7, "setBy": "test_x"}
    add(existing, status=503, detail="down", rule=rule)
    add(existing, latency={"ms": 30}, rule={"methods": ["GET"], "organizations": [ORG], "every": 2})
    html = page(existing)
    first = row_of(html, "flt_1")
    assert "Status 503, detail down getOrgLedger every organization" in first
    assert "3 of 3 left, with probability 0.5, seed 7 test_x" in first
    second = row_of(html, "flt_2")
    assert f"Latency ms 30 every operation by GET {ORG} until it is cleared, one request in 2" in second
    assert "control API" in second


@pytest.mark.slow
def test_the_rules_of_a_scenario_are_told_from_the_standing_ones(existing: Any) -> None:
    existing("PUT", f"/_mock/v1/organizations/{ORG}/scenario", None, json={"scenario": "stripe-down"})
    assert "scenario stripe-down" in row_of(page(existing), "scenario-stripe-down-1")


def test_each_rule_has_a_button_that_clears_it(existing: Any) -> None:
    add(existing, status=503)
    html = page(existing)
    assert 'action="/_mock/actions/removeFault"' in html
    assert 'name="path.rule" value="flt_1"' in html
    submit(existing, "removeFault", {"path.rule": "flt_1"})
    assert in_force(existing) == []


@pytest.mark.slow
def test_the_cross_of_the_bar_clears_all_that_it_counts(existing: Any) -> None:
    existing("PUT", f"/_mock/v1/organizations/{ORG}/scenario", None, json={"scenario": "stripe-down"})
    add(existing, reset=True)
    add(existing, status=503, rule={"organizations": [ORG, "org_b"]})
    add(existing, status=503, rule={"organizations": ["org_b"]})
    html = page(existing)
    form = next(
        form for form in re.findall(r"<form.*?</form>", html, re.DOTALL) if "Clear the faults" in form
    )
    fields = dict(re.findall(r'name="(path\.\w+)" value="([^"]*)"', form))
    assert fields == {"path.organization": ORG, "path.scope": "applicable"}
    assert '<a href="/_mock/faults?org=org_faulty">3</a>' in html
    after = submit(existing, "clearFaults", fields)
    assert '<a href="/_mock/faults?org=org_faulty">0</a>' in after
    assert [rule["id"] for rule in in_force(existing, "org_b")] == ["flt_3"]


def test_every_effect_of_the_registry_has_its_fields_and_presets(existing: Any) -> None:
    html = page(existing)
    names = FieldNames(html).names
    for kind in effects.EFFECTS:
        assert f'data-effect="{kind.member}"' in html
        assert any(name.startswith(f"body.effect.{kind.member}") for name in names)
        for label in kind.presets:
            assert f">{label}</button>" in html


def test_an_effect_that_is_added_to_the_registry_appears_by_itself(
    existing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    @dataclass(frozen=True, slots=True)
    class GoneAway(ObjectEffect):
        member: ClassVar = "gone"
        description: ClassVar = "It is gone."
        on_the_wire: ClassVar = "gone for `seconds`"
        conflicts: ClassVar = ("reset",)
        seconds: int = json_field("seconds", integer(1, 77, "For so long."))

    monkeypatch.setattr(effects, "EFFECTS", (*effects.EFFECTS, GoneAway))
    html = page(existing)
    assert "<legend>Gone away</legend>" in html
    assert "gone for <code>seconds</code>" in html
    assert 'name="body.effect.gone.seconds"' in html
    assert "For so long. 1 to 77." in html
    assert "Not together with: Reset." in html


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("kind", effects.EFFECTS, ids=lambda kind: kind.member)
def test_every_preset_is_a_rule_that_works(existing: Any, kind: Any) -> None:
    assert kind.presets
    for label, members in kind.presets.items():
        fields = {"body.effect": orjson.dumps(members).decode(), "body.times": "1", "body.setBy": "console"}
        html = submit(existing, "addFault", fields)
        assert "That did not work" not in html, label
    assert {rule["setBy"] for rule in in_force(existing)} == {"console"}


def test_a_form_becomes_the_rule_that_it_says(existing: Any) -> None:
    fields = {
        "body.operations": ["getOrgLedger", "getOrgBilling", ""],
        "body.methods": ["GET"],
        "body.organizations": f"{ORG}, org_b",
        "body.times": "2",
        "body.probability": "0.5",
        "body.until": "2030-01-01",
        "body.effect.latency.ms": "20",
        "body.effect.latency.distribution": "uniform",
        "body.effect.latency.maxMs": "",
        "body.effect.duplicateMember.name": "currency",
        "body.effect.duplicateMember.value": "null",
        "body.effect.nulls": "true",
    }
    html = submit(existing, "addFault", fields)
    assert "That did not work" not in html
    [rule] = in_force(existing)
    assert rule["operations"] == ["getOrgLedger", "getOrgBilling"]
    assert rule["organizations"] == [ORG, "org_b"]
    assert (rule["methods"], rule["times"], rule["probability"]) == (["GET"], 2, 0.5)
    assert rule["until"] == "2030-01-01T00:00:00Z"
    assert rule["effect"]["latency"]["distribution"] == "uniform"
    assert rule["effect"]["duplicateMember"] == {"name": "currency", "value": None}
    assert rule["effect"]["nulls"] is True


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"body.effect.status": "999"}, "body.effect.status", "expected"),
        ({"body.effect.status": "418"}, "body.effect.status", "add force: true"),
        ({"body.effect.status": "503", "body.effect.nulls": "true"}, "body.effect.nulls", "status, nulls"),
        ({"body.effect.latency.ms": "soon"}, "body.effect.latency.ms", "expected"),
        ({"body.effect.field": "currency"}, "body.effect.field", "choose another name"),
        (
            {"body.effect.reset": "true", "body.operations": "getOrgBiling"},
            "body.operations",
            "getOrgBilling",
        ),
        ({"body.effect.reset": "true", "body.times": "0"}, "body.times", "expected"),
        ({"body.effect.reset": "true", "body.probability": "0"}, "body.probability", "never fire"),
        ({"body.effect.reset": "true", "body.until": "never"}, "body.until", "expected"),
        ({"body.effect.reset": "true", "body.id": "A B"}, "body.id", "expected"),
        ({"body.effect.late": "true"}, "body.effect", "does nothing"),
        ({"body.effect.detail": "why"}, "body.effect.detail", "needs"),
    ],
)
def test_an_error_stands_beside_its_field_which_keeps_its_value(
    existing: Any, fields: dict[str, str], field: str, message: str
) -> None:
    html = submit(existing, "addFault", fields)
    assert "That did not work" in html
    form = html[html.index("data-rule-form") :]
    place = form.index("data-conflict-summary") if field == "body.effect" else form.rindex(f'name="{field}"')
    surroundings = form[place - 300 : place] if field == "body.effect" else form[place : place + 1500]
    errors = re.findall(r'<span class="error" role="alert">(.*?)</span>', surroundings)
    assert errors, form
    assert message in errors[0]
    for name, value in fields.items():
        assert re.search(rf'name="{name}" value="{re.escape(value)}"', form) or value in form
    assert in_force(existing) == []


def test_the_address_fills_the_form_in(existing: Any) -> None:
    html = page(
        existing, **{"body.operations": "getOrgLedger", "body.effect.status": "502", "body.force": "true"}
    )
    form = html[html.index("data-rule-form") :]
    assert 'name="body.effect.status" value="502"' in form
    assert 'value="getOrgLedger" checked' in form
    assert 'name="body.force" value="true" checked' in form


def test_conflicts_are_said_before_they_happen(existing: Any) -> None:
    html = page(existing)
    for kind in effects.EFFECTS:
        conflicts = effects.conflicts(kind)
        assert (
            f'data-effect="{kind.member}" data-title="{kind.title()}" data-conflicts="{" ".join(conflicts)}"'
            in html
        )
        assert not conflicts or "Not together with: " in html


def test_the_page_follows_the_journal(existing: Any) -> None:
    assert 'id="rules-in-force" data-live>' in page(existing)
