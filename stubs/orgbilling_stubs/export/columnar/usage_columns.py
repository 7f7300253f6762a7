"""A whole usage history at once: `orgbilling_fixtures.usage.history` in columns, number for number.

That module explains the model; this one computes it for all days with numpy. A function here names the method
whose results it has. Tables, random draws, and the order of operations are the same: factors are Q16
(integers in units of 2**-16), multiplied as `a * b >> 16`, and all divisions are integer divisions of numbers
that are not negative, for which numpy and Python agree. Intermediate values have to fit in 63 bits, which
`fits_in_columns` tells.

Example, the level of a day with 2,000 messages at the as-of instant, a growth factor of 0.962 (63,046 in Q16)
and a day factor of 0.674 (44,171): levels have 8 binary places more, so it is (2,000 << 8) * 63,046 >> 16 =
492,546, times 44,171 >> 16 = 331,975, which is 331,975 / 256 = 1,296.8 messages.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from orgbilling_fixtures import random_stream
from orgbilling_fixtures.distributions import NORMAL_QUANTILES, ONE
from orgbilling_fixtures.usage import history as model
from orgbilling_fixtures.usage.history import METER_DRAWS_PER_DAY, USAGE_DRAWS_PER_DAY, UsageHistory
from orgbilling_fixtures.usage.patterns import (
    DAY_MS,
    HOUR_MS,
    HOUR_PERMILLE,
    SOURCE_BY_BYTE,
    WEEKDAY_PERMILLE,
)

from orgbilling_stubs.export.errors import require

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]
    Words = NDArray[np.uint64]
else:
    np = require("numpy")

MESSAGES_LIMIT = 10**9
"""From this many messages a day on, values do not fit in 63 bits."""


def _array(rows: object) -> Integers:
    return np.array(rows, dtype=np.int64)


_NOISE_FACTORS, _NORMAL_QUANTILES = _array(model.NOISE_FACTORS), _array(NORMAL_QUANTILES)
_NOISE_WEIGHTS = _array(model.NOISE_WEIGHTS)
_COUNT_FACTORS, _TOKENS_PER_MESSAGE = _array(model.COUNT_FACTORS), _array(model.TOKENS_PER_MESSAGE)
_WEEKDAY_PERMILLE, _HOUR_PERMILLE = _array(WEEKDAY_PERMILLE), _array(HOUR_PERMILLE)
_SOURCE_BY_BYTE = _array(SOURCE_BY_BYTE)
_BIT_LENGTHS = _array([number.bit_length() for number in range(1 << 14)])


class UsageColumns(NamedTuple):
    """Usage in order of time; `model` and `source` are positions in the price list and in SOURCES."""

    at_ms: Integers
    project: Integers
    model: Integers
    source: Integers
    inputs: Integers
    outputs: Integers
    messages: Integers
    sessions: Integers


class MeterColumns(NamedTuple):
    """Meter readings in order of time; `schedule` is a position among the history's meter schedules."""

    at_ms: Integers
    schedule: Integers
    counts: Integers


class ActivityColumns(NamedTuple):
    """What an organization did: usage, meters, and the active characters of each day from `start_day` on."""

    usage: UsageColumns
    meters: MeterColumns
    characters: Integers
    start_day: int


def draws(key: int, counters: Integers) -> Words:
    """`random_stream.draw(key, counter)` for every counter; uint64 wraps around as the stream's mask does."""
    z = (counters + 1).astype(np.uint64)
    z *= np.uint64(random_stream.GOLDEN)
    z += np.uint64(key)
    z ^= z >> np.uint64(30)
    z *= np.uint64(random_stream.MIX_1)
    z ^= z >> np.uint64(27)
    z *= np.uint64(random_stream.MIX_2)
    z ^= z >> np.uint64(31)
    return z


def bits(words: Words, shift: int, mask: int = 255) -> Integers:
    """Some bits of each word, as signed integers to calculate with."""
    return ((words >> np.uint64(shift)) & np.uint64(mask)).view(np.int64)


def fits_in_columns(history: UsageHistory) -> bool:
    """Whether the history can be computed in columns."""
    usage = history.persona.usage
    return 0 < usage.messages_per_day < MESSAGES_LIMIT and usage.projects < USAGE_DRAWS_PER_DAY


