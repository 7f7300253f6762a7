from __future__ import annotations

from pathlib import Path

import pytest
import typer
from orgbilling_stubs.cli.replay import replay
from typer.testing import CliRunner

DATA = Path(__file__).parents[2] / "data" / "recorded.bundle.jsonl"
RUN = CliRunner()

app = typer.Typer(pretty_exceptions_enable=False)
app.command()(replay)


def one(organization: str) -> str:
    """The bundle of one of the recorded organizations."""
    lines = DATA.read_text("utf-8").splitlines(keepends=True)
    start = next(n for n, line in enumerate(lines) if line.startswith(f'{{"organization":"{organization}"'))
    end = next(
        (n for n in range(start + 1, len(lines)) if lines[n].startswith('{"organization"')), len(lines)
    )
    number = lines[0].partition('"organizations":')[2]
    header = lines[0].replace(f'"organizations":{number}', '"organizations":1}\n')
    return header + "".join(lines[start:end])


def test_the_same_answers_are_0(tmp_path: Path) -> None:
    bundle = tmp_path / "b.jsonl"
    bundle.write_text(one("org_low_balance"), "utf-8")
    result = RUN.invoke(app, [str(bundle)])
    assert result.exit_code == 0, result.output
    assert result.stdout.split("\t")[0] == "org_low_balance"
    assert result.stdout.rstrip().endswith("the same")


def test_another_answer_is_1_and_named(tmp_path: Path) -> None:
    bundle = tmp_path / "b.jsonl"
    bundle.write_text(one("org_low_balance").replace('"getOrgBilling":"', '"getOrgBilling":"x'), "utf-8")
    result = RUN.invoke(app, [str(bundle)])
    assert result.exit_code == 1
    assert "org_low_balance: getOrgBilling: another answer than recorded" in result.stderr
    assert "1 differ" in result.stdout


def test_another_contract_is_mentioned(tmp_path: Path) -> None:
    bundle = tmp_path / "b.jsonl"
    bundle.write_text(one("org_low_balance").replace('"contract":"', '"contract":"x'), "utf-8")
    result = RUN.invoke(app, [str(bundle)])
    assert result.exit_code == 0
    assert "another API description" in result.stderr


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"{}", ":1: not a bundle of orgbilling"),
        (b'{"bundle":"orgbilling","format":true}', ":1: format: expected a whole number of at least 1"),
        (b'{"bundle":"orgbilling","format":1,"seed":-1}', ":1: seed: expected a whole number of at least 0"),
        (b"\xff", ": not UTF-8"),
        (None, ": no such file or directory"),
    ],
)
def test_what_cannot_be_replayed_is_2_in_one_line(
    tmp_path: Path, content: bytes | None, problem: str
) -> None:
    bundle = tmp_path / "b.jsonl"
    if content is not None:
        bundle.write_bytes(content)
    result = RUN.invoke(app, [str(bundle)])
    assert result.exit_code == 2
    assert result.stderr == f"orgbilling: {bundle}{problem}\n"
