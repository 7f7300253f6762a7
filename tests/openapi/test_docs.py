"""docs/contract.md names every command, layer, assumption and law."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orgbilling_openapi import compose
from orgbilling_openapi.laws import LAWS

DOCS = (Path(__file__).parents[2] / "docs" / "contract.md").read_text()


def assumption(action: Mapping[str, Any]) -> str:
    """One row of the table of assumptions."""
    target, update = action["target"], action["update"]
    if target == "$.components":
        where = ", ".join(f"{kind[:-1]} `{name}`" for kind, part in update.items() for name in part)
        return f"| {where} | defined | {action['x-reason']} |"
    if target.startswith("$.components.schemas."):
        where = target.removeprefix("$.components.schemas.").replace(".properties.", ".")
        return f"| `{where}` | {_added(update)} | {action['x-reason']} |"
    paths, method = re.findall(r"'(/[^']*)'", target), re.findall(r"\.(get|post)", target)[0].upper()
    where = ", ".join(f"`{path}`" for path in paths) if len(paths) <= 5 else f"{len(paths)} operations"
    inside = re.sub(r".*\.(get|post)", "", target).strip(".") or "operation"
    return f"| {method} {where}: {inside} | {_added(update)} | {action['x-reason']} |"


def _added(update: Any) -> str:
    if isinstance(update, list):
        return ", ".join(f"`{item['$ref'].rsplit('/', 1)[1]}`" for item in update)
    if "parameters" in update:
        return _added(update["parameters"])
    if "headers" in update:
        return ", ".join(f"`{name}`" for name in update["headers"])
    return ", ".join(f"`{key}`" for key in update)


def test_the_table_of_assumptions_is_that_of_the_layer() -> None:
    rows = [assumption(each) for each in compose.actions(compose.HERE / "layers" / "assumed.overlay.yaml")]
    table = DOCS.partition("## What we assume")[2].partition("\n## ")[0]
    assert [line for line in table.splitlines() if line.startswith("| ")][2:] == rows


def test_the_table_of_laws_is_that_of_the_code() -> None:
    rows = [
        f"| {law.number} | {law.name} | {law.equation} | {'' if law.firm else 'normally'} |" for law in LAWS
    ]
    table = DOCS.partition("## Laws")[2].partition("\n## ")[0]
    assert [line for line in table.splitlines() if line.startswith("| ")][2:] == rows


def test_every_command_and_layer_is_explained() -> None:
    for name in ("derive", "compose", "check", "explain", "diff"):
        assert f"orgbilling spec {name}" in DOCS
    for layer in compose.LAYERS:
        assert f"`{layer}`" in DOCS
