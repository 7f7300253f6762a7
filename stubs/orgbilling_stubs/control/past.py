"""The past of organisations: snapshots, undo, forks, bundles."""

from __future__ import annotations

import json

from .. import bundle, timeline
from ..domain import instant
from ..domain.refusals import SNAPSHOT_UNKNOWN
from ..runtime.exchange import Call, Encoded, Reply
from ..runtime.refusals import Problem
from ..store.log import Conflict
from . import scenes, state
from .pace import Steps, Work
from .refusals import BUNDLE_INVALID, ORGANISATION_EXISTS, refusal
from .state import Control, control, named

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
    service, name = control(call).service, state.body(call)["name"]
    return state.for_each(call, lambda organisation: timeline.snapshot(service, organisation, name))


def restore(call: Call) -> Reply:
    """Go back to a snapshot, and to the scenario with its fault rules that was shown then.

    A snapshot that not a single organisation has is unknown, for `*` too.
    """
    server, name = control(call), call.parameters["snapshot"]

    def restored(organisation: str) -> None:
        timeline.restore(server.service, organisation, name)
        scenes.settle(server, organisation)

    return state.for_each(call, restored, nobody=SNAPSHOT_UNKNOWN)


def undo(call: Call) -> Reply:
    """Take back the last command."""
    server = control(call)
    return state.for_each(call, lambda organisation: scenes.undo(server, organisation))


def fork(call: Call) -> Reply:
    """Copy an organisation, with the scenario that it shows, into a new one."""
    server, organisation, into = control(call), named(call), state.body(call)["into"]
    if server.exists(into):
        raise Problem(ORGANISATION_EXISTS)
    try:
        timeline.fork(server.service, organisation, into)
    except Conflict:
        raise Problem(ORGANISATION_EXISTS) from None
    scenes.inherit(server, organisation, into)
    return Reply(server.describe(into), 201)


def export(call: Call) -> Steps:
    """The bundle of one organisation, or of all."""
    server, targets = control(call), state.targets(call)

    def work() -> Work:
        header = json.loads(bundle.export(server.service, [], server.contract))
        bodies = []
        for organisation in targets:
            text = bundle.export(server.service, [organisation], server.contract)
            bodies.append(text.partition("\n")[2])
            yield
        header["organisations"] = len(bodies)
        first = json.dumps(header, ensure_ascii=False, separators=(",", ":"))
        return Encoded("\n".join([first, "".join(bodies)]).encode(), headers=NDJSON)

    return Steps(work())


def take_in(call: Call) -> Steps:
    """Replay a bundle and take its organisations in, when every answer came out as recorded."""
    return Steps(_taken_in(control(call), call.body), changes=True)


def _taken_in(server: Control, body: bytes) -> Work:
    different = []
    try:
        recorded = bundle.read(body.decode("utf-8"))
        for each in recorded.organisations:
            found = bundle.replay(each)
            if found.different:
                different.append(f"{each.organisation}: {', '.join(found.different)}")
            yield
    except UnicodeDecodeError:
        raise refusal(BUNDLE_INVALID, "body", None, "not UTF-8") from None
    except bundle.BundleError as error:
        raise refusal(BUNDLE_INVALID, f"body:{error.line}", None, error.problem) from None
    if different:
        raise refusal(BUNDLE_INVALID, "body", None, f"other answers than recorded: {'; '.join(different)}")
    shown = []
    for each in recorded.organisations:
        server.forget(each.organisation)
        server.service.create(each.organisation, bundle.pinned(each))
        shown.append(server.describe(each.organisation))
        yield
    return Reply({"organisations": shown})
