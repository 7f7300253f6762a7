"""The wheel, installed as a user would: into an empty environment, without a home folder to write to."""

from __future__ import annotations

import functools
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
ENVIRONMENT = {"HOME": "/dev/null/home", "PATH": "/usr/bin:/bin", "LANG": "C"}
"""All that the commands are given: no home folder, no UTF-8, no variable of this project."""
CONTRACT = "11111111-1111-4111-8111-111111111111"
OPERATIONS = [
    ("GET", "/org/billing", None),
    ("GET", "/org/characters", None),
    ("GET", "/org/contract", None),
    ("GET", "/org/events", None),
    ("GET", "/org/ledger", None),
    ("GET", "/org/model-pricing", None),
    ("GET", "/org/service-agreements", None),
    ("GET", "/org/service-usage", None),
    ("GET", "/org/usage-summary", None),
    ("POST", "/org/billing/checkout", {"amount": 5000, "currency": "USD"}),
    ("POST", "/org/billing/portal", None),
    ("POST", "/org/vouchers/redeem", {"code": "TEST-CREDIT-25-wheel"}),
    ("POST", "/org/contract/subscribe", {"contractId": CONTRACT}),
]
PAGES = [
    "/",
    "/healthz",
    "/_mock/",
    "/_mock/docs",
    "/api/v1/docs",
    "/api/v1/openapi.json",
    "/api/v1/openapi.yaml",
]
# The first page compiles its templates: on a busy machine that takes longer than httpx waits by itself.
request = functools.partial(httpx.request, timeout=60, follow_redirects=True)


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command `orgbilling` in an environment with base lock and wheel, in a folder with spaces."""
    folder = tmp_path_factory.mktemp("programs of a user")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=ROOT, check=True
    )
    [wheel] = folder.glob("*.whl")
    environment = folder / "orgbilling é"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    install = [environment / "bin/python", "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    subprocess.run([*install, "--require-hashes", "-r", ROOT / "requirements/base.txt"], check=True)
    subprocess.run([*install, "--no-deps", wheel], check=True)
    return environment / "bin/orgbilling"


def run(command: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [command, *arguments],
        cwd=cwd,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def server(command: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The URL of a server that was started from the wheel, and what it has printed."""
    process = subprocess.Popen(
        [command, "serve", "--port", "0"],
        cwd=tmp_path_factory.mktemp("an empty folder"),
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    printed = ""
    try:
        for line in process.stdout:
            printed += line
            if "Authorization: Bearer" in line:
                break
        url = re.search(r"http://[\d.]+:\d+", printed)
        assert url is not None, printed
        yield url[0], printed
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_it_says_that_it_has_no_home_folder(server: tuple[str, str]) -> None:
    _, printed = server
    assert "set ORGBILLING_HOME to a folder that can be written to" in printed
    assert "Traceback" not in printed


def test_the_command_that_it_prints_can_be_pasted(command: Path, server: tuple[str, str]) -> None:
    _, printed = server
    assert f"$({shlex.quote(str(command))} token --org org_standard)" in printed


def test_all_operations_answer(server: tuple[str, str]) -> None:
    url, _ = server
    minted = request("POST", f"{url}/_mock/v1/organizations/org_standard/tokens", json={})
    headers = {"Authorization": f"Bearer {minted.json()['token']}"}
    answers = {
        path: request(method, f"{url}/api/v1{path}", json=body, headers=headers).status_code
        for method, path, body in OPERATIONS
    }
    description = request("GET", f"{url}/api/v1/openapi.json").json()
    assert answers.keys() == description["paths"].keys()
    # The organization of the persona has a contract already.
    assert {path: status for path, status in answers.items() if status != 200} == {
        "/org/contract/subscribe": 409
    }


@pytest.mark.parametrize("path", PAGES)
def test_all_pages_and_what_they_load_are_there(server: tuple[str, str], path: str) -> None:
    url, _ = server
    response = request("GET", url + path)
    assert response.status_code == 200
    if response.headers["Content-Type"].startswith("text/html"):
        assets = re.findall(r'(?:src|href)="(/[^"?]+\.(?:css|js|svg))["?]', response.text)
        assert assets
        statuses = {asset: request("GET", url + asset).status_code for asset in assets}
        assert statuses == dict.fromkeys(assets, 200)


def test_all_pages_of_the_console_are_there(server: tuple[str, str]) -> None:
    url, _ = server
    start = request("GET", f"{url}/_mock/")
    pages = set(re.findall(r'href="(/_mock/[a-z-]+)', start.text)) - {"/_mock/static"}
    assert len(pages) >= 8
    assert {page: request("GET", url + page).status_code for page in pages} == dict.fromkeys(pages, 200)


def test_the_doctor_says_what_is_missing(command: Path, server: tuple[str, str], tmp_path: Path) -> None:
    url, _ = server
    result = run(command, "doctor", "--json", "--port", "0", "--url", url, cwd=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    checks = {check["name"]: check for check in json.loads(result.stdout)["checks"]}
    missing = {name for name, check in checks.items() if check["status"] == "missing"}
    assert {"home", "key", "extra spec", "extra conformance", "extra postgres", "extra export"} <= missing
    assert missing <= {
        "home",
        "key",
        "extra spec",
        "extra conformance",
        "extra postgres",
        "extra export",
        "browser",
        "terminal",
    }
    assert "pip install 'orgbilling[export]'" in checks["extra export"]["detail"]
    assert checks["server"]["status"] == "ok"


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (("--version",), 0, "orgbilling "),
        (("personas",), 0, "standard"),
        (("spec", "export"), 0, "openapi: 3.1"),
        (("spec", "check"), 2, "pip install 'orgbilling[spec]'"),
        (("export", "--format", "parquet", "--out", "demo"), 2, "pip install 'orgbilling[export]'"),
        (("export", "--format", "duckdb", "--out", "demo"), 2, "pip install 'orgbilling[export]'"),
        (("export", "--preview"), 2, "pip install 'orgbilling[export]'"),
        (("conform", "http://127.0.0.1:1"), 2, "pip install 'orgbilling[conformance]'"),
        (("token",), 2, "set ORGBILLING_HOME"),
    ],
)
def test_other_commands_work_or_say_what_they_lack(
    command: Path, tmp_path: Path, arguments: tuple[str, ...], status: int, text: str
) -> None:
    result = run(command, *arguments, cwd=tmp_path)
    assert result.returncode == status, result.stdout + result.stderr
    assert text in result.stdout + result.stderr
    assert "Traceback" not in result.stderr


def test_files_can_be_exported_but_not_verified(command: Path, tmp_path: Path) -> None:
    assert run(command, "export", "--out", "demo", cwd=tmp_path).returncode == 0
    result = run(command, "export", "verify", "demo", cwd=tmp_path)
    assert result.returncode == 2
    assert (
        "export verify needs duckdb, which is not installed: pip install 'orgbilling[export]'"
        in result.stderr
    )
