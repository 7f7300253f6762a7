"""The command: what it tries, what it writes, and its exit status."""

from __future__ import annotations

import json

import pytest

from mutation.defects import BY_NAME, DEFECTS
from mutation.run import chosen, main
from mutation.table import Cells, markdown


def test_without_a_word_everything_is_tried():
    assert chosen([]) == list(BY_NAME)


def test_a_word_is_an_area_or_a_part_of_a_name():
    isolation = [defect.name for defect in DEFECTS if defect.area == "isolation"]
    assert chosen(["isolation"]) == isolation
    assert chosen(["balance-string"]) == ["balance-string"]
    assert chosen(["no-such-word"]) == []


def test_a_run_goes_on_with_what_the_page_does_not_have(tmp_path, capsys):
    path = tmp_path / "found.md"
    path.write_text(markdown({name: Cells("**missed**", "no", "no", "2026-03-01") for name in BY_NAME}))
    before = path.read_text("utf-8")
    assert main(["--since", "2026-03-01", "--sound", "0", "--markdown", str(path)]) == 0
    assert "nothing is left to try" in capsys.readouterr().err
    assert path.read_text("utf-8") == before


@pytest.mark.slow
def test_the_command_writes_what_it_found(tmp_path, capsys):
    report, page = tmp_path / "found.json", tmp_path / "found.md"
    arguments = ["--only", "balance-string", "--sound", "1", "--json", str(report), "--markdown", str(page)]
    assert main(arguments) == 0
    modes = [outcome["mode"] for outcome in json.loads(report.read_text("utf-8"))["outcomes"]]
    assert sorted(modes) == ["quick", "reading", "recording", "watching"]
    assert "| balance-string | creditBalance is a string | documented | – | reading: `" in page.read_text(
        "utf-8"
    )
    assert "Defects caught" in capsys.readouterr().out
