"""How the next request of a client can be made to fail with one click: common cases of a fault rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import orjson

from orgbilling_stubs.faults.effects import EFFECTS
from orgbilling_stubs.faults.effects.rate_limit import RateLimit
from orgbilling_stubs.faults.effects.status import Status


class Failure(NamedTuple):
    """A common failure: what it is called, and the effect of its fault rule as JSON text."""

    title: str
    effect: str


FAILURES: Sequence[Failure] = [
    Failure(title, orjson.dumps(members).decode())
    for effect in EFFECTS
    for title, members in effect.presets.items()
]
"""The presets of all effects, as a fault rule can have them."""

NEXT_FAILURES: Sequence[Failure] = sorted(
    (failure for failure in FAILURES if RateLimit.member not in orjson.loads(failure.effect)),
    key=lambda failure: Status.member not in orjson.loads(failure.effect),
)
"""What the next request alone can get, error statuses first. A rate limit is no limit for one request."""


def failure_fields(failure: Failure, organization: str, operation: str | None) -> Mapping[str, str]:
    """The fields of a form that makes the next request fail.

    operation: to which one; None for any. A status that the API description does not list is forced.
    """
    fields = {
        "body.organizations": orjson.dumps([organization]).decode(),
        "body.times": "1",
        "body.force": "true",
        "body.setBy": "console",
        "body.effect": failure.effect,
    }
    return fields if operation is None else fields | {"body.operations": orjson.dumps([operation]).decode()}
