from __future__ import annotations

from io import StringIO

from orgbilling_conformance import Report
from orgbilling_conformance.render import terminal
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
        "our contract is stale",
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


def test_a_sound_target_is_one_screen(sound: Report) -> None:
    assert "keeps the contract" in shown(sound)
    assert len(shown(sound).splitlines()) < 25
    assert shown(sound, 60)
