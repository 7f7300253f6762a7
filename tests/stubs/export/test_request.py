from __future__ import annotations

from pathlib import Path

import pytest
from orgbilling_stubs.export import request as requests
from orgbilling_stubs.export.errors import ExportError
from orgbilling_stubs.export.request import ExportRequest
from orgbilling_stubs.export.schema import NAMES

from .conftest import small_selection

SELECTION = small_selection(7)


def parts(part_size, shard=None):
    request = ExportRequest(Path(), "csv", SELECTION, part_size=part_size, shard=shard)
    return [(part.number, len(part.organizations)) for part in request.parts()]


def test_organizations_are_cut_into_parts():
    assert parts(3) == [(0, 3), (1, 3), (2, 1)]
    assert parts(7) == parts(100) == [(None, 7)]
    assert ExportRequest(Path(), "csv", SELECTION, part_size=3).part_count == 3
    assert ExportRequest(Path(), "csv", SELECTION, part_size=7).part_count is None


@pytest.mark.parametrize("count", [1, 2, 3, 8])
@pytest.mark.parametrize("part_size", [1, 3, 7])
def test_shards_are_disjoint_and_together_the_whole(count, part_size):
    shares = [part for number in range(1, count + 1) for part in parts(part_size, (number, count))]
    assert sorted(shares, key=str) == sorted(parts(part_size), key=str)


def test_a_shard_is_i_of_n():
    assert requests.parse_shard("2/8") == (2, 8)
    for wrong in ("0/3", "4/3", "x", "1/", "1/2/3", "-1/2", "1/0", "1/1000000"):
        with pytest.raises(ExportError, match="is not i/n") as caught:
            requests.parse_shard(wrong)
        assert caught.value.code == "bad_shard"


def test_tables_are_chosen_by_name():
    assert requests.parse_tables(None) == NAMES
    assert requests.parse_tables("ledger, organizations") == ("organizations", "ledger")
    for wrong in ("ledgers", "", ","):
        with pytest.raises(ExportError, match="is not one of organizations") as caught:
            requests.parse_tables(wrong)
        assert caught.value.code == "unknown_table"
