"""Latency: the response is held back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from orgbilling_fixtures import distributions, random_stream

from orgbilling_stubs.faults.effects.effect import (
    LONGEST_MS,
    Documented,
    Draws,
    ObjectEffect,
    integer,
    json_field,
)


@dataclass(frozen=True, slots=True)
class Latency(ObjectEffect):
    """How long a response is held back.

    distribution: `fixed` (always `ms`), `uniform` (from `ms` to `max_ms`, both included) or `lognormal`
    (median `ms`, spread `sigma_permille` of the logarithm in thousandths, never more than `max_ms`).

    Everything is integer arithmetic, so a rule gives the same delays on every machine. A lognormal delay is

        ms · 2^(z · sigma · log2(e))

    with a standard normal z. For ms = 80, sigma_permille = 500 and z = 1 that is 80 · e^0.5 = 131 ms.
    """

    member: ClassVar = "latency"
    adds_up: ClassVar = True
    presets: ClassVar = {
        "3 s late": {"latency": {"ms": 3_000}},
        "0.1 to 2 s late": {"latency": {"distribution": "uniform", "ms": 100, "maxMs": 2_000}},
    }
    description: ClassVar = "How long the response is held back."
    on_the_wire: ClassVar = (
        "held back: `fixed`, `uniform` (`ms` to `maxMs`) or `lognormal` (median `ms`, `sigmaPermille`, "
        "`maxMs` at most); the delays of several rules add up"
    )

    ms: int = json_field(
        "ms", integer(0, LONGEST_MS, "The delay; the least of a uniform one, the median of a lognormal one.")
    )
    distribution: str = json_field(
        "distribution",
        {
            "type": "string",
            "enum": ["fixed", "uniform", "lognormal"],
            "default": "fixed",
            "description": "How delays vary: always `ms`, evenly from `ms` to `maxMs`, or around `ms`.",
        },
    )
    max_ms: int = json_field("maxMs", integer(0, LONGEST_MS, "The most that it can be.", LONGEST_MS))
    sigma_permille: int = json_field(
        "sigmaPermille", integer(0, 5_000, "Spread of the logarithm of a lognormal delay.", 500)
    )

    def invalid(self, documented: Documented) -> str | None:
        """The bounds are in order."""
        return "latency.ms is more than latency.maxMs" if self.ms > self.max_ms else None

    def delay_ms(self, draws: Draws) -> int:
        """The delay of one match."""
        if self.distribution == "fixed":
            return self.ms
        word = draws.draw("latency")
        if self.distribution == "uniform":
            return self.ms + random_stream.below(word, self.max_ms - self.ms + 1)
        normal = distributions.NORMAL_QUANTILES[word & 255]
        exponent = normal * self.sigma_permille // 1000 * distributions.LOG2_E >> 16
        return min(self.ms * distributions.exp2(exponent) >> 16, self.max_ms)
