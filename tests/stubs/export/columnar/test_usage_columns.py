from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from orgbilling_fixtures import personas, random_stream
from orgbilling_fixtures.usage.history import UsageHistory
from orgbilling_fixtures.usage.patterns import SOURCES
from orgbilling_stubs.billing import instants
from orgbilling_stubs.export.columnar.usage_columns import (
    MESSAGES_LIMIT,
    ActivityColumns,
    activity_columns,
    bits,
    draws,
    fits_in_columns,
)

AS_OF_MS = instants.parse("2026-11-22T10:00:00.250Z")
FLOWING = [name for name in personas.names() if name not in ("empty", "nulls", "extreme_numbers")]


def rows(history: UsageHistory, found: ActivityColumns) -> tuple[list, list, list]:
    """The columns as the history's own rows."""
    models = [price.model for price in history.persona.prices.models]
    used = zip(*(column.tolist() for column in found.usage), strict=True)
    metered = zip(*(column.tolist() for column in found.meters), strict=True)
    return (
        [(at, project, models[model], SOURCES[source], *rest) for at, project, model, source, *rest in used],
        [
            (at, history.meter_schedules[schedule].kind, history.meter_schedules[schedule].slug, count)
            for at, schedule, count in metered
        ],
        found.characters.tolist(),
    )


def expected(history: UsageHistory, until_ms: int) -> tuple[list, list, list]:
    """The same, a day at a time."""
    days = [history.day(day) for day in range(history.start_day, until_ms // instants.DAY_MS + 1)]
    return (
        [tuple(usage) for day in days for usage in day.usage if usage.at_ms <= until_ms],
        [tuple(meter) for day in days for meter in day.meters if meter.at_ms <= until_ms],
        [day.characters for day in days],
    )


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize("name", FLOWING)
def test_the_columns_are_the_history_number_for_number(name):
    history = UsageHistory(personas.load(name), 7, f"org_{name}", AS_OF_MS)
    assert rows(history, activity_columns(history, AS_OF_MS)) == expected(history, AS_OF_MS)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_the_columns_are_the_history_for_any_seed(seed):
    for name in ("standard", "dense", "month_edges"):
        history = UsageHistory(personas.load(name), seed, f"org_{name}_{seed}", AS_OF_MS)
        until_ms = AS_OF_MS + seed * instants.DAY_MS
        assert rows(history, activity_columns(history, until_ms)) == expected(history, until_ms)


@pytest.mark.parametrize("messages", [1, 999_999_999])
def test_few_and_many_messages_fit(messages):
    standard = personas.load("standard")
    usage = replace(standard.usage, messages_per_day=messages, growth_permille_per_month=300)
    history = UsageHistory(replace(standard, usage=usage), 1, "org_a", AS_OF_MS)
    assert fits_in_columns(history)
    assert rows(history, activity_columns(history, AS_OF_MS)) == expected(history, AS_OF_MS)


def test_a_history_that_does_not_fit_in_63_bits_is_recognized():
    standard = personas.load("standard")
    for messages, fitting in ((0, False), (MESSAGES_LIMIT - 1, True), (MESSAGES_LIMIT, False)):
        usage = replace(standard.usage, messages_per_day=messages)
        assert fits_in_columns(UsageHistory(replace(standard, usage=usage), 1, "org_a", AS_OF_MS)) is fitting


def test_without_meters_there_are_no_meter_rows():
    standard = personas.load("standard")
    usage = replace(standard.usage, history_days=20, events_per_day=0, services_per_day=0)
    history = UsageHistory(replace(standard, usage=usage), 1, "org_a", AS_OF_MS)
    assert rows(history, activity_columns(history, AS_OF_MS)) == expected(history, AS_OF_MS)


WORDS = st.integers(0, 2**64 - 1)


@given(WORDS, st.lists(st.integers(0, 2**40), min_size=1))
def test_a_column_of_draws_is_the_stream(key, counters):
    column = draws(key, np.array(counters, dtype=np.int64))
    assert column.tolist() == [random_stream.draw(key, counter) for counter in counters]


@given(WORDS, st.integers(0, 56))
def test_bits_are_cut_out_of_words(word, shift):
    assert bits(np.array([word], dtype=np.uint64), shift).tolist() == [word >> shift & 255]
    assert bits(np.array([word], dtype=np.uint64), 32, 0xFFFFFFFF).tolist() == [word >> 32]
