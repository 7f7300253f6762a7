"""What an organization of a population did: usage, meter readings, active characters, as columns.

The messages of a slot (a project and a source of traffic) on a day have the mean

    level × ramp × day × share of the slot
    day = weekday × holiday × season × launch or incident × noise

All factors are Q16 and every day has its own counters in a stream, so that a day is the same whatever comes
after it. Example: 2,000 messages a day, on a Saturday (0.35 for a company that works on weekdays) half a year
after sign-up (ramp 0.96), noise 1.05: 2,000 × 0.35 × 0.96 × 1.05 = 706 messages; a slot with 40 % of them has
a mean of 282.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple

from orgbilling_fixtures import random_stream
from orgbilling_fixtures.distributions import LOG2_E, NORMAL_QUANTILES, ONE, exp2, log2, lookup, zipf
from orgbilling_fixtures.personas.model import EVENTS, SERVICES
from orgbilling_fixtures.populations import PopulationModel
from orgbilling_fixtures.populations.regions import holidays, utc_offset_hours
from orgbilling_fixtures.usage import history as usage_model
from orgbilling_fixtures.usage.patterns import LAUNCH_PERMILLE, POPULAR, SOURCES

from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.billing_days import MONTH_OPENS_MS, SETTLEMENT_MS
from orgbilling_stubs.billing.instants import DAY_MS, HOUR_MS
from orgbilling_stubs.export.columnar.usage_columns import bits, draws
from orgbilling_stubs.export.errors import ExportError, require
from orgbilling_stubs.export.population.price_history import PriceHistory
from orgbilling_stubs.export.population.profile import Interval, Month, OrganizationProfile, normal
from orgbilling_stubs.export.population.working_hours import hour_edges

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]
    Words = NDArray[np.uint64]
else:
    np = require("numpy", "a population")

_SLOTS_PER_DAY = 256
_BILLED_PER_DAY = 4
_BLOCK_DAYS = 512

_WEEKDAYS = {
    "work": (1_190, 1_260, 1_270, 1_240, 1_100, 480, 460),
    "leisure": (900, 900, 920, 950, 1_050, 1_180, 1_100),
}
"""Permille of a mean day, Monday first, by audience."""

_HOLIDAY = {"work": 420, "leisure": 1_220}
_SEASON = {
    "work": (950, 1_010, 1_040, 1_020, 1_020, 1_010, 960, 880, 1_030, 1_060, 1_060, 940),
    "leisure": (1_040, 1_000, 990, 980, 970, 960, 1_000, 1_010, 970, 990, 1_010, 1_090),
}
"""Permille of a mean month, from January on."""

_YEAR_END = {"work": 450, "leisure": 1_150}
"""From 24 December to 1 January, besides the holidays themselves."""

_INCIDENT_PER_THOUSAND_DAYS = 5
_INCIDENT_PERMILLE = 380
_LAUNCH_PER_THOUSAND_MONTHS = 35
_RAMP_DAYS = 18


def _array(rows: object) -> Integers:
    return np.array(rows, dtype=np.int64)


_NOISE_FACTORS, _QUANTILES = _array(usage_model.NOISE_FACTORS), _array(NORMAL_QUANTILES)
_NOISE_WEIGHTS = _array(usage_model.NOISE_WEIGHTS)
_COUNT_FACTORS, _TOKENS = _array(usage_model.COUNT_FACTORS), _array(usage_model.TOKENS_PER_MESSAGE)
_BILLED_AGAIN_Q8 = _array([messages << 8 for messages in (400, 4_000, 40_000)])
"""From these means on, traffic is billed once more a day, in 1/256 message."""
_BIT_LENGTHS = _array([number.bit_length() for number in range(1 << 14)])


class PopulationUsage(NamedTuple):
    """Usage in order of time; `model` is a position in the prices' models, `source` one in SOURCES."""

    at_ms: Integers
    project: Integers
    source: Integers
    model: Integers
    inputs: Integers
    outputs: Integers
    messages: Integers
    sessions: Integers
    micros: Integers


class PopulationMeters(NamedTuple):
    """Meter readings in order of time; `item` is a position in EVENTS, or past them in SERVICES."""

    at_ms: Integers
    item: Integers
    counts: Integers
    nanos: Integers
    micros: Integers


