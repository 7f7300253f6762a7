"""What a stranger reads covers what there is: commands, options, test values, links."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest
import typer
from orgbilling_stubs.billing.contract_catalog import TEST_CONTRACTS
from orgbilling_stubs.cli.main import COMMANDS, build

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]
README = (ROOT / "README.md").read_text("utf-8")
COMMAND_LINE = (DOCS / "commands.md").read_text("utf-8")
README_LINES = 80


@pytest.fixture(scope="module")
def site() -> ModuleType:
    """The module that builds the site."""
    spec = spec_from_file_location("build_site", DOCS / "build_site.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_readme_is_one_screen_with_a_picture_and_the_commands_of_a_checkout() -> None:
    assert len(README.splitlines()) <= README_LINES
    assert "](docs/console.png)" in README
    assert "\nmake serve\n" in README
    assert "\nmake test\n" in README


def test_every_command_is_on_the_page_of_the_command_line() -> None:
    for name in COMMANDS:
        assert f"| `orgbilling {name}` |" in COMMAND_LINE, name
        assert f"\n## `orgbilling {name}`\n" in COMMAND_LINE, name


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_in_the_section_of_its_command(name: str) -> None:
    command = typer.main.get_command(build([name])).commands[name]  # type: ignore[attr-defined]
    section = COMMAND_LINE.partition(f"\n## `orgbilling {name}`\n")[2].partition("\n## ")[0]
    missing = [option for option in _options(command) if f"`{option}" not in section]
    assert missing == []


def _options(command: object) -> Iterator[str]:
    """The options of a command and of its subcommands."""
    for parameter in command.params:  # type: ignore[attr-defined]
        if parameter.param_type_name == "option":
            yield from (*parameter.opts, *parameter.secondary_opts)
    for subcommand in getattr(command, "commands", {}).values():
        yield from _options(subcommand)


def test_an_option_says_what_it_means() -> None:
    rows = re.findall(r"^\| `-.*\|([^|]*)\|$", COMMAND_LINE, re.MULTILINE)
    assert len(rows) > 100
    assert [row for row in rows if len(row.strip()) < 5] == []


def test_every_test_contract_is_among_the_test_values() -> None:
    page = (DOCS / "test-values.md").read_text("utf-8")
    assert [contract_id for contract_id in TEST_CONTRACTS if contract_id not in page] == []


@pytest.mark.parametrize("name", ["commands", "faults", "journal", "control", "scenarios"])
def test_a_page_says_where_the_command_is_before_it_is_used(name: str) -> None:
    page = (DOCS / f"{name}.md").read_text("utf-8")
    where = page.index("In a checkout, `orgbilling` is `.venv/bin/orgbilling`")
    assert not re.search(r"\borgbilling [a-z]", page[:where])


def anchors(page: Path, site: ModuleType) -> set[str]:
    """The anchors of a page's headings, as code hosts make them."""
    headings = re.findall(r"^#+ (.*)$", site.FENCE.sub("", page.read_text("utf-8")), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {text.strip().replace(" ", "-") for text in plain}


def dead_links(page: Path, site: ModuleType) -> list[str]:
    """The links of a page to files or headings that are not there."""
    dead = []
    for link in site.LINK.finditer(site.FENCE.sub("", page.read_text("utf-8"))):
        target, anchor = link["target"], link["anchor"]
        if re.match(r"[a-z]+:", target):
            continue
        path = (page.parent / target).resolve() if target else page
        missing = anchor and path.suffix == ".md" and anchor.removeprefix("#") not in anchors(path, site)
        if not path.exists() or missing:
            dead.append(f"{target}{anchor or ''}")
    return dead


def test_links_lead_somewhere(site: ModuleType) -> None:
    assert {page.as_posix(): dead for page in PAGES if (dead := dead_links(page, site))} == {}


def test_paragraphs_of_a_list_are_indented_by_four_spaces() -> None:
    """Python-Markdown, which the site is made with, ends the list otherwise."""
    otherwise = {}
    for page in PAGES:
        text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
        if found := re.findall(r"(?<=\n\n) {1,3}\S.*", text):
            otherwise[page.as_posix()] = found
    assert otherwise == {}


def test_the_architecture_names_modules_that_exist() -> None:
    packages = [*ROOT.glob("*/orgbilling_*")]
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    for module in set(re.findall(r"`([a-z_/]+\.py)`", text)):
        assert any((package / module).exists() for package in packages), module


def _pages(entry: object) -> Iterator[str]:
    """The pages of an entry of the site's navigation."""
    if isinstance(entry, str):
        yield entry
    else:
        for item in entry.values() if isinstance(entry, dict) else entry:  # type: ignore[attr-defined]
            yield from _pages(item)


def test_every_page_is_once_in_the_navigation_of_the_site(site: ModuleType) -> None:
    entries = list(_pages(tomllib.loads(site.CONFIGURATION.read_text("utf-8"))["project"]["nav"]))
    pages = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}
    assert sorted(entries) == sorted(pages | set(site.ROOT_PAGES.values()))


@pytest.mark.parametrize(
    ("link", "led"),
    [
        ("[a](errors.md#http)", "[a](errors.md#http)"),
        ("[a](../CHANGELOG.md)", "[a](changelog.md)"),
        ("[a](../README.md)", "[a](index.md)"),
        ("![a](console.png)", "![a](console.png)"),
        ("[a](#here)", "[a](#here)"),
        ("[a](https://example.com/#b)", "[a](https://example.com/#b)"),
        ("[`a`](../examples/export)", "`a`"),
        ("[a](../LICENSE)", "[a](files/LICENSE)"),
    ],
)
def test_links_lead_to_where_the_site_has_things(
    link: str, led: str, site: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site, "PAGES", tmp_path)
    change = site.adapt_links(DOCS / "page.md", Path("page.md"))
    assert change(f"see {link}.") == f"see {led}."


def test_code_keeps_its_links(site: ModuleType) -> None:
    page = "[a](b)\n```text\n[a](b)\n```\n[a](b)\n"
    assert site.outside_code(page, str.upper) == "[A](B)\n```text\n[a](b)\n```\n[A](B)\n"


def test_a_pipe_in_the_code_of_a_table_loses_its_escape(site: ModuleType) -> None:
    text = "a `\\|` b\n| `x\\|y` | c \\| d |\n"
    assert site.plain_pipes(text) == "a `\\|` b\n| `x|y` | c \\| d |\n"


def test_a_link_to_nothing_stops_the_build(site: ModuleType) -> None:
    with pytest.raises(SystemExit, match=r"docs/page\.md: no such file: nothing\.md"):
        site.adapt_links(DOCS / "page.md", Path("page.md"))("[a](nothing.md)")
