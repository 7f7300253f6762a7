"""A whole usage history at once: `orgbilling_fixtures.usage.history` in columns, number for number.

Every table and every draw is that module's; only the loops over days and projects are gone. It holds where
all intermediate values fit in 63 bits, which `fits` tells.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

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

from orgbilling_stubs.export.columnar.draws import bits, draws
from orgbilling_stubs.export.errors import need

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
else:
    np = need("numpy")

MOST_MESSAGES = 10**9
"""From this many messages a day on, values do not fit in 63 bits."""


def _table(rows: object) -> Ints:
    return np.array(rows, dtype=np.int64)


_NOISE, _NORMAL, _RECALL = _table(model.NOISE_FACTORS), _table(NORMAL_QUANTILES), _table(model.NOISE_WEIGHTS)
_COUNTS, _TOKENS = _table(model.COUNT_FACTORS), _table(model.TOKENS_PER_MESSAGE)
_WEEKDAYS, _HOURS, _SOURCES = _table(WEEKDAY_PERMILLE), _table(HOUR_PERMILLE), _table(SOURCE_BY_BYTE)
_BITS = _table([number.bit_length() for number in range(1 << 14)])


class Used(NamedTuple):
    """Usage in order of time; `model` and `source` are places in the price list and in SOURCES."""

    at_ms: Ints
    project: Ints
    model: Ints
    source: Ints
    inputs: Ints
    outputs: Ints
    messages: Ints
    sessions: Ints


class Metered(NamedTuple):
    """Meter readings in order of time; `gauge` is a place among the history's gauges."""

    at_ms: Ints
    gauge: Ints
    counts: Ints


class Flow(NamedTuple):
    """What an organization did: usage, meters, and the active characters of each day from `start_day` on."""

    used: Used
    metered: Metered
    characters: Ints
    start_day: int


def fits(history: UsageHistory) -> bool:
    """Whether the history can be computed in columns."""
    usage = history.persona.usage
    return 0 < usage.messages_per_day < MOST_MESSAGES and usage.projects < USAGE_DRAWS_PER_DAY


