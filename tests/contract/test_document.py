from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from orgbilling_openapi import document as documents
from orgbilling_openapi.document import DocumentError, load, relative


def test_mixed_paths_stay_as_they_are() -> None:
    document: dict[str, Any] = {"paths": {"/api/v1/a": {}, "/b": {}}}
    assert relative(document, "/api/v1") is document


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "neither JSON nor YAML"),
        ("a: [", "neither JSON nor YAML"),
        ("\x00", "neither JSON nor YAML"),
        ("[1]", "no member 'openapi'"),
        ("openapi: 2", "no member 'openapi'"),
        ("swagger: '2.0'", "no member 'openapi'"),
        ("openapi: 4.0.0", "neither 3.0 nor 3.1"),
        ("openapi: 3.1.0", "no object 'paths'"),
        ("openapi: 3.1.0\npaths: {/a: 1}", "no object 'paths'"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_no_openapi_document_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "x"
    path.write_text(text)
    with pytest.raises(DocumentError, match=problem) as caught:
        load(path)
    assert str(caught.value).startswith(str(path))


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="no such file"):
        load(tmp_path / "nothing")
    with pytest.raises(DocumentError, match="refused"):
        load("http://127.0.0.1:9/openapi.json")


def test_a_document_that_is_too_long_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.json").write_text('{"openapi": "3.1.0", "paths": {}}')
    monkeypatch.setattr("urllib.request.urlopen", lambda url, timeout: (tmp_path / "x.json").open("rb"))
    assert load("http://host/x.json")["paths"] == {}
    monkeypatch.setattr(documents, "LIMIT_BYTES", 10)
    with pytest.raises(DocumentError, match="longer than"):
        load("http://host/x.json")
