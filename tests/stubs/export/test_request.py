from __future__ import annotations

from pathlib import Path

import pytest
from orgbilling_stubs.export import request as requests
from orgbilling_stubs.export.errors import ExportError
from orgbilling_stubs.export.request import Request
from orgbilling_stubs.export.schema import NAMES

from .conftest import small_cast

CAST = small_cast(7)


def parts(block, shard=None):
    made = Request(Path(), "csv", CAST, block=block, shard=shard)
    return [(part, len(people)) for part, people in made.blocks()]


def test_a_block_becomes_a_part():
    assert parts(3) == [(0, 3), (1, 3), (2, 1)]
    assert parts(7) == parts(100) == [(None, 7)]
    assert Request(Path(), "csv", CAST, block=3).parts == 3
    assert Request(Path(), "csv", CAST, block=7).parts is None


@pytest.mark.parametrize("of", [1, 2, 3, 8])
@pytest.mark.parametrize("block", [1, 3, 7])
def test_shards_are_disjoint_and_together_the_whole(of, block):
    shares = [part for number in range(1, of + 1) for part in parts(block, (number, of))]
    assert sorted(shares, key=str) == sorted(parts(block), key=str)


def test_a_shard_is_i_of_n():
    assert requests.shard("2/8") == (2, 8)
    for wrong in ("0/3", "4/3", "x", "1/", "1/2/3", "-1/2", "1/0", "1/1000000"):
        with pytest.raises(ExportError, match="expected i/n") as caught:
            requests.shard(wrong)
        assert caught.value.name == "bad-shard"


def test_tables_are_chosen_by_name():
    assert requests.tables(None) == NAMES
    assert requests.tables("ledger, organizations") == ("organizations", "ledger")
    for wrong in ("ledgers", "", ","):
        with pytest.raises(ExportError, match="the tables are organizations") as caught:
            requests.tables(wrong)
        assert caught.value.name == "unknown-table"
