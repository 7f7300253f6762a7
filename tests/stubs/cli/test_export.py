from __future__ import annotations

import json
import shlex
import subprocess
import sys
from typing import Any

import psycopg
import pytest
from orgbilling_fixtures import personas
from orgbilling_stubs.api.serializers import response_digests
from orgbilling_stubs.billing import instants
from orgbilling_stubs.cli.export import app
from orgbilling_stubs.tenants import bundle, tenant_factory
from orgbilling_stubs.tenants.clock import Clock
from orgbilling_stubs.tenants.service import Service
from orgbilling_stubs.tenants.store.memory import MemoryStore
from typer.testing import CliRunner

AS_OF = "2026-03-10T12:00:00Z"
AS_OF_MS = instants.parse(AS_OF)
SMALL = ("--days", "10", "--as-of", AS_OF)


def run(*arguments: Any) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [*map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.stdout, result.stderr


def test_without_anything_to_do_it_shows_its_help():
    code, out, _ = run()
    assert code == 0
    assert "--out" in out
    assert "verify" in out


def test_an_export_tells_what_it_wrote_and_verify_that_it_adds_up(tmp_path):
    code, out, err = run("--out", tmp_path, *SMALL)
    assert (code, err) == (0, "")
    assert out.startswith(f"{tmp_path}: 1 organization, ")
    code, out, _ = run("verify", tmp_path)
    assert code == 0
    assert out.startswith(f"✓ {tmp_path}: ")


@pytest.mark.slow
def test_the_manifest_has_the_command_that_makes_it_again(tmp_path):
    options = (
        "--persona",
        "dense,euro",
        "--orgs",
        "3",
        "--seed",
        "5",
        "--block",
        "2",
        "--tables",
        "ledger,organizations",
        "--bom",
    )
    assert run("--out", tmp_path / "a", *SMALL, *options)[0] == 0
    manifest = json.loads((tmp_path / "a" / "manifest.json").read_text())
    command = shlex.split(manifest["command"])
    assert command[:2] == ["orgbilling", "export"]
    assert run("--out", tmp_path / "b", *command[2:])[0] == 0
    assert (tmp_path / "b" / "manifest.json").read_bytes() == (tmp_path / "a" / "manifest.json").read_bytes()
    assert (manifest["seed"], manifest["organizations"], manifest["asOf"]) == (
        5,
        3,
        "2026-03-10T12:00:00.000Z",
    )


@pytest.mark.slow
def test_personas_are_listed_or_all(tmp_path):
    assert "2 organizations" in run("--out", tmp_path / "a", *SMALL, "--persona", "euro,new_org")[1]
    listed = run("--out", tmp_path / "b", *SMALL, "--persona", "euro", "--persona", "euro,new_org")[1]
    assert "2 organizations" in listed
    assert (
        "26 organizations"
        in run("--out", tmp_path / "c", *SMALL, "--persona", "all", "--tables", "vouchers")[1]
    )


@pytest.mark.slow
def test_a_persona_file_of_your_own_can_be_exported(tmp_path):
    (tmp_path / "mine.yaml").write_text("shows: mine\n")
    assert run("--out", tmp_path / "out", *SMALL, "--persona", tmp_path / "mine.yaml")[0] == 0
    assert "org_mine" in (tmp_path / "out" / "organizations.csv").read_text()


@pytest.mark.slow
def test_a_file_that_is_not_of_the_export_is_noted_and_fails_nothing(tmp_path):
    assert run("--out", tmp_path, *SMALL)[0] == 0
    (tmp_path / "notes.txt").write_text("mine")
    code, out, _ = run("verify", tmp_path)
    assert code == 0
    assert out.startswith("notes.txt: the manifest does not list it\n✓ ")


@pytest.mark.slow
def test_a_report_of_the_user_is_not_overwritten_unless_asked(tmp_path):
    page = tmp_path / "page.html"
    page.write_text("mine")
    code, _, err = run("--report", page, *SMALL)
    assert (code, page.read_text()) == (2, "mine")
    assert err == f"orgbilling: --report: {page} exists; choose another name, or --force\n"
    assert run("--report", page, *SMALL, "--force")[0] == 0
    assert page.read_text() != "mine"


@pytest.mark.slow
def test_shards_are_merged(tmp_path):
    options = (*SMALL, "--orgs", "4", "--block", "1")
    for number in (1, 2, 3):
        code, out, _ = run("--out", tmp_path, *options, "--shard", f"{number}/3")
        assert code == 0
        assert f"(shard {number} of 3; then: orgbilling export merge)" in out
    assert run("verify", tmp_path)[0] == 2
    assert run("merge", tmp_path)[0] == 0
    assert run("verify", tmp_path)[0] == 0


@pytest.mark.slow
def test_a_broken_export_is_told_with_exit_status_one(tmp_path):
    run("--out", tmp_path, *SMALL)
    ledger = tmp_path / "ledger.csv"
    ledger.write_text(ledger.read_text().replace("10.000000", "11.000000", 1))
    code, out, _ = run("verify", tmp_path)
    assert code == 1
    assert "✗ file-digest" in out
    assert "✗ balance: billing_profiles.credit_balance = Σ ledger.amount_credits" in out
    assert "organization_id org_standard, left_side" in out


ERRORS = [
    (("--format", "xml"), "--format: 'xml' is not one of csv"),
    (("--persona", "standart"), "--persona: standart: no such persona"),
    (("--persona", "euro", "--population", "startup"), "--persona names organizations, --population"),
    (("--population", "startup"), "--population and --launched need --orgs"),
    (("--orgs", "1", "--format", "json"), "json is what the API answers"),
    (("--bundle", __file__, "--orgs", "2"), "recorded organizations are"),
    (("--bundle", __file__, "--from", "http://y"), "recorded organizations are"),
    (("--as-of", "tomorrow"), "--as-of: not an RFC 3339 instant"),
    (("--shard", "3/2"), "--shard: '3/2' is not i/n"),
    (("--tables", "ledgers"), "--tables: 'ledgers' is not one of"),
    (("--format", "sqlite", "--shard", "1/2"), "sqlite is one file"),
    (("--to", "mysql://x"), "--to: 'mysql://x' is not a URL"),
]


@pytest.mark.parametrize(
    ("options", "message"), ERRORS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_an_error_is_one_line_and_exit_status_two(tmp_path, options, message):
    given = options if {"--as-of", "--bundle", "--from"} & {*options} else (*SMALL, *options)
    code, _, err = run("--out", tmp_path / "out", *given)
    assert code == 2
    assert err.startswith(f"orgbilling: {message}")
    assert err.count("\n") == 1


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    code, _, err = run("--out", tmp_path / "file", *SMALL)
    assert (code, err.count("\n")) == (2, 1)
    assert err.startswith("orgbilling: ")


@pytest.mark.parametrize("command", [("verify", ""), ("merge", " "), ("--out", "")])
def test_an_empty_path_is_not_the_current_folder(tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*command)
    assert (code, out) == (2, "")
    assert "is empty" in err
    assert [*tmp_path.iterdir()] == []


def test_ctrl_c_is_one_line(tmp_path, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("orgbilling_stubs.export.run.export", stop)
    code, _, err = run("--out", tmp_path, *SMALL)
    assert (code, err) == (
        130,
        "orgbilling: stopped: nothing was written\n",
    )


def test_a_database_is_filled(monkeypatch):
    def refuse(url, client_encoding):
        raise psycopg.OperationalError(f"connection to {url} failed\nmore")

    monkeypatch.setattr(psycopg, "connect", refuse)
    code, _, err = run("--to", "postgresql://x", *SMALL)
    assert (code, err) == (2, "orgbilling: connection to postgresql://x failed\n")
    monkeypatch.setattr("orgbilling_stubs.export.writers.postgres.fill", lambda *_: {"ledger": 1234})
    assert run("--to", "postgresql://x", *SMALL)[1] == "1 organization, 1,234 rows in 1 table\n"


def test_whoever_watches_sees_progress(monkeypatch, tmp_path, capfd):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    from orgbilling_stubs.cli import export

    monkeypatch.setattr(export.sys.stderr, "isatty", lambda: True, raising=False)
    with export.progress(2) as advance:
        advance(1, 500)
        advance(1, 500)


@pytest.mark.slow
def test_a_preview_is_drawn_and_a_report_written(tmp_path):
    code, out, _ = run("--preview", "--report", tmp_path / "deep" / "plots.html", *SMALL, "--orgs", "2")
    assert code == 0
    assert out.count("Tokens by project") == 2
    assert out.endswith("plots.html: 2 organizations\n")
    assert "<svg" in (tmp_path / "deep" / "plots.html").read_text()
    assert run("--preview", *SMALL)[1].count("Tokens by project") == 1


def test_a_world_is_exported(tmp_path):
    service = Service(
        MemoryStore(),
        Clock(AS_OF_MS),
        tenant_factory.tenant_config,
        lambda _: personas.load("new_org").document,
        1,
    )
    service.tenant("org_mine")
    file = tmp_path / "world.jsonl"
    file.write_text(bundle.export(service, ["org_mine"], "digest", response_digests))
    code, _, err = run("--bundle", file, "--out", tmp_path / "out")
    assert (code, err) == (0, "")
    assert "org_mine" in (tmp_path / "out" / "organizations.csv").read_text()
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["command"].startswith(f"orgbilling export --bundle {file}")


BASE = """
import sys
sys.modules.update(dict.fromkeys(("numpy", "pyarrow", "duckdb", "psycopg", "plotext", "vl_convert")))
from orgbilling_stubs.cli.export import app
for arguments in ARGUMENTS:
    try:
        app(arguments)
    except SystemExit as end:
        print(end.code)
"""


@pytest.mark.slow
def test_the_base_install_writes_the_same_bytes_and_names_the_extra(tmp_path):
    small = [*SMALL, "--tables", "organizations,billing_profiles,ledger"]
    arguments = [
        ["--out", str(tmp_path / "base"), *small],
        ["verify", str(tmp_path / "base")],
        ["--out", str(tmp_path / "parquet"), "--format", "parquet", *small],
        ["--preview", *small],
        ["--report", str(tmp_path / "report.html"), *small],
    ]
    script = BASE.replace("ARGUMENTS", repr(arguments))
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    install = "which is not installed: pip install 'orgbilling[export]'"
    assert result.stderr.splitlines() == [
        f"orgbilling: export verify needs duckdb, {install}",
        f"orgbilling: parquet needs numpy, {install}",
        f"orgbilling: --preview needs plotext, {install}",
        f"orgbilling: --report needs vl_convert, {install}",
    ]
    codes = [line for line in result.stdout.splitlines() if line.isdecimal()]
    assert codes == ["0", "2", "2", "2", "2"]
    run("--out", tmp_path / "full", *small)
    for file in (tmp_path / "base").iterdir():
        assert file.read_bytes() == (tmp_path / "full" / file.name).read_bytes()
