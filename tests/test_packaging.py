"""The files that package the stub for others: container, actions, workflows, hook. They are linted here.

GitHub, GitLab and Docker cannot run here, so the scripts that do the work are run without them.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from orgbilling_stubs.control.probes import HEALTH, READY

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
ACTIONS = sorted((ROOT / ".github/actions").glob("*/action.yml"))
EXAMPLES = ROOT / "examples/ci"
WORKFLOWS = sorted([*(ROOT / ".github/workflows").glob("*.yml"), *EXAMPLES.glob("*.yml")])
COMPOSE_FILES = [ROOT / "compose.yaml", ROOT / "examples/postgres/compose.yaml"]
KUBERNETES = ROOT / "examples/kubernetes/orgbilling.yaml"
YAML_FILES = [*ACTIONS, *WORKFLOWS, *COMPOSE_FILES, KUBERNETES, ROOT / ".pre-commit-hooks.yaml"]
SCRIPTS = [
    *sorted((ROOT / ".github/actions").rglob("*.sh")),
    *sorted((ROOT / "requirements").glob("*.sh")),
    *sorted(EXAMPLES.glob("*.sh")),
    ROOT / ".ci/run",
]
CI_PAGE = ROOT / "docs/ci.md"


def run_tool(tool: str, *arguments: object, stdin: str | None = None) -> None:
    """Run a linter of the dev lock; what it prints is the failure."""
    command = [str(BIN / tool), *map(str, arguments)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, input=stdin, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def code_blocks(language: str) -> list[str]:
    """The code blocks of docs/ci.md in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", CI_PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def steps(path: Path) -> Iterator[dict[str, str]]:
    """The steps of a workflow or a composite action."""
    document = yaml.safe_load(path.read_text("utf-8"))
    for job in document.get("jobs", {"": document.get("runs")}).values():
        yield from job.get("steps", ())


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.slow
def test_yaml_files_are_well_written() -> None:
    run_tool("yamllint", "--strict", *YAML_FILES, ROOT / ".yamllint.yaml")


@pytest.mark.slow
def test_the_files_are_what_their_schemas_say() -> None:
    for schema, files in {
        "vendor.github-actions": ACTIONS,
        "vendor.github-workflows": WORKFLOWS,
        "vendor.compose-spec": COMPOSE_FILES,
    }.items():
        assert files
        run_tool("check-jsonschema", "--builtin-schema", schema, *files)
    run_tool("pre-commit", "validate-manifest", ROOT / ".pre-commit-hooks.yaml")


@pytest.mark.slow
def test_workflows_in_the_documentation_are_what_their_schemas_say(tmp_path: Path) -> None:
    kinds = {"vendor.github-workflows": [], "vendor.gitlab-ci": []}  # type: dict[str, list[Path]]
    for index, block in enumerate(code_blocks("yaml")):
        document = yaml.safe_load(block)
        if "repos" in document:
            path = tmp_path / f".pre-commit-config-{index}.yaml"
            path.write_text(block)
            run_tool("pre-commit", "validate-config", path)
            continue
        path = tmp_path / f"{index}.yml"
        path.write_text(block)
        kinds["vendor.github-workflows" if "jobs" in document else "vendor.gitlab-ci"].append(path)
    for schema, files in kinds.items():
        assert files
        run_tool("check-jsonschema", "--builtin-schema", schema, *files)


@pytest.mark.slow
def test_workflows_are_secure() -> None:
    # The low finding `self-repository` asks for a syntax that GitHub Enterprise Server does not know.
    run_tool("zizmor", "--offline", "--no-progress", "--min-severity", "medium", ROOT / ".github")
    examples = sorted(EXAMPLES.glob("*.yml"))
    run_tool("zizmor", "--offline", "--no-progress", "--min-severity", "medium", *examples)


@pytest.mark.slow
def test_shell_scripts_have_no_known_mistakes() -> None:
    run_tool("shellcheck", *SCRIPTS)
    for path in [*ACTIONS, *WORKFLOWS]:
        for step in steps(path):
            if "run" in step:
                run_tool("shellcheck", "--shell", "bash", "-", stdin=step["run"])
    for block in code_blocks("sh"):
        run_tool("shellcheck", "--shell", "sh", "-", stdin=block)


