"""What a stranger reads covers what there is: commands, options, personas, refusals, links."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer
from orgbilling_stubs.billing.contract_catalog import TEST_CONTRACTS
from orgbilling_stubs.cli.main import COMMANDS, build

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES += sorted((ROOT / "docs").glob("*.md"))
README = (ROOT / "README.md").read_text("utf-8")


def test_every_command_is_in_the_readme() -> None:
    for name in COMMANDS:
        assert f"| `orgbilling {name}` |" in README, name


def test_every_option_of_serve_is_in_the_readme() -> None:
    command = typer.main.get_command(build(["serve"])).commands["serve"]  # type: ignore[attr-defined]
    options = {
        option
        for parameter in command.params
        for option in parameter.opts
        if option.startswith("--") and option != "--help"
    }
    assert {option for option in options if f"`{option}" not in README} == set()


def test_every_test_contract_is_in_the_readme() -> None:
    assert [contract_id for contract_id in TEST_CONTRACTS if contract_id not in README] == []


@pytest.mark.parametrize("name", ["faults", "journal", "control", "scenarios"])
def test_a_page_says_where_the_command_is_before_it_is_used(name: str) -> None:
    page = (ROOT / f"docs/{name}.md").read_text("utf-8")
    where = page.index("In a checkout, `orgbilling` is `.venv/bin/orgbilling`")
    assert not re.search(r"\borgbilling [a-z]", page[:where])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), target


def test_the_architecture_names_modules_that_exist() -> None:
    packages = [*ROOT.glob("*/orgbilling_*")]
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    for module in set(re.findall(r"`([a-z_/]+\.py)`", text)):
        assert any((package / module).exists() for package in packages), module
