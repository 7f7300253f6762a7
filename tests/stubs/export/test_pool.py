from __future__ import annotations

import os
import sys
from importlib import import_module

import pytest
from orgbilling_stubs.export import pool
from orgbilling_stubs.export.errors import ExportError
from orgbilling_stubs.export.request import Request

from .conftest import small_cast

WORK = """
import os, signal, time
from orgbilling_stubs.export.writers.files import Entry
from orgbilling_stubs.export.errors import ExportError

def name(request, block, tick):
    for person in block[1]:
        tick(10)
    return [Entry(f"{block[0]} by {os.getpid() == request.about['parent']}", None, 0, 0, "")]

def refuse(request, block, tick):
    raise ExportError("file-error", f"part {block[0]}")

def die(request, block, tick):
    os.kill(os.getpid(), signal.SIGKILL)

def linger(request, block, tick):
    if block[0] == 0:
        raise ExportError("file-error", "first")
    (request.out / "begun").touch()
    for _ in range(1000):
        time.sleep(0.01)
        tick(0)
    (request.out / "ended").touch()
"""


@pytest.fixture
def work(tmp_path, monkeypatch):
    """What processes do, in a module that they can import."""
    (tmp_path / "export_work.py").write_text(WORK)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "export_work", raising=False)
    return import_module("export_work")


def request(out, jobs):
    return Request(out, "csv", small_cast(5), block=2, jobs=jobs, about={"parent": os.getpid()})


def run(out, jobs, work):
    done = []
    entries = pool.run(request(out, jobs), work, lambda *more: done.append(more))
    return sorted(entry.path for entry in entries), done


def test_one_process_does_it_alone(tmp_path, work):
    made, done = run(tmp_path, 1, work.name)
    assert made == ["0 by True", "1 by True", "2 by True"]
    assert done == [(1, 10)] * 5


def test_several_processes_share_the_parts(tmp_path, work):
    made, done = run(tmp_path, 2, work.name)
    assert made == ["0 by False", "1 by False", "2 by False"]
    assert sorted(done) == [(1, 10), (2, 20), (2, 20)]


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_what_a_part_refuses_is_raised(tmp_path, work, jobs):
    with pytest.raises(ExportError, match=r"part \d"):
        run(tmp_path, jobs, work.refuse)


@pytest.mark.slow
def test_the_others_stop_when_one_part_is_refused(tmp_path, work):
    with pytest.raises(ExportError, match="first"):
        run(tmp_path, 2, work.linger)
    assert not (tmp_path / "ended").exists()


def test_a_process_that_is_killed_is_told_in_one_line(tmp_path, work):
    with pytest.raises(ExportError, match="a process of the export ended") as caught:
        run(tmp_path, 2, work.die)
    assert caught.value.name == "worker-lost"


def test_there_is_a_core():
    assert pool.cores() >= 1
