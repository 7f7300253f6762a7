from __future__ import annotations

import sys

import pytest
from orgbilling_stubs.http.server.open_files import allow_open_files

resource = pytest.importorskip("resource", reason="Windows has no limit of open files")
INFINITY = getattr(resource, "RLIM_INFINITY", -1)


@pytest.mark.parametrize(
    ("soft", "hard", "allowed", "is_set"),
    [
        (256, INFINITY, 1_000, True),
        (256, 4_096, 1_000, True),
        (256, 512, 512, True),
        (1_000, 4_096, 1_000, False),
        (INFINITY, INFINITY, 1_000, False),
    ],
)
def test_the_limit_is_raised_as_far_as_the_system_permits(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, allowed: int, is_set: bool
) -> None:
    calls = []
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda kind, limits: calls.append(limits))
    assert allow_open_files(1_000) == allowed
    assert calls == ([(allowed, hard)] if is_set else [])


def test_a_system_without_the_limit_allows_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resource", None)
    assert allow_open_files(1_000) == 1_000
