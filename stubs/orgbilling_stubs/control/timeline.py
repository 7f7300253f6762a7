"""Operations on the history of organizations: snapshots, undo, forks and bundles.

How these go back in a log is in `tenants.timeline`, and what a bundle holds in `tenants.bundle`.
"""

from __future__ import annotations

import json
from functools import partial

from orgbilling_stubs.api.serializers import response_digests
from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.errors import SNAPSHOT_UNKNOWN, VERSION_OUTDATED, BillingError
from orgbilling_stubs.billing.events import ScenarioShown
from orgbilling_stubs.control.bulk import one_by_one
from orgbilling_stubs.control.command_titles import last_command_title
from orgbilling_stubs.control.errors import BUNDLE_INVALID, ORGANIZATION_EXISTS, error_at
from orgbilling_stubs.control.server import (
    ALL,
    ControlServer,
    body_of,
    for_each,
    organization_error,
    organization_of,
    targets,
)
from orgbilling_stubs.faults.rules import parse_stored
from orgbilling_stubs.http.context import EncodedReply, Reply, RequestContext
from orgbilling_stubs.http.errors import Problem
from orgbilling_stubs.tenants import bundle, timeline
from orgbilling_stubs.tenants.store.errors import ConflictError, LogDamageError
from orgbilling_stubs.tenants.store.retry import retried

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


async def delete_snapshot(server: ControlServer, request: RequestContext) -> Reply:
    """Delete a snapshot. With `*`, a snapshot that no organization has is an error."""
    name = request.parameters["snapshot"]

    def delete_one(organization: str) -> None:
        timeline.delete_snapshot(server.service, organization, name)

    return await for_each(server, request, delete_one, none_possible=SNAPSHOT_UNKNOWN)


async def undo_command(server: ControlServer, request: RequestContext) -> Reply:
    """Take back the last command. With a version, only the command that was the last one then."""
    version = request.parameters.get("version")

    def undo_one(organization: str) -> None:
        try:
            timeline.undo(server.service, organization, version)
        except BillingError as error:
            if error.code != VERSION_OUTDATED.code:
                raise
            last = last_command_title(server.service.log(server.existing(organization)))
            message = f"{VERSION_OUTDATED.message}: " + (
                f"the last one is now {last!r}" if last else "now there is none to take back"
            )
            raise BillingError(VERSION_OUTDATED, message=message) from None

    return await for_each(server, request, undo_one)


def fork_organization(server: ControlServer, request: RequestContext) -> Reply:
    """Copy an organization, with the scenario that it shows, into a new one."""
    organization, into = organization_of(request), body_of(request)["into"]
    if into == organization or server.has_log(into):
        raise error_at(ORGANIZATION_EXISTS, "body.into", into)
    try:
        timeline.fork(server.service, organization, into)
    except ConflictError:
        if not server.has_log(into):
            raise  # another server has deleted the organization that was to be copied
        raise error_at(ORGANIZATION_EXISTS, "body.into", into) from None
    return Reply(server.describe(into), 201)


async def export_bundle(server: ControlServer, request: RequestContext) -> EncodedReply:
    """The bundle of one organization, or of all. Of all, the header lists those whose log is damaged."""
    header = json.loads(bundle.export(server.service, [], server.description_digest, response_digests))
    bodies, errors = [], []
    async for organization in one_by_one(targets(server, request)):
        try:
            text = bundle.export(server.service, [organization], server.description_digest, response_digests)
        except LogDamageError as error:
            if organization_of(request) != ALL:
                raise
            errors.append(organization_error(organization, error))
        else:
            bodies.append(text.partition("\n")[2])
    header |= {"organizations": len(bodies)} | ({"errors": errors} if errors else {})
    first = json.dumps(header, ensure_ascii=False, separators=(",", ":"))
    return EncodedReply("\n".join([first, "".join(bodies)]).encode(), headers=NDJSON)


async def import_bundle(server: ControlServer, request: RequestContext) -> Reply:
    """Replay a bundle, and create its organizations when every response is as recorded."""
    async with server.bulk_changes.lock():
        recorded = await _replayed(server, request.body)
        logs = {recording.organization: bundle.frozen_log(recording) for recording in recorded.organizations}
        await retried(server.service.store, partial(server.service.replace, logs))
        descriptions = [server.describe(organization) async for organization in one_by_one(logs)]
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
                    server.rules.check(parse_stored(document, (recorded.organization,)))
            except Problem as error:
                line = recorded.line + record.sequence
                raise error_at(BUNDLE_INVALID, f"body:{line}", None, f"fault_rules: {error.detail}") from None