@pytest.mark.slow
def test_the_dockerfile_has_no_known_mistakes() -> None:
    run_tool("hadolint", ROOT / "Dockerfile")


def test_no_step_puts_an_expression_into_a_script() -> None:
    assert [
        (name(path), step)
        for path in [*ACTIONS, *WORKFLOWS]
        for step in steps(path)
        if "${{" in step.get("run", "")
    ] == []


def test_actions_of_others_are_pinned_to_a_commit_and_name_its_version() -> None:
    used = [line.strip() for path in WORKFLOWS for line in path.read_text().splitlines() if "uses:" in line]
    foreign = [line for line in used if "uses: ./" not in line]
    assert foreign
    assert [line for line in foreign if not re.search(r"uses: [\w/.-]+@[0-9a-f]{40}  # v[\d.]+$", line)] == []


def test_local_actions_exist_and_take_what_they_are_given() -> None:
    for path in WORKFLOWS:
        for step in steps(path):
            if step.get("uses", "").startswith("./"):
                action = yaml.safe_load((ROOT / step["uses"] / "action.yml").read_text())
                required = {key for key, value in action["inputs"].items() if value.get("required")}
                given = set(step.get("with", ()))
                assert required <= given <= set(action["inputs"])


@pytest.mark.slow
def test_the_example_opens_one_issue_for_what_is_new(tmp_path: Path) -> None:
    """drift.sh with an `orgbilling` and a `gh` of ours, which say what they were called with."""
    log, folder = tmp_path / "log", tmp_path / "bin"
    folder.mkdir()
    fakes = {
        "orgbilling": (
            'echo "$@" >>"$LOG"; [ "$1" = spec ] && { [ "$DIFF" = 0 ] || echo Breaking; exit "$DIFF"; }\n'
            'echo "{}" >"$REPORTS/report.json"; echo summary >"$REPORTS/report.md"; exit "$CONFORM"'
        ),
        "gh": 'echo "gh $1 $2" >>"$LOG"; [ "$2" = list ] && printf %s "$OPEN"; exit 0',
    }
    for tool, script in fakes.items():
        (folder / tool).write_text(f"#!/bin/sh\n{script}\n")
        (folder / tool).chmod(0o755)

    def drift(conform: int, diff: int, open_issue: str = "") -> tuple[int, list[str]]:
        log.write_text("")
        variables = {"CONFORM": str(conform), "DIFF": str(diff), "OPEN": open_issue, "LOG": str(log)}
        variables |= {
            "TARGET": "http://x",
            "TOKEN": "t",
            "DOCUMENT": "http://x/d",
            "OPTIONS": "--quick --seed 1",
        }
        variables |= {"REPORTS": str(tmp_path / "reports"), "PATH": f"{folder}:{os.environ['PATH']}"}
        run = subprocess.run(["sh", EXAMPLES / "drift.sh"], env=variables, check=False)
        return run.returncode, log.read_text().splitlines()

    status, calls = drift(3, 0)
    assert (status, [call for call in calls if call.startswith("gh")]) == (3, [])
    assert "--quick --seed 1" in calls[0]
    assert "--compare" not in calls[0]
    status, calls = drift(0, 1)
    assert (status, calls[-1]) == (1, "gh issue create")
    status, calls = drift(0, 1)
    assert (status, [call for call in calls if call.startswith("gh")]) == (0, []), "it is known"
    assert f"--compare {tmp_path}/reports/known.json" in calls[0]
    assert drift(1, 0, "17") == (1, [*calls, "gh issue list", "gh issue comment"])
    assert "summary" in (tmp_path / "reports/issue.md").read_text()


