"""What shells ask the command line for, as the scripts of `--install-completion` do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from orgbilling_fixtures import scenarios
from orgbilling_fixtures.personas import names
from orgbilling_openapi import description
from orgbilling_openapi.operations import operations
from orgbilling_stubs.cli import completion

COMMAND = "from orgbilling_stubs.cli.main import run; run()"


def ask(words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, "_TYPER_COMPLETE_ARGS": words, "COMP_WORDS": words, **environment}
    variables["COMP_CWORD"] = str(len(words.split(" ")) - 1)
    arguments = [sys.executable, "-c", COMMAND]
    return subprocess.run(arguments, capture_output=True, text=True, env=variables, timeout=60)


@pytest.mark.slow
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_the_name_of_a_scenario(shell: str) -> None:
    fish = {"_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    done = ask("orgbilling scenario org_standard low", _ORGBILLING_COMPLETE=f"complete_{shell}", **fish)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 1
    assert "low-balance" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("orgbilling sc", ["scenario"]),
        ("orgbilling serve --auth ", ["trust", "verify", "off"]),
        ("orgbilling serve --persona low", ["low_balance"]),
        ("orgbilling serve --scenario low", ["low-balance"]),
        ("orgbilling token --org org_low", ["org_low_balance"]),
        ("orgbilling token --bad wrong-k", ["wrong-key"]),
        ("orgbilling personas eu", ["euro"]),
        ("orgbilling clock org_a +P1", ["+P1D", "+P1M"]),
        ("orgbilling coverage --only op", ["operations"]),
        ("orgbilling conform --allow-write re", ["redeem"]),
        ("orgbilling export --format sq", ["sqlite"]),
        ("orgbilling spec explain #/paths/~1org~1led", ["#/paths/~1org~1ledger/get"]),
    ],
)
def test_every_command_completes_its_names(words: str, expected: list[str]) -> None:
    done = ask(words, _ORGBILLING_COMPLETE="complete_bash")
    assert (done.stdout.split(), done.stderr) == (expected, "")


def test_all_names_are_offered() -> None:
    assert [word for word, _ in completion.personas("")] == list(names())
    assert [word for word, _ in completion.organizations("")] == [f"org_{name}" for name in names()]
    assert len(completion.scenario_names("")) == len(scenarios.load())
    assert len(completion.operation_pointers("")) == len(list(operations(description.load())))
    assert all(len(meaning) <= completion.LONGEST_MEANING for _, meaning in completion.personas(""))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_the_script_for_bash_works_in_bash(tmp_path: Path) -> None:
    program = tmp_path / "orgbilling"
    program.write_text(f"#!{sys.executable}\n{COMMAND}\n")
    program.chmod(0o755)
    script = (
        'eval "$(orgbilling --show-completion bash)"\n'
        "COMP_WORDS=(orgbilling token --org org_low); COMP_CWORD=3; _orgbilling_completion orgbilling\n"
        'echo "${COMPREPLY[@]}"\n'
    )
    environment = {
        **os.environ,
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1",
    }
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=environment, timeout=60)
    assert (done.stdout, done.stderr) == ("org_low_balance\n", "")
