"""Rate limits: one token bucket for each rule and organization, in real time, because clients wait in it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from orgbilling_stubs.faults.rules import RateLimit
from orgbilling_stubs.http.cors import Headers

MOST_BUCKETS = 10_000


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a limit. reset_s: epoch second at which all of it is back; retry_s: seconds until there
    is a request again, 0 when this one was let through."""

    limit: int
    remaining: int
    reset_s: int
    retry_s: int

    def headers(self) -> Headers:
        """`X-RateLimit-*` as the vendor's SDK reads them."""
        return [
            (b"x-ratelimit-limit", str(self.limit).encode()),
            (b"x-ratelimit-remaining", str(self.remaining).encode()),
            (b"x-ratelimit-reset", str(self.reset_s).encode()),
        ]


class Buckets:
    """The buckets in use; `wall_ms` is real time. A request costs `1000 * seconds` parts of a bucket."""

    def __init__(self, wall_ms: Callable[[], int]) -> None:
        self._wall_ms = wall_ms
        self._parts: OrderedDict[tuple[int, str], tuple[int, int]] = OrderedDict()

    def take(self, rule: int, organization: str, limit: RateLimit) -> Allowance:
        """Take a request out of a bucket; rule: what tells rules apart, such as `id()`."""
        now_ms = self._wall_ms()
        cost = 1000 * limit.seconds
        full = limit.limit * cost
        parts, at_ms = self._parts.pop((rule, organization), (full, now_ms))
        parts = min(full, parts + max(0, now_ms - at_ms) * limit.limit)
        enough = parts >= cost
        parts -= cost if enough else 0
        self._parts[rule, organization] = parts, now_ms
        if len(self._parts) > MOST_BUCKETS:
            self._parts.popitem(last=False)
        return Allowance(
            limit=limit.limit,
            remaining=parts // cost,
            reset_s=-(-(now_ms + (full - parts) // limit.limit) // 1000),
            retry_s=0 if enough else max(1, -(-(cost - parts) // (limit.limit * 1000))),
        )
