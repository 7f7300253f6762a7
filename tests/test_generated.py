"""What follows from code and descriptions is current: JSON twins and documentation tables."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_generated_file_is_current() -> None:
    command = [sys.executable, ROOT / "docs" / "generate.py", "--check"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.stdout == "", "run: make generate"
    assert result.returncode == 0, result.stderr


def test_types_of_another_description_are_stale(
    generator: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not generator.types_are_stale()
    other = tmp_path / "schema.ts"
    other.write_text(generator.TYPES.read_text("utf-8")[:-2])  # the digest at the end lacks a digit
    monkeypatch.setattr(generator, "TYPES", other)
    assert generator.types_are_stale()
    other.unlink()
    assert generator.types_are_stale()


def test_a_table_replaces_what_stands_between_its_marks(generator: ModuleType) -> None:
    page = "a\n<!-- generated: one -->\nold\n<!-- end -->\nb\n<!-- generated: two -->\n<!-- end -->\n"
    assert generator.replace(page, "one", "new\n") == page.replace("old", "new")


def test_a_table_without_marks_is_an_error(generator: ModuleType) -> None:
    with pytest.raises(ValueError, match="no marks for the table three"):
        generator.replace("<!-- generated: three -->\nno end\n", "three", "new\n")