def flow(history: UsageHistory, until_ms: int) -> Flow:
    """What the organization did from the start of its history to an instant, both included."""
    usage = history.persona.usage
    days = np.arange(history.start_day, until_ms // DAY_MS + 1, dtype=np.int64)
    moods = _moods(history, days)
    permille = usage.growth_permille_per_month
    grown = _grown(history, days, permille)
    levels = ((usage.messages_per_day << 8) * grown >> 16) * moods >> 16
    rows = _hourly(history, days, levels) if usage.dense else _daily(history, days, levels)
    meters = _metered(history, days, moods, grown * moods >> 16)
    people = usage.characters * _grown(history, days, permille // 2)
    people *= 230 + (
        draws(history.time_key, days * USAGE_DRAWS_PER_DAY + USAGE_DRAWS_PER_DAY - 1) % np.uint64(27)
    ).view(np.int64)
    characters = np.where(moods > 0, -(-people >> 24), 0)
    return Flow(
        Used(*(column[rows.at_ms <= until_ms] for column in rows)),
        Metered(*(column[meters.at_ms <= until_ms] for column in meters)),
        characters,
        history.start_day,
    )


def _moods(history: UsageHistory, days: Ints) -> Ints:
    """`UsageHistory.day_factor` of every day."""
    first = (int(days[0]) >> 3) - 2
    blocks = np.arange(first, (int(days[-1]) >> 3) + 1, dtype=np.int64)
    innovations = _NORMAL[draws(history.noise_key, blocks).astype("<u8").view(np.uint8)]
    windows = np.lib.stride_tricks.sliding_window_view(innovations, len(_RECALL))
    begin = int(days[0]) - 8 * first - len(_RECALL) + 1
    drift = (windows[begin : begin + len(days)] @ _RECALL) >> 27
    noise = _NOISE[np.clip(drift + 128, 0, 255)]
    special = np.full(len(days), 1000, dtype=np.int64)
    for day, permille in history.special_days.items():
        if 0 <= day - int(days[0]) < len(days):
            special[day - int(days[0])] = permille
    moods: Ints = _WEEKDAYS[(days + 3) % 7] * special * noise // 1_000_000
    return moods


def _grown(history: UsageHistory, days: Ints, permille: int) -> Ints:
    """`UsageHistory.growth_factor` of every day."""
    if not permille:
        return np.full(len(days), ONE, dtype=np.int64)
    month, rest = np.divmod(days - history.as_of_day, 30)
    first, last = int(month[0]), int(month[-1])
    table = _table([model.monthly_growth(permille, each) for each in range(first, last + 2)])
    low = table[month - first]
    grown: Ints = low + (table[month - first + 1] - low) * rest // 30
    return grown


@lru_cache(maxsize=256)
def _moments(pieces: tuple[tuple[int, int], ...]) -> tuple[Ints, Ints]:
    firsts, widths = _table(pieces).T
    return firsts.copy(), widths.copy()


def _instants(history: UsageHistory, words: NDArray[np.uint64], low: NDArray[np.uint64]) -> Ints:
    """The moment of a day that a word's upper half chooses within the piece that `low` names."""
    firsts, widths = _moments(history.busy_intervals)
    piece = bits(low, 0, 1023)
    at: Ints = (firsts[piece] + (bits(words, 32, 0xFFFFFFFF) * widths[piece] >> 32)) % DAY_MS
    return at


def _epoch(history: UsageHistory, days: Ints) -> Ints:
    return np.maximum(np.searchsorted(_table(history.split_days), days, side="right") - 1, 0)


def _daily(history: UsageHistory, days: Ints, levels: Ints) -> Used:
    """`UsageHistory._daily_rows`: a row for each project that exists. A share of 0 books nothing."""
    projects = history.persona.usage.projects
    if not projects or not history.project_profiles:
        return Used(*[_table([])] * 8)
    shares = np.zeros((len(history.traffic_splits), projects), dtype=np.int64)
    for place, split in enumerate(history.traffic_splits):
        shares[place, : len(split.shares_q16)] = split.shares_q16
    means = (levels[:, None] * shares[_epoch(history, days)] >> 16).ravel()
    slots = np.tile(np.arange(projects, dtype=np.int64), len(days))
    day = np.repeat(days, projects)
    words = draws(history.time_key, day * USAGE_DRAWS_PER_DAY + slots)
    return _rows(history, day, slots, slots, means, _instants(history, words, words))


def _hourly(history: UsageHistory, days: Ints, levels: Ints) -> Used:
    """`UsageHistory._hourly_rows`: a row for each hour, of a project drawn by its share."""
    if not history.project_profiles:
        return Used(*[_table([])] * 8)
    tables = _table([split.project_by_byte for split in history.traffic_splits])
    hours = np.tile(np.arange(24, dtype=np.int64), len(days))
    day = np.repeat(days, 24)
    words = draws(history.time_key, day * USAGE_DRAWS_PER_DAY + hours)
    at = hours * HOUR_MS + (bits(words, 32, 0xFFFFFFFF) * HOUR_MS >> 32)
    project = tables[np.repeat(_epoch(history, days), 24), bits(words, 0)]
    means = np.repeat(levels, 24) * _HOURS[(hours + history.utc_offset_hours) % 24] // 1000
    return _rows(history, day, hours, project, means, at)


def _rows(history: UsageHistory, day: Ints, slot: Ints, project: Ints, mean: Ints, at: Ints) -> Used:
    """`UsageHistory._row` of every row, without those that booked nothing, in order of time."""
    words = draws(history.usage_key, day * USAGE_DRAWS_PER_DAY + slot)
    spread = _COUNTS[_BITS[np.minimum(mean >> 8, 2047)], bits(words, 0)]
    messages = ((mean * spread >> 16) + bits(words, 8)) >> 8
    some = messages > 0
    day, project, words, messages = day[some], project[some], words[some], messages[some]
    at_ms = day * DAY_MS + at[some]
    order = np.argsort(at_ms * USAGE_DRAWS_PER_DAY + project, kind="stable")
    at_ms, project, words, messages = at_ms[order], project[order], words[order], messages[order]
    if history.persona.usage.edges:
        at_ms = _edged(at_ms)
    appetites = _table([profile.token_factor_q16 for profile in history.project_profiles])
    width = _BITS[np.minimum(messages, (1 << 14) - 1)] - 1
    each = _TOKENS[np.minimum(width, 13), bits(words, 16)] * appetites[project] >> 16
    tokens = np.maximum(messages * each >> 8, 2)
    answer = np.maximum(tokens * (52 + (bits(words, 24) * 52 >> 8)) >> 8, 1)
    names = tuple(price.model for price in history.persona.prices.models)
    models = np.stack([_codes(profile.model_by_byte, names) for profile in history.project_profiles])
    chance = bits(words, 32) if history.persona.usage.dense else _settled(history, at_ms // DAY_MS, project)
    sessions = np.maximum(messages * 16 // (96 + bits(words, 48)), 1)
    return Used(
        at_ms,
        project,
        models[project, chance],
        _SOURCES[bits(words, 40)],
        tokens - answer,
        answer,
        messages,
        sessions,
    )


def _settled(history: UsageHistory, day: Ints, project: Ints) -> Ints:
    """The bits by which `UsageHistory.model` chooses."""
    periods, turns = _table(
        [(profile.period_days, profile.phase_days) for profile in history.project_profiles]
    ).T
    numbers = (day + turns[project]) // periods[project]
    return bits(draws(history.model_key, numbers * USAGE_DRAWS_PER_DAY + project), 0)


@lru_cache(maxsize=1024)
def _codes(table: tuple[str, ...], names: tuple[str, ...]) -> Ints:
    return _table([names.index(name) for name in table])


def _edged(at_ms: Ints) -> Ints:
    """The day's last row on its last millisecond, the first on its first."""
    day = at_ms // DAY_MS
    last = np.append(day[1:] != day[:-1], True)
    first = np.append(True, day[1:] != day[:-1])
    at_ms = np.where(last, day * DAY_MS + DAY_MS - 1, at_ms)
    return np.where(first, day * DAY_MS, at_ms)


def _metered(history: UsageHistory, days: Ints, moods: Ints, levels: Ints) -> Metered:
    """`UsageHistory._meter_rows` of every day: instant, gauge and count, in order of time, kind and slug."""
    gauges = history.meter_schedules
    if not gauges:
        return Metered(*[_table([])] * 3)
    columns = _table([(gauge.period_days, gauge.phase_days, gauge.mean_q8) for gauge in gauges])
    periods, offsets, means = columns.T
    booked = ((days[:, None] + offsets) % periods == 0) & (moods[:, None] > 0)
    row, gauge = np.nonzero(booked)
    words = draws(history.meter_key, days[row] * METER_DRAWS_PER_DAY + gauge)
    mean = means[gauge] * levels[row] >> 16
    spread = _COUNTS[_BITS[np.minimum(mean >> 8, 2047)], bits(words, 0)]
    count = ((mean * spread >> 16) + bits(words, 8)) >> 8
    some = count > 0
    row, gauge, words, count = row[some], gauge[some], words[some], count[some]
    at_ms = days[row] * DAY_MS + _instants(history, words, words >> np.uint64(16))
    rank = {key: place for place, key in enumerate(sorted((each.kind, each.slug) for each in gauges))}
    ranks = _table([rank[each.kind, each.slug] for each in gauges])
    order = np.lexsort((ranks[gauge], at_ms))
    return Metered(at_ms[order], gauge[order], count[order])
