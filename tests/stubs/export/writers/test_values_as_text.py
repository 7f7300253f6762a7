from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from orgbilling_stubs.billing import instants as instant
from orgbilling_stubs.export.writers.text_formats import dates, decimals, instants, plain


@given(st.lists(st.integers(-(2**70), 2**70)), st.sampled_from([6, 9]))
def test_decimals_are_exact(numbers, places):
    texts = decimals(numbers, places)
    assert [Decimal(text).scaleb(places) for text in texts] == numbers
    assert all(len(text.partition(".")[2]) == places for text in texts)


def test_small_decimals_keep_their_zeros():
    assert decimals([0, 5, -5, 1_000_000, -1_234_567], 6) == [
        "0.000000",
        "0.000005",
        "-0.000005",
        "1.000000",
        "-1.234567",
    ]


@given(st.lists(st.integers(0, 253_402_300_799_999)))
def test_instants_have_one_width_and_sort_as_they_follow(moments):
    texts = instants(moments)
    assert {len(text) for text in texts} <= {24}
    assert [instant.parse(text) for text in texts] == moments
    assert sorted(texts) == instants(sorted(moments))


def test_dates_count_from_1970():
    assert dates([0, 20_522]) == ["1970-01-01", "2026-03-10"]


def test_plain_values_keep_what_is_not_there():
    assert plain("money", [1, None]) == ["0.000001", None]
    assert plain("price", [1]) == ["0.000000001"]
    assert plain("instant", [None, 0]) == [None, "1970-01-01T00:00:00.000Z"]
    assert plain("int", [1, None]) == [1, None]
    assert plain("text", ["a"]) == ["a"]
