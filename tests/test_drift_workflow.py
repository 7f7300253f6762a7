"""examples/ci/drift.sh, with a real `spec diff`, a `conform` that ends as the test says, and no GitHub."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from orgbilling_openapi import description
from orgbilling_openapi.strict_json import JsonObject

ROOT = Path(__file__).parent.parent
REPORT = "## conforms\n\nWhat to do: nothing now.\n"

COMMANDS = {
    "orgbilling": f"""
import os, pathlib, sys
if sys.argv[1] == "spec":
    os.execv({sys.executable!r}, [{sys.executable!r}, "-m", "orgbilling_stubs.cli", *sys.argv[1:]])
for option, text in (("--json", "{{}}"), ("--markdown", {REPORT!r})):
    if int(os.environ["CONFORM"]) != 2:
        pathlib.Path(sys.argv[sys.argv.index(option) + 1]).write_text(text)
sys.exit(int(os.environ["CONFORM"]))
""",
    "gh": """
import pathlib, sys
here = pathlib.Path(__file__).parent
calls = here / "calls.txt"
earlier = calls.read_text() if calls.exists() else ""
if sys.argv[1:3] == ["issue", "list"]:
    print("7" if "issue create" in earlier else "")
elif sys.argv[1] == "issue":
    calls.write_text(earlier + " ".join(sys.argv[1:3]) + chr(10))
    (here / "body.md").write_bytes(pathlib.Path(sys.argv[sys.argv.index("--body-file") + 1]).read_bytes())
""",
}


class Workflow:
    """One repository that runs the script every night."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.nights = 0
        for name, code in COMMANDS.items():
            command = folder / name
            command.write_text(f"#!{sys.executable}\n{code}", "utf-8")
            command.chmod(0o755)

    def run(self, conform: int, document: JsonObject | str | None) -> int:
        """The exit status of a night in which conform ends so and the document is this."""
        self.nights += 1
        address = document if isinstance(document, str) else ""
        if isinstance(document, dict):
            (self.folder / "document.json").write_text(json.dumps(document), "utf-8")
            address = str(self.folder / "document.json")
        environment = os.environ | {
            "PATH": f"{self.folder}{os.pathsep}{os.environ['PATH']}",
            "PYTHONHASHSEED": str(self.nights),
            "CONFORM": str(conform),
            "TARGET": "http://127.0.0.1:9",
            "TOKEN": "",
            "DOCUMENT": address,
            "REPORTS": str(self.folder / "reports"),
        }
        script = ["sh", str(ROOT / "examples/ci/drift.sh")]
        return subprocess.run(script, env=environment, check=False, stdout=subprocess.DEVNULL).returncode

    def calls(self) -> list[str]:
        """What changed at GitHub."""
        file = self.folder / "calls.txt"
        return file.read_text("utf-8").splitlines() if file.exists() else []

    def body(self) -> str:
        """The text that was written last."""
        return (self.folder / "body.md").read_text("utf-8")


@pytest.fixture
def workflow(tmp_path: Path) -> Workflow:
    return Workflow(tmp_path)


def breaking(additions: int) -> JsonObject:
    document = copy.deepcopy(description.load())
    del document["paths"]["/org/ledger"]
    for number in range(additions):
        document["paths"][f"/more/{number}"] = {"get": {"responses": {"200": {"description": "x"}}}}
    return document


@pytest.mark.slow
def test_a_document_is_news_once_whatever_is_added(workflow: Workflow) -> None:
    assert workflow.run(0, breaking(4)) == 1
    assert workflow.calls() == ["issue create"]
    assert workflow.run(0, breaking(4)) == 0
    assert workflow.run(0, breaking(6)) == 0
    assert workflow.calls() == ["issue create"]
    worse = breaking(4)
    del worse["paths"]["/org/usage-summary"]
    assert workflow.run(0, worse) == 1
    assert workflow.calls() == ["issue create", "issue comment"]


@pytest.mark.slow
@pytest.mark.parametrize("conform", [2, 3])
def test_the_document_is_compared_when_the_api_cannot_be_judged(workflow: Workflow, conform: int) -> None:
    assert workflow.run(conform, breaking(0)) == 1
    assert "the operation is gone" in workflow.body()
    assert f"exit status {conform}" in workflow.body()
    assert workflow.run(conform, breaking(0)) == conform
    assert workflow.calls() == ["issue create"]
    assert not (workflow.folder / "reports/known.json").exists()


@pytest.mark.slow
def test_an_issue_about_the_document_alone_begins_with_it(workflow: Workflow) -> None:
    assert workflow.run(0, breaking(1)) == 1
    assert workflow.body().startswith("## The published document")
    assert REPORT not in workflow.body()


@pytest.mark.slow
def test_an_error_of_the_api_is_an_issue_when_the_document_cannot_be_read(workflow: Workflow) -> None:
    assert workflow.run(1, str(workflow.folder / "absent.json")) == 1
    assert workflow.body().startswith(REPORT)
    assert workflow.run(0, str(workflow.folder / "absent.json")) == 2


@pytest.mark.slow
def test_an_error_of_the_api_comes_before_a_document_that_is_known(workflow: Workflow) -> None:
    assert workflow.run(0, breaking(0)) == 1
    assert workflow.run(1, breaking(0)) == 1
    assert workflow.body().startswith(REPORT)
    assert "as it did in the last run" in workflow.body()
    assert workflow.run(0, None) == 0
