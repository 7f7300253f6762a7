"""Undoing the last command of organizations, by `tenants.undo`."""

from __future__ import annotations

from orgbilling_stubs.billing.errors import VERSION_OUTDATED, BillingError
from orgbilling_stubs.control.command_titles import last_command_title
from orgbilling_stubs.control.server import ControlServer, for_each
from orgbilling_stubs.http.context import Reply, RequestContext
from orgbilling_stubs.tenants.undo import undo


async def undo_command(server: ControlServer, request: RequestContext) -> Reply:
    """Take back the last command. With a version, only the command that was the last one then."""
    version = request.parameters.get("version")

    def undo_one(organization: str) -> None:
        try:
            undo(server.service, organization, version)
        except BillingError as error:
            if error.code != VERSION_OUTDATED.code:
                raise
            last = last_command_title(server.service.log(server.existing(organization)))
            message = f"{VERSION_OUTDATED.message}: " + (
                f"the last one is now {last!r}" if last else "now there is none to take back"
            )
            raise BillingError(VERSION_OUTDATED, message=message) from None

    return await for_each(server, request, undo_one)