def activity_columns(history: UsageHistory, until_ms: int) -> ActivityColumns:
    """What the organization did from the start of its history to an instant, both included."""
    usage = history.persona.usage
    days = np.arange(history.start_day, until_ms // DAY_MS + 1, dtype=np.int64)
    day_factors = _day_factors(history, days)
    permille = usage.growth_permille_per_month
    growth_factors = _growth_factors(history, days, permille)
    levels = ((usage.messages_per_day << 8) * growth_factors >> 16) * day_factors >> 16
    rows = _hourly_rows(history, days, levels) if usage.dense else _daily_rows(history, days, levels)
    meters = _meter_rows(history, days, day_factors, growth_factors * day_factors >> 16)
    words = draws(history.time_key, days * USAGE_DRAWS_PER_DAY + USAGE_DRAWS_PER_DAY - 1)
    characters_q24 = usage.characters * _growth_factors(history, days, permille // 2)
    characters_q24 *= 230 + (words % np.uint64(27)).view(np.int64)
    # -(-a >> 24) rounds up.
    characters = np.where(day_factors > 0, -(-characters_q24 >> 24), 0)
    return ActivityColumns(
        UsageColumns(*(column[rows.at_ms <= until_ms] for column in rows)),
        MeterColumns(*(column[meters.at_ms <= until_ms] for column in meters)),
        characters,
        history.start_day,
    )


def _day_factors(history: UsageHistory, days: Integers) -> Integers:
    """`UsageHistory.day_factor` of every day.

    The noise of a day is a weighted sum of the innovations of sixteen days. Eight days share a word of the
    stream, so the words are laid out as one row of bytes, from two words before the first day on, and a
    sliding window over them is multiplied by the weights.
    """
    first_word = (int(days[0]) >> 3) - 2
    counters = np.arange(first_word, (int(days[-1]) >> 3) + 1, dtype=np.int64)
    innovations = _NORMAL_QUANTILES[draws(history.noise_key, counters).astype("<u8").view(np.uint8)]
    windows = np.lib.stride_tricks.sliding_window_view(innovations, len(_NOISE_WEIGHTS))
    first_window = int(days[0]) - 8 * first_word - len(_NOISE_WEIGHTS) + 1
    drift = (windows[first_window : first_window + len(days)] @ _NOISE_WEIGHTS) >> 27
    noise = _NOISE_FACTORS[np.clip(drift + 128, 0, 255)]
    special = np.full(len(days), 1000, dtype=np.int64)
    for day, permille in history.special_days.items():
        if 0 <= day - int(days[0]) < len(days):
            special[day - int(days[0])] = permille
    factors: Integers = _WEEKDAY_PERMILLE[(days + 3) % 7] * special * noise // 1_000_000
    return factors


def _growth_factors(history: UsageHistory, days: Integers, permille: int) -> Integers:
    """`UsageHistory.growth_factor` of every day."""
    if not permille:
        return np.full(len(days), ONE, dtype=np.int64)
    months, rest = np.divmod(days - history.as_of_day, 30)
    first, last = int(months[0]), int(months[-1])
    growth = _array([model.monthly_growth(permille, month) for month in range(first, last + 2)])
    low = growth[months - first]
    factors: Integers = low + (growth[months - first + 1] - low) * rest // 30
    return factors


@lru_cache(maxsize=256)
def _interval_columns(intervals: tuple[tuple[int, int], ...]) -> tuple[Integers, Integers]:
    first_ms, width_ms = _array(intervals).T
    return first_ms.copy(), width_ms.copy()


def _times_of_day(history: UsageHistory, words: Words, interval_words: Words) -> Integers:
    """The millisecond of the day that a word's upper half chooses in one of the 1,024 busy intervals."""
    first_ms, width_ms = _interval_columns(history.busy_intervals)
    interval = bits(interval_words, 0, 1023)
    times: Integers = (first_ms[interval] + (bits(words, 32, 0xFFFFFFFF) * width_ms[interval] >> 32)) % DAY_MS
    return times


def _split_positions(history: UsageHistory, days: Integers) -> Integers:
    """Which of the history's traffic splits each day has."""
    return np.maximum(np.searchsorted(_array(history.split_days), days, side="right") - 1, 0)


def _daily_rows(history: UsageHistory, days: Integers, levels: Integers) -> UsageColumns:
    """`UsageHistory._daily_rows`: a row for each project that exists. A share of 0 books nothing."""
    projects = history.persona.usage.projects
    if not projects or not history.project_profiles:
        return UsageColumns(*[_array([])] * 8)
    shares_q16 = np.zeros((len(history.traffic_splits), projects), dtype=np.int64)
    for position, split in enumerate(history.traffic_splits):
        shares_q16[position, : len(split.shares_q16)] = split.shares_q16
    means = (levels[:, None] * shares_q16[_split_positions(history, days)] >> 16).ravel()
    project = np.tile(np.arange(projects, dtype=np.int64), len(days))
    day = np.repeat(days, projects)
    words = draws(history.time_key, day * USAGE_DRAWS_PER_DAY + project)
    return _rows(history, day, project, project, means, _times_of_day(history, words, words))


def _hourly_rows(history: UsageHistory, days: Integers, levels: Integers) -> UsageColumns:
    """`UsageHistory._hourly_rows`: a row for each hour, of a project drawn by its share."""
    if not history.project_profiles:
        return UsageColumns(*[_array([])] * 8)
    project_by_byte = _array([split.project_by_byte for split in history.traffic_splits])
    hour = np.tile(np.arange(24, dtype=np.int64), len(days))
    day = np.repeat(days, 24)
    words = draws(history.time_key, day * USAGE_DRAWS_PER_DAY + hour)
    time_ms = hour * HOUR_MS + (bits(words, 32, 0xFFFFFFFF) * HOUR_MS >> 32)
    project = project_by_byte[np.repeat(_split_positions(history, days), 24), bits(words, 0)]
    means = np.repeat(levels, 24) * _HOUR_PERMILLE[(hour + history.utc_offset_hours) % 24] // 1000
    return _rows(history, day, hour, project, means, time_ms)


def _rows(
    history: UsageHistory,
    day: Integers,
    slot: Integers,
    project: Integers,
    means: Integers,
    time_ms: Integers,
) -> UsageColumns:
    """`UsageHistory._row` of every row, without those that booked nothing, in order of time and project."""
    words = draws(history.usage_key, day * USAGE_DRAWS_PER_DAY + slot)
    count_factors = _COUNT_FACTORS[_BIT_LENGTHS[np.minimum(means >> 8, 2047)], bits(words, 0)]
    messages = ((means * count_factors >> 16) + bits(words, 8)) >> 8
    booked = messages > 0
    day, project, words, messages = day[booked], project[booked], words[booked], messages[booked]
    at_ms = day * DAY_MS + time_ms[booked]
    # One key for both: a project's number is less than the draws of a day.
    order = np.argsort(at_ms * USAGE_DRAWS_PER_DAY + project, kind="stable")
    at_ms, project, words, messages = at_ms[order], project[order], words[order], messages[order]
    if history.persona.usage.edges:
        at_ms = _on_day_edges(at_ms)
    token_factors_q16 = _array([profile.token_factor_q16 for profile in history.project_profiles])
    magnitude = np.minimum(_BIT_LENGTHS[np.minimum(messages, (1 << 14) - 1)] - 1, 13)
    usual_tokens_q8 = _TOKENS_PER_MESSAGE[magnitude, bits(words, 16)]
    tokens_per_message_q8 = usual_tokens_q8 * token_factors_q16[project] >> 16
    tokens = np.maximum(messages * tokens_per_message_q8 >> 8, 2)
    outputs = np.maximum(tokens * (52 + (bits(words, 24) * 52 >> 8)) >> 8, 1)
    models = tuple(price.model for price in history.persona.prices.models)
    profiles = history.project_profiles
    model_by_byte = np.stack([_positions(profile.model_by_byte, models) for profile in profiles])
    dense = history.persona.usage.dense
    model_byte = bits(words, 32) if dense else _model_bytes(history, at_ms // DAY_MS, project)
    return UsageColumns(
        at_ms,
        project,
        model_by_byte[project, model_byte],
        _SOURCE_BY_BYTE[bits(words, 40)],
        tokens - outputs,
        outputs,
        messages,
        np.maximum(messages * 16 // (96 + bits(words, 48)), 1),
    )


def _model_bytes(history: UsageHistory, day: Integers, project: Integers) -> Integers:
    """The byte by which `UsageHistory.model` chooses for a project on a day."""
    profiles = _array([(profile.period_days, profile.phase_days) for profile in history.project_profiles])
    period_days, phase_days = profiles.T
    period = (day + phase_days[project]) // period_days[project]
    return bits(draws(history.model_key, period * USAGE_DRAWS_PER_DAY + project), 0)


@lru_cache(maxsize=1024)
def _positions(model_by_byte: tuple[str, ...], models: tuple[str, ...]) -> Integers:
    return _array([models.index(name) for name in model_by_byte])


def _on_day_edges(at_ms: Integers) -> Integers:
    """Put the last row of each day on its last millisecond, the first on its first."""
    day = at_ms // DAY_MS
    is_last = np.append(day[1:] != day[:-1], True)
    is_first = np.append(True, day[1:] != day[:-1])
    at_ms = np.where(is_last, day * DAY_MS + DAY_MS - 1, at_ms)
    return np.where(is_first, day * DAY_MS, at_ms)


def _meter_rows(
    history: UsageHistory, days: Integers, day_factors: Integers, levels: Integers
) -> MeterColumns:
    """`UsageHistory._meter_rows` of every day, in order of time, kind and slug."""
    schedules = history.meter_schedules
    if not schedules:
        return MeterColumns(*[_array([])] * 3)
    period_days, phase_days, means_q8 = _array(
        [(schedule.period_days, schedule.phase_days, schedule.mean_q8) for schedule in schedules]
    ).T
    booked = ((days[:, None] + phase_days) % period_days == 0) & (day_factors[:, None] > 0)
    row, schedule = np.nonzero(booked)
    words = draws(history.meter_key, days[row] * METER_DRAWS_PER_DAY + schedule)
    means = means_q8[schedule] * levels[row] >> 16
    count_factors = _COUNT_FACTORS[_BIT_LENGTHS[np.minimum(means >> 8, 2047)], bits(words, 0)]
    counts = ((means * count_factors >> 16) + bits(words, 8)) >> 8
    counted = counts > 0
    row, schedule, words, counts = row[counted], schedule[counted], words[counted], counts[counted]
    at_ms = days[row] * DAY_MS + _times_of_day(history, words, words >> np.uint64(16))
    names = [(entry.kind, entry.slug) for entry in schedules]
    rank_of = {name: rank for rank, name in enumerate(sorted(names))}
    ranks = _array([rank_of[name] for name in names])
    order = np.lexsort((ranks[schedule], at_ms))
    return MeterColumns(at_ms[order], schedule[order], counts[order])
