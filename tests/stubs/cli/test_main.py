import subprocess
import sys
from importlib.metadata import version

import pytest
from orgbilling_stubs.cli.main import COMMANDS, build
from typer.testing import CliRunner


def test_the_help_names_every_command() -> None:
    result = CliRunner().invoke(build([]), ["--help"])
    assert result.exit_code == 0
    assert all(name in result.output for name in COMMANDS)


@pytest.mark.slow
def test_every_command_has_help_of_its_own() -> None:
    for name in COMMANDS:
        result = CliRunner().invoke(build([name]), [name, "--help"])
        assert result.exit_code == 0, name
        assert len(result.output.split()) > 20


@pytest.mark.slow
def test_only_what_is_asked_for_is_imported() -> None:
    code = (
        "import sys; from orgbilling_stubs.cli.main import build; build(['serve']);"
        "print([name for name in ('rich.table', 'faker', 'yaml', 'connexion') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_an_unknown_command_is_one_clear_message() -> None:
    result = CliRunner().invoke(build(["sing"]), ["sing"])
    assert result.exit_code == 2
    assert "sing" in result.output


def test_the_version_is_one_line() -> None:
    result = CliRunner().invoke(build(["--version"]), ["--version"])
    assert (result.exit_code, result.output) == (0, f"orgbilling {version('orgbilling')}\n")


def test_help_is_not_broken_where_a_docstring_is() -> None:
    assert any("exit status is 0 if it conforms" in line for line in help_lines("conform"))
    assert any("The exit status is 1 if a change" in line for line in help_lines("spec", "diff"))


def help_lines(*command: str) -> list[str]:
    return CliRunner().invoke(build(command), [*command, "--help"], terminal_width=200).output.split("\n")
