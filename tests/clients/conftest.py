"""Node packages in a copy of their own, so that tests leave nothing in the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

TIMEOUT_S = 900
ROOT = Path(__file__).parents[2]
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
NOT_COPIED = shutil.ignore_patterns("node_modules", "dist", "dist-*", "test-results")
Run = Callable[..., str]


@pytest.fixture(scope="session")
def chromium() -> str:
    """The program of the browser that is installed."""
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        pytest.skip("no chromium on PATH (apt-get install chromium)")
    return found


@pytest.fixture(scope="module")
def install(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Run]:
    """Copy a folder with a package.json, and `npm ci` there; commands then run in the copy.

    Further folders are copied to the same places beside it.
    """

    def installed(source: Path, *others: Path) -> Run:
        if shutil.which("npm") is None:
            pytest.skip("no Node.js and npm on PATH (apt-get install nodejs npm)")
        root = tmp_path_factory.mktemp("with a space")
        for each in (source, *others):
            shutil.copytree(each, root / each.relative_to(ROOT), ignore=NOT_COPIED)
        folder = root / source.relative_to(ROOT)

        def run(*command: str, **environment: str) -> str:
            program = Path(sys.executable).with_name("orgbilling")
            own = {"ORGBILLING_COMMAND": str(program), "NO_UPDATE_NOTIFIER": "1", "CI": "1"}
            ended = subprocess.run(
                command,
                cwd=folder,
                env=os.environ | own | environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=TIMEOUT_S,
            )
            assert ended.returncode == 0, f"{' '.join(command)}\n{ended.stdout}"
            return ended.stdout

        run("npm", "ci", "--ignore-scripts", "--prefer-offline")
        return run

    return installed
