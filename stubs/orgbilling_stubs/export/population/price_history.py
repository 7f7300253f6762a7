"""What things cost an organization on every day: the price list of the day, less the discount of its plan.

Prices change at midnight UTC, so that each day has one price. An *epoch* is a run of days with the same
prices.

    price = list price on the day of release × changes since then × (1000 - discount in permille) / 1000

rounded down to a tenth of a micro-USD.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from orgbilling_fixtures.distributions import ONE
from orgbilling_fixtures.personas.model import EVENTS, SERVICES
from orgbilling_fixtures.populations import Population, PopulationModel

from orgbilling_stubs.export.population.profile import Month, OrganizationProfile

CHARACTER_MONTH_NANOS = 500_000_000
_STEP_NANOS = 100

PLANS = (("starter", 0, 0), ("team", 9, 40), ("scale", 12, 90), ("volume", 15, 150))
"""Each plan with the binary logarithm of messages a day from which it is given, and its discount in permille.
"""

_HYSTERESIS = ONE // 2
_MONTHS_BETWEEN_PLANS = 3


class PlanChange(NamedTuple):
    """A plan from a day on; the name is that of the plan, or of a contract's conditions."""

    day: int
    plan: str
    discount_permille: int


class PriceChange(NamedTuple):
    """A price from the midnight of a day on, in nano-USD; tokens have two, everything else one."""

    day: int
    kind: str
    item: str
    unit_nanos: int | None
    input_nanos: int | None
    output_nanos: int | None
    reason: str


class EpochPrices(NamedTuple):
    """All prices of an epoch, in nano-USD, in the order of the models, EVENTS and SERVICES."""

    models: tuple[tuple[int, int], ...]
    events: tuple[int, ...]
    services: tuple[int, ...]


def plan_changes(profile: OrganizationProfile, months: Sequence[Month]) -> list[PlanChange]:
    """The plans of an organization, by its level, looked at every three months; small changes count for
    nothing."""
    level = months[0].level_log2
    position = _plan_position(level)
    plans = [PlanChange(profile.first_day, *_terms(position))]
    for number, month in enumerate(months[1:-1], 1):
        if number % _MONTHS_BETWEEN_PLANS:
            continue
        low, high = (
            _plan_position(month.level_log2 - _HYSTERESIS),
            _plan_position(month.level_log2 + _HYSTERESIS),
        )
        wanted = max(low, min(position, high))
        if wanted != position:
            position = wanted
            plans.append(PlanChange(month.first_day, *_terms(position)))
    return plans


def _plan_position(level_log2: int) -> int:
    return max(0, bisect_right([least * ONE for _, least, _ in PLANS], level_log2) - 1)


def _terms(position: int) -> tuple[str, int]:
    name, _, discount_permille = PLANS[position]
    return name, discount_permille


@dataclass(frozen=True)
class PriceHistory:
    """The prices of one organization from its sign-up to a day."""

    population: Population
    plans: tuple[PlanChange, ...]
    until_day: int

    @property
    def first_day(self) -> int:
        """The day of sign-up."""
        return self.plans[0].day

    @cached_property
    def models(self) -> tuple[PopulationModel, ...]:
        """The models that could be used on at least one of the days, in the order of the list."""
        return tuple(
            model
            for model in self.population.models
            if (model.released_day is None or model.released_day <= self.until_day)
            and (model.retired_day is None or model.retired_day > self.first_day)
        )

    @cached_property
    def days(self) -> tuple[int, ...]:
        """The first days of the epochs."""
        days = {plan.day for plan in self.plans} | {change.on_day for change in self.population.price_changes}
        return (self.first_day, *sorted(day for day in days if self.first_day < day <= self.until_day))

    @cached_property
    def epochs(self) -> tuple[EpochPrices, ...]:
        """The prices of each epoch."""
        return tuple(map(self._prices, self.days))

    def plan(self, day: int) -> PlanChange:
        """The plan on a day."""
        return self.plans[bisect_right([plan.day for plan in self.plans], day) - 1]

    def _prices(self, day: int) -> EpochPrices:
        rate_permille = 1000 - self.plan(day).discount_permille
        return EpochPrices(
            tuple(
                (
                    self._charged_price(
                        "models", model.input_per_1k_nanos, model.released_day, day, rate_permille
                    ),
                    self._charged_price(
                        "models", model.output_per_1k_nanos, model.released_day, day, rate_permille
                    ),
                )
                for model in self.models
            ),
            tuple(self._charged_price("events", nanos, None, day, rate_permille) for _, nanos in EVENTS),
            tuple(self._charged_price("services", nanos, None, day, rate_permille) for _, nanos in SERVICES),
        )

    def _charged_price(
        self, kind: str, nanos: int, released_day: int | None, day: int, rate_permille: int
    ) -> int:
        """A price on a day, after all changes of the list and less the plan's discount.

        rate_permille: how many thousandths of the list price the organization pays.
        """
        for change in self.population.price_changes:
            if change.prices == kind and change.on_day <= day and (released_day or 0) <= change.on_day:
                nanos = nanos * (100 + change.percent) // 100
        return nanos * rate_permille // 1000 // _STEP_NANOS * _STEP_NANOS

    def changes(self) -> list[PriceChange]:
        """Every price with the day from which it holds: all at sign-up, then those that change or appear."""
        changes: list[PriceChange] = []
        known: dict[tuple[str, str], tuple[int | None, int | None, int | None]] = {}
        listed_days = {model.released_day for model in self.models if model.released_day is not None}
        days = sorted({*self.days, *(day for day in listed_days if day > self.first_day)})
        for day in days:
            prices = self.epochs[bisect_right(self.days, day) - 1]
            for kind, item, price in self._listed(day, prices):
                if known.get((kind, item)) != price:
                    reason = self._reason(day, kind, (kind, item) in known)
                    known[kind, item] = price
                    changes.append(PriceChange(day, kind, item, *price, reason))
        return changes

    def _listed(
        self, day: int, prices: EpochPrices
    ) -> list[tuple[str, str, tuple[int | None, int | None, int | None]]]:
        rows: list[tuple[str, str, tuple[int | None, int | None, int | None]]] = [
            ("character", "character", (CHARACTER_MONTH_NANOS, None, None))
        ]
        rows += [
            ("event", slug, (nanos, None, None))
            for (slug, _), nanos in zip(EVENTS, prices.events, strict=True)
        ]
        rows += [
            ("model", model.model, (None, *pair))
            for model, pair in zip(self.models, prices.models, strict=True)
            if model.usable(day)
        ]
        rows += [
            ("service", slug, (nanos, None, None))
            for (slug, _), nanos in zip(SERVICES, prices.services, strict=True)
        ]
        return rows

    def _reason(self, day: int, kind: str, is_known: bool) -> str:
        if day == self.first_day:
            return "sign-up"
        if not is_known:
            return "release"
        if any(plan.day == day for plan in self.plans):
            return f"plan {self.plan(day).plan}"
        return "list price"
