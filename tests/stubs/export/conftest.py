"""Small exports to look at: a few organisations, short histories."""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from orgbilling_fixtures import persona as personas
from orgbilling_stubs import genesis
from orgbilling_stubs.domain import instant
from orgbilling_stubs.domain.events import TenantCreated
from orgbilling_stubs.domain.plan import Plan
from orgbilling_stubs.export import manifest, people, run
from orgbilling_stubs.export.request import Request
from orgbilling_stubs.export.schema import NAMES


@atexit.register
def _quiet_end() -> None:
    """DuckDB's bindings tell at the end of the process what pytest still holds of them: nobody asked."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


AS_OF_MS = instant.parse("2026-03-10T12:00:00Z")
ALL = ("csv", "jsonl", "parquet", "postgres", "json", "sqlite", "duckdb")


def plan_of(name: str, as_of_ms: int = AS_OF_MS, seed: int = 1) -> Plan:
    """The plan of a shipped persona."""
    organisation = f"org_{name}"
    created = TenantCreated(personas.load(name).document, seed, as_of_ms, organisation)
    return genesis.plan(organisation, created)


def small_cast(count: int = 5, days: int = 40, seed: int = 3) -> people.Cast:
    return people.cast(people.drawn(count, seed), seed, AS_OF_MS, days)


@pytest.fixture
def make() -> Callable[..., dict[str, Any]]:
    """Write an export of five organisations in parts of two."""

    def write(out: Path, kind: str = "csv", **changes: Any) -> dict[str, Any]:
        force = changes.pop("force", False)
        about = {"command": "orgbilling export", "format": kind, "versions": manifest.versions(kind)}
        options = {"cast": small_cast(), "tables": NAMES, "block": 2, "about": about} | changes
        return dict(run.export(Request(out, kind, **options), lambda *_: None, force=force))

    return write


def names_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
