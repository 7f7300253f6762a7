from __future__ import annotations

import pytest
from orgbilling_openapi import description as contracts
from orgbilling_stubs.http.errors import Breach
from orgbilling_stubs.http.rows import Rows


@pytest.fixture
def rows() -> Rows:
    return Rows(contracts.load(), "OrgModelPriceItem")


def test_a_row_is_validated_and_serialized(rows):
    row = rows.encode({"model": "m", "inputPricePer1K": 0.1, "outputPricePer1K": 1})
    assert row == b'{"model":"m","inputPricePer1K":0.1,"outputPricePer1K":1}'
    assert rows.join([row, row]) == b"[" + row + b"," + row + b"]"
    assert rows.join([]) == b"[]"


def test_a_row_that_breaks_the_contract_is_our_mistake(rows):
    with pytest.raises(Breach, match=r"OrgModelPriceItem.model: expected string"):
        rows.encode({"model": 1, "inputPricePer1K": 0.1, "outputPricePer1K": 1})
