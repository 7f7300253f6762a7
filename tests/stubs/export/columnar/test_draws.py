from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from orgbilling_fixtures import random_stream
from orgbilling_stubs.export.columnar.draws import bits, draws

WORDS = st.integers(0, 2**64 - 1)


@given(WORDS, st.lists(st.integers(0, 2**40), min_size=1))
def test_a_column_of_draws_is_the_stream(key, counters):
    column = draws(key, np.array(counters, dtype=np.int64))
    assert column.tolist() == [random_stream.draw(key, counter) for counter in counters]


@given(WORDS, st.integers(0, 56))
def test_bits_are_cut_out_of_words(word, shift):
    assert bits(np.array([word], dtype=np.uint64), shift).tolist() == [word >> shift & 255]
    assert bits(np.array([word], dtype=np.uint64), 32, 0xFFFFFFFF).tolist() == [word >> 32]
