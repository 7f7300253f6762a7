from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.stubs.conftest import Dashboard


def test_a_server_is_healthy_and_ready(dashboard: Dashboard) -> None:
    assert dashboard("GET", "/_mock/health", None).json() == {"status": "ok"}
    ready = dashboard("GET", "/_mock/ready", None)
    assert (ready.status_code, ready.json()) == (200, {"status": "ready"})
    assert ready.headers["cache-control"] == "no-store"
    assert dashboard("HEAD", "/_mock/ready", None).status_code == 200


def test_other_methods_and_paths_are_problems(dashboard: Dashboard) -> None:
    refused = dashboard("POST", "/_mock/ready", None)
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")
    assert dashboard("GET", "/_mock/ready/no", None).status_code == 404


def test_a_server_whose_database_is_gone_is_healthy_and_not_ready(
    serve: Callable[..., Dashboard], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orgbilling_stubs.tenants.store.sqlite.LOOK_EVERY_MS", -1)
    dashboard = serve(db=f"sqlite:///{tmp_path}/a.db")
    (tmp_path / "a.db").unlink()
    assert dashboard("GET", "/_mock/health", None).status_code == 200
    problem = dashboard("GET", "/_mock/ready", None)
    assert problem.status_code == 503
    assert problem.headers["retry-after"]
    assert problem.headers["content-type"].startswith("application/problem+json")


@pytest.mark.slow
def test_a_server_is_ready_with_postgres(serve: Callable[..., Dashboard], postgres_address: str) -> None:
    assert serve(db=postgres_address)("GET", "/_mock/ready", None).json() == {"status": "ready"}
