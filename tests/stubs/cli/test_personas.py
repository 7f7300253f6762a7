from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
import yaml
from orgbilling_fixtures.personas import load, names, parse
from orgbilling_fixtures.personas.schema import key_rows
from orgbilling_stubs.cli.personas import personas
from typer.testing import CliRunner

APP = typer.Typer()
APP.command()(personas)


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(APP, list(arguments))
    return result.exit_code, result.stdout, result.stderr


def test_the_list_names_every_persona_and_what_it_shows() -> None:
    code, out, _ = run()
    assert code == 0
    assert [tuple(line.split("\t")) for line in out.splitlines()] == [
        (name, ", ".join(map(str, load(name).states)), load(name).shows) for name in names()
    ]


@pytest.mark.parametrize("name", ["standard", "empty", "zero_prices"])
def test_one_is_shown_as_a_file_that_gives_it_back(name: str) -> None:
    code, out, _ = run(name)
    assert code == 0
    assert parse(yaml.safe_load(out)) == load(name)


def test_the_keys_are_listed() -> None:
    code, out, _ = run("--keys")
    assert code == 0
    assert [tuple(line.split("\t")) for line in out.splitlines()] == [tuple(row) for row in key_rows()]


def test_the_schema_is_printed_for_editors() -> None:
    code, out, _ = run("--schema")
    assert code == 0
    assert json.loads(out)["properties"]["billing"]["description"] == "How it pays."


def test_an_unknown_one_is_one_line_and_a_failure() -> None:
    assert run("lowbalance") == (
        2,
        "",
        'orgbilling: lowbalance: no such persona; did you mean "low_balance"?\n',
    )


def test_a_good_file_passes_the_check(tmp_path: Path) -> None:
    file = tmp_path / "bakery"
    file.write_text("shows: A bakery\n", "utf-8")
    assert run("--check", str(file)) == (0, f"{file}: bakery is a valid persona: A bakery\n", "")


def test_what_is_wrong_is_one_line_whatever_the_file_holds(tmp_path: Path) -> None:
    file = tmp_path / "bakery.yaml"
    file.write_text("usage:\n  projects: |\n    one\n    \U0001f9c1 two\u202e\n", "utf-8")
    problem = 'expected a whole number from 0 to 40, got "one\\n🧁 two\\u202e\\n"'
    message = f"orgbilling: {file}:2: usage.projects: {problem}\n"
    assert run("--check", str(file)) == (1, "", message)


def test_a_wrong_file_fails_the_check_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "bakery.yaml"
    file.write_text("shows: A bakery\nusage:\n  project: 2\n", "utf-8")
    message = f'orgbilling: {file}:3: usage.project: unknown key; did you mean "projects"?\n'
    assert run("--check", str(file)) == (1, "", message)
