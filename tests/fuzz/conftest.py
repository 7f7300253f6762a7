from __future__ import annotations

import sys
from pathlib import Path

import pytest

# `fuzzer` is a package of helpers beside the tests, also in the processes of the runner.
ROOM = str(Path(__file__).parent)
if ROOM not in sys.path:
    sys.path.insert(0, ROOM)


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORGBILLING_HOME", str(tmp_path / "home"))
