"""The suite never sends a method or path that was not allowed, whatever the mode."""

from __future__ import annotations

from itertools import combinations

import pytest

from mutation.defects import BY_NAME
from mutation.mutations import CHECKOUT, PORTAL, REDEEM, ROUTES, SUBSCRIBE
from mutation.proxy import Proxy
from mutation.recorder import Recorder
from mutation.sound_server import VOUCHER, sound_server
from mutation.trial import FULL, QUICK, READING, suite

READS = {route for route in ROUTES.values() if route[0] == "GET"}
WRITES = {
    "redeem": ROUTES[REDEEM],
    "checkout": ROUTES[CHECKOUT],
    "portal": ROUTES[PORTAL],
    "subscribe": ROUTES[SUBSCRIBE],
}
SETS = [names for count in range(len(WRITES) + 1) for names in combinations(WRITES, count)]
# None, one and all at every run, the others in the long suites.
QUICKLY = [
    pytest.param(names, marks=[] if len(names) in (0, 4) or names == ("redeem",) else pytest.mark.slow)
    for names in SETS
]
AGREED = "00000000-0000-4000-8000-00000000000a"
# What a target publishes about itself is fetched unless `documents` forbids it.
PUBLISHED = ("/api/v1/openapi.json", "/api/v1/schemas/", "/.well-known/jwks.json", "/v1/jwks")


def sent(mode, writes=(), defect=None, **more):
    """Method and path of all that the suite sends."""
    server = sound_server()
    target = Recorder(Proxy(server.app, BY_NAME[defect].make(server)) if defect else server.app)
    given = {
        "allow_write": writes,
        "voucher": VOUCHER if "redeem" in writes else None,
        "contract_id": AGREED if "subscribe" in writes else None,
    }
    suite(target, server, mode, **{"examples": 3, **given, **more})
    return set(target.seen)


def foreign(seen, writes=()):
    """What is neither a documented read nor an allowed write nor a published document."""
    allowed = READS | {WRITES[name] for name in writes if name in WRITES}
    return {
        (method, path)
        for method, path in seen - allowed
        if not (method == "GET" and path.startswith(PUBLISHED))
    }


@pytest.mark.slow
@pytest.mark.parametrize("writes", QUICKLY, ids="+".join)
def test_quick_sends_what_was_allowed_and_nothing_else(writes):
    seen = sent(QUICK, writes)
    assert foreign(seen, writes) == set()
    assert seen >= READS


@pytest.mark.slow
def test_without_documents_only_operations_are_asked():
    assert sent(READING, documents=False) <= READS


@pytest.mark.slow
@pytest.mark.parametrize("defect", ["always-busy", "redirect-for-401"])
def test_a_defective_server_leads_nowhere_else(defect):
    assert foreign(sent(READING, defect=defect)) == set()


@pytest.mark.slow
def test_undocumented_methods_are_sent_when_they_are_named_and_to_documented_paths_alone():
    seen = sent(QUICK, ("methods",))
    documented = {path for _, path in ROUTES.values()}
    assert {path for method, path in foreign(seen) if path not in documented} <= {
        "/api/v1/org/no-such-operation"
    }


@pytest.mark.slow
@pytest.mark.parametrize("writes", [names for names in SETS if len(names) in (0, 1, 4)], ids="+".join)
def test_full_sends_what_was_allowed_and_nothing_else(writes):
    assert foreign(sent(FULL, writes), writes) == set()
