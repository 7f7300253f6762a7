"""Golden files: values that a test compares with what was recorded in `tests/data`.

    make test ARGS=--rewrite-golden

writes all of them anew, for when they are meant to change, and runs no other test. `git diff tests/data`
shows what has changed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

DATA = Path(__file__).parent / "data"

Golden = Callable[[str, Callable[[], str]], str]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--rewrite-golden", action="store_true", help="write the golden files anew, and run no other test"
    )


def pytest_configure(config: pytest.Config) -> None:
    # How fast a machine draws examples, or runs them, says nothing about the code under test.
    settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("any machine")
    if config.getoption("--rewrite-golden"):
        config.option.markexpr = ""  # some of the tests with golden files are slow


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--rewrite-golden"):
        others = [item for item in items if "golden" not in getattr(item, "fixturenames", ())]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in others]


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """The recorded text of a file in `tests/data`.

    `golden(name, current)` reads the file; with `--rewrite-golden` it writes the result of `current()` first.
    Each file belongs to one test, so that tests in several processes do not write the same file.
    """

    def text(name: str, current: Callable[[], str]) -> str:
        path = DATA / name
        if request.config.getoption("--rewrite-golden"):
            draft = path.with_name(f"{name}.{os.getpid()}")
            draft.write_text(current(), "utf-8")
            draft.replace(path)
        return path.read_text("utf-8")

    return text
