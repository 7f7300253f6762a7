"""Snapshots of organizations: listed, taken, restored and deleted, by `tenants.snapshots`."""

from __future__ import annotations

from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.errors import SNAPSHOT_UNKNOWN
from orgbilling_stubs.control.server import ControlServer, body_of, for_each, organization_of
from orgbilling_stubs.http.context import Reply, RequestContext
from orgbilling_stubs.tenants import snapshots


def list_snapshots(server: ControlServer, request: RequestContext) -> Reply:
    """The snapshots of an organization."""
    server.existing(organization_of(request))
    records = snapshots.by_name(server.service, organization_of(request))
    rows = [{"name": name, "at": instants.text(record.at_ms)} for name, record in records.items()]
    return Reply({"snapshots": rows})


async def take_snapshot(server: ControlServer, request: RequestContext) -> Reply:
    """Save the present state under a name."""
    name = body_of(request)["name"]
    return await for_each(
        server, request, lambda organization: snapshots.take(server.service, organization, name)
    )


async def restore_snapshot(server: ControlServer, request: RequestContext) -> Reply:
    """Restore a snapshot, with the scenario and its fault rules that were active then.

    With `*`, a snapshot that no organization has is an error.
    """
    name = request.parameters["snapshot"]

    def restore_one(organization: str) -> None:
        snapshots.restore(server.service, organization, name)

    return await for_each(server, request, restore_one, none_possible=SNAPSHOT_UNKNOWN)


async def delete_snapshot(server: ControlServer, request: RequestContext) -> Reply:
    """Delete a snapshot. With `*`, a snapshot that no organization has is an error."""
    name = request.parameters["snapshot"]

    def delete_one(organization: str) -> None:
        snapshots.delete(server.service, organization, name)

    return await for_each(server, request, delete_one, none_possible=SNAPSHOT_UNKNOWN)
