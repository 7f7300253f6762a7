"""The clock of organizations: set, moved by a duration, moved to an instant."""

from __future__ import annotations

from collections.abc import Collection

from orgbilling_stubs.api.errors import INSTANT_INVALID
from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.instants import InstantError
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.control.duration import DurationError, parse
from orgbilling_stubs.control.errors import CLOCK_TOO_FAR, DURATION_INVALID, error_at
from orgbilling_stubs.control.server import ControlServer, body_of, for_each
from orgbilling_stubs.http.assisted_input import suggestion
from orgbilling_stubs.http.context import Reply, RequestContext
from orgbilling_stubs.http.errors import Problem
from orgbilling_stubs.tenants import clock_commands
from orgbilling_stubs.tenants.clock import billing_instant, is_billable
from orgbilling_stubs.tenants.clock_commands import Target
from orgbilling_stubs.tenants.service import Service

LONGEST_MONTHS = 60
"""How far one call may move a clock forward, because the time in between has to be simulated."""


def parse_instant(text: str, location: str, names: Collection[str] = ()) -> int:
    """Epoch milliseconds of an instant that billing supports; raises Problem for any other text.

    names: of instants that could be meant, too.
    """
    try:
        return billing_instant(text)
    except InstantError:
        named = f", or one of {', '.join(names)}{suggestion(text, list(names))}" if names else ""
        raise error_at(INSTANT_INVALID, location, text, INSTANT_INVALID.detail + named) from None


def within_reach(tenant: Tenant, to_ms: int) -> int:
    """The instant `to_ms`. Raises Problem when the tenant cannot be brought there in one call."""
    if not is_billable(to_ms) or to_ms > instants.add_months(tenant.now_ms, LONGEST_MONTHS):
        raise Problem(CLOCK_TOO_FAR)
    return to_ms


def target_by(text: str, location: str) -> Target:
    """Where a duration leads to; raises Problem for a text that is none."""
    try:
        duration = parse(text)
    except DurationError as error:
        raise error_at(DURATION_INVALID, location, text, str(error)) from None

    def target(tenant: Tenant) -> int:
        try:
            return within_reach(tenant, duration.after(tenant.now_ms))
        except DurationError:
            raise Problem(CLOCK_TOO_FAR) from None

    return target


def target_to(service: Service, text: str, location: str) -> Target:
    """Where an instant, or the name of one, leads to; raises Problem for a text that is neither."""
    names = clock_commands.NAMED_INSTANTS
    at_ms = None if text in names else parse_instant(text, location, names)

    def target(tenant: Tenant) -> int:
        if at_ms is not None:
            return within_reach(tenant, at_ms)
        organization = tenant.config.organization
        return within_reach(
            tenant, clock_commands.named_instant(tenant, text, lambda: service.copy(organization))
        )

    return target


async def set_clock(server: ControlServer, request: RequestContext) -> Reply:
    """Freeze the clock, let it run, or let it follow the server's."""
    body = body_of(request)
    service, mode = server.service, body["mode"]
    at_ms = parse_instant(body["at"], "body.at") if "at" in body else None

    def set_one(organization: str) -> None:
        if mode == "live":
            clock_commands.run_clock(service, organization)
        elif mode == "server":
            clock_commands.follow_server_clock(
                service, organization, lambda tenant: within_reach(tenant, service.clock.now_ms())
            )
        elif at_ms is None:
            clock_commands.freeze_clock(service, organization)
        else:
            clock_commands.freeze_clock(service, organization, lambda tenant: within_reach(tenant, at_ms))

    return await for_each(server, request, set_one)


async def advance_clock(server: ControlServer, request: RequestContext) -> Reply:
    """Move by a duration, forward or back."""
    target = target_by(body_of(request)["by"], "body.by")

    def advance_one(organization: str) -> None:
        clock_commands.move_clock(server.service, organization, target)

    return await for_each(server, request, advance_one)


async def jump_clock(server: ControlServer, request: RequestContext) -> Reply:
    """Move to an instant, or to one that has a name."""
    target = target_to(server.service, body_of(request)["to"], "body.to")

    def jump_one(organization: str) -> None:
        clock_commands.move_clock(server.service, organization, target)

    return await for_each(server, request, jump_one)
