from __future__ import annotations

from hashlib import sha256

import pytest
from orgbilling_stubs.export.writers.files import (
    ManifestEntry,
    PartialFile,
    sha256_of,
    write_database,
    write_file,
)

from ..conftest import names_in


def test_a_draft_appears_under_its_name_only_when_it_is_kept(tmp_path):
    with PartialFile(tmp_path, "deep/a.csv") as exported:
        exported.write(b"abc")
        assert names_in(tmp_path) == {"deep/a.csv.partial"}
        entry = exported.keep("ledger", 2)
    assert names_in(tmp_path) == {"deep/a.csv"}
    assert entry == ManifestEntry("deep/a.csv", "ledger", 2, 3, sha256(b"abc").hexdigest())


@pytest.mark.parametrize("stop", [KeyboardInterrupt, ValueError])
def test_a_draft_that_is_given_up_leaves_nothing(tmp_path, stop):
    def give_up():
        with PartialFile(tmp_path, "a.csv") as exported:
            exported.write(b"abc")
            raise stop

    with pytest.raises(stop):
        give_up()
    assert names_in(tmp_path) == set()


def test_a_file_knows_its_digest_while_it_grows(tmp_path):
    with PartialFile(tmp_path, "a") as file:
        assert file.writable()
        assert (file.write(b"ab"), file.write(memoryview(b"c")), file.tell()) == (2, 1, 3)
        assert file.keep().sha256 == sha256_of(tmp_path / "a") == sha256(b"abc").hexdigest()
        assert file.write(b"too late") == 8
    assert (tmp_path / "a").read_bytes() == b"abc"


def test_small_files_are_written_at_once(tmp_path):
    assert write_file(tmp_path, "a.json", b"{}").bytes == 2
    assert (tmp_path / "a.json").read_bytes() == b"{}"


def test_a_database_is_listed_for_each_of_its_tables(tmp_path):
    def fill(path):
        path.write_bytes(b"abc")
        return {"ledger": 3, "events": 4}

    entries = write_database(tmp_path, "x.sqlite", fill)
    assert names_in(tmp_path) == {"x.sqlite"}
    assert [(entry.path, entry.table, entry.rows, entry.bytes) for entry in entries] == [
        ("x.sqlite", "ledger", 3, 3),
        ("x.sqlite", "events", 4, 3),
    ]


def test_a_database_that_is_given_up_leaves_nothing(tmp_path):
    def fill(path):
        path.write_bytes(b"abc")
        path.with_name(path.name + ".tmp").mkdir()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_database(tmp_path, "x.duckdb", fill)
    assert [*tmp_path.iterdir()] == []


def test_a_file_that_cannot_be_opened_is_closed(tmp_path):
    (tmp_path / "taken").write_text("no folder")
    opened = []

    class Noted(PartialFile):
        def __init__(self, *arguments):
            opened.append(self)
            super().__init__(*arguments)

    with pytest.raises(OSError):
        Noted(tmp_path, "taken/ledger.csv")
    assert opened[0].closed
