"""How long a latency is: drawn in integers, the same for the same rule and match."""

from __future__ import annotations

from orgbilling_fixtures import distributions, random_stream

from orgbilling_stubs.faults.rules import Hit


def delay_ms(hit: Hit) -> int:
    """Milliseconds for which this hit holds its answer back."""
    latency = hit.effect.latency
    if latency is None:
        return 0
    if latency.distribution == "fixed":
        return latency.ms
    word = hit.standing.draw("latency", hit.number)
    if latency.distribution == "uniform":
        return latency.ms + random_stream.below(word, latency.max_ms - latency.ms + 1)
    normal = distributions.NORMAL_QUANTILES[word & 255]
    power = normal * latency.sigma_permille // 1000 * distributions.LOG2_E >> 16
    return min(latency.ms * distributions.exp2(power) >> 16, latency.max_ms)
