from __future__ import annotations

import json

import pytest
from orgbilling_stubs.export.columnar import blocks, engine
from orgbilling_stubs.export.errors import Stopped
from orgbilling_stubs.export.request import Request

from ..conftest import names_in, small_cast


def test_a_part_tells_the_ledger_rows_of_each_organization(tmp_path):
    cast, ticks = small_cast(3), []
    request = Request(tmp_path, "csv", cast, ("ledger",))
    [entry] = blocks.part(request, (None, cast.people), ticks.append)
    assert len(ticks) == 3
    assert entry.rows == sum(ticks)


def test_a_part_that_is_stopped_leaves_nothing(tmp_path):
    def stop(rows):
        raise Stopped

    cast = small_cast(3)
    with pytest.raises(Stopped):
        blocks.part(Request(tmp_path, "csv", cast), (0, cast.people), stop)
    assert names_in(tmp_path) == set()


def test_bodies_are_a_file_for_each_organization(tmp_path):
    cast = small_cast(2, days=10)
    entries = blocks.bodies(Request(tmp_path, "json", cast), (None, cast.people), lambda rows: None)
    assert [entry.path for entry in entries] == [f"{person.organization}.json" for person in cast.people]
    found = json.loads((tmp_path / entries[0].path).read_bytes())
    assert found == json.loads(json.dumps(engine.Engine(cast).bodies(cast.people[0])))
