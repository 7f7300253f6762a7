from __future__ import annotations

import os
import sys
from importlib import import_module

import pytest
from orgbilling_stubs.export import workers
from orgbilling_stubs.export.errors import ExportError
from orgbilling_stubs.export.request import ExportRequest

from .conftest import small_selection

WORK = """
import os, signal, time
from orgbilling_stubs.export.writers.files import ManifestEntry
from orgbilling_stubs.export.errors import ExportError

def write(request, part, tick):
    for organization in part.organizations:
        tick(10)
    in_parent = os.getpid() == request.manifest_fields["parent"]
    return [ManifestEntry(f"{part.number} by {in_parent}", None, 0, 0, "")]

def refuse(request, part, tick):
    raise ExportError("file_error", f"part {part.number}")

def die(request, part, tick):
    os.kill(os.getpid(), signal.SIGKILL)

def linger(request, part, tick):
    if part.number == 0:
        raise ExportError("file_error", "first")
    (request.folder / "begun").touch()
    for _ in range(1000):
        time.sleep(0.01)
        tick(0)
    (request.folder / "ended").touch()
"""


@pytest.fixture
def work(tmp_path, monkeypatch):
    """What processes do, in a module that they can import."""
    (tmp_path / "export_work.py").write_text(WORK)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "export_work", raising=False)
    return import_module("export_work")


def request(out, jobs):
    return ExportRequest(
        out, "csv", small_selection(5), part_size=2, jobs=jobs, manifest_fields={"parent": os.getpid()}
    )


def run(out, jobs, work):
    done = []
    entries = workers.run_parts(request(out, jobs), work, lambda *more: done.append(more))
    return sorted(entry.path for entry in entries), done


def test_one_process_does_it_alone(tmp_path, work):
    results, done = run(tmp_path, 1, work.write)
    assert results == ["0 by True", "1 by True", "2 by True"]
    assert done == [(1, 10)] * 5


def test_several_processes_share_the_parts(tmp_path, work):
    results, done = run(tmp_path, 2, work.write)
    assert results == ["0 by False", "1 by False", "2 by False"]
    assert sorted(done) == [(1, 10), (2, 20), (2, 20)]


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_what_a_part_refuses_is_raised(tmp_path, work, jobs):
    with pytest.raises(ExportError, match=r"part \d"):
        run(tmp_path, jobs, work.refuse)


@pytest.mark.slow
def test_the_others_stop_when_one_part_is_an_error(tmp_path, work):
    with pytest.raises(ExportError, match="first"):
        run(tmp_path, 2, work.linger)
    assert not (tmp_path / "ended").exists()


@pytest.mark.slow
def test_a_process_that_is_killed_is_one_line(tmp_path, work):
    with pytest.raises(ExportError, match="a process of the export ended") as caught:
        run(tmp_path, 2, work.die)
    assert caught.value.code == "worker_lost"


def test_there_is_a_core():
    assert workers.cores() >= 1
