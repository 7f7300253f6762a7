"""When the organizations of a population sign up, in absolute time.

A day has a weight: the growth of the business, times what a weekday and the end of a year do; its hours have
shares of it, by where people are awake. On the running sum of the weights, N organizations sign up at random:
the waits between them are exponential, scaled so that the sum up to the *reference instant* has exactly N of
them. That is a Poisson process under the condition of N events: two months of equal weight differ as chance
has it. There are exactly N organizations at the reference instant, fewer before, and more after it, when the
weight grows no further. Nothing of it depends on the as-of instant, unless the user asks for a number of
days, which ends at the as-of instant.

Example: two days of weights 1 and 3 and N = 2. The waits 0.4, 0.9 and 0.3 add up to 1.6, so that the
organizations are at 0.4 / 1.6 and 1.3 / 1.6 of 4, which is 1 and 3.25: the first one at the second day's
midnight, the other when (3.25 - 1) / 3 = 75 % of that day have passed.
"""

from __future__ import annotations

from bisect import bisect_right
from calendar import isleap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from orgbilling_fixtures import random_stream
from orgbilling_fixtures.distributions import LOG2_E, exp2, log2
from orgbilling_fixtures.populations import Population
from orgbilling_fixtures.populations.regions import REGIONS

from orgbilling_stubs.billing.instants import DAY_MS, HOUR_MS

_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_DAYS_PER_YEAR = 365
_WEEKDAY_PERCENT = (118, 124, 122, 116, 100, 58, 62)
_LOCAL_HOUR_PERMILLE = (
    18,
    14,
    12,
    11,
    12,
    18,
    30,
    42,
    55,
    62,
    62,
    58,
    54,
    60,
    66,
    68,
    66,
    60,
    52,
    48,
    44,
    38,
    30,
    20,
)
_HOURS = 24
_FIRST_AGE_YEARS, _PERIOD_YEARS = 3, 4
_MEAN_WAIT = LOG2_E << 8


class SignUp(NamedTuple):
    """Organization `number` signs up at an instant."""

    number: int
    at_ms: int


def launch_day(population: Population, as_of_ms: int) -> int:
    """The population's launch, in days since 1970-01-01, moved by periods of four years.

    The launch is three to seven years before the as-of instant: 2022-05-16 for one in 2026, 1994-05-16 for
    one in 1999. It changes on one day in four years, so that exports of neighboring days have the same
    history.
    """
    launched = date.fromordinal(population.launched_day + _EPOCH_ORDINAL)
    as_of = date.fromordinal(as_of_ms // DAY_MS + _EPOCH_ORDINAL)
    periods = (as_of.year - launched.year - _FIRST_AGE_YEARS) // _PERIOD_YEARS + 1
    while True:
        year = launched.year + periods * _PERIOD_YEARS
        moved = launched.replace(
            year=year,
            day=28 if (launched.month, launched.day) == (2, 29) and not isleap(year) else launched.day,
        )
        if (moved.year + _FIRST_AGE_YEARS, moved.month, moved.day) <= (as_of.year, as_of.month, as_of.day):
            return moved.toordinal() - _EPOCH_ORDINAL
        periods -= 1


@dataclass(frozen=True)
class SignUpCurve:
    """How sign-ups are spread: from the midnight of `launch_day`, N of them by the reference instant."""

    population: Population
    seed: int
    count: int
    launch_day: int
    reference_ms: int

    def until(self, as_of_ms: int) -> Iterator[SignUp]:
        """Everybody who has signed up by an instant, in order of time."""
        last_day = max(as_of_ms, self.reference_ms) // DAY_MS
        weights = [self._weight(day) for day in range(self.launch_day, last_day + 1)]
        sums = [0, *accumulate(weights)]
        whole = self._sum_at(self.reference_ms, sums, weights)
        hours = hour_weights(self.population)
        for number, place in enumerate(self._places(whole)):
            index = bisect_right(sums, place) - 1
            if index >= len(weights):
                return
            time_ms = _time_of_day(hours, place - sums[index], weights[index])
            at_ms = (self.launch_day + index) * DAY_MS + time_ms
            if at_ms > as_of_ms:
                return
            yield SignUp(number, at_ms)

    def _places(self, whole: int) -> Iterator[int]:
        """Where on the running sum of the weights organizations sign up: `count` of them before `whole`."""
        key = random_stream.key("population", self.seed, "sign-ups")
        sums = [*accumulate(_wait(random_stream.draw(key, number)) for number in range(self.count + 1))]
        for reached in sums[:-1]:
            yield whole * reached // sums[-1]
        place = whole << 8
        number = self.count
        while True:
            number += 1
            place += (whole << 8) * _wait(random_stream.draw(key, number)) // (self.count * _MEAN_WAIT)
            yield place >> 8

    def _weight(self, day: int) -> int:
        """The weight of a day; Q16 growth times a percentage, so that large counts have room below it."""
        passed = min(day * DAY_MS, self.reference_ms) // DAY_MS - self.launch_day
        growth = log2(100 + self.population.sign_ups_growth_percent_per_year) - log2(100)
        calendar = date.fromordinal(day + _EPOCH_ORDINAL)
        quiet = (
            35 if (calendar.month, calendar.day) in ((12, 24), (12, 25), (12, 26), (12, 31), (1, 1)) else 100
        )
        return exp2(growth * passed // _DAYS_PER_YEAR) * _WEEKDAY_PERCENT[(day + 3) % 7] * quiet

    def _sum_at(self, at_ms: int, sums: list[int], weights: list[int]) -> int:
        """The running sum of the weights at an instant."""
        day, time_ms = divmod(at_ms, DAY_MS)
        index = day - self.launch_day
        hour, rest_ms = divmod(time_ms, HOUR_MS)
        hours = hour_weights(self.population)
        part = sum(hours[:hour]) * HOUR_MS + hours[hour] * rest_ms
        passed = weights[index] * part // (sum(hours) * HOUR_MS)
        return max(1, sums[index] + passed)


def _wait(word: int) -> int:
    """An exponential number out of a word: -log2 of a fraction, in units of 2**-24."""
    return ((64 << 16) - log2(word | 1) << 8) + (word & 255)


@lru_cache(maxsize=1024)
def region_weights(population: Population, hour: int) -> tuple[int, ...]:
    """How many sign up in an hour of the UTC day in each region of a population, in comparison.

    By standard time. Over a day, regions sign up by their weights.
    """
    return tuple(
        weight * _LOCAL_HOUR_PERMILLE[(hour + REGIONS[region].standard_offset_hours) % _HOURS]
        for region, weight in population.regions
    )


@lru_cache(maxsize=64)
def hour_weights(population: Population) -> tuple[int, ...]:
    """How many sign up in each hour of the UTC day, in comparison."""
    return tuple(sum(region_weights(population, hour)) for hour in range(_HOURS))


def _time_of_day(hours: Sequence[int], place: int, weight: int) -> int:
    """The millisecond of the day when so much of its weight has passed; it rises with the place."""
    goal = place * sum(hours) * HOUR_MS // weight
    for hour, part in enumerate(hours):
        if goal < part * HOUR_MS:
            return hour * HOUR_MS + goal // part
        goal -= part * HOUR_MS
    return DAY_MS - 1