class CharacterMonth(NamedTuple):
    """The most active characters of a month, which is billed at an instant."""

    month: str
    high_water_mark: int
    billed_ms: int


class PopulationActivity(NamedTuple):
    """What an organization did until the as-of instant; project_days: when each project was made."""

    usage: PopulationUsage
    meters: PopulationMeters
    characters: tuple[CharacterMonth, ...]
    project_days: tuple[int, ...]


class _Days(NamedTuple):
    """The days of an organization's life, with the level of each in units of 1/256 message."""

    day: Integers
    levels: Integers
    factors: Integers


def half_even(numerators: Integers, denominator: int) -> Integers:
    """Numbers that are not negative divided and rounded half to even, as `money.half_even` does."""
    quotients, remainders = np.divmod(numerators, denominator)
    up = (2 * remainders > denominator) | ((2 * remainders == denominator) & (quotients & 1 == 1))
    result: Integers = quotients + up
    return result


def activity(
    profile: OrganizationProfile,
    months: Sequence[Month],
    intervals: Sequence[Interval],
    prices: PriceHistory,
    as_of_ms: int,
    horizon_ms: int,
) -> PopulationActivity:
    """What the organization did from its sign-up to an instant, both included.

    horizon_ms: up to when usage and meter readings are drawn, on the day of the as-of instant or before.
    """
    days = _days(profile, months, intervals, as_of_ms // DAY_MS)
    project_days = _project_days(profile, as_of_ms)
    return PopulationActivity(
        _usage(profile, days, project_days, prices, horizon_ms),
        _meters(profile, days, project_days, prices, horizon_ms),
        _characters(profile, days, months, as_of_ms) if project_days else (),
        project_days,
    )


def repriced(drawn: PopulationActivity, prices: PriceHistory) -> PopulationActivity:
    """The same activity at other prices, of the same models."""
    usage, meters = drawn.usage, drawn.meters
    if len(usage.at_ms):
        day = usage.at_ms // DAY_MS
        micros = _usage_micros(prices, day, usage.model, usage.inputs, usage.outputs)
        usage = usage._replace(micros=micros)
    if len(meters.at_ms):
        meters = _priced_meters(meters, prices)
    return drawn._replace(usage=usage, meters=meters)


def daily_micros(drawn: PopulationActivity, first_day: int) -> list[int]:
    """What usage and meter readings cost on each day from a first one on."""
    parts = [(part.at_ms // DAY_MS - first_day, part.micros) for part in (drawn.usage, drawn.meters)]
    costs = np.zeros(max([int(days[-1]) + 1 for days, _ in parts if len(days)], default=0), dtype=np.int64)
    for days, micros in parts:
        np.add.at(costs, days, micros)
    result: list[int] = costs.tolist()
    return result


def with_usual_models(
    profile: OrganizationProfile, drawn: PopulationActivity, prices: PriceHistory
) -> PopulationActivity:
    """The same activity, its usage at the mean price of the models that the organization chooses among.

    A source stays with one model for weeks, and one may cost fifty times as much as another: the mean is what
    can be expected of a year.
    """
    usage = drawn.usage
    edges, tables = _model_tables(profile, prices.models)
    pairs = _array([epoch.models for epoch in prices.epochs])
    day = usage.at_ms // DAY_MS
    epoch = np.searchsorted(_array(prices.days), day, side="right") - 1
    table = np.searchsorted(edges, day, side="right") - 1
    # The price of each epoch for each table: the mean over its 256 equally likely models.
    means = pairs[:, tables].sum(axis=2) >> 8
    pair = means[epoch, table]
    return drawn._replace(usage=usage._replace(micros=_token_micros(usage.inputs, usage.outputs, pair)))


def _days(
    profile: OrganizationProfile, months: Sequence[Month], intervals: Sequence[Interval], until_day: int
) -> _Days:
    """The level of every day: between two months in a straight line, rising at first, none when inactive."""
    day = np.arange(profile.first_day, until_day + 1, dtype=np.int64)
    first_days = _array([month.first_day for month in months])
    month_levels = _array([exp2(month.level_log2) >> 8 for month in months])
    index = np.searchsorted(first_days, day, side="right") - 1
    passed, length = day - first_days[index], first_days[index + 1] - first_days[index]
    levels = month_levels[index] + (month_levels[index + 1] - month_levels[index]) * passed // length
    age = day - profile.first_day + 2
    levels = levels * age // (age + _RAMP_DAYS)
    is_active = np.zeros(len(day), dtype=bool)
    for interval in intervals:
        end_day, fading_day = interval.end_day, interval.fading_day
        is_active |= (day >= interval.start_day) & (day < (until_day + 1 if end_day is None else end_day))
        if end_day is not None and fading_day is not None and fading_day < end_day:
            is_fading = (day >= fading_day) & (day < end_day)
            levels = np.where(is_fading, levels * (end_day - day) // (end_day - fading_day), levels)
    factors = np.where(is_active, _day_factors(profile, day), 0)
    return _Days(day, levels * factors >> 16, factors)


def _day_factors(profile: OrganizationProfile, day: Integers) -> Integers:
    """Weekday × holiday × season × launch or incident × noise of every day, in Q16."""
    first, last = int(day[0]), int(day[-1])
    first_block, last_block = first // _BLOCK_DAYS, last // _BLOCK_DAYS
    blocks = range(first_block, last_block + 1)
    calendar = [_calendar(profile.region, profile.segment.audience, block) for block in blocks]
    factors = np.concatenate(calendar)[first - first_block * _BLOCK_DAYS :][: len(day)]
    # The noise of a day is a weighted sum of sixteen days' innovations; eight days share a word.
    key = random_stream.key(profile.key, "noise")
    first_word = (first >> 3) - 2
    counters = np.arange(first_word, (last >> 3) + 1, dtype=np.int64)
    innovations = _QUANTILES[draws(key, counters).astype("<u8").view(np.uint8)]
    windows = np.lib.stride_tricks.sliding_window_view(innovations, len(_NOISE_WEIGHTS))
    start = first - 8 * first_word - len(_NOISE_WEIGHTS) + 1
    drift = (windows[start : start + len(day)] @ _NOISE_WEIGHTS) >> 27
    noise = _NOISE_FACTORS[np.clip(drift + 128, 0, 255)]
    result: Integers = factors * noise * _special_permille(profile, day) // 1_000_000
    return result


@lru_cache(maxsize=512)
def _calendar(region: str, audience: str, block: int) -> Integers:
    """Weekday × holiday × season in permille of the days of a block."""
    first, end = block * _BLOCK_DAYS, (block + 1) * _BLOCK_DAYS
    permille = []
    for day in range(first, end):
        moment = instants.moment(day * DAY_MS)
        value = _WEEKDAYS[audience][(day + 3) % 7] * _SEASON[audience][moment.month - 1] // 1000
        if day in holidays(region, moment.year):
            value = value * _HOLIDAY[audience] // 1000
        elif (moment.month, moment.day) >= (12, 24) or (moment.month, moment.day) == (1, 1):
            value = value * _YEAR_END[audience] // 1000
        permille.append(value)
    return _array(permille)


def _special_permille(profile: OrganizationProfile, day: Integers) -> Integers:
    """Incidents, which all organizations of a seed have on the same day, and launches of one's own."""
    words = draws(random_stream.key("population", profile.seed, "incidents"), day)
    special = np.where(
        bits(words, 0, 0xFFFF) * 1000 >> 16 < _INCIDENT_PER_THOUSAND_DAYS, _INCIDENT_PERMILLE, 1000
    )
    # Thirty days of one's own: else all launches would be in the same half of the same thirty days.
    phased_day = day + profile.below(30, "launch phase")
    words = draws(random_stream.key(profile.key, "launches"), phased_day // 30)
    launches = bits(words, 0, 0xFFFF) * 1000 >> 16 < _LAUNCH_PER_THOUSAND_MONTHS
    age = phased_day % 30 - bits(words, 32, 15)
    is_launch = launches & (age >= 0) & (age < len(LAUNCH_PERMILLE))
    if is_launch.any():
        faded = _array(LAUNCH_PERMILLE)[np.clip(age, 0, len(LAUNCH_PERMILLE) - 1)]
        special = np.where(is_launch, special * faded // 1000, special)
    return special


def _project_days(profile: OrganizationProfile, as_of_ms: int) -> tuple[int, ...]:
    """When each project was made: the first within a week, the others some weeks or months apart."""
    days, day = [], profile.first_day + profile.below(3, "project-days")
    for project in range(profile.project_limit):
        if day > as_of_ms // DAY_MS:
            break
        days.append(day)
        gap = exp2(log2(50) + normal(profile.draw("project-days", project + 1)) * 12 // 10) >> 16
        day += 5 + min(gap, 900)
    return tuple(days)


def _retirement_days(profile: OrganizationProfile, project_days: Sequence[int]) -> list[int]:
    """When a project is used no longer: a fourth of them, half a year to two years after they were made."""
    return [
        day + 180 + profile.below(550, "retirement", number)
        if number and profile.below(4, "retirement", 64 + number) == 0
        else 1 << 40
        for number, day in enumerate(project_days)
    ]


class _Slots(NamedTuple):
    """Slots (a project with a source), and the share of each in Q16 from each of some days on."""

    project: Integers
    source: Integers
    days: Integers
    shares_q16: Integers


def _slots(profile: OrganizationProfile, project_days: Sequence[int]) -> _Slots:
    retired = _retirement_days(profile, project_days)
    # Of each project alone, so that later ones do not change the others: log-normal, the first one larger.
    weights = [
        exp2((6 << 16) + normal(profile.draw("weights", project)) * 3 // 2) << (not project)
        for project in range(len(project_days))
    ]
    projects, sources, source_weights = [], [], []
    for project in range(len(project_days)):
        word = profile.draw("sources", project)
        chosen = [
            number
            for number in range(len(SOURCES))
            if (word >> 8 * number & 255) < (150, 110, 70, 60, 36)[number]
        ]
        for source in chosen or [word >> 56 & 1]:
            projects.append(project)
            sources.append(source)
            source_weights.append((55, 26, 9, 6, 4)[source] * (64 + (word >> 40 & 127)) or 1)
    totals = [0] * len(project_days)
    for project, weight in zip(projects, source_weights, strict=True):
        totals[project] += weight
    days = sorted({*project_days, *(day for day in retired if day < 1 << 40)})
    shares = []
    for day in days:
        alive = [
            weights[project] if project_days[project] <= day < retired[project] else 0
            for project in range(len(project_days))
        ]
        whole = sum(alive) or 1
        shares.append(
            [
                ONE * alive[project] * weight // (whole * totals[project])
                for project, weight in zip(projects, source_weights, strict=True)
            ]
        )
    return _Slots(_array(projects), _array(sources), _array(days), _array(shares))


_EMPTY = _array([])


def _usage(
    profile: OrganizationProfile,
    days: _Days,
    project_days: Sequence[int],
    prices: PriceHistory,
    as_of_ms: int,
) -> PopulationUsage:
    """A row for each slot and day with at least one message."""
    if not project_days or not profile.segment.messages_per_day:
        return PopulationUsage(*[_EMPTY] * 9)
    slots = _slots(profile, project_days)
    split = np.searchsorted(slots.days, days.day, side="right") - 1
    shares = np.where(split[:, None] >= 0, slots.shares_q16[np.maximum(split, 0)], 0)
    means = days.levels[:, None] * shares >> 16
    # A mean of 1/256 message is the least that may book one.
    row, slot = np.nonzero(means)
    day, means = days.day[row], means[row, slot]
    # Much traffic is billed several times a day: each time is a row of its own, with its share of the mean.
    times = 1 + np.searchsorted(_BILLED_AGAIN_Q8, means, side="right")
    first = np.cumsum(times) - times
    place = np.arange(int(times.sum())) - np.repeat(first, times)
    means = np.repeat(means // times, times)
    day, slot = np.repeat(day, times), np.repeat(slot, times)
    counters = (day * _SLOTS_PER_DAY + slot) * _BILLED_PER_DAY + place
    words = draws(random_stream.key(profile.key, "usage"), counters)
    count_factors = _COUNT_FACTORS[_BIT_LENGTHS[np.minimum(means >> 8, 2047)], bits(words, 0)]
    messages = ((means * count_factors >> 16) + bits(words, 8)) >> 8
    booked = np.flatnonzero(messages > 0)
    day, slot, words, messages = day[booked], slot[booked], words[booked], messages[booked]
    at_ms = day * DAY_MS + _times_of_day(
        profile, random_stream.key(profile.key, "times"), counters[booked], day
    )
    known = np.flatnonzero((at_ms > profile.sign_up.at_ms + HOUR_MS // 6) & (at_ms <= as_of_ms))
    order = known[np.argsort(at_ms[known] * _SLOTS_PER_DAY + slot[known], kind="stable")]
    day, slot, words, messages, at_ms = day[order], slot[order], words[order], messages[order], at_ms[order]
    project = slots.project[slot]
    traits = [_project_traits(profile, number) for number in range(len(project_days))]
    token_factors, session_lengths, output_shares = _array(traits).T
    magnitude = np.minimum(_BIT_LENGTHS[np.minimum(messages, (1 << 14) - 1)] - 1, 13)
    per_message = _TOKENS[magnitude, bits(words, 16)] * token_factors[project] >> 16
    tokens = np.maximum(messages * per_message >> 8, 2)
    model = _model_column(profile, prices.models, day, slot)
    # The output's share is the project's, more or less as the model is talkative, and as chance has it.
    model_shares = _array([_output_share_of_model(entry.model) for entry in prices.models])
    scatter = bits(words, 24, 0xFFF) + bits(words, 36, 0xFFF) - 0xFFF << 1
    outputs = np.maximum(tokens * (output_shares[project] + model_shares[model] + scatter) >> 16, 1)
    inputs = np.maximum(tokens - outputs, 1)
    sessions = np.maximum(messages * 256 // (session_lengths[project] * (192 + (bits(words, 48) >> 1))), 1)
    return PopulationUsage(
        at_ms,
        project,
        slots.source[slot],
        model,
        inputs,
        outputs,
        messages,
        np.minimum(sessions, messages),
        _usage_micros(prices, day, model, inputs, outputs),
    )


def _usage_micros(
    prices: PriceHistory, day: Integers, model: Integers, inputs: Integers, outputs: Integers
) -> Integers:
    """What tokens cost on a day, each row rounded to a micro-USD."""
    pairs = _array([epoch.models for epoch in prices.epochs])
    pair = pairs[np.searchsorted(_array(prices.days), day, side="right") - 1, model]
    return _token_micros(inputs, outputs, pair)


def _token_micros(inputs: Integers, outputs: Integers, prices: Integers) -> Integers:
    """The charge of each row, at its own price of input and output.

    Raises ExportError `out_of_range` when one charge or their sum does not fit in 64 bits, with some to spare
    for what is added up of it.
    """
    dearest = sum(
        float(tokens.max(initial=0)) * float(prices[:, side].max(initial=0))
        for side, tokens in enumerate((inputs, outputs))
    )
    micros = half_even(inputs * prices[:, 0] + outputs * prices[:, 1], 1_000_000) if dearest < 2**62 else None
    if micros is None or float(micros.sum(dtype=np.float64)) >= 2**60:
        problem = "an organization's usage costs more than can be counted: lower messages_per_day or prices"
        raise ExportError("out_of_range", f"population: {problem}")
    return micros


def _project_traits(profile: OrganizationProfile, project: int) -> tuple[int, int, int]:
    """A project's tokens per message over the usual ones in Q16, its messages per session, and its output as
    a share of its tokens in Q16, 0.24 to 0.44.
    """
    word = profile.draw("traits", project)
    factor = exp2((350 * normal(word) // 1000) * LOG2_E >> 16)
    length = 2 + (exp2((3 << 16) + normal(word >> 16)) >> 16)
    return factor, length, 16_000 + ((word >> 32 & 0xFFFF) * 13_000 >> 16)


@cache
def _output_share_of_model(model: str) -> int:
    """How much larger than usual the output's share of the tokens is with a model, -0.06 to 0.06 in Q16."""
    return random_stream.below(random_stream.key("output share", model), 8_000) - 4_000


def _times_of_day(profile: OrganizationProfile, key: int, counters: Integers, day: Integers) -> Integers:
    """A millisecond of the UTC day for each counter and its day, more often in busy hours."""
    first_ms, width_ms = _busy_intervals(profile.segment.audience)
    if not len(day):
        return day
    blocks = range(int(day.min()) // _BLOCK_DAYS, int(day.max()) // _BLOCK_DAYS + 1)
    offsets = np.concatenate([_offsets_ms(profile.region, block) for block in blocks])
    words = draws(key, counters)
    interval = bits(words, 0, 1023)
    local_ms = first_ms[interval] + (bits(words, 32, 0xFFFFFFFF) * width_ms[interval] >> 32)
    times: Integers = (local_ms - offsets[day - blocks[0] * _BLOCK_DAYS]) % DAY_MS
    return times


@lru_cache(maxsize=512)
def _offsets_ms(region: str, block: int) -> Integers:
    """How far a region's clocks are ahead of UTC on the days of a block, in milliseconds."""
    days = range(block * _BLOCK_DAYS, (block + 1) * _BLOCK_DAYS)
    return _array([utc_offset_hours(region, day) * HOUR_MS for day in days])


@cache
def _busy_intervals(audience: str) -> tuple[Integers, Integers]:
    """The local day in 1,024 equally busy intervals: their first milliseconds and widths."""
    edges = _array(hour_edges(audience))
    return edges[:-1], np.diff(edges)


def _model_column(
    profile: OrganizationProfile, models: Sequence[PopulationModel], day: Integers, slot: Integers
) -> Integers:
    """The model of each row: a slot chooses one for some weeks, out of those that can be used then.

    A model that is retired in the middle of those weeks is replaced by the choice of the day.
    """
    key = random_stream.key(profile.key, "models")
    slot_count = int(slot.max()) + 1 if len(slot) else 0
    words = [random_stream.draw(key, -1 - number) for number in range(slot_count)]
    periods, phases = _array([(24 + word % 40, (word >> 16) % 64) for word in words] or [(1, 0)]).T
    period = (day + phases[slot]) // periods[slot]
    begun = np.maximum(period * periods[slot] - phases[slot], profile.first_day)
    chosen = bits(draws(key, period * _SLOTS_PER_DAY + slot), 0)
    edges, tables = _model_tables(profile, tuple(models))
    model = tables[np.searchsorted(edges, begun, side="right") - 1, chosen]
    retired = _array([1 << 40 if entry.retired_day is None else entry.retired_day for entry in models])
    today = tables[np.searchsorted(edges, day, side="right") - 1, chosen]
    result: Integers = np.where(retired[model] <= day, today, model)
    return result


def _model_tables(
    profile: OrganizationProfile, models: tuple[PopulationModel, ...]
) -> tuple[Integers, Integers]:
    """From which days on there is which choice of models: 256 equally likely ones for each run of days.

    An organization prefers some models, and new ones: their rank is by age and by its own taste of a year.
    """
    days = {model.released_day for model in models} | {model.retired_day for model in models}
    edges = [-(1 << 40), *sorted(day for day in days if day is not None and day > profile.first_day)]
    taste = [profile.below(400, f"taste for {model.model}") for model in models]
    tables = []
    for edge in edges:
        day = max(edge, profile.first_day)
        usable = [number for number, model in enumerate(models) if model.usable(day)]
        ages = {number: min(day - (models[number].released_day or day - 700), 700) for number in usable}
        ranked = sorted(usable, key=lambda number: (ages[number] + taste[number], number))
        table = lookup(zipf(len(ranked)))
        tables.append([ranked[position] for position in table])
    return _array(edges), _array(tables)


def _meters(
    profile: OrganizationProfile,
    days: _Days,
    project_days: Sequence[int],
    prices: PriceHistory,
    as_of_ms: int,
) -> PopulationMeters:
    """Up to three readings a day of each event type and operation that the organization uses."""
    slots = _meter_slots(profile) if project_days else []
    if not slots:
        return PopulationMeters(*[_EMPTY] * 5)
    item, rates_q16 = _array(slots).T
    means = np.minimum(days.levels, 1 << 40)[:, None] * rates_q16 >> 16
    row, slot = np.nonzero(means)
    day, means = days.day[row], means[row, slot]
    counters = day * _SLOTS_PER_DAY + slot
    words = draws(random_stream.key(profile.key, "meters"), counters)
    count_factors = _COUNT_FACTORS[_BIT_LENGTHS[np.minimum(means >> 8, 2047)], bits(words, 0)]
    counts = ((means * count_factors >> 16) + bits(words, 8)) >> 8
    times = _times_of_day(profile, random_stream.key(profile.key, "meter-times"), counters, day)
    # What is metered after the settlement would be billed with the next day.
    at_ms = day * DAY_MS + np.minimum(times, SETTLEMENT_MS - 1 - slot)
    made_ms = max(profile.sign_up.at_ms + HOUR_MS // 6, project_days[0] * DAY_MS)
    # Only days that are billed: a reading of the others might come to nothing, if credit runs out until then.
    is_billed = day * DAY_MS + SETTLEMENT_MS <= as_of_ms
    known = np.flatnonzero((counts > 0) & (at_ms > made_ms) & is_billed)
    order = known[np.argsort(at_ms[known] * _SLOTS_PER_DAY + slot[known], kind="stable")]
    item, counts, at_ms = item[slot[order]], counts[order], at_ms[order]
    return _priced_meters(PopulationMeters(at_ms, item, counts, counts, counts), prices)


def _priced_meters(meters: PopulationMeters, prices: PriceHistory) -> PopulationMeters:
    """Meter readings with the prices of their days."""
    table = _array([(*epoch.events, *epoch.services) for epoch in prices.epochs])
    epoch = np.searchsorted(_array(prices.days), meters.at_ms // DAY_MS, side="right") - 1
    nanos = table[epoch, meters.item]
    return meters._replace(nanos=nanos, micros=half_even(meters.counts * nanos, 1_000))


def _meter_slots(profile: OrganizationProfile) -> list[tuple[int, int]]:
    """The item and the mean per message, in Q16, of each reading that a day may have."""
    slots = []
    for item, (slug, _) in enumerate((*EVENTS, *SERVICES)):
        word = profile.draw("meter-slots", item)
        rank = POPULAR.index(slug) if slug in POPULAR else len(POPULAR)
        if (word & 255) >= (200 if item < len(EVENTS) else 150 - 14 * (rank - 3)):
            continue
        rate = exp2(-(5 << 16) - (rank << 14) + normal(word >> 8))
        readings = 1 + (word >> 32) % 3
        slots += [(item, max(1, rate // readings))] * readings
    return slots


def _characters(
    profile: OrganizationProfile, days: _Days, months: Sequence[Month], as_of_ms: int
) -> tuple[CharacterMonth, ...]:
    """The most active characters of each month: they are counted at 00:05, and grow half as fast as usage."""
    shift = normal(profile.draw("characters")) - ONE
    month_bases = _array([1 + (exp2((month.level_log2 >> 1) + shift) >> 16) for month in months])
    first_days = _array([month.first_day for month in months])
    bases = month_bases[np.searchsorted(first_days, days.day, side="right") - 1]
    words = draws(random_stream.key(profile.key, "character-days"), days.day)
    counted = np.where(days.factors > 0, np.maximum(bases * (230 + bits(words, 0, 63)) >> 8, 1), 0)
    is_known = (days.day * DAY_MS + MONTH_OPENS_MS <= as_of_ms) & (days.day > profile.first_day)
    month_numbers = days.day[is_known].astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    if not len(month_numbers):
        return ()
    starts = np.flatnonzero(np.append(True, month_numbers[1:] != month_numbers[:-1]))
    peaks = np.maximum.reduceat(counted[is_known], starts)
    result = []
    for number, peak in zip(month_numbers[starts].tolist(), peaks.tolist(), strict=True):
        if peak:
            month = f"{1970 + number // 12:04d}-{number % 12 + 1:02d}"
            opens_ms = instants.add_months(instants.parse(f"{month}-01"), 1) + MONTH_OPENS_MS
            result.append(CharacterMonth(month, peak, opens_ms))
    return tuple(result)
