from __future__ import annotations

from pathlib import Path

from orgbilling_stubs.checkout import errors

PAGE = Path(__file__).parents[3] / "docs/hosted-pages.md"


def test_every_refusal_is_documented_as_it_is() -> None:
    text = PAGE.read_text("utf-8")
    for row in errors.TABLE:
        assert f"| {row.name} | {row.status} | {row.detail} |\n" in text
    assert len({row.name for row in errors.TABLE}) == len(errors.TABLE)
