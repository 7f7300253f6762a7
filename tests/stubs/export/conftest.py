"""Small exports to look at: a few organizations, short histories."""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from orgbilling_fixtures import personas
from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.events import TenantCreated
from orgbilling_stubs.billing.tenant_config import TenantConfig
from orgbilling_stubs.export import manifest, run, selection
from orgbilling_stubs.export.request import ExportRequest
from orgbilling_stubs.tenants import tenant_factory


@atexit.register
def _quiet_end() -> None:
    """DuckDB's bindings tell at the end of the process what pytest still holds of them: nobody asked."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


AS_OF_MS = instants.parse("2026-03-10T12:00:00Z")
ALL = ("csv", "jsonl", "parquet", "postgres", "json", "sqlite", "duckdb")


def config_of(name: str, as_of_ms: int = AS_OF_MS, seed: int = 1) -> TenantConfig:
    """The config of a shipped persona."""
    organization = f"org_{name}"
    created = TenantCreated(personas.load(name).document, seed, as_of_ms, organization)
    return tenant_factory.tenant_config(organization, created)


SMALL_PERSONAS = ("standard", "contract_active", "dense", "postpaid_near_limit", "low_balance")


def small_selection(count: int = 5, days: int = 40, seed: int = 3) -> selection.Selection:
    return selection.select(selection.drawn(SMALL_PERSONAS, count, seed), seed, AS_OF_MS, days)


@pytest.fixture(scope="session")
def make() -> Callable[..., dict[str, Any]]:
    """Write an export of five organizations in parts of two."""

    def write(folder: Path, format: str = "csv", **changes: Any) -> dict[str, Any]:
        force = changes.pop("force", False)
        fields = {"command": "orgbilling export", "format": format, "versions": manifest.versions(format)}
        options = {"selection": small_selection(), "part_size": 2, "manifest_fields": fields} | changes
        return run.export(ExportRequest(folder, format, **options), lambda *_: None, force=force)

    return write


def names_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
