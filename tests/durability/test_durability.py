"""A short form of `make durability`, and proofs that the trials notice what they are there for."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from orgbilling_stubs.tenants.store.sqlite import SqliteStore

from durability import trials
from durability.run import attempt, kind_of, main
from durability.trials import COLUMNS, TRIALS


@pytest.fixture(autouse=True)
def _prepared(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("ORGBILLING_HOME", str(tmp_path_factory.getbasetemp()))
    trials.prepare()
    yield
    logging.disable(logging.NOTSET)  # `prepare` silences the log of the whole process


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 60, 20))
def test_nothing_is_lost_doubled_or_changed_silently(first: int) -> None:
    assert main(["--first", str(first), "--runs", "20"]) == 0


def test_every_kind_of_trial_has_its_turn() -> None:
    assert {kind_of(number) for number in range(20)} == set(TRIALS)


def test_every_column_is_damaged(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "log.db")
    store.close()
    database = sqlite3.connect(tmp_path / "log.db")
    for table, columns in COLUMNS.items():
        declared = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
        assert sorted(declared) == sorted(columns), table


@pytest.mark.slow
def test_a_write_that_is_lost_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that loses some of what it has acknowledged."""
    append = SqliteStore._append

    def forgetting(self: SqliteStore, organization: str, records: object, generation: object) -> int:
        result = append(self, organization, records, generation)  # type: ignore[arg-type]
        self._db.execute("DELETE FROM record WHERE rowid % 5 = 0")
        return result

    monkeypatch.setattr(SqliteStore, "_append", forgetting)
    assert any(
        attempt(number, "killed at a statement")[1] for number in range(trials.SCRIPTS, trials.SCRIPTS + 3)
    )


@pytest.mark.slow
def test_a_command_of_two_transactions_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bundle that is taken in log by log, and rules that go before their organization does."""

    def one_by_one(self: SqliteStore, changes: object) -> list[int]:
        results = []
        for change in changes:  # type: ignore[attr-defined]
            with self._transaction(change.organization):
                results.append(self._change(change))
        return results

    monkeypatch.setattr(SqliteStore, "write_all", one_by_one)
    numbers = range(trials.SCRIPTS, trials.SCRIPTS * 6)
    assert any(attempt(number, "killed at a statement")[1] for number in numbers)


@pytest.mark.slow
def test_damage_that_nobody_checks_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that does not compare checksums."""
    monkeypatch.setattr("orgbilling_stubs.tenants.store.sqlite.checksum", lambda *arguments: b"same")
    numbers = range(trials.SCRIPTS * 3, trials.SCRIPTS * 5)
    assert any("silent change" in (attempt(number, "damaged record")[1] or "") for number in numbers)
