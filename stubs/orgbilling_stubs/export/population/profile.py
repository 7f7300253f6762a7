"""Who an organization of a population is, and what becomes of it: drawn forward, month by month.

Everything follows from (population, seed, number of the organization, sign-up), and what happens in a month
from that month's own draws: the next month never changes the one before. So a later as-of instant sees the
same life, and more of it.

Sizes are kept as binary logarithms in Q16 (units of 2**-16), because growth, expansion and contraction
multiply: 2,000 messages a day are log2(2000) = 10.966, which is 718,643.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

from orgbilling_fixtures import random_stream
from orgbilling_fixtures.distributions import LOG2_E, NORMAL_QUANTILES, ONE, log2
from orgbilling_fixtures.populations import Population, PopulationSegment
from orgbilling_fixtures.populations.organization_names import company_name, project_name
from orgbilling_fixtures.populations.regions import REGIONS

from orgbilling_stubs.billing import ids, instants
from orgbilling_stubs.billing.instants import DAY_MS, HOUR_MS
from orgbilling_stubs.export.population.sign_ups import SignUp, region_weights
from orgbilling_stubs.export.population.working_hours import office_instant

MEMBER_COUNT = 6
NEVER_MS = 1 << 60
"""The instant of what never happens."""
MAX_LEVEL_LOG2 = 23 * ONE
"""Eight million messages a day: what is counted stays below 63 bits."""

# Of a month, in units of 2**-16 of a binary logarithm: its usual deviation (7 %), expansion and contraction.
_MONTH_SIGMA = 6_600
_STEP_PERMILLE = 28
_STEP_LEAST, _STEP_RANGE = 26_000, 52_000
_QUIET_DAYS = 20
_CHURN_BY_TENURE = ((3, 2000), (6, 1400), (24, 1000))
_CHURN_OF_OLD = 500
_INSOLVENT_OF_LATE = 80
"""One of so many invoices that would be late is never paid."""


class Interval(NamedTuple):
    """When an organization uses the product: the days from `start_day` on and before `end_day`, if it ends.

    fading_day: from this day on it uses less and less; closed_ms: when its account is closed, some time after
    the last day of use; insolvent_ms: from this instant on no invoice that is issued is paid.
    """

    start_day: int
    end_day: int | None = None
    fading_day: int | None = None
    closed_ms: int | None = None
    insolvent_ms: int | None = None


class Month(NamedTuple):
    """A month's first day, in days since 1970-01-01, and the level that an organization has then."""

    first_day: int
    level_log2: int


def normal(word: int) -> int:
    """A standard normal value in Q16 out of sixteen bits of a word, between the quantiles' table entries."""
    index, fraction = word & 255, word >> 8 & 255
    low = NORMAL_QUANTILES[index]
    high = NORMAL_QUANTILES[min(index + 1, 255)]
    return low + ((high - low) * fraction >> 8)


@lru_cache(maxsize=2048)
def first_of_month(month: int) -> int:
    """The first day of a month, counted from January of the year 0, in days since 1970-01-01."""
    return instants.parse(f"{month // 12:04d}-{month % 12 + 1:02d}-01") // DAY_MS


def month_of(day: int) -> int:
    """The month of a day, counted from January of the year 0."""
    moment = instants.moment(day * DAY_MS)
    return moment.year * 12 + moment.month - 1


