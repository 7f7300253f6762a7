"""When Stripe's webhook arrives after a payment: in seconds, once for each number.

A payment may have a timing of its own; else that of the organization applies, else that of the server. When
the checkout is paid, `billing.decide` turns the timing into instants. The tenant keeps the webhooks on their
way, and `billing.scheduler` delivers each when it is due.
"""

from __future__ import annotations

from collections.abc import Sequence

from orgbilling_openapi.strict_json import JsonValue

MOST_DELAYS = 10
LONGEST_DELAY_S = 365 * 86_400
CHOICES = ((0,), (5,), (30,), (0, 0), ())
"""What the page offers besides the organization's own timing."""


class WebhookTimingError(ValueError):
    """Not a webhook timing; the text says what one looks like."""

    def __init__(self) -> None:
        super().__init__(
            f"at most {MOST_DELAYS} whole seconds from 0 to {LONGEST_DELAY_S}, or none for never"
        )


def applicable_timing(
    payment: Sequence[int] | None, organization: Sequence[int] | None, server: Sequence[int]
) -> tuple[int, ...]:
    """The timing of a payment: its own, else the organization's, else the server's. None: not set."""
    if payment is not None:
        return tuple(payment)
    return tuple(server if organization is None else organization)


def check_timing(value: JsonValue) -> tuple[int, ...]:
    """A timing from JSON: a list of seconds. Raises WebhookTimingError for anything else."""
    if not isinstance(value, list | tuple) or len(value) > MOST_DELAYS:
        raise WebhookTimingError
    if not all(type(delay_s) is int and 0 <= delay_s <= LONGEST_DELAY_S for delay_s in value):
        raise WebhookTimingError
    return tuple(value)


def parse_timing(text: str) -> tuple[int, ...] | None:
    """A timing from a form or query: `0`, `5`, `0,0`, `never`; None when it is empty.

    Raises WebhookTimingError for anything else.
    """
    if not text:
        return None
    if text == "never":
        return ()
    parts = text.split(",")
    if not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        raise WebhookTimingError
    return check_timing([int(part) for part in parts])


def format_timing(timing: Sequence[int] | None) -> str:
    """The timing as `parse_timing` reads it."""
    if timing is None:
        return ""
    return ",".join(map(str, timing)) or "never"


def describe_timing(timing: Sequence[int]) -> str:
    """The timing as a phrase: `before the redirect`, `5 s after the payment`, `twice, …`, `never`."""
    if not timing:
        return "never"
    moments = [
        "before the redirect" if delay_s == 0 else f"{delay_s} s after the payment" for delay_s in timing
    ]
    if len(timing) == 2 and len(set(timing)) == 1:
        return f"twice, {moments[0]}"
    return " and ".join(moments)
