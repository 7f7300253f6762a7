"""Node packages in a copy of their own, so that tests leave nothing in the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

TIMEOUT_S = 300
Run = Callable[..., str]


@pytest.fixture(scope="module")
def install(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Run]:
    """Copy a folder with a package.json, and `npm ci` there; commands then run in the copy."""

    def installed(source: Path) -> Run:
        if shutil.which("npm") is None:
            pytest.skip("no Node.js and npm on PATH (apt-get install nodejs npm)")
        folder = tmp_path_factory.mktemp("with a space") / source.name
        shutil.copytree(source, folder, ignore=shutil.ignore_patterns("node_modules", "dist", "test-results"))

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