@pytest.mark.parametrize(
    ("variables", "given"),
    [
        ({"TOKEN": "t", "TOKEN_COMMAND": ""}, ["--token-env", "TOKEN"]),
        ({"TOKEN": "", "TOKEN_COMMAND": "./mint --org 'a b'"}, ["--token-command", "./mint --org 'a b'"]),
        ({"TOKEN": "t", "TOKEN_COMMAND": "./mint"}, ["--token-command", "./mint"]),
        ({"OPTIONS": "--quick --token-command ./mint"}, ["--quick", "--token-command", "./mint"]),
    ],
)
def test_the_example_takes_a_token_or_a_command_that_prints_one(
    variables: dict[str, str], given: list[str], tmp_path: Path
) -> None:
    """drift.sh with an `orgbilling` of ours, which prints its arguments and says that nothing can be said."""
    program = tmp_path / "orgbilling"
    program.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\nexit 3\n")
    program.chmod(0o755)
    variables |= {"TARGET": "http://x", "REPORTS": str(tmp_path / "reports")}
    variables |= {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    run = subprocess.run(["sh", EXAMPLES / "drift.sh"], env=variables, capture_output=True, text=True)
    assert run.returncode == 3
    reports = tmp_path / "reports"
    written = ["--json", f"{reports}/report.json", "--markdown", f"{reports}/report.md"]
    assert sorted(run.stdout.splitlines()) == sorted(["conform", "http://x", *written, *given])


def test_scripts_can_be_executed() -> None:
    assert [name(path) for path in SCRIPTS if ".github" in path.parts and not os.access(path, os.X_OK)] == []


def test_what_cannot_run_here_is_marked_so() -> None:
    text = CI_PAGE.read_text("utf-8") + (ROOT / "docs/install.md").read_text("utf-8")
    for subject in ("Not run here", "Not built here"):
        assert subject in text


@pytest.mark.slow
def test_the_kubernetes_example_is_what_the_schemas_of_kubernetes_say() -> None:
    run_tool("kubernetes-validate", "--strict", KUBERNETES)


def test_the_kubernetes_example_probes_what_the_stub_answers_and_calls_options_that_it_has() -> None:
    documents = list(yaml.safe_load_all(KUBERNETES.read_text()))
    deployment = next(document for document in documents if document["kind"] == "Deployment")
    assert deployment["spec"]["replicas"] == 2
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    probed = {container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "liveness", "readiness")}
    assert probed == {HEALTH, READY}
    help_text = subprocess.run([BIN / "orgbilling", "serve", "--help"], capture_output=True, text=True).stdout
    for argument in container["args"][1:]:
        assert argument.partition("=")[0] in help_text


def dockerfile() -> list[list[str]]:
    """The instructions of the Dockerfile, as words."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    return [line.split(None, 1) for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def test_the_container_has_no_root_and_checks_its_health() -> None:
    instructions = dockerfile()
    final = instructions[max(i for i, (word, _) in enumerate(instructions) if word == "FROM") :]
    values = dict(final)
    assert re.fullmatch(r"\d{3,}:\d{3,}", values["USER"])
    assert "http://127.0.0.1:4010/healthz" in values["HEALTHCHECK"]
    assert values["EXPOSE"] == "4010"
    assert not [word for word, _ in final if word == "RUN"]  # distroless: there is no shell
    assert json.loads(values["CMD"])[:3] == ["serve", "--host", "0.0.0.0"]
    assert json.loads(values["ENTRYPOINT"]) == ["/app/bin/orgbilling"]


def test_the_interpreter_that_installs_is_the_one_that_runs() -> None:
    images = [words for instruction, words in dockerfile() if instruction == "FROM"]
    assert images[0].startswith(
        "python:3.11-"
    )  # Debian 12, on which the last image is built, has Python 3.11
    assert images[-1] == "gcr.io/distroless/python3-debian12:nonroot"


def test_the_build_context_has_what_the_package_is_built_from() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    kept = {line[1:] for line in lines if line.startswith("!")}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert {"pyproject.toml", "README.md", "LICENSE", "requirements/server.txt", *packages} == kept
    assert lines[1] == "*"


def test_the_compose_file_is_read_only_and_open_to_this_machine_alone() -> None:
    service = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["orgbilling"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])


NO_WRITES = """
import os, sys

