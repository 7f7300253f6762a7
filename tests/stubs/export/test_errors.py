from __future__ import annotations

import pickle

import pytest
from orgbilling_stubs.export import errors
from orgbilling_stubs.export.errors import ExportError


def test_a_module_that_is_missing_is_refused_with_the_extra_to_install():
    with pytest.raises(ExportError, match=r"^Parquet needs nonexisting, .*orgbilling\[export\]") as caught:
        errors.need("nonexisting.part", "Parquet")
    assert caught.value.name == "extra-missing"
    assert not errors.has("nonexisting")


def test_a_module_that_is_there_is_given():
    assert errors.need("json").dumps(1) == "1"
    assert errors.has("json")


def test_a_refusal_crosses_process_borders():
    copied = pickle.loads(pickle.dumps(ExportError("file-error", "disk full")))
    assert (copied.name, str(copied)) == ("file-error", "disk full")


def test_what_the_file_system_refuses_names_the_file():
    error = errors.from_os(OSError(28, "No space left on device", "/x"), "/y")
    assert (error.name, str(error)) == ("file-error", "/x: no space left on device")
    assert str(errors.from_os(OSError(28, "No space left on device"), "/y")).startswith("/y: no space")
