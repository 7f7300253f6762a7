from __future__ import annotations

import pytest
from orgbilling_stubs.export import source
from orgbilling_stubs.export.refusal import ExportError

from .conftest import ALL

KINDS = [kind for kind in ALL if kind != "json"]
QUESTIONS = (
    "SELECT count(*), sum(amount_credits), min(created_at), max(tokens) FROM v_ledger",
    "SELECT sum(unit_price_usd), sum(day), count(*) FROM v_events",
    "SELECT sum(free_credit_granted), sum(credit_balance), min(updated_at) FROM v_billing_profiles",
    "SELECT sum(CASE WHEN created_by IS NULL THEN 1 ELSE 0 END), count(traffic_source) FROM v_ledger",
    "SELECT organisation_id, company FROM v_organisations",
)


def files_of(manifest):
    found: dict[str, list[str]] = {}
    for each in manifest["files"]:
        if each["table"]:
            found.setdefault(each["table"], []).append(each["path"])
    return found


def answers(folder, kind, manifest):
    with source.opened(folder, kind, files_of(manifest)) as opened:
        return [tuple(map(str, opened.ask(question)[1])) for question in QUESTIONS]


def test_every_format_gives_the_same_answers(tmp_path, make):
    found = {kind: answers(tmp_path / kind, kind, make(tmp_path / kind, kind)) for kind in KINDS}
    assert [kind for kind in KINDS if found[kind] != found["sqlite"]] == []


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_without_duckdb_sqlite_gives_the_same_answers(tmp_path, make, monkeypatch, kind):
    made = make(tmp_path, kind)
    with_duckdb = answers(tmp_path, kind, made)
    monkeypatch.setattr(source, "has", lambda module: False)
    assert answers(tmp_path, kind, made) == with_duckdb


def test_the_first_row_is_the_first_by_its_leading_columns(tmp_path, make):
    made = make(tmp_path)
    with source.opened(tmp_path, "csv", files_of(made)) as opened:
        names, row = opened.ask("SELECT number, organisation_id FROM v_ledger WHERE number > 3")
        assert names == ("number", "organisation_id")
        assert row[0] == 4
        assert opened.ask("SELECT number, 1 FROM v_ledger WHERE number < 0")[1] is None


def ask(folder, kind, name):
    with source.opened(folder, kind, {"projects": [name]}) as opened:
        opened.ask("SELECT * FROM v_projects")


@pytest.mark.parametrize("engine", ["duckdb", "sqlite"])
@pytest.mark.parametrize(("kind", "text"), [("csv", "a,b\n1\n"), ("csv", "a,b,c\n1\n"), ("jsonl", "{\n")])
def test_what_is_no_table_is_refused_in_one_line(tmp_path, monkeypatch, kind, text, engine):
    monkeypatch.setattr(source, "has", lambda module: engine == "duckdb")
    (tmp_path / f"projects.{kind}").write_text(text)
    with pytest.raises(ExportError) as caught:
        ask(tmp_path, kind, f"projects.{kind}")
    assert caught.value.name == "unreadable"
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_a_database_that_is_none_is_refused(tmp_path, kind):
    (tmp_path / f"orgbilling.{kind}").write_bytes(b"no database" * 1000)
    with pytest.raises(ExportError) as caught:
        ask(tmp_path, kind, f"orgbilling.{kind}")
    assert caught.value.name == "unreadable"
