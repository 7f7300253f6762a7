"""The example dashboard in a browser, in all states, beside a server of its own."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., str]
ROOT = Path(__file__).parents[3]
DASHBOARD = ROOT / "examples" / "dashboard"
PICTURES = Path(os.environ.get("PICTURES", ROOT / "screenshots")).absolute()
"""Where the pictures of the documentation go: `make screenshots` names its folder."""
LARGEST_PICTURE_BYTES = 150_000

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(install: Callable[..., Run], chromium: str) -> Run:
    run = install(DASHBOARD, ROOT / "clients" / "typescript")
    run("npm", "run", "test:setup")
    run("npm", "run", "build")

    def run_in_browser(*command: str, **environment: str) -> str:
        return run(*command, CHROMIUM=chromium, **environment)

    return run_in_browser


def test_the_types_of_the_tests_hold(run):
    run("npx", "tsc", "--noEmit", "--project", "tests")


def test_the_client_is_generated_from_the_description(run):
    """The checked-in types are what the generator makes of the API description of this checkout."""
    checked_in = (DASHBOARD / "src" / "api" / "schema.ts").read_text("utf-8")
    run("npm", "run", "generate")
    assert run("cat", "src/api/schema.ts") == checked_in


@pytest.mark.parametrize("suite", ["plain", "states", "journeys", "accessibility"])
def test_a_person_sees_what_there_is(run, suite):
    report = run("npx", "playwright", "test", suite)
    assert " passed" in report
    assert " skipped" not in report
    assert " flaky" not in report


def test_the_documentation_has_pictures(run):
    PICTURES.mkdir(exist_ok=True)
    assert "6 passed" in run("npx", "playwright", "test", "pictures", PICTURES=str(PICTURES))
    pictures = sorted(PICTURES.glob("dashboard*.png"))
    assert len(pictures) >= 6
    assert [picture.name for picture in pictures if picture.stat().st_size > LARGEST_PICTURE_BYTES] == []


def test_every_defect_can_be_planted(run):
    assert "103 defects can be planted" in run("node", "tests/defects/run.js", "--check")


def test_planted_defects_are_found(run):
    """A sample; `make dashboard-defects` measures all of them."""
    defects = "postpaid-as-prepaid,no-idempotency-key"
    report = run("node", "tests/defects/run.js", "--near", "--jobs", "1", "--only", defects)
    assert "2 of 2 defects are found" in report, report
