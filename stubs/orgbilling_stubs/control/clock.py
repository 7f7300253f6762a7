"""The clock of organizations: set, moved by a duration, moved to an instant."""

from __future__ import annotations

from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.instants import InstantError
from orgbilling_stubs.control.duration import DurationError, parse
from orgbilling_stubs.control.errors import CLOCK_TOO_FAR, DURATION_INVALID, error_at
from orgbilling_stubs.control.server import ControlServer, body_of, for_each
from orgbilling_stubs.faults.errors import INSTANT_INVALID
from orgbilling_stubs.http.context import Reply, RequestContext
from orgbilling_stubs.http.errors import Problem
from orgbilling_stubs.tenants import timeline
from orgbilling_stubs.tenants.clock import billing_instant, is_billable

LONGEST_MONTHS = 60
"""How far one call may move a clock forward, because the time in between has to be simulated."""


def instant_of(text: str, location: str) -> int:
    """Epoch milliseconds of an instant that billing supports; raises Problem for any other text."""
    try:
        return billing_instant(text)
    except InstantError:
        raise error_at(INSTANT_INVALID, location, text) from None


def move(server: ControlServer, organization: str, to_ms: int) -> None:
    """Bring an organization to an instant. Raises Problem when it is too far away."""
    _check(server, organization, to_ms)
    timeline.move_clock(server.service, organization, to_ms)


def _check(server: ControlServer, organization: str, to_ms: int) -> None:
    """Raise Problem when an organization cannot be brought to an instant in one call."""
    if not is_billable(to_ms) or _is_too_far(server.service.tenant(organization).now_ms, to_ms):
        raise Problem(CLOCK_TOO_FAR)


def _is_too_far(now_ms: int, to_ms: int) -> bool:
    return to_ms > instants.add_months(now_ms, LONGEST_MONTHS)


async def set_clock(server: ControlServer, request: RequestContext) -> Reply:
    """Freeze the clock, let it run, or let it follow the server's."""
    body = body_of(request)
    service, mode = server.service, body["mode"]
    at_ms = instant_of(body["at"], "body.at") if "at" in body else None

    def set_one(organization: str) -> None:
        if mode == "live":
            timeline.run_clock(service, organization)
        elif mode == "server":
            if _is_too_far(service.tenant(organization).now_ms, service.clock.now_ms()):
                raise Problem(CLOCK_TOO_FAR)
            timeline.follow_server_clock(service, organization)
        else:
            if at_ms is not None:
                _check(server, organization, at_ms)
            timeline.freeze_clock(service, organization, at_ms)

    return await for_each(server, request, set_one)


async def advance_clock(server: ControlServer, request: RequestContext) -> Reply:
    """Move by a duration, forward or back."""
    text = body_of(request)["by"]
    try:
        duration = parse(text)
    except DurationError as error:
        raise error_at(DURATION_INVALID, "body.by", text, str(error)) from None

    def advance_one(organization: str) -> None:
        now_ms = server.service.tenant(organization).now_ms
        try:
            to_ms = duration.after(now_ms)
        except DurationError:
            raise Problem(CLOCK_TOO_FAR) from None
        move(server, organization, to_ms)

    return await for_each(server, request, advance_one)


async def jump_clock(server: ControlServer, request: RequestContext) -> Reply:
    """Move to an instant, or to one that has a name."""
    to = body_of(request)["to"]
    if to not in timeline.NAMED_INSTANTS:
        at_ms = instant_of(to, "body.to")
        return await for_each(server, request, lambda organization: move(server, organization, at_ms))

    def jump_one(organization: str) -> None:
        move(server, organization, timeline.named_instant(server.service, organization, to))

    return await for_each(server, request, jump_one)
