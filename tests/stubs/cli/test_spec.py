"""`orgbilling spec …` as a user sees it."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from openapi_spec_validator import validate
from orgbilling_openapi import composition, description
from orgbilling_openapi.version_conversion import to_openapi_30
from orgbilling_stubs.cli import spec as cli
from typer.testing import CliRunner, Result

PAGE = """Furniture
List the shelves
Authorization
session A token of a user (JWT). Format: Bearer abc....
In: header
Response Body
application/json
curl -X GET "https://host/v2/shelf"{
"$schema": "/v2/schemas/Shelf.json",
"boards": 0
}"""


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def refused(result: Result, problem: str) -> str:
    """The one line of a refusal."""
    assert result.exit_code == 2
    assert result.stdout == ""
    (line,) = plain(result.stderr).strip().splitlines()
    assert line.startswith("orgbilling: ")
    assert problem in line
    assert re.search(r"\w+Error:", line) is None
    return line


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.txt"
    path.write_text(PAGE)
    return path


def test_derive_prints_yaml(page: Path) -> None:
    result = run("derive", page)
    assert result.exit_code == 0
    assert result.stdout.startswith("# ")
    assert "summary: List the shelves" in result.stdout
    assert "List the shelves" not in run("derive", page, "--facts").stdout


def test_derive_writes_a_file(page: Path, tmp_path: Path) -> None:
    target = tmp_path / "documented.yaml"
    result = run("derive", page, "--out", target)
    assert result.stdout.strip() == f"{target}: 1 operations, 1 schemas"
    assert composition.read(target)["paths"].keys() == {"/shelf"}


def test_derive_names_the_line_that_it_does_not_understand(page: Path) -> None:
    page.write_text(PAGE.replace("In: header", "In: cookie"))
    line = refused(run("derive", page), "line 5")
    assert line == f"orgbilling: {page}: line 5: expected 'In: header': 'In: cookie'"


def test_derive_reads_a_page_with_a_byte_order_mark(page: Path) -> None:
    whole = run("derive", page).stdout
    page.write_text("\ufeff" + PAGE, "utf-8")
    assert run("derive", page).stdout == whole


def test_an_error_does_not_repeat_a_whole_line(page: Path) -> None:
    page.write_text(PAGE.replace("In: header", "x" * 100_000))
    line = refused(run("derive", page), "line 5")
    assert len(line) < len(str(page)) + 300


def test_an_error_is_one_printable_line(tmp_path: Path) -> None:
    assert refused(run("diff", tmp_path / "a\x1b[31m"), r"a\x1b[31m: no such file").isprintable()
    assert len(refused(run("diff", "n" * 9999), "nnn")) < 1100


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    refused(run("derive", tmp_path / "nothing"), f"{tmp_path / 'nothing'}: no such file or directory")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    refused(run("derive", tmp_path / "binary"), f"{tmp_path / 'binary'}: not UTF-8 text")
    refused(run("derive", tmp_path), f"{tmp_path}: is a directory")


@pytest.mark.slow
def test_check_passes_on_what_is_checked_in() -> None:
    result = run("check")
    assert result.exit_code == 0
    assert result.stdout.count("✓") == 3


@pytest.mark.slow
def test_check_lists_what_is_stale(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    whole = composition.compose()
    monkeypatch.setattr(
        composition, "compose", lambda: composition.Composition({**whole.document, "info": {}}, whole.origins)
    )
    result = run("check")
    assert result.exit_code == 1
    assert (
        "✗ org-billing.json is not what the layers compose to (run: orgbilling spec compose)" in result.stdout
    )
    assert "✗ #/info" in result.stdout


def own_document(path: Path, version: str, example: object) -> Path:
    schema = {"type": "integer"}
    response = {"description": "x", "content": {"application/json": {"schema": schema, "example": example}}}
    document = {
        "openapi": version,
        "info": {"title": "x", "version": "1"},
        "paths": {"/x": {"get": {"responses": {"200": response}}}},
    }
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize("version", ["3.0.3", "3.1.0"])
def test_check_of_own_documents(version: str, tmp_path: Path) -> None:
    valid = own_document(tmp_path / "valid.json", version, 1)
    invalid = own_document(tmp_path / "invalid.json", version, "1")
    assert run("check", valid).exit_code == 0
    result = run("check", valid, invalid)
    assert result.exit_code == 1
    lines = plain(result.stdout).splitlines()
    assert lines[0] == f"✓ {valid} is valid OpenAPI, and so are its examples"
    assert lines[1].startswith(f"✗ {invalid}: example #/paths/~1x/get/responses/200/")
    assert len(lines) == 2


def test_check_lists_each_problem_of_an_own_document_in_a_line(tmp_path: Path) -> None:
    path = tmp_path / "openapi.yaml"
    path.write_text("openapi: 3.1.0\ninfo: {title: x}\npaths: {}\n")
    result = run("check", path)
    assert result.exit_code == 1
    assert plain(result.stdout).splitlines() == [f'✗ {path}: #/info: "version" is a required property']


@pytest.mark.parametrize("text", ["", "[]", "{", "swagger: '2.0'", "openapi: 3.1.0"])
def test_check_of_something_else_is_one_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "openapi.yaml"
    path.write_text(text)
    refused(run("check", path), str(path))


def test_check_without_the_validator_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openapi_spec_validator", None)
    line = refused(run("check"), "openapi-spec-validator is not installed")
    assert line.endswith(": pip install 'orgbilling[spec]', or make spec in a checkout")


def test_a_layer_that_cannot_be_read_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> composition.Composition:
        raise composition.LayerError("assumed: nothing matches $.x")

    monkeypatch.setattr(composition, "compose", broken)
    refused(run("compose"), "orgbilling: layer assumed: nothing matches $.x")


@pytest.mark.slow
def test_compose_changes_nothing_when_nothing_changed() -> None:
    before = {name: (composition.HERE / name).read_bytes() for name in composition.compose().files()}
    result = run("compose")
    assert result.stdout.count("as before") == 3
    assert {name: (composition.HERE / name).read_bytes() for name in before} == before


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (
            "#/paths/~1org~1ledger/get",
            ["layer   documented", "reference page", "responses", "operationId  published"],
        ),
        (
            "#/components/schemas/EnterpriseContract/properties/status/enum",
            [
                "layer   assumed",
                "reason  the life of a contract",
                "layers/assumed.overlay.yaml",
                "array of 6",
            ],
        ),
        ("#/info/title", ["layer   descriptions", '"Org Billing API"']),
    ],
)
def test_explain(place: str, words: list[str]) -> None:
    result = run("explain", place)
    assert result.exit_code == 0
    text = plain(result.stdout)
    for word in words:
        assert word in text


@pytest.mark.parametrize("place", ["#/paths/x", "#/info/title/x", "paths", "#/components/schemas/Nope"])
def test_explain_of_nothing_tells_what_there_is(place: str) -> None:
    refused(run("explain", place), place)


@pytest.fixture
def published(tmp_path: Path) -> Path:
    path = tmp_path / "published.json"
    path.write_text(json.dumps(composition.vendor_facts()))
    return path


@pytest.mark.slow
def test_diff_of_the_vendors_document(published: Path) -> None:
    result = run("diff", published)
    assert result.exit_code == 0
    assert result.stdout.startswith("0 breaking, 0 compatible; ")
    assert "does not share" in run("diff", published, "--assumed").stdout


def test_diff_of_a_breaking_document(published: Path) -> None:
    document = composition.vendor_facts()
    del document["paths"]["/org/ledger"]
    document["components"]["schemas"]["ErrorModel"]["properties"]["more"] = {"type": "string"}
    published.write_text(json.dumps(document))
    result = run("diff", published)
    assert result.exit_code == 1
    text = result.stdout
    assert (
        text.index("Breaking")
        < text.index("GET /org/ledger")
        < text.index("Compatible")
        < text.index("1 breaking")
    )
    assert "and 9 more" in text
    rows = json.loads(run("diff", published, "--json").stdout)
    assert rows["breaking"] is True
    assert rows["changes"][0]["pointer"] == "#/paths/~1org~1ledger/get"


@pytest.mark.slow
def test_diff_tells_of_an_assumption_that_proved_wrong(published: Path) -> None:
    document = composition.vendor_facts()
    document["components"]["schemas"]["EnterpriseContract"]["properties"]["status"]["enum"] = [
        "active",
        "on_hold",
    ]
    published.write_text(json.dumps(document))
    text = plain(run("diff", published).stdout)
    assert "Assumptions of ours that it contradicts\n  GET /org/contract\n    ~ enum without" in text


@pytest.mark.slow
def test_diff_reads_what_the_stub_serves(tmp_path: Path) -> None:
    path = tmp_path / "served.json"
    for document in (description.load(), to_openapi_30(description.load())):
        path.write_text(json.dumps(document))
        assert run("diff", path).stdout == "0 breaking, 0 compatible; 0 differences rest on our assumptions\n"


@pytest.mark.slow
def test_diff_of_a_document_that_writes_paths_in_full(published: Path) -> None:
    document = composition.vendor_facts()
    document["paths"] = {f"/api/v1{path}": item for path, item in document["paths"].items()}
    for servers, status in (
        ([{"url": "https://api.test"}], 0),
        ([{"url": "/v9"}], 1),
        ([], 0),
        ([3], 2),
        (3, 2),
    ):
        document["servers"] = servers
        published.write_text(json.dumps(document))
        assert run("diff", published).exit_code == status


@pytest.mark.slow
def test_diff_of_two_documents_of_the_vendor(published: Path, tmp_path: Path) -> None:
    earlier = tmp_path / "earlier.json"
    earlier.write_text(published.read_text())
    document = json.loads(published.read_text())
    document["paths"]["/org/billing"]["get"]["operationId"] = "other"
    document["components"]["schemas"]["TenantBillingProfile"]["properties"]["currency"]["maxLength"] = 3
    published.write_text(json.dumps(document))
    result = run("diff", published, "--against", earlier)
    assert (result.exit_code, "Names and hints alone" in plain(result.stdout)) == (0, True)
    assert result.stdout.endswith(
        "0 breaking, 1 compatible, 1 of names and hints alone; 0 differences rest on our assumptions\n"
    )
    back = run("diff", earlier, "--against", published, "--json")
    assert back.exit_code == 1
    severities = [change["severity"] for change in json.loads(back.stdout)["changes"]]
    assert severities == ["breaking", "documentation"]
    refused(run("diff", published, "--against", tmp_path / "nothing"), "no such file or directory")


def test_diff_of_something_else_is_one_line(page: Path, tmp_path: Path) -> None:
    refused(run("diff", page), f"{page}:4: neither JSON nor YAML")
    refused(run("diff", tmp_path / "nothing"), "no such file or directory")
    refused(run("diff", "http://127.0.0.1:9/openapi.json"), "http://127.0.0.1:9/openapi.json: ")


def test_every_command_has_help() -> None:
    assert {"derive", "compose", "check", "explain", "export", "diff", "propose"} == {
        command.name or command.callback.__name__
        for command in cli.app.registered_commands
        if command.callback
    }
    for name in ("derive", "compose", "check", "explain", "export", "diff", "propose"):
        assert run(name, "--help").exit_code == 0


def exported(*options: str | Path) -> Any:
    result = run("export", *options)
    assert result.exit_code == 0, result.output
    return yaml.safe_load(result.output)


def test_the_description_is_exported_whole():
    assert exported() == description.load()


@pytest.mark.slow
def test_an_export_names_the_server():
    assert exported("--server", "https://api.example.com/v1")["servers"] == [
        {"url": "https://api.example.com/v1"}
    ]


@pytest.mark.slow
def test_an_export_in_openapi_30_is_the_converted_one():
    assert exported("--openapi", "3.0") == to_openapi_30(description.load())


@pytest.mark.slow
@pytest.mark.parametrize("version", ["3.0", "3.1"])
def test_exported_facts_are_a_valid_description(version):
    validate(exported("--facts-only", "--openapi", version))


@pytest.mark.slow
def test_exported_facts_have_nothing_of_ours_but_words():
    words = {"title", "description", "summary", "examples", "example", "info", "tags", "license"}

    def without_words(node: Any) -> Any:
        if isinstance(node, list):
            return [without_words(child) for child in node]
        if not isinstance(node, dict):
            return node
        return {name: without_words(child) for name, child in node.items() if name not in words}

    facts = without_words(exported("--facts-only"))
    assert facts == without_words(composition.vendor_facts())
    profile = facts["components"]["schemas"]["TenantBillingProfile"]
    assert "enum" not in str(profile)
    assert "default" not in profile["properties"]["currency"]


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("suffix", [".json", ".yaml", ".yml"])
def test_a_file_is_written_in_the_format_of_its_name(tmp_path, suffix):
    file = tmp_path / f"api{suffix}"
    assert (
        run("export", "--out", file).output
        == f"{file}: OpenAPI 3.1.0, {len(description.load()['paths'])} paths\n"
    )
    text = file.read_text("utf-8")
    assert yaml.safe_load(text) == description.load()
    assert text.startswith("{") == (suffix == ".json")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--out", "api.txt"], "expected a name that ends in .yaml, .yml or .json"),
        (["--server", "api.example.com"], "--server: not an http or https URL: 'api.example.com'"),
    ],
)
def test_an_export_that_cannot_be_written_is_one_line(options, message):
    result = run("export", *options)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
