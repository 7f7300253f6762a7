"""The history of organizations: snapshots, undo, forks and bundles."""

from __future__ import annotations

import json

from orgbilling_stubs.api.serializers import response_digests
from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.errors import SNAPSHOT_UNKNOWN
from orgbilling_stubs.billing.events import ScenarioShown
from orgbilling_stubs.control.bulk import one_by_one
from orgbilling_stubs.control.errors import BUNDLE_INVALID, ORGANIZATION_EXISTS, error_at
from orgbilling_stubs.control.server import ControlServer, body_of, for_each, organization_of, targets
from orgbilling_stubs.faults.rules import parse
from orgbilling_stubs.http.context import EncodedReply, Reply, RequestContext
from orgbilling_stubs.http.errors import Problem
from orgbilling_stubs.tenants import bundle, timeline
from orgbilling_stubs.tenants.store.protocol import ConflictError

NDJSON = {"Content-Disposition": 'attachment; filename="orgbilling.bundle.jsonl"'}


def list_snapshots(server: ControlServer, request: RequestContext) -> Reply:
    """The snapshots of an organization."""
    server.existing(organization_of(request))
    snapshots = timeline.snapshots(server.service, organization_of(request))
    rows = [{"name": name, "at": instants.text(record.at_ms)} for name, record in snapshots.items()]
    return Reply({"snapshots": rows})


async def take_snapshot(server: ControlServer, request: RequestContext) -> Reply:
    """Save the present state under a name."""
    name = body_of(request)["name"]
    return await for_each(
        server, request, lambda organization: timeline.snapshot(server.service, organization, name)
    )


async def restore_snapshot(server: ControlServer, request: RequestContext) -> Reply:
    """Restore a snapshot, with the scenario and its fault rules that were active then.

    With `*`, a snapshot that no organization has is an error.
    """
    name = request.parameters["snapshot"]

    def restore_one(organization: str) -> None:
        timeline.restore(server.service, organization, name)

    return await for_each(server, request, restore_one, none_possible=SNAPSHOT_UNKNOWN)


async def undo_command(server: ControlServer, request: RequestContext) -> Reply:
    """Take back the last command."""

    def undo_one(organization: str) -> None:
        timeline.undo(server.service, organization)

    return await for_each(server, request, undo_one)


def fork_organization(server: ControlServer, request: RequestContext) -> Reply:
    """Copy an organization, with the scenario that it shows, into a new one."""
    organization, into = organization_of(request), body_of(request)["into"]
    if server.exists(into):
        raise Problem(ORGANIZATION_EXISTS)
    try:
        timeline.fork(server.service, organization, into)
    except ConflictError:
        raise Problem(ORGANIZATION_EXISTS) from None
    return Reply(server.describe(into), 201)


async def export_bundle(server: ControlServer, request: RequestContext) -> EncodedReply:
    """The bundle of one organization, or of all."""
    header = json.loads(bundle.export(server.service, [], server.description_digest, response_digests))
    bodies = []
    async for organization in one_by_one(targets(server, request)):
        text = bundle.export(server.service, [organization], server.description_digest, response_digests)
        bodies.append(text.partition("\n")[2])
    header["organizations"] = len(bodies)
    first = json.dumps(header, ensure_ascii=False, separators=(",", ":"))
    return EncodedReply("\n".join([first, "".join(bodies)]).encode(), headers=NDJSON)


async def import_bundle(server: ControlServer, request: RequestContext) -> Reply:
    """Replay a bundle, and create its organizations when every response is as recorded."""
    async with server.bulk_changes.lock():
        recorded = await _replayed(server, request.body)
        descriptions = []
        async for organization in one_by_one(recorded.organizations):
            server.service.delete(organization.organization)
            server.service.create(organization.organization, bundle.frozen_log(organization))
            descriptions.append(server.describe(organization.organization))
    return Reply({"organizations": descriptions})


async def _replayed(server: ControlServer, body: bytes) -> bundle.Bundle:
    """A bundle whose responses are all as recorded; raises Problem for any other."""
    different = []
    try:
        recorded = bundle.read(body.decode("utf-8"))
        async for organization in one_by_one(recorded.organizations):
            result = bundle.replay(organization, response_digests)
            _check_scenarios(server, organization)
            if result.different:
                different.append(f"{organization.organization}: {', '.join(result.different)}")
    except UnicodeDecodeError:
        raise error_at(BUNDLE_INVALID, "body", None, "not UTF-8") from None
    except bundle.BundleError as error:
        raise error_at(BUNDLE_INVALID, f"body:{error.line}", None, error.problem) from None
    if different:
        raise error_at(BUNDLE_INVALID, "body", None, f"other answers than recorded: {'; '.join(different)}")
    return recorded


def _check_scenarios(server: ControlServer, recorded: bundle.RecordedOrganization) -> None:
    """Raise Problem for a log with a scenario whose fault rules could not have been added."""
    for record in recorded.records:
        if isinstance(record.event, ScenarioShown):
            try:
                for document in record.event.fault_rules:
                    server.rules.check(parse(document, (recorded.organization,)))
            except (Problem, LookupError, TypeError, ValueError, AttributeError) as error:
                line = recorded.line + record.sequence
                detail = error.detail if isinstance(error, Problem) else "no rules of faults"
                raise error_at(BUNDLE_INVALID, f"body:{line}", None, f"fault_rules: {detail}") from None
