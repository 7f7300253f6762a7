"""`orgbilling doctor`: one line for each thing that serving or another command needs."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import metadata
from pathlib import Path
from threading import Thread

import pytest
import typer
from orgbilling_openapi import description
from orgbilling_openapi.operations import operations_by_id
from orgbilling_stubs.cli import doctor as doctor_module
from orgbilling_stubs.cli.main import build
from typer.testing import CliRunner

ROOT = Path(__file__).parents[3]
AWAY = "http://127.0.0.1:1"
NAMES = [
    *("python", "package", "contents", "access", "port", "home", "key", "database", "browser"),
    *("extra spec", "extra conformance", "extra postgres", "extra export", "terminal", "server"),
]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    monkeypatch.setenv("ORGBILLING_HOME", str(folder))
    return folder


def diagnosis(*options: str) -> tuple[int, dict[str, tuple[str, str]]]:
    """The exit status, and the status and detail of each check."""
    arguments = ["doctor", "--json", "--port", "0", "--url", AWAY, *options]
    result = CliRunner().invoke(build(arguments), arguments)
    report = json.loads(result.stdout)
    assert report["serves"] == (result.exit_code == 0)
    return result.exit_code, {row["name"]: (row["status"], row["detail"]) for row in report["checks"]}


def test_everything_is_one_line_and_nothing_is_created(home: Path) -> None:
    arguments = ["doctor", "--port", "0", "--url", AWAY]
    result = CliRunner().invoke(build(arguments), arguments)
    assert result.exit_code == 0, result.output
    assert [line.split("\t")[0] for line in result.stdout.splitlines()] == NAMES
    assert "package\tok\torgbilling " + metadata.version("orgbilling") in result.stdout
    operations = len(operations_by_id(description.load()))
    assert f"contents\tok\t{operations} operations, " in result.stdout
    assert not home.exists()


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_port_of_another_program_is_an_error(taken_port: int) -> None:
    status, checks = diagnosis("--host", "127.0.0.1", "--port", str(taken_port))
    assert status == 1
    assert checks["port"][0] == "error"
    assert f"port {taken_port} is taken; choose another with --port" in checks["port"][1]


def test_trust_beyond_loopback_is_the_error_that_it_is_for_serve() -> None:
    status, checks = diagnosis("--host", "0.0.0.0")
    assert (status, checks["access"][0]) == (1, "error")
    assert checks["access"][1].endswith("beyond loopback use --auth verify or off")
    status, checks = diagnosis("--host", "0.0.0.0", "--auth", "off")
    assert (status, checks["access"]) == (0, ("ok", "other machines, too; --auth off"))


class _Server(HTTPServer):
    """Answers every request with one body."""

    def __init__(self, body: bytes) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)


@pytest.fixture
def server_of(request: pytest.FixtureRequest) -> Iterator[int]:
    server = _Server(request.param)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("server_of", [b'{"status":"ok"}'], indirect=True)
def test_a_stub_that_runs_on_the_port_serves(server_of: int) -> None:
    url = f"http://127.0.0.1:{server_of}"
    status, checks = diagnosis("--host", "127.0.0.1", "--port", str(server_of), "--url", f"{url}/api/v1")
    assert status == 0
    assert checks["server"] == ("ok", f"{url} answers; console {url}/_mock/")
    assert checks["port"] == ("ok", f"{server_of} belongs to the stub that runs (see server)")


@pytest.mark.parametrize("server_of", [b"<html>", b"{}", b"[]", b"\xff"], indirect=True)
def test_another_server_is_no_stub_and_keeps_the_port(server_of: int) -> None:
    url = f"http://127.0.0.1:{server_of}"
    status, checks = diagnosis("--host", "127.0.0.1", "--port", str(server_of), "--url", url)
    assert status == 1
    assert checks["server"] == ("missing", f"{url}/healthz is not that of a stub")
    assert checks["port"][0] == "error"


def test_a_server_that_is_not_there_is_missing() -> None:
    status, checks = diagnosis()
    assert status == 0
    assert checks["server"][0] == "missing"
    assert "connection refused" in checks["server"][1]
    assert "start it with `orgbilling serve`" in checks["server"][1]


def test_the_key_is_named_once_it_is_there(home: Path) -> None:
    from orgbilling_stubs.auth.key_file import load_signing_key

    path = home / "keys" / "signing.jwk"
    assert diagnosis()[1]["key"] == (
        "ok",
        f"{path} does not exist yet; it is made when it is needed",
    )
    load_signing_key()
    assert diagnosis()[1]["key"] == ("ok", str(path))


def test_a_damaged_key_is_an_error(home: Path) -> None:
    path = home / "keys" / "signing.jwk"
    path.parent.mkdir(mode=0o700, parents=True)
    path.write_text("{}")
    path.chmod(0o600)
    status, checks = diagnosis()
    assert status == 1
    assert checks["key"][0] == "error"
    assert "delete the file and a new one is made" in checks["key"][1]


@pytest.mark.parametrize("folder", ["/dev/null/home", "/proc/home"])
def test_without_a_home_folder_it_serves_and_says_so(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORGBILLING_HOME", folder)
    status, checks = diagnosis()
    assert status == 0
    assert checks["home"][0] == checks["key"][0] == "missing"
    assert "set ORGBILLING_HOME to a folder that can" in checks["home"][1]
    assert "cannot mint tokens" in checks["key"][1]


def test_a_database_is_opened_but_not_created(tmp_path: Path) -> None:
    from orgbilling_stubs.tenants.store.address import open_store

    assert "in memory" in diagnosis()[1]["database"][1]
    path = tmp_path / "state.db"
    expected = f"{path} does not exist yet; serve creates it"
    assert diagnosis("--db", f"sqlite:///{path}")[1]["database"] == ("ok", expected)
    assert not path.exists()
    open_store(f"sqlite:///{path}").close()
    assert diagnosis("--db", f"sqlite:///{path}")[1]["database"] == ("ok", f"{path} can be used")


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("sqlite:////nope/state.db", "its folder cannot be written to"),
        ("sqlite:///{}/text", "file is not a database"),
        ("sqlite:///{}", "it is not a file"),
        ("mysql://x", "unknown database address 'mysql://x'"),
        ("postgresql://127.0.0.1:1/x", "cannot connect to 127.0.0.1/x: "),
    ],
)
def test_a_database_that_cannot_be_used_is_an_error(address: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("text, and enough of it to be no empty database" * 20)
    status, checks = diagnosis("--db", address.format(tmp_path))
    assert status == 1
    assert checks["database"][0] == "error"
    assert problem in checks["database"][1]


def test_an_extra_that_is_not_installed_says_what_it_would_give(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name in ("duckdb", "pyarrow"):
            raise metadata.PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(doctor_module.metadata, "version", version)
    status, checks = diagnosis()
    assert status == 0
    gives = doctor_module.EXTRAS["export"]
    assert checks["extra export"] == (
        "missing",
        f"no duckdb, pyarrow: pip install 'orgbilling[export]' gives {gives}",
    )
    assert checks["extra spec"] == ("ok", doctor_module.EXTRAS["spec"])


def test_every_extra_is_checked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras: Mapping[str, list[str]] = project["optional-dependencies"]
    assert doctor_module.EXTRAS.keys() == extras.keys()
    for extra, requirements in extras.items():
        assert len(doctor_module._distributions(extra)) == len(requirements)


def test_missing_contents_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "orgbilling_stubs.console.app", None)
    status, checks = diagnosis()
    assert status == 1
    assert checks["contents"][0] == "error"
    assert "install orgbilling again" in checks["contents"][1]


@pytest.mark.parametrize("opener", ["/usr/bin/xdg-open", None])
def test_the_browser_that_open_starts(opener: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    import webbrowser

    def no_browser() -> None:
        raise webbrowser.Error

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(doctor_module.shutil, "which", lambda name: opener)
    monkeypatch.setattr(webbrowser, "get", no_browser)
    assert diagnosis()[1]["browser"][0] == ("ok" if opener else "missing")


@pytest.mark.slow
def test_a_terminal_without_unicode_is_named() -> None:
    command = [sys.executable, "-m", "orgbilling_stubs.cli", "doctor", "--port", "0", "--url", AWAY]
    result = subprocess.run(command, capture_output=True, env={"PYTHONIOENCODING": "ascii"}, check=False)
    assert b"terminal\tmissing\tascii: what it lacks is shown as ?" in result.stdout


def test_the_help_says_what_the_exit_status_means() -> None:
    command = typer.main.get_command(build(["doctor"])).commands["doctor"]  # type: ignore[attr-defined]
    assert "exit status is 0 when" in command.help
