"""Time of organisations: set, moved by a duration, jumped to an instant."""

from __future__ import annotations

from .. import timeline
from ..clock import billing_instant
from ..domain import instant
from ..domain.instant import InstantError
from ..runtime.exchange import Call, Reply
from ..runtime.refusals import Problem
from . import scenes, state
from .duration import DurationError, parse
from .refusals import CLOCK_TOO_FAR, DURATION_INVALID, INSTANT_INVALID, refusal
from .state import Control, control

LONGEST_MONTHS = 60
"""How far one call may move a clock forward: history takes time to live through."""


def instant_of(text: str, location: str) -> int:
    """Epoch milliseconds of an instant that billing can live at; raises Problem for any other text."""
    try:
        return billing_instant(text)
    except (InstantError, OverflowError):
        raise refusal(INSTANT_INVALID, location, text) from None


def move(server: Control, organisation: str, to_ms: int) -> None:
    """Bring an organisation to an instant; raises Problem when that is too far."""
    _check(server, organisation, to_ms)
    timeline.move(server.service, organisation, to_ms)
    scenes.clock_moved(server, organisation)


def _check(server: Control, organisation: str, to_ms: int) -> None:
    try:
        billing_instant(instant.text(to_ms))
    except (InstantError, OverflowError):
        raise Problem(CLOCK_TOO_FAR) from None
    if _is_too_far(server.service.tenant(organisation).now_ms, to_ms):
        raise Problem(CLOCK_TOO_FAR)


def _is_too_far(now_ms: int, to_ms: int) -> bool:
    return to_ms > instant.add_months(now_ms, LONGEST_MONTHS)


def put(call: Call) -> Reply:
    """Freeze the clock, let it run, or let it follow the server's."""
    server, body = control(call), state.body(call)
    service, mode = server.service, body["mode"]
    at_ms = instant_of(body["at"], "body.at") if "at" in body else None

    def put_one(organisation: str) -> None:
        if mode == "live":
            timeline.live(service, organisation)
        elif mode == "server":
            if _is_too_far(service.tenant(organisation).now_ms, service.clock.now_ms()):
                raise Problem(CLOCK_TOO_FAR)
            timeline.follow(service, organisation)
        else:
            if at_ms is not None:
                _check(server, organisation, at_ms)
            timeline.freeze(service, organisation, at_ms)
        scenes.clock_moved(server, organisation, by_hand=True)

    return state.for_each(call, put_one)


def advance(call: Call) -> Reply:
    """Move by a duration, forward or back."""
    server, text = control(call), state.body(call)["by"]
    try:
        by = parse(text)
    except DurationError as error:
        raise refusal(DURATION_INVALID, "body.by", text, str(error)) from None

    def advance_one(organisation: str) -> None:
        now_ms = server.service.tenant(organisation).now_ms
        try:
            to_ms = by.after(now_ms)
        except DurationError:
            raise Problem(CLOCK_TOO_FAR) from None
        move(server, organisation, to_ms)

    return state.for_each(call, advance_one)


def jump(call: Call) -> Reply:
    """Move to an instant, or to one that has a name."""
    server, to = control(call), state.body(call)["to"]
    if to not in timeline.INSTANTS:
        at_ms = instant_of(to, "body.to")
        return state.for_each(call, lambda organisation: move(server, organisation, at_ms))

    def jump_one(organisation: str) -> None:
        move(server, organisation, timeline.named(server.service, organisation, to))

    return state.for_each(call, jump_one)
