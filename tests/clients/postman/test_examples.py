"""The examples of the served document, sent as they are: by hand, and as a Postman collection."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from orgbilling import Server
from orgbilling_openapi import description

Run = Callable[..., str]
DOCUMENT = description.load()
PARAMETERS = DOCUMENT["components"]["parameters"]
METHODS = ("get", "post", "put", "patch", "delete")
OPERATIONS = [
    (method, path, operation)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
    if method in METHODS
]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server.start() as server:
        yield server


@pytest.mark.slow
def test_every_example_succeeds_for_an_organization_without_a_running_contract(server):
    organization = server.organization(persona="contract_draft")
    statuses = {}
    for method, path, operation in OPERATIONS:
        parts = [
            PARAMETERS[part["$ref"].rpartition("/")[2]] if "$ref" in part else part
            for part in operation.get("parameters", [])
        ]
        examples = {part["in"]: {} for part in parts}
        for part in parts:
            value = part["example"] if "example" in part else part["schema"]["default"]
            examples[part["in"]][part["name"]] = str(value)
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
        response = server.client().request(
            method,
            "/api/v1" + path,
            headers=organization.headers() | examples.get("header", {}),
            params=examples.get("query"),
            json=body,
        )
        statuses[operation["operationId"]] = response.status_code
    assert statuses == {operation["operationId"]: 200 for _, _, operation in OPERATIONS}
    organization.delete()


def test_statuses_of_responses_are_numbers():
    """Generators such as orval 7 stop at a range like `4XX`."""
    keys = {status for _, _, operation in OPERATIONS for status in operation["responses"]}
    assert {key for key in keys if not key.isdigit()} == {"default"}


@pytest.mark.slow
def test_an_imported_collection_is_green_on_its_first_run(server, install, tmp_path):
    run = install(Path(__file__).parent)
    document, collection, report = (
        tmp_path / name for name in ("api.json", "collection.json", "report.json")
    )
    document.write_bytes(server.client().get("/api/v1/openapi.json").content)
    run(
        "npx",
        "openapi2postmanv2",
        "-s",
        str(document),
        "-o",
        str(collection),
        "-O",
        "parametersResolution=Example",
    )
    organization = server.organization("org_postman", persona="contract_draft")
    variables = [f"baseUrl={server.api_url}", f"bearerToken={organization.token()}"]
    options = [word for variable in variables for word in ("--env-var", variable)]
    run(
        "npx", "newman", "run", str(collection), *options, "-r", "json", "--reporter-json-export", str(report)
    )
    executions = json.loads(report.read_text("utf-8"))["run"]["executions"]
    assert [execution["response"]["code"] for execution in executions] == [200] * len(OPERATIONS)
