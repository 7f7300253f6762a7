from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from orgbilling_stubs.export import manifest, staging
from orgbilling_stubs.export.errors import ExportError
from orgbilling_stubs.export.organization_tables import OrganizationTables

from .conftest import names_in

WAIT_S = 120


@pytest.mark.slow
def test_an_export_that_stops_leaves_the_earlier_one_as_it_was(tmp_path, make, monkeypatch):
    """Also when it was to replace it."""
    make(tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in names_in(tmp_path)}

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(OrganizationTables, "tables", stop)
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path, force=True)
    assert {name: (tmp_path / name).read_bytes() for name in names_in(tmp_path)} == before


def test_a_link_in_the_place_of_unfinished_files_is_not_followed(tmp_path, make):
    """Its target belongs to somebody else."""
    victim, folder = tmp_path / "victim", tmp_path / "demo"
    victim.mkdir()
    (victim / "mine.txt").write_text("mine")
    folder.mkdir()
    (folder / "export.partial").symlink_to(victim)
    with pytest.raises(ExportError, match="is a link") as caught:
        make(folder)
    assert caught.value.code == "not_empty"
    (folder / "export.partial").unlink()
    (folder / "export.partial").mkdir()
    (folder / "export.partial" / "link").symlink_to(victim)
    make(folder)
    assert names_in(victim) == {"mine.txt"}


def test_only_what_is_named_as_parts_are_is_replaced(tmp_path, make):
    make(tmp_path)
    for name in ("part-mine.csv", "part-00007.csv"):
        (tmp_path / "ledger").mkdir(exist_ok=True)
        (tmp_path / "ledger" / name).write_text("mine")
    make(tmp_path, force=True)
    assert "ledger/part-mine.csv" in names_in(tmp_path)
    assert "ledger/part-00007.csv" not in names_in(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ledger.csv", "schema.json"])
def test_a_file_of_the_user_is_not_overwritten_unless_asked(tmp_path, make, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(ExportError, match=f"{name} exists") as caught:
        make(tmp_path, part_size=100)
    assert caught.value.code == "not_empty"
    assert names_in(tmp_path) == {name}
    assert (tmp_path / name).read_text() == "mine"
    make(tmp_path, part_size=100, force=True)
    assert (tmp_path / name).read_text() != "mine"


@pytest.mark.slow
def test_parts_that_are_there_are_not_mixed_in(tmp_path, make):
    """What another tool, or an export without its manifest, has left in the folder of a table."""
    (tmp_path / "ledger").mkdir()
    (tmp_path / "ledger" / "part-00007.csv").write_text("organization_id\n")
    with pytest.raises(ExportError, match=r"ledger/part-00007\.csv would be mixed in") as caught:
        make(tmp_path)
    assert caught.value.code == "not_empty"
    exported = make(tmp_path, force=True)
    listed = {entry["path"] for entry in exported["files"]}
    assert names_in(tmp_path) == {*listed, "manifest.json"}


@pytest.mark.slow
def test_the_shards_of_another_export_are_not_mixed_in(tmp_path, make):
    make(tmp_path, part_size=1, shard=(1, 5))
    for options in ({}, {"shard": (1, 3)}, {"shard": (1, 5)}):
        with pytest.raises(ExportError, match="holds an export"):
            make(tmp_path, part_size=1, **options)
    exported = make(tmp_path, part_size=2, force=True)
    assert names_in(tmp_path) == {*(entry["path"] for entry in exported["files"]), "manifest.json"}


@pytest.mark.slow
def test_a_shard_of_other_tables_is_named(tmp_path, make):
    make(tmp_path, part_size=1, shard=(1, 2))
    before = names_in(tmp_path)
    with pytest.raises(ExportError, match=r"schema\.json: a shard of another export") as caught:
        make(tmp_path, part_size=1, shard=(2, 2), tables=("ledger",))
    assert caught.value.code == "shards_differ"
    assert names_in(tmp_path) == before


def test_what_was_moved_before_a_disk_failed_is_removed(tmp_path, make, monkeypatch):
    replace = Path.replace

    def fail(self, target):
        if Path(target) == tmp_path / "schema.json":
            raise OSError(28, os.strerror(28), str(target))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(ExportError, match="no space left"):
        make(tmp_path)
    assert names_in(tmp_path) == set()


@pytest.mark.slow
def test_one_export_at_a_time_writes_into_a_folder(tmp_path, make):
    with (
        staging.staged(tmp_path, ["ledger.csv"]),
        pytest.raises(ExportError, match="another export is writing") as caught,
    ):
        make(tmp_path)
    assert caught.value.code == "busy"
    make(tmp_path)


def test_a_folder_that_was_made_for_the_export_is_removed_with_it(tmp_path):
    with pytest.raises(ValueError), staging.staged(tmp_path / "new", []):
        raise ValueError
    assert not (tmp_path / "new").exists()


KILLED = """
import os, signal, sys
from pathlib import Path
from orgbilling_stubs.export import staging

moved, replace = [], Path.replace

def move(self, target):
    # the writers give files their names in the folder that is partial: what leaves it is moved
    if Path(target).parts[len(Path(sys.argv[1]).parts)] != "export.partial":
        if len(moved) == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
        moved.append(target)
    return replace(self, target)

Path.replace = move
from orgbilling_stubs.cli.export import app
app(["--out", sys.argv[1], "--orgs", "8", "--block", "1", "--days", "5", "--as-of", "2026-03-10T12:00:00Z"])
"""


@pytest.mark.slow
@pytest.mark.parametrize("moved", [0, 30, 120])
def test_what_a_killed_export_left_is_not_mixed_in(tmp_path, make, moved):
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, tmp_path, str(moved), "--jobs", "1"], check=False, timeout=WAIT_S
    )
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / manifest.NAME).exists()
    assert len([name for name in names_in(tmp_path) if not name.startswith("export.partial/")]) == moved
    (tmp_path / "mine.txt").write_text("kept")
    exported = make(tmp_path)
    listed = {entry["path"] for entry in exported["files"]}
    assert names_in(tmp_path) == {*listed, "manifest.json", "mine.txt"}


def heed_signals() -> None:
    """Tests that run in the background of a shell, or under nohup, hand their deafness on."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGKILL, -signal.SIGKILL)],
)
def test_no_worker_outlives_the_export(tmp_path, number, status):
    """A pipe that every process of the export has open is at its end when the last one has ended."""
    folder = tmp_path / "out"
    command = ["--orgs", "400", "--block", "2", "--jobs", "2", "--as-of", "2026-03-10T12:00:00Z"]
    with subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from orgbilling_stubs.cli.export import app; app()",
            "--out",
            folder,
            *command,
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=heed_signals,
    ) as process:
        try:
            deadline = time.monotonic() + WAIT_S
            while not (folder / "export.partial" / "ledger").exists():
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
            process.send_signal(number)
            _, errors = process.communicate(timeout=WAIT_S)
        finally:
            if process.poll() is None:
                process.kill()
    assert process.returncode == status
    if number != signal.SIGKILL:
        assert errors.decode() == "orgbilling: stopped: nothing was written\n"
        assert not folder.exists()


def test_a_shard_may_run_beside_another(tmp_path, make):
    with staging.staged(tmp_path, ["ledger/part-00000.csv"], (1, 2)):
        make(tmp_path, part_size=1, shard=(2, 2))
    assert "manifest-2-of-2.json" in names_in(tmp_path)
    assert "export-1-of-2.partial" not in names_in(tmp_path)
