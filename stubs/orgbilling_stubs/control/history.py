"""The past of organizations: snapshots, undo, forks, bundles."""

from __future__ import annotations

import json

from orgbilling_stubs.api.serializers import response_digests
from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.errors import SNAPSHOT_UNKNOWN
from orgbilling_stubs.control import context
from orgbilling_stubs.control.bulk import one_by_one
from orgbilling_stubs.control.context import control, named
from orgbilling_stubs.control.errors import BUNDLE_INVALID, ORGANIZATION_EXISTS, refusal
from orgbilling_stubs.http.context import Call, EncodedReply, Reply
from orgbilling_stubs.http.errors import Problem
from orgbilling_stubs.tenants import bundle, timeline
from orgbilling_stubs.tenants.store.log import ConflictError

NDJSON = {"Content-Disposition": 'attachment; filename="orgbilling.bundle.jsonl"'}


def snapshots(call: Call) -> Reply:
    """The snapshots of an organization."""
    server = control(call)
    server.known(named(call))
    found = timeline.snapshots(server.service, named(call))
    rows = [{"name": name, "at": instants.text(record.at_ms)} for name, record in found.items()]
    return Reply({"snapshots": rows})


async def take(call: Call) -> Reply:
    """Give the present state a name."""
    service, name = control(call).service, context.body(call)["name"]
    return await context.for_each(call, lambda organization: timeline.snapshot(service, organization, name))


async def restore(call: Call) -> Reply:
    """Go back to a snapshot, and to the scenario with its fault rules that was shown then.

    A snapshot that not a single organization has is unknown, for `*` too.
    """
    server, name = control(call), call.parameters["snapshot"]

    def restored(organization: str) -> None:
        timeline.restore(server.service, organization, name)

    return await context.for_each(call, restored, nobody=SNAPSHOT_UNKNOWN)


async def undo(call: Call) -> Reply:
    """Take back the last command."""
    server = control(call)

    def undone(organization: str) -> None:
        timeline.undo(server.service, organization)

    return await context.for_each(call, undone)


def fork(call: Call) -> Reply:
    """Copy an organization, with the scenario that it shows, into a new one."""
    server, organization, into = control(call), named(call), context.body(call)["into"]
    if server.exists(into):
        raise Problem(ORGANIZATION_EXISTS)
    try:
        timeline.fork(server.service, organization, into)
    except ConflictError:
        raise Problem(ORGANIZATION_EXISTS) from None
    return Reply(server.describe(into), 201)


async def export(call: Call) -> EncodedReply:
    """The bundle of one organization, or of all."""
    server, targets = control(call), context.targets(call)
    header = json.loads(bundle.export(server.service, [], server.contract, response_digests))
    bodies = []
    async for organization in one_by_one(targets):
        text = bundle.export(server.service, [organization], server.contract, response_digests)
        bodies.append(text.partition("\n")[2])
    header["organizations"] = len(bodies)
    first = json.dumps(header, ensure_ascii=False, separators=(",", ":"))
    return EncodedReply("\n".join([first, "".join(bodies)]).encode(), headers=NDJSON)


async def take_in(call: Call) -> Reply:
    """Replay a bundle and take its organizations in, when every answer came out as recorded."""
    server, body = control(call), call.body
    async with server.bulk_changes.lock():
        recorded = await _replayed(body)
        shown = []
        async for organization in one_by_one(recorded.organizations):
            server.service.delete(organization.organization)
            server.service.create(organization.organization, bundle.frozen_log(organization))
            shown.append(server.describe(organization.organization))
    return Reply({"organizations": shown})


async def _replayed(body: bytes) -> bundle.Bundle:
    """A bundle whose answers all came out as recorded; raises Problem for any other."""
    different = []
    try:
        recorded = bundle.read(body.decode("utf-8"))
        async for organization in one_by_one(recorded.organizations):
            found = bundle.replay(organization, response_digests)
            if found.different:
                different.append(f"{organization.organization}: {', '.join(found.different)}")
    except UnicodeDecodeError:
        raise refusal(BUNDLE_INVALID, "body", None, "not UTF-8") from None
    except bundle.BundleError as error:
        raise refusal(BUNDLE_INVALID, f"body:{error.line}", None, error.problem) from None
    if different:
        raise refusal(BUNDLE_INVALID, "body", None, f"other answers than recorded: {'; '.join(different)}")
    return recorded