@dataclass(frozen=True)
class OrganizationProfile:
    """One organization of a population."""

    population: Population
    seed: int
    sign_up: SignUp

    @cached_property
    def key(self) -> int:
        """The stream from which everything about the organization is drawn."""
        return random_stream.key("population", self.seed, self.sign_up.number)

    def draw(self, name: str, counter: int = 0) -> int:
        """A word of one of the organization's streams."""
        return random_stream.draw(random_stream.key(self.key, name), counter)

    def below(self, bound: int, name: str, counter: int = 0) -> int:
        """A number below a bound, of one of the organization's streams."""
        return random_stream.below(self.draw(name, counter), bound)

    @cached_property
    def organization(self) -> str:
        """Its Clerk organization id."""
        return organization_id(self.seed, self.sign_up.number)

    @cached_property
    def tenant_id(self) -> str:
        """The id of its tenant."""
        return ids.uuid(self.seed, self.organization, "tenant")

    @cached_property
    def segment(self) -> PopulationSegment:
        """The kind of customer that it is."""
        segments = self.population.segments
        return segments[_pick(self.draw("segment"), [segment.share for segment in segments])]

    @cached_property
    def region(self) -> str:
        """Where it is: rather where it was day when it signed up."""
        regions = self.population.regions
        weights = region_weights(self.population, self.sign_up.at_ms // HOUR_MS % 24)
        return regions[_pick(self.draw("region"), list(weights))][0]

    @property
    def currency(self) -> str:
        """The ISO 4217 code of its payments."""
        return REGIONS[self.region].currency

    @cached_property
    def company(self) -> str:
        """The name of its company, which no other organization has."""
        return company_name(self.seed, self.sign_up.number, self.region)

    @cached_property
    def members(self) -> tuple[str, ...]:
        """Clerk ids of its members, the one who signed up first."""
        return tuple(
            "user_" + ids.letters(27, "member", self.seed, self.sign_up.number, number)
            for number in range(MEMBER_COUNT)
        )

    @property
    def first_day(self) -> int:
        """The day on which it signed up."""
        return self.sign_up.at_ms // DAY_MS

    @cached_property
    def pays(self) -> bool:
        """Whether it buys anything when its free credit is used up."""
        return self.below(100, "pays") < self.segment.paying_percent

    @cached_property
    def size_log2(self) -> int:
        """Its settled size at the beginning: log-normal messages a day, as a binary logarithm in Q16."""
        median = max(1, self.segment.messages_per_day)
        natural = normal(self.draw("size")) * self.segment.size_spread_percent // 100
        return min(log2(median) + (natural * LOG2_E >> 16), MAX_LEVEL_LOG2)

    @property
    def growth_log2(self) -> int:
        """By how much it grows in a month, as a binary logarithm in Q16."""
        return log2(1000 + self.segment.growth_permille_per_month) - log2(1000)

    @cached_property
    def project_limit(self) -> int:
        """How many projects it may have in the end: none for a few, more for the large, at most 30."""
        segment = self.segment
        if not segment.messages_per_day or not segment.projects or self.below(100, "project-limit") < 4:
            return 0
        share = self.below(1 << 16, "project-limit", 1)
        deviation = self.size_log2 - log2(segment.messages_per_day)
        larger = max(0, min(4 * ONE, deviation + 2 * ONE))
        # Between a fifth and the whole of a share that falls off evenly.
        part = (ONE + larger) * share // (5 * ONE)
        return max(1, segment.projects * part >> 16)

    def project_name(self, project: int) -> str:
        """The name of a project."""
        return project_name(self.seed, self.sign_up.number, project)

    def months(self, until_day: int) -> list[Month]:
        """Its level at the beginning of each month from sign-up to the one after a day.

        A month changes the level by the segment's growth and by chance; one in thirty-six expands it by a
        third to more than twice, and one as often contracts it as much.
        """
        base, level = self.size_log2, self.size_log2
        drift = self.growth_log2
        lowest, highest = base - 5 * ONE, min(base + 6 * ONE, MAX_LEVEL_LOG2)
        first, last = month_of(self.first_day), month_of(until_day) + 1
        key = random_stream.key(self.key, "level")
        months = []
        for month in range(first, last + 1):
            months.append(Month(first_of_month(month), level))
            word = random_stream.draw(key, month)
            level += drift + (normal(word) * _MONTH_SIGMA >> 16)
            event = word >> 16 & 1023
            step = _STEP_LEAST + ((word >> 32 & 0xFFFF) * _STEP_RANGE >> 16)
            if event < _STEP_PERMILLE:
                level += step
            elif event >= 1024 - _STEP_PERMILLE:
                level -= step
            level = max(lowest, min(highest, level))
        return months

    def office_instant(self, day: int, word: int) -> int:
        """A moment at which its offices are open, on a day or one of the next working days."""
        return office_instant(self.region, day, word)

    def leaving(self, start_day: int, day: int, word: int) -> Interval:
        """The interval of somebody who decides on a day to leave.

        One in three stops at once; the others use less and less for two to ten weeks. The account is closed
        one to six weeks after the last day of use.
        """
        fading_days = 0 if word % 3 == 0 else 14 + (word >> 8) % 57
        end_day = day + 1 + fading_days
        closed_ms = self.office_instant(end_day + 6 + (word >> 16) % 36, word >> 24)
        return Interval(start_day, end_day, day if fading_days else end_day, closed_ms)

    def late_percent(self) -> int:
        """How many of its invoices are paid late: some organizations often do, others hardly ever."""
        return self.segment.late_percent * (20 + self.below(160, "lateness")) // 100

    def payment_day(self, issued_day: int, due_day: int, word: int) -> int:
        """When an invoice is paid: a day after that of its issue, mostly some days before it is due.

        Three of ten organizations pay when an invoice has come, the others one in four of theirs at any time
        in between. More than half of the late payments are so by less than two weeks, one in eight by one to
        three months.
        """
        if word % 100 >= self.late_percent():
            term_days = max(1, due_day - issued_day)
            if self.below(10, "promptness") < 3:
                return issued_day + 1 + (word >> 8) % min(9, term_days)
            if word >> 28 & 3 == 0:
                return issued_day + 1 + (word >> 8) % term_days
            return max(due_day - (word >> 8) % 12, issued_day + 1)
        kind = word >> 24 & 15
        if kind < 9:
            return due_day + 1 + (word >> 8) % 10
        return due_day + (8 + (word >> 8) % 28 if kind < 14 else 30 + (word >> 8) % 60)

    def _insolvency(self, month: int, start_day: int) -> Interval | None:
        """The interval of a postpaid organization that never pays the invoice of a month, nor a later one.

        Its service is stopped three to seven weeks after that invoice was due, and its account closed later.
        """
        if self.segment.billing != "postpaid":
            return None
        word = random_stream.draw(random_stream.key(self.key, "insolvency"), month)
        if word % 100 >= self.late_percent() or (word >> 8) % _INSOLVENT_OF_LATE:
            return None
        first_day = first_of_month(month)
        end_day = first_day + self.segment.payment_terms_days + 21 + (word >> 32) % 28
        closed_ms = self.office_instant(end_day + 7 + (word >> 36) % 20, word >> 40)
        return Interval(start_day, end_day, first_day, closed_ms, first_day * DAY_MS)

    def active_intervals(self, until_day: int) -> list[Interval]:
        """When it uses the product: it may leave in any month after the first, and come back later."""
        intervals: list[Interval] = []
        start_day: int | None = self.first_day
        closed_day = 0
        key = random_stream.key(self.key, "churn")
        signed_up = month_of(self.first_day)
        for month in range(signed_up + 1, month_of(until_day) + 1):
            word = random_stream.draw(key, month)
            chance, day = word % 1_000_000, first_of_month(month) + (word >> 40) % 28
            insolvent = None if start_day is None else self._insolvency(month, start_day)
            if insolvent is not None:
                return [*intervals, insolvent]
            if day > until_day:
                break
            if start_day is not None:
                hazard = self.segment.churn_permille_per_month * _churn_factor(month - signed_up)
                if chance < hazard and day > start_day + 3:
                    interval = self.leaving(start_day, day, random_stream.draw(key, -1 - month))
                    intervals.append(interval)
                    start_day, closed_day = None, (interval.closed_ms or 0) // DAY_MS
            elif (
                chance < self.segment.reactivation_permille_per_month * 1000
                and day > closed_day + _QUIET_DAYS
            ):
                start_day = day
        if start_day is not None:
            intervals.append(Interval(start_day))
        return intervals


def _churn_factor(tenure_months: int) -> int:
    """How much more or less often than usual somebody leaves after so many months, in permille."""
    for months, permille in _CHURN_BY_TENURE:
        if tenure_months < months:
            return permille
    return _CHURN_OF_OLD


def _pick(word: int, weights: list[int]) -> int:
    return random_stream.pick(word, random_stream.cumulative(weights))


def organization_id(seed: int, number: int) -> str:
    """The Clerk id of organization `number` of a seed's population."""
    return "org_" + ids.letters(27, "population", seed, number)
