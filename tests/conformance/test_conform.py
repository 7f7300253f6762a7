from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from orgbilling_conformance import UsageError, conform


def test_exactly_one_target(stub: Any) -> None:
    for given in ({}, {"app": stub, "url": "http://x"}, {"app": stub, "har": "y"}):
        with pytest.raises(UsageError, match="one target"):
            conform(**given)


def test_the_package_imports_nothing_heavy() -> None:
    code = (
        "import sys, orgbilling_conformance, orgbilling_conformance.plugin\n"
        "heavy = {'httpx', 'hypothesis', 'schemathesis', 'pytest', 'rich', 'yaml', 'connexion'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.slow
def test_progress_is_reported(stub: Any, token: Any) -> None:
    seen: list[tuple[str, int, int]] = []
    conform(stub, token=token(), quick=True, progress=lambda *step: seen.append(step))
    assert seen[0][0] == "access"
    assert seen[-1] == ("scripted", seen[-1][2], seen[-1][2])
    assert any(stage == "scripted: the invariants" for stage, *_ in seen)


def test_what_is_no_application_or_option_is_said(stub: Any) -> None:
    for app in (1, "module:app", object()):
        with pytest.raises(UsageError, match="not an ASGI application"):
            conform(app)
    choices: Any = {"bogus": 1}
    with pytest.raises(UsageError, match="option 'bogus' is not one of token, second_token"):
        conform(stub, **choices)
