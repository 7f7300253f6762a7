"""The past of organisations: snapshots, undo, forks, bundles."""

from __future__ import annotations

from orgbilling_fixtures import scenarios

from .. import bundle, timeline
from ..domain import instant
from ..domain.tenant import Tenant
from ..runtime.exchange import Call, Encoded, Reply
from ..runtime.refusals import Problem
from ..store.log import Conflict
from . import state
from .refusals import BUNDLE_INVALID, ORGANISATION_EXISTS, refusal
from .scenarios import place
from .state import control, named

NDJSON = {"Content-Disposition": 'attachment; filename="orgbilling.bundle.jsonl"'}


def snapshots(call: Call) -> Reply:
    """The snapshots of an organisation."""
    server = control(call)
    server.known(named(call))
    found = timeline.listed(server.service, named(call))
    rows = [{"name": name, "at": instant.text(record.at_ms)} for name, record in found.items()]
    return Reply({"snapshots": rows})


def take(call: Call) -> Reply:
    """Give the present state a name."""
    server, name = control(call), state.body(call)["name"]

    def taken(organisation: str) -> Tenant:
        server.noted[organisation, name] = server.scenes.get(organisation)
        return timeline.snapshot(server.service, organisation, name)

    return state.for_each(call, taken)


def restore(call: Call) -> Reply:
    """Go back to a snapshot, and to the scenario with its fault rules that was shown then."""
    server, name = control(call), call.parameters["snapshot"]

    def restored(organisation: str) -> Tenant:
        tenant = timeline.restore(server.service, organisation, name)
        noted = server.noted.get((organisation, name))
        if server.scenes.get(organisation) != noted:
            server.forget_scene(organisation)
            scenario = scenarios.find(noted.name) if noted is not None else None
            if scenario is not None:
                place(server, organisation, scenario)
        return tenant

    return state.for_each(call, restored)


def undo(call: Call) -> Reply:
    """Take back the last command."""
    service = control(call).service
    return state.for_each(call, lambda organisation: timeline.undo(service, organisation))


def fork(call: Call) -> Reply:
    """Copy an organisation into a new one."""
    server, into = control(call), state.body(call)["into"]
    if server.exists(into):
        raise Problem(ORGANISATION_EXISTS)
    try:
        timeline.fork(server.service, named(call), into)
    except Conflict:
        raise Problem(ORGANISATION_EXISTS) from None
    return Reply(server.describe(into), 201)


def export(call: Call) -> Encoded:
    """The bundle of one organisation, or of all."""
    server = control(call)
    text = bundle.export(server.service, state.targets(call), server.contract)
    return Encoded(text.encode(), headers=NDJSON)


def take_in(call: Call) -> Reply:
    """Replay a bundle and take its organisations in, when every answer came out as recorded."""
    server = control(call)
    try:
        recorded = bundle.read(call.body.decode("utf-8"))
        different = [each for each in map(bundle.replay, recorded.organisations) if each.different]
    except UnicodeDecodeError:
        raise refusal(BUNDLE_INVALID, "body", None, "not UTF-8") from None
    except bundle.BundleError as error:
        raise refusal(BUNDLE_INVALID, f"body:{error.line}", None, error.problem) from None
    if different:
        told = "; ".join(f"{each.organisation}: {', '.join(each.different)}" for each in different)
        raise refusal(BUNDLE_INVALID, "body", None, f"other answers than recorded: {told}")
    for each in recorded.organisations:
        server.forget_scene(each.organisation)
        server.service.delete(each.organisation)
        server.service.create(each.organisation, bundle.pinned(each))
    return Reply({"organisations": [server.describe(each.organisation) for each in recorded.organisations]})
