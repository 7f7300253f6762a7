"""A short form of `make consistency`, and proofs that it notices servers that do not agree."""

from __future__ import annotations

from pathlib import Path

import pytest
from postgres_server import PostgresServer

from consistency.run import main
from consistency.two_servers import play, problems
from consistency.voucher_race import race

DEFECTS = {
    "what other servers write is not noticed": "Service._note_changes = lambda self, organization: None",
    "the generation of a log is not compared": (
        "catch_up = Service._catch_up\n"
        "def careless(self, tenant):\n"
        "    head = self.store.head(tenant.config.organization)\n"
        "    tenant.generation = head.generation if head else tenant.generation\n"
        "    return catch_up(self, tenant)\n"
        "Service._catch_up = careless"
    ),
}


@pytest.mark.slow
def test_all_histories_are_linearizable(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--runs", "2", "--seconds", "6"]) == 0, capsys.readouterr().out


@pytest.mark.slow
def test_all_histories_with_postgres_are_linearizable_though_it_is_killed(
    postgres_server: PostgresServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """postgres_server: only says whether there is one; the run has its own, because it kills it."""
    arguments = ["--runs", "2", "--seconds", "8", "--postgres"]
    assert main(arguments) == 0, capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_a_voucher_that_is_raced_over_four_processes_is_redeemed_once(
    database: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORGBILLING_HOME", str(tmp_path))
    address = f"sqlite:///{tmp_path}/a.db"
    if database == "postgres":
        address = request.getfixturevalue("postgres_address")
    statuses, grown, _ = race(address, 600)
    assert statuses == {200: 1, 409: 599}
    assert grown == 5


@pytest.mark.slow
@pytest.mark.parametrize("name", DEFECTS)
def test_servers_that_do_not_agree_are_noticed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORGBILLING_HOME", str(tmp_path))
    defect = f"from orgbilling_stubs.tenants.service import Service\n{DEFECTS[name]}"
    recorder, _ = play(1, tmp_path, 6, may_kill=False, defect=defect)
    assert problems(recorder)
