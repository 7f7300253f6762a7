"""The TypeScript client: built by tsc, tested with node, Playwright on the installed Chromium, and vitest."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., str]
PACKAGE = Path(__file__).parents[3] / "clients" / "typescript"
PAGE = PACKAGE.parents[1] / "docs" / "typescript.md"
BLOCK = re.compile(r"^```ts\n(.*?)^```$", re.MULTILINE | re.DOTALL)
IMPORT = re.compile(r'\bfrom "((?:@[^/"]+/)?[^/"]+)')


@pytest.fixture(scope="module")
def run(install: Callable[[Path], Run]) -> Run:
    run = install(PACKAGE)
    run("npx", "tsc")
    return run


@pytest.mark.slow
def test_the_types_of_the_tests_hold(run):
    run("npx", "tsc", "--project", "test")


@pytest.mark.slow
def test_the_client_drives_a_server(run):
    report = run("node", "--test", "test/client.test.js", "test/start.test.js")
    assert "# fail 0" in report
    assert "# skipped 0" in report


@pytest.mark.slow
def test_playwright_has_the_fixtures(run, chromium):
    assert "4 passed" in run("npx", "playwright", "test", "-c", "test/playwright", CHROMIUM=chromium)


@pytest.mark.slow
def test_vitest_has_the_global_setup_and_the_fixtures(run):
    assert "3 passed" in run("npx", "vitest", "run", "--config", "test/vitest/vitest.config.ts")


@pytest.mark.slow
def test_the_packed_package_has_types_and_no_dependencies(run):
    (packed,) = json.loads(run("npm", "pack", "--dry-run", "--json", "--ignore-scripts"))
    files = {file["path"] for file in packed["files"]}
    for entry in json.loads((PACKAGE / "package.json").read_text())["exports"].values():
        assert {entry["types"].removeprefix("./"), entry["default"].removeprefix("./")} <= files
    assert not [name for name in files if name.startswith(("src/", "test/", "node_modules/"))]


def documented_blocks() -> list[str]:
    """The blocks of the page that import something, and nothing that is not installed for the package."""
    package = json.loads((PACKAGE / "package.json").read_text("utf-8"))
    installed = {package["name"], *package["devDependencies"]}
    blocks = BLOCK.findall(PAGE.read_text("utf-8"))
    return [block for block in blocks if IMPORT.search(block) and set(IMPORT.findall(block)) <= installed]


@pytest.mark.slow
def test_the_types_of_the_documented_code_hold(run):
    blocks = documented_blocks()
    assert len(blocks) >= 5
    folder = Path(run("pwd").strip()) / "test" / "documentation"
    folder.mkdir()
    for number, block in enumerate(blocks):
        (folder / f"block{number}.ts").write_text(block, "utf-8")
    run("npx", "tsc", "--project", "test")
