from __future__ import annotations

from pathlib import Path

from orgbilling_fixtures import scenarios
from orgbilling_openapi import control
from orgbilling_stubs.control import errors

DOCS = Path(__file__).parents[3] / "docs"


def test_the_page_covers_every_operation_and_every_refusal() -> None:
    text = (DOCS / "control.md").read_text("utf-8")
    for path, item in control.load()["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                assert f"| `{operation['operationId']}` | `{method.upper()} {path}` |\n" in text
    for row in errors.TABLE:
        assert f"| {row.name} | {row.status} | {row.detail} |\n" in text


def test_the_page_covers_every_scenario() -> None:
    text = (DOCS / "scenarios.md").read_text("utf-8")
    for each in scenarios.load():
        shown = ", ".join(f"`{name}`" for name in each.operations)
        assert f"| {each.number} | `{each.name}` | {each.shows} | {shown} |\n" in text