def refuse(event, arguments):
    if event == "open":
        path, mode, flags = arguments
        writes = flags is not None and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if writes and str(path) not in ("/dev/null",) and not isinstance(path, int):
            raise OSError(30, "Read-only file system", str(path))
    elif event in ("os.mkdir", "os.rename", "os.link"):
        raise OSError(30, "Read-only file system", str(arguments[0]))

sys.addaudithook(refuse)
"""


@pytest.mark.slow
def test_serving_writes_no_file(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(NO_WRITES)
    settings = {"PYTHONPATH": str(tmp_path), "ORGBILLING_HOME": "/data", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "orgbilling_stubs.cli", "serve", "--port", "0", "--auth", "verify"]
    server = subprocess.Popen(
        command, env=os.environ | settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert server.stdout is not None
    try:
        lines = iter(server.stdout)
        said = next(line for line in lines)
        url = re.search(r"http://[\w.:]+", "".join([said, *(next(lines) for _ in range(3))]))
        assert "Read-only file system".lower() in said.lower()
        assert url is not None
        page = subprocess.run([BIN / "orgbilling", "doctor", "--url", url[0]], capture_output=True, text=True)
        assert f"server\tok\t{url[0]} answers" in page.stdout
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


def action_environment(tmp_path: Path, **settings: str) -> dict[str, str]:
    """What GitHub gives a step, with the commands of this environment on PATH."""
    return os.environ | {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "RUNNER_TEMP": str(tmp_path),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
        **settings,
    }


def outputs(tmp_path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in (tmp_path / "output").read_text().splitlines())


def free_port() -> str:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        return str(listener.getsockname()[1])


@pytest.mark.slow
def test_the_actions_serve_and_conform(tmp_path: Path) -> None:
    folder = tmp_path / "runner temp"
    folder.mkdir()
    port = free_port()
    settings = action_environment(folder, PORT=port, OPTIONS="--seed 7 --scenario low-balance")
    subprocess.run([ROOT / ".github/actions/serve/serve.sh"], env=settings, check=True, timeout=90)
    stub = outputs(folder)
    try:
        assert stub["url"] == f"http://127.0.0.1:{port}"
        assert stub["api-url"] == f"{stub['url']}/api/v1"
        settings = action_environment(folder, TARGET=stub["url"], OPTIONS="--quick")
        command = [ROOT / ".github/actions/conform/conform.sh"]
        result = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=300)
        assert result.returncode == 0, result.stdout + result.stderr
    finally:
        os.kill(int(stub["pid"]), signal.SIGKILL)
    reports = {path.name for path in Path(outputs(folder)["reports"]).iterdir()}
    assert reports == {"conform.json", "conform.xml", "conform.sarif", "conform.md"}
    assert (folder / "summary.md").read_text() == (folder / "orgbilling-reports/conform.md").read_text()


@pytest.mark.slow
def test_the_action_serve_says_why_the_stub_did_not_start(tmp_path: Path) -> None:
    settings = action_environment(tmp_path, PORT=free_port(), OPTIONS="--persona nope")
    command = [ROOT / ".github/actions/serve/serve.sh"]
    result = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=90)
    assert result.returncode == 1
    assert "--persona: nope: no such persona" in result.stderr


@pytest.mark.slow
def test_the_bill_of_materials_has_every_pinned_distribution(tmp_path: Path) -> None:
    target = tmp_path / "sbom.cdx.json"
    lock = ROOT / "requirements/base.txt"
    run_tool(
        "uv",
        *("tool", "run", "--from", "cyclonedx-bom==7.5.0", "cyclonedx-py", "requirements"),
        *("--pyproject", ROOT / "pyproject.toml", "--mc-type", "application"),
        *("--output-reproducible", "--output-file", target, lock),
    )
    document = json.loads(target.read_text())
    assert document["metadata"]["component"]["name"] == "orgbilling"
    pinned = set(re.findall(r"^([\w.-]+==[\w.]+)", lock.read_text(), re.MULTILINE))
    assert {f"{row['name']}=={row['version']}" for row in document["components"]} == pinned
