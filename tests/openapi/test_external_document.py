from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from orgbilling_openapi import external_document as documents
from orgbilling_openapi.document_limits import OPENAPI_LIMITS
from orgbilling_openapi.external_document import OpenApiDocumentError, load, relative


def test_other_paths_stay_as_they_are() -> None:
    document: dict[str, Any] = {"paths": {"/api/v1/a": {}, "/b": {}}}
    assert relative(document, "/api/v1")["paths"].keys() == {"/a", "/b"}
    ambiguous: dict[str, Any] = {"paths": {"/api/v1/a": {}, "/a": {}}}
    assert relative(ambiguous, "/api/v1") is ambiguous


def test_a_path_may_be_a_reference() -> None:
    own = {"get": {"responses": {}}, "summary": "a"}
    document = {
        "openapi": "3.1.0",
        "paths": {"/a": own, "/b": {"$ref": "#/paths/~1a", "summary": "b"}, "/c": {"$ref": "#/paths/~1b"}},
    }
    found = documents.check(document, "theirs")["paths"]
    assert found == {"/a": own, "/b": own | {"summary": "b"}, "/c": own | {"summary": "b"}}
    document["openapi"] = "3.0.3"
    assert documents.check(document, "theirs")["paths"].keys() == {"/a", "/b", "/c"}
    assert all("get" in item for item in documents.check(document, "theirs")["paths"].values())


@pytest.mark.parametrize(
    ("reference", "problem"),
    [
        ("other.yaml#/a", "leads to another document: other.yaml#/a"),
        ("#/components/pathItems/a", "leads nowhere"),
        ("#/openapi", "leads to no path item"),
        ("#/paths/~1a", "leads to itself"),
    ],
)
def test_a_path_that_is_a_reference_to_no_path_is_one_line(reference: str, problem: str) -> None:
    with pytest.raises(OpenApiDocumentError, match=f"path /a: a reference that {problem}"):
        documents.check({"openapi": "3.1.0", "paths": {"/a": {"$ref": reference}}}, "theirs")


@pytest.mark.parametrize(
    ("servers", "shorter"),
    [
        ({}, ["/api/v1"]),
        ({"servers": []}, ["/api/v1"]),
        ({"servers": [{"url": "/"}]}, ["/api/v1"]),
        ({"servers": [{"url": "/api/v1/"}]}, ["/api/v1"]),
        ({"servers": [{"url": "/v9"}, {"url": "https://host"}]}, ["/v9/api/v1", "https://host/api/v1"]),
    ],
)
def test_paths_in_full_move_their_prefix_to_the_servers(servers: dict[str, Any], shorter: list[str]) -> None:
    operation = {"get": {"servers": [{"url": "/op"}]}, "servers": [{"url": "/path"}], "parameters": []}
    document: dict[str, Any] = {**servers, "paths": {"/api/v1/a": operation, "/api/v1/b": {}}}
    found = relative(document, "/api/v1")
    assert found["servers"] == [{"url": url} for url in shorter]
    assert found["paths"] == {
        "/a": {
            "get": {"servers": [{"url": "/op/api/v1"}]},
            "servers": [{"url": "/path/api/v1"}],
            "parameters": [],
        },
        "/b": {},
    }


def test_a_malformed_document_is_rejected_without_python_in_the_words() -> None:
    for wrong, problem in ((KeyError("url"), "nothing under 'url'"), (TypeError("no\nlist"), "no list")):
        with (
            pytest.raises(OpenApiDocumentError, match=f"^x: not valid OpenAPI \\({problem}\\)$"),
            documents.raising_document_errors("x"),
        ):
            raise wrong


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
def test_what_is_no_openapi_document_is_rejected(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "x"
    path.write_text(text)
    with pytest.raises(OpenApiDocumentError, match=problem) as caught:
        load(path)
    assert str(caught.value).startswith(str(path))


def test_what_cannot_be_read_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(OpenApiDocumentError, match="no such file"):
        load(tmp_path / "nothing")
    with pytest.raises(OpenApiDocumentError, match="refused"):
        load("http://127.0.0.1:9/openapi.json")


def test_a_document_that_is_too_long_is_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.json").write_text('{"openapi": "3.1.0", "paths": {}}')
    monkeypatch.setattr(
        "orgbilling_openapi.external_document.fetch", lambda *_arguments: (tmp_path / "x.json").read_bytes()
    )
    assert load("http://host/x.json")["paths"] == {}
    (tmp_path / "x.json").write_bytes(b" " * (OPENAPI_LIMITS.max_bytes + 1))
    for source in ("http://host/x.json", tmp_path / "x.json"):
        with pytest.raises(OpenApiDocumentError, match=f"^{source}: is larger than 16 MB$"):
            load(source)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            '{"openapi": "3.1.0", "paths": {}, "x": ' + "[" * 500 + "]" * 500 + "}",
            "x: #/x/0/0: nested too deeply",
        ),
        (f'{{"x": [{"0," * 400_000}0]}}', "x: has too many values (the limit is 400000)"),
        (f'{{"x": {"9" * 5_000}}}', "x: has a number of more than 100 characters (99999999999999999999...)"),
        ('{"x": 1e999}', "x: the number 1e999 is too large"),
        ('{"x": 0e900000000}', "x: has a number with an exponent of more than 3 digits (0e900000000)"),
        ("a: 0\nx: " + "[" * 200 + "]" * 200, "x:2: nested too deeply (the limit is 100 levels)"),
        ("a: 0\nx: 1" + "9" * 100_000, "x:2: has a number of more than 100 characters"),
        ("x: &x [*x]", "x:1: the alias *x stands inside what it repeats"),
        ("x: 1\nx: 2", "x:2: neither JSON nor YAML (stands twice in the same mapping)"),
    ],
)
def test_what_is_beyond_a_limit_is_rejected_with_its_place(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "x"
    path.write_text(text)
    with pytest.raises(OpenApiDocumentError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{tmp_path}/{problem}")


def test_yaml_says_what_json_can_say(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("openapi: 3.1.0\npaths: {/a: {get: {responses: {200: {description: 2026-11-28}}}}}")
    assert load(path)["paths"]["/a"]["get"]["responses"] == {"200": {"description": "2026-11-28"}}
