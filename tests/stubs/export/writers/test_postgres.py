from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from orgbilling_stubs.export.errors import ExportError
from orgbilling_stubs.export.request import ExportRequest
from orgbilling_stubs.export.schema import NAMES
from orgbilling_stubs.export.writers import postgres

from ..conftest import small_selection


class Server:
    """As much of a PostgreSQL connection as the export uses."""

    def __init__(self):
        self.executed: list[str] = []
        self.copied: dict[str, str] = {}
        self.committed = False

    @contextmanager
    def connect(self, url, client_encoding):
        self.client_encoding = client_encoding
        yield self
        self.committed = True

    @contextmanager
    def cursor(self):
        yield self

    def execute(self, query):
        self.executed.append(query)

    @contextmanager
    def copy(self, query):
        self.table = query.split()[1]
        yield self

    def write(self, text):
        self.copied[self.table] = self.copied.get(self.table, "") + text


@pytest.fixture
def server(monkeypatch):
    exported = Server()
    monkeypatch.setattr(psycopg, "connect", exported.connect)
    return exported


def test_tables_are_created_and_filled_in_one_transaction(server, make, tmp_path):
    done = []
    request = ExportRequest(Path(), "postgres", small_selection(), NAMES, part_size=2)
    rows = postgres.fill(request, "postgresql://x", lambda *more: done.append(more))
    assert [query.split()[2] for query in server.executed] == [*NAMES]
    assert server.committed
    assert [organizations for organizations, _ in done] == [1] * 5
    exported = make(tmp_path, "postgres", part_size=100)
    assert rows == exported["rows"]
    assert all((tmp_path / f"{name}.copy").read_text() == server.copied[name] for name in NAMES)


def test_an_error_of_the_database_is_one_line(server):
    def refuse(query):
        raise psycopg.errors.DuplicateTable('relation "organizations" already exists\nLINE 1: …')

    server.execute = refuse
    request = ExportRequest(Path(), "postgres", small_selection(1))
    with pytest.raises(ExportError, match=r"already exists$") as caught:
        postgres.fill(request, "postgresql://x", lambda *_: None)
    assert caught.value.code == "database_error"
    assert not server.committed


def test_a_database_that_is_not_there_is_one_line():
    request = ExportRequest(Path(), "postgres", small_selection(1))
    with pytest.raises(ExportError, match=r"^connection") as caught:
        postgres.fill(request, "postgresql://nobody@127.0.0.1:1/none?connect_timeout=2", lambda *_: None)
    assert "\n" not in str(caught.value)


def test_the_script_creates_and_loads_every_table(make, tmp_path):
    make(tmp_path, "postgres")
    text = (tmp_path / "load.sql").read_text()
    assert [line.split()[2] for line in text.splitlines() if line.startswith("CREATE TABLE")] == [*NAMES]
    loaded = [line for line in text.splitlines() if line.startswith("\\copy")]
    assert len(loaded) == 3 * len(NAMES)
    assert loaded[0] == "\\copy organizations from 'organizations/part-00000.copy'"
