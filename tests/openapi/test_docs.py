"""docs/spec.md names every command and layer."""

from __future__ import annotations

from pathlib import Path

from orgbilling_openapi import composition

DOCS = (Path(__file__).parents[2] / "docs" / "spec.md").read_text()


def test_every_command_and_layer_is_explained() -> None:
    for name in ("derive", "compose", "check", "explain", "diff"):
        assert f"orgbilling spec {name}" in DOCS
    for layer in composition.LAYERS:
        assert f"`{layer}`" in DOCS
