from __future__ import annotations

import copy
import json
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from orgbilling_openapi import check, composition, description
from orgbilling_openapi.composition import compose_with_published
from orgbilling_openapi.external_document import OpenApiDocumentError
from orgbilling_openapi.version_conversion import to_openapi_30


@pytest.fixture
def published() -> dict[str, Any]:
    """What the vendor says, as a document of its own."""
    document = composition.vendor_facts()
    document["info"]["license"] = {"name": "x", "identifier": "MIT"}
    return document


def write(tmp_path: Path, document: dict[str, Any], name: str = "published.json") -> Path:
    path = tmp_path / name
    path.write_text(json.dumps(document) if name.endswith("json") else yaml.safe_dump(document))
    return path


def test_assumptions_come_on_top_of_a_published_document(tmp_path: Path, published: dict[str, Any]) -> None:
    adopted = compose_with_published(write(tmp_path, published)).document
    ours = description.load()
    for path, methods in ours["paths"].items():
        for method, operation in methods.items():
            theirs = adopted["paths"][path][method]
            assert theirs["responses"].keys() == operation["responses"].keys()
            assert len(theirs.get("parameters", [])) == len(operation.get("parameters", []))
    enum = ours["components"]["schemas"]["EnterpriseContract"]["properties"]["status"]["enum"]
    assert adopted["components"]["schemas"]["EnterpriseContract"]["properties"]["status"]["enum"] == enum
    assert list(check.spec_validator_errors(adopted)) == []


def test_an_assumption_gives_way_to_what_the_document_says(tmp_path: Path, published: dict[str, Any]) -> None:
    schemas = published["components"]["schemas"]
    schemas["EnterpriseContract"]["properties"]["status"]["enum"] = ["on", "off"]
    schemas["OrgBillingCheckoutInputBody"]["properties"]["amount"]["minimum"] = 1
    ledger = published["paths"]["/org/ledger"]["get"]
    ledger["parameters"].append({"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 5}})
    ledger["responses"]["401"] = {"description": "no"}
    adopted = compose_with_published(write(tmp_path, published)).document
    schemas = adopted["components"]["schemas"]
    assert schemas["EnterpriseContract"]["properties"]["status"]["enum"] == ["on", "off"]
    amount = schemas["OrgBillingCheckoutInputBody"]["properties"]["amount"]
    assert (amount["minimum"], amount["maximum"]) == (1, 99999999)
    ledger = adopted["paths"]["/org/ledger"]["get"]
    assert ledger["responses"]["401"] == {"description": "no"}
    assert [parameter.get("name", parameter.get("$ref")) for parameter in ledger["parameters"]] == [
        "days",
        "limit",
        "#/components/parameters/Cursor",
    ]


@pytest.mark.slow
def test_a_wide_document_composes_well_under_a_second(tmp_path: Path, published: dict[str, Any]) -> None:
    for index in range(332):
        item = copy.deepcopy(published["paths"]["/org/ledger"])
        item["get"]["operationId"] = f"other{index}"
        published["paths"][f"/other/{index}"] = item
        schema = published["components"]["schemas"]["EnterpriseContract"]
        published["components"]["schemas"][f"Other{index}"] = copy.deepcopy(schema)
    path = write(tmp_path, published)
    start = time.process_time()
    adopted = compose_with_published(path).document
    assert time.process_time() - start < 1
    assert len(adopted["paths"]) == len(description.load()["paths"]) + 332
    assert adopted["paths"]["/other/7"]["get"]["responses"].keys() == {"200", "default"}


def test_the_origins_of_an_adopted_document(tmp_path: Path, published: dict[str, Any]) -> None:
    origins = description.NodeOrigins(compose_with_published(write(tmp_path, published)).origins)
    assert origins.of("#/paths/~1org~1ledger/get/parameters/0").layer == "published"
    assert origins.of("#/paths/~1org~1ledger/get/responses/401").layer == "assumed"
    assert origins.of("#/paths/~1org~1ledger/get/responses/401").reason


def test_a_document_that_lacks_ours_still_stands_alone(tmp_path: Path) -> None:
    other = {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {}}
    adopted = compose_with_published(write(tmp_path, other)).document
    assert "/org/ledger" not in adopted["paths"]
    assert list(check.spec_validator_errors(adopted)) == []


@pytest.mark.slow
def test_yaml_and_full_paths_and_3_0(tmp_path: Path, published: dict[str, Any]) -> None:
    old = to_openapi_30(published)
    old["paths"] = {"/api/v1" + path: item for path, item in old["paths"].items()}
    adopted = compose_with_published(write(tmp_path, old, "published.yaml")).document
    assert adopted["openapi"] == "3.1.0"
    assert "/org/ledger" in adopted["paths"]
    by_type = adopted["components"]["schemas"]["ContextEngineEventSummary"]["properties"]["byType"]
    assert by_type["type"] == ["array", "null"]
    assert list(check.spec_validator_errors(adopted)) == []


@pytest.mark.parametrize("parameters", [3, [3], [{"$ref": "#/nowhere"}]])
def test_a_malformed_document_is_rejected(
    tmp_path: Path, published: dict[str, Any], parameters: object
) -> None:
    published["paths"]["/org/ledger"]["get"]["parameters"] = parameters
    with pytest.raises(OpenApiDocumentError, match=r"not valid OpenAPI|nothing at #/nowhere"):
        compose_with_published(write(tmp_path, published))


def test_full_paths_of_a_host_of_theirs_are_served_by_the_stub(
    tmp_path: Path, published: dict[str, Any]
) -> None:
    published["servers"] = [{"url": "https://api.test"}]
    published["paths"] = {f"/api/v1{path}": item for path, item in published["paths"].items()}
    adopted = compose_with_published(write(tmp_path, published)).document
    assert adopted["servers"] == [{"url": "/api/v1"}]
    assert "/org/ledger" in adopted["paths"]
