"""Exporting organizations as a bundle, and importing one. What a bundle holds is in `tenants.bundle`."""

from __future__ import annotations

import json
from functools import partial

from orgbilling_stubs.api.serializers import response_digests
from orgbilling_stubs.billing.events import ScenarioShown
from orgbilling_stubs.control.bulk import one_by_one
from orgbilling_stubs.control.errors import BUNDLE_INVALID, error_at
from orgbilling_stubs.control.server import (
    ALL,
    ControlServer,
    organization_error,
    organization_of,
    targets,
)
from orgbilling_stubs.faults.rules import parse_stored
from orgbilling_stubs.http.context import EncodedReply, Reply, RequestContext
from orgbilling_stubs.http.errors import Problem
from orgbilling_stubs.tenants import bundle
from orgbilling_stubs.tenants.store.errors import LogDamageError
from orgbilling_stubs.tenants.store.retry import retried

NDJSON = {"Content-Disposition": 'attachment; filename="orgbilling.bundle.jsonl"'}


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
