from __future__ import annotations

from dataclasses import replace
from io import StringIO

from orgbilling_conformance import Report
from orgbilling_conformance.reports import advice, terminal
from rich.console import Console


def shown(report: Report, width: int = 100) -> str:
    out = StringIO()
    terminal.show(report, Console(file=out, width=width, highlight=False))
    return out.getvalue()


def test_a_person_sees_everything(report: Report) -> None:
    text = shown(report)
    for part in (
        "violated",
        "GET /org/billing",
        "/currency",
        "× 7",
        "expected  string",
        "org-billing.yaml:12",
        "curl -sS",
        "report each error to the vendor",
        "Operations not judged",
        "Accepted",
        "until 2030-01-01",
        "Not run",
        "needs --second-token",
        "Remarks",
        "the token died",
        "1 error, 1 warning",
        "gone <b>",
    ):
        assert part in text, part
    assert "[bold]y[/]" in text, "what a server says is no markup"
    assert "\x07" not in text
    assert max(len(line) for line in text.splitlines()) <= 100


def test_a_sound_target_is_short(sound: Report) -> None:
    assert "conforms to the API description" in shown(sound)
    assert len(shown(sound).splitlines()) < 60
    assert shown(sound, 60)


def test_what_is_there_to_be_copied_is_not_broken(report: Report) -> None:
    place = "#/components/schemas/TenantBillingProfile/properties/stripeCustomerId/pattern"
    curl = "curl -sS 'http://127.0.0.1:4010/api/v1/org/billing?" + "x" * 200 + "'"
    finding = replace(report.findings[0], rule="schema-value", basis="assumed", node=place, curl=curl)
    lines = shown(replace(report, findings=(finding,)), 80).splitlines()
    assert f"    again     {curl}" in lines
    overlay = advice.overlay(finding).splitlines()
    start = lines.index(overlay[0])
    assert lines[start : start + len(overlay)] == overlay


def test_no_picture_stands_for_a_name_between_colons(report: Report) -> None:
    named = replace(
        report.findings[0], operation=":key:", pointer="/:warning:", rule=":key:", observed=":warning:"
    )
    drifted = ({"severity": "breaking", "what": ":key:", "pointer": ":warning:"},)
    again = replace(
        report, findings=(named,), accepted=(named,), reasons=(":key:",), notes=(":key:",), drift=drifted
    )
    text = shown(again)
    assert "\N{KEY}" not in text
    assert "\N{WARNING SIGN}" not in text
    assert text.count(":key:") >= 6
