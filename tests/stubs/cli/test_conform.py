from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from orgbilling_stubs.auth import key_file
from orgbilling_stubs.auth.tokens import ClerkSession, mint_token
from orgbilling_stubs.cli.conform import conform
from orgbilling_stubs.tenants.clock import wall_ms
from typer.testing import CliRunner

MODULE = "from orgbilling_stubs.app import build\napp = build().asgi\n"
Run = Callable[..., Any]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    (tmp_path / "judged_stub.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    app = typer.Typer()
    app.command()(conform)
    yield lambda *arguments: CliRunner().invoke(app, list(arguments))
    sys.modules.pop("judged_stub", None)


@pytest.fixture
def token() -> str:
    return mint_token(key_file.load_signing_key(), ClerkSession("org_new_org"), wall_ms())


def test_the_stub_conforms_in_every_format(
    run: Run, token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINE", token)
    names = ("json", "junit", "sarif", "markdown", "html")
    paths = [part for name in names for part in (f"--{name}", f"r.{name}")]
    result = run("--app", "judged_stub:app", "--token-env", "MINE", "--quick", *paths)
    assert result.exit_code == 0, result.output
    assert "conforms to the API description" in " ".join(result.output.split())
    assert all((tmp_path / f"r.{name}").read_text() for name in names)
    document = json.loads((tmp_path / "r.json").read_text())
    assert (document["verdict"], document["exit"]) == ("conforms", 0)
    assert not any(token in (tmp_path / f"r.{name}").read_text() for name in names)


def test_exits(run: Run, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    rejected = run("--app", "judged_stub:app", "--token", "garbage", "--quick")
    assert rejected.exit_code == 3
    assert "::error title=inconclusive::" in rejected.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "one target"),
        (("--app", "judged_stub:app", "--har", "y"), "one target"),
        (("http://x", "--har", "none.har"), "no such file"),
        (("ftp://x",), "an address like"),
        (("http://xn--zzzzz--.example",), "must not end with a hyphen"),
        (("--app", "no_such_module:app"), "--app"),
        (("http://x", "--token", "a", "--token-env", "B"), "choose one"),
        (("http://x", "--token-env", "NOT_SET"), "the variable is empty"),
        (("http://x", "--allow-write", "everything"), "one of redeem"),
        (("https://api.example.com", "--allow-write", "portal"), "--host-confirmed api.example.com"),
        (("--har", "none.har"), "no such file"),
        (("http://x", "--baseline", "none.yaml"), "no such file"),
    ],
)
def test_what_cannot_be_run_is_one_line_and_exit_2(
    run: Run, arguments: tuple[str, ...], message: str
) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert len(result.output.strip().splitlines()) == 1


def test_what_is_told_is_told_as_it_was_typed(run: Run) -> None:
    for typed in ("base:KEY:", "[bold]x[/]", "a\\\\[b]"):
        assert f"--app: {typed}: " in run("--app", typed).output
    assert "\x1b" not in run("http://x", "--token-env", "\x1b[1m").output


def test_a_report_that_cannot_be_written(run: Run, token: str) -> None:
    result = run("--app", "judged_stub:app", "--token", token, "--quick", "--json", "none/r.json")
    assert result.exit_code == 2
    assert "none/r.json: there is no folder none" in result.output


def test_the_help_names_every_exit(run: Run) -> None:
    assert "3 if the result is inconclusive" in " ".join(run("--help").output.split())
