"""Rate limit: a token bucket for each organization, `X-RateLimit-*` headers, and 429 when it is empty."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import ClassVar

from orgbilling_stubs.faults.documented_responses import InjectedError
from orgbilling_stubs.faults.effects.effect import FaultedExchange, ObjectEffect, integer, json_field
from orgbilling_stubs.tenants import clock

STATUS = 429
MOST_BUCKETS = 10_000
"""Of one rule; the bucket that was not used for longest makes room."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a limit after a request.

    reset_s: the epoch second at which the bucket is full again. retry_s: seconds until the next request is
    let through; 0 when this one was.
    """

    limit: int
    remaining: int
    reset_s: int
    retry_s: int

    def headers(self) -> dict[bytes, bytes]:
        """`X-RateLimit-*` as the vendor's SDK reads them."""
        return {
            b"x-ratelimit-limit": b"%d" % self.limit,
            b"x-ratelimit-remaining": b"%d" % self.remaining,
            b"x-ratelimit-reset": b"%d" % self.reset_s,
        }


class Buckets:
    """The token buckets of one rule, by organization.

    A bucket is counted in parts, so that it fills up evenly in whole numbers: a request costs `1000 ·
    seconds` parts, and `limit` parts come back each millisecond. For 2 requests in 60 seconds, a request
    costs 60,000 parts and a full bucket has 120,000. After one request there are 60,000 left; 15 seconds
    later 90,000, which is one request and a half.
    """

    def __init__(self) -> None:
        self._parts: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def take(self, organization: str, limit: int, seconds: int, now_ms: int) -> Allowance:
        """Take a request out of the organization's bucket at an instant of real time."""
        cost = 1000 * seconds
        full = limit * cost
        parts, at_ms = self._parts.pop(organization, (full, now_ms))
        parts = min(full, parts + max(0, now_ms - at_ms) * limit)
        enough = parts >= cost
        parts -= cost if enough else 0
        self._parts[organization] = parts, now_ms
        if len(self._parts) > MOST_BUCKETS:
            self._parts.popitem(last=False)
        return Allowance(
            limit=limit,
            remaining=parts // cost,
            # Both are rounded up: a client that waits for so long finds a request, never nothing.
            reset_s=-(-(now_ms + (full - parts) // limit) // 1000),
            retry_s=0 if enough else max(1, -(-(cost - parts) // (limit * 1000))),
        )


@dataclass(frozen=True, slots=True)
class RateLimit(ObjectEffect):
    """`limit` requests in `seconds` of real time, because clients wait in real time.

    When several rules limit a request, it is taken out of the bucket of each; the headers are those of the
    bucket with the fewest requests left.
    """

    member: ClassVar = "rateLimit"
    adds_up: ClassVar = True
    presets: ClassVar = {"1 request a minute": {"rateLimit": {"limit": 1}}}
    description: ClassVar = "A token bucket in real time, with the headers of one."
    on_the_wire: ClassVar = (
        "`X-RateLimit-Limit`, `-Remaining` and `-Reset` on every response, and 429 with `Retry-After` when "
        "the bucket of the organization is empty"
    )

    limit: int = json_field("limit", integer(1, 1_000_000, "How many requests pass in the period."))
    seconds: int = json_field("seconds", integer(1, 86_400, "Length of the period, in seconds.", 60))
    buckets: Buckets = field(default_factory=Buckets, compare=False, repr=False)

    def statuses(self) -> tuple[int, ...]:
        """429."""
        return (STATUS,)

    def error_response(self, exchange: FaultedExchange, error: InjectedError | None) -> InjectedError | None:
        """429 when the bucket is empty. The longest wait counts when another limit was reached as well."""
        allowance = self.buckets.take(exchange.organization, self.limit, self.seconds, clock.wall_ms())
        headers = allowance.headers()
        others = exchange.response_headers.get(b"x-ratelimit-remaining", headers[b"x-ratelimit-remaining"])
        if allowance.remaining <= int(others):
            exchange.response_headers.update(headers)
        if allowance.retry_s == 0:
            return error
        # Only another limit has answered before this one: see the order of the registry.
        if error is not None and (error.retry_after_s or 0) >= allowance.retry_s:
            return error
        return exchange.documented_error(STATUS, retry_after_s=allowance.retry_s)
