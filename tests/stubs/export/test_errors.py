from __future__ import annotations

import pickle
import re
from pathlib import Path

import pytest
from orgbilling_stubs.export import errors
from orgbilling_stubs.export.errors import ExportError


def test_a_module_that_is_missing_is_an_error_with_the_extra_to_install():
    with pytest.raises(ExportError, match=r"^Parquet needs nonexisting, .*orgbilling\[export\]") as caught:
        errors.require("nonexisting.part", "Parquet")
    assert caught.value.code == "extra_missing"


def test_a_module_that_is_there_is_given():
    assert errors.require("json").dumps(1) == "1"


def test_an_error_crosses_process_borders():
    copied = pickle.loads(pickle.dumps(ExportError("file_error", "disk full")))
    assert (copied.code, str(copied)) == ("file_error", "disk full")


def test_an_error_of_the_file_system_names_the_file():
    error = errors.from_os(OSError(28, "No space left on device", "/x"), "/y")
    assert (error.code, str(error)) == ("file_error", "/x: no space left on device")
    assert str(errors.from_os(OSError(28, "No space left on device"), "/y")).startswith("/y: no space")


def test_every_code_is_used_and_has_a_meaning():
    package = Path(errors.__file__).parent
    sources = "".join(
        path.read_text() for path in [*package.rglob("*.py"), package.parent / "cli" / "export.py"]
    )
    assert {*re.findall(r'ExportError\(\s*"(\w+)"', sources)} == errors.CODES.keys()
