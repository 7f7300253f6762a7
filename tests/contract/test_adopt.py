from __future__ import annotations

import copy
import json
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from orgbilling_openapi import adopt, check, compose, contract
from orgbilling_openapi.document import DocumentError, load, relative


@pytest.fixture
def published() -> dict[str, Any]:
    """What the vendor says, as a document of its own."""
    document = compose.facts()
    document["info"]["license"] = {"name": "x", "identifier": "MIT"}
    return document


def write(tmp_path: Path, document: dict[str, Any], name: str = "published.json") -> Path:
    path = tmp_path / name
    path.write_text(json.dumps(document) if name.endswith("json") else yaml.safe_dump(document))
    return path


def test_assumptions_come_on_top_of_a_published_document(tmp_path: Path, published: dict[str, Any]) -> None:
    adopted = contract.compose_with(write(tmp_path, published))
    ours = contract.load()
    for path, methods in ours["paths"].items():
        for method, operation in methods.items():
            theirs = adopted["paths"][path][method]
            assert theirs["responses"].keys() == operation["responses"].keys()
            assert len(theirs.get("parameters", [])) == len(operation.get("parameters", []))
    enum = ours["components"]["schemas"]["EnterpriseContract"]["properties"]["status"]["enum"]
    assert adopted["components"]["schemas"]["EnterpriseContract"]["properties"]["status"]["enum"] == enum
    assert list(check.faults(adopted)) == []


def test_an_assumption_gives_way_to_what_the_document_says(tmp_path: Path, published: dict[str, Any]) -> None:
    schemas = published["components"]["schemas"]
    schemas["EnterpriseContract"]["properties"]["status"]["enum"] = ["on", "off"]
    schemas["OrgBillingCheckoutInputBody"]["properties"]["amount"]["minimum"] = 1
    ledger = published["paths"]["/org/ledger"]["get"]
    ledger["parameters"].append({"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 5}})
    ledger["responses"]["401"] = {"description": "no"}
    adopted = contract.compose_with(write(tmp_path, published))
    schemas = adopted["components"]["schemas"]
    assert schemas["EnterpriseContract"]["properties"]["status"]["enum"] == ["on", "off"]
    amount = schemas["OrgBillingCheckoutInputBody"]["properties"]["amount"]
    assert (amount["minimum"], amount["maximum"]) == (1, 99999999)
    ledger = adopted["paths"]["/org/ledger"]["get"]
    assert ledger["responses"]["401"] == {"description": "no"}
    assert [each.get("name", each.get("$ref")) for each in ledger["parameters"]] == [
        "days",
        "limit",
        "#/components/parameters/Cursor",
    ]


def test_a_wide_document_composes_well_under_a_second(tmp_path: Path, published: dict[str, Any]) -> None:
    for index in range(332):
        item = copy.deepcopy(published["paths"]["/org/ledger"])
        item["get"]["operationId"] = f"other{index}"
        published["paths"][f"/other/{index}"] = item
        schema = published["components"]["schemas"]["EnterpriseContract"]
        published["components"]["schemas"][f"Other{index}"] = copy.deepcopy(schema)
    path = write(tmp_path, published)
    start = time.process_time()
    adopted = contract.compose_with(path)
    assert time.process_time() - start < 1
    assert len(adopted["paths"]) == 345
    assert adopted["paths"]["/other/7"]["get"]["responses"].keys() == {"200", "default"}


def test_the_origins_of_an_adopted_document(tmp_path: Path, published: dict[str, Any]) -> None:
    origins = contract.Origins(adopt.adopt(write(tmp_path, published)).origins)
    assert origins.of("#/paths/~1org~1ledger/get/parameters/0").layer == "published"
    assert origins.of("#/paths/~1org~1ledger/get/responses/401").layer == "assumed"
    assert origins.of("#/paths/~1org~1ledger/get/responses/401").reason


def test_a_document_that_lacks_ours_still_stands_alone(tmp_path: Path) -> None:
    other = {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {}}
    adopted = contract.compose_with(write(tmp_path, other))
    assert adopted["paths"] == {}
    assert list(check.faults(adopted)) == []


def test_yaml_and_full_paths_and_3_0(tmp_path: Path, published: dict[str, Any]) -> None:
    old = contract.form30(published)
    old["paths"] = {"/api/v1" + path: item for path, item in old["paths"].items()}
    adopted = contract.compose_with(write(tmp_path, old, "published.yaml"))
    assert adopted["openapi"] == "3.1.0"
    assert "/org/ledger" in adopted["paths"]
    by_type = adopted["components"]["schemas"]["ContextEngineEventSummary"]["properties"]["byType"]
    assert by_type["type"] == ["array", "null"]
    assert list(check.faults(adopted)) == []


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
