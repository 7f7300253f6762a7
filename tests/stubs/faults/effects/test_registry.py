"""What follows from the registry of effects: JSON, conflicts, schema, documentation."""

from __future__ import annotations

import pytest
from orgbilling_openapi import control_description
from orgbilling_stubs.faults import effects, errors
from orgbilling_stubs.faults.effects.effect import Effect
from orgbilling_stubs.faults.effects.latency import Latency
from orgbilling_stubs.faults.effects.null_arrays import NullArrays
from orgbilling_stubs.faults.effects.reset import Reset
from orgbilling_stubs.faults.effects.stale import Stale
from orgbilling_stubs.faults.effects.status import Status
from orgbilling_stubs.faults.effects.undocumented_member import UNDOCUMENTED, UndocumentedMember
from orgbilling_stubs.http.errors import Problem

REFUSED = [
    (errors.EFFECT_EMPTY, {}),
    (errors.EFFECT_EMPTY, {"late": True, "detail": "no status"}),
    (errors.EFFECT_EMPTY, {"reset": False}),
    (errors.EFFECTS_CONFLICT, {"reset": True, "hangMs": 1}),
    (errors.EFFECTS_CONFLICT, {"reset": True, "truncateBytes": 1}),
    (errors.EFFECTS_CONFLICT, {"hangMs": 1, "dripBytesPerSecond": 1}),
    (errors.EFFECTS_CONFLICT, {"hangMs": 1, "stale": {"commands": 1}}),
    (errors.EFFECTS_CONFLICT, {"status": 503, "nulls": True}),
    (errors.EFFECT_INVALID, {"latency": {"ms": -1}}),
    (errors.EFFECT_INVALID, {"latency": {"ms": 5, "distribution": "uniform", "maxMs": 4}}),
    (errors.EFFECT_INVALID, {"latency": {"ms": 5, "distribution": "gaussian"}}),
    (errors.EFFECT_INVALID, {"dripBytesPerSecond": 0}),
    (errors.EFFECT_INVALID, {"truncateBytes": -2}),
    (errors.EFFECT_INVALID, {"hangMs": 0}),
    (errors.EFFECT_INVALID, {"status": 503, "retryAfterSeconds": -1}),
    (errors.EFFECT_INVALID, {"status": 199}),
    (errors.EFFECT_INVALID, {"status": 600}),
    (errors.EFFECT_INVALID, {"stale": {}}),
    (errors.EFFECT_INVALID, {"stale": {"commands": 1, "seconds": 1}}),
    (errors.EFFECT_INVALID, {"field": ""}),
    (errors.EFFECT_INVALID, {"field": "creditBalance"}),
    (errors.EFFECT_INVALID, {"rateLimit": {"limit": 0}}),
    (errors.EFFECT_INVALID, {"duplicateMember": {"name": "surprise"}}),
    (errors.EFFECTS_CONFLICT, {"duplicateMember": {"name": "creditBalance"}, "reset": True}),
]


@pytest.mark.parametrize(("row", "document"), REFUSED, ids=[str(document) for _, document in REFUSED])
def test_effects_that_make_no_sense_are_refused(row, document):
    with pytest.raises(Problem) as caught:
        effects.check(effects.parse(document), lambda: {"creditBalance"})
    assert (caught.value.code, caught.value.status) == (row.code, row.status)


def test_an_effect_is_asked_for_once():
    with pytest.raises(Problem, match=errors.EFFECTS_CONFLICT.code):
        effects.check((Reset(), Reset()))


def test_a_refusal_says_what_is_wrong():
    for document, detail in (
        ({"hangMs": 0}, "effect.hangMs: 0 is less than the minimum of 1"),
        ({"latency": {"ms": 5, "maxMs": 1}}, "effect.latency.ms is more than latency.maxMs"),
        ({"reset": True, "hangMs": 1}, f"{errors.EFFECTS_CONFLICT.detail}: reset, hangMs"),
    ):
        with pytest.raises(Problem) as caught:
            effects.check(effects.parse(document))
        assert caught.value.detail == detail


def test_a_success_keeps_the_operations_own_response_which_others_may_change():
    effects.check((Status(202), Stale(commands=1), NullArrays()))
    effects.check((Status(503), UndocumentedMember("extra")))


def test_the_schema_of_the_control_api_is_made_of_the_effects():
    assert control_description.load()["components"]["schemas"]["Effect"] == effects.schema()


def test_no_two_effects_share_a_member():
    members = [member for kind in effects.EFFECTS for member in kind.schema()]
    assert len(members) == len(set(members))


def test_conflicts_and_modifications_name_members_of_effects():
    members = {kind.member for kind in effects.EFFECTS}
    for kind in effects.EFFECTS:
        assert {*kind.conflicts, *kind.modifies} <= members - {kind.member}
        for other in effects.EFFECTS:
            assert (other.member in effects.conflicts(kind)) == (kind.member in effects.conflicts(other))


def test_what_is_shown_can_be_read_back_and_defaults_are_spelled_out():
    document = {"latency": {"ms": 5}, "stale": {"seconds": 3}, "nulls": True, "status": 200}
    shown = effects.document(effects.parse(document))
    assert shown == document | {
        "latency": {"ms": 5, "distribution": "fixed", "maxMs": 600_000, "sigmaPermille": 500}
    }
    assert effects.parse(shown) == effects.parse(document)
    assert effects.document(effects.parse(shown), defaults=False) == document


def test_effects_act_in_the_order_of_the_registry():
    first, second = Latency(1), Latency(2)
    assert effects.in_order((Reset(), second, first, Status(503))) == [second, first, Status(503), Reset()]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"[]", b"null"),
        (b'{"a":[],"b":[1],"c":{"d":[]},"e":{}}', b'{"a":null,"b":[1],"c":{"d":null},"e":{}}'),
    ],
)
def test_empty_arrays_become_null(body, expected):
    assert NullArrays().change_body(body) == expected


def test_a_member_is_added_to_the_object_or_to_each_row_but_not_to_maps_inside():
    more = f'"new":"{UNDOCUMENTED}"'.encode()
    changed = UndocumentedMember("new").change_body
    assert changed(b'{"prices":{"a":1}}') == b'{"prices":{"a":1},' + more + b"}"
    assert changed(b'[{"a":1},{}]') == b'[{"a":1,' + more + b"},{" + more + b"}]"
    assert changed(b"null") == b"null"


def test_an_effect_that_overrides_nothing_does_nothing():
    effect = Effect()
    assert (effect.delay_ms(None), effect.error_response(None, None), effect.change_body(b"x")) == (
        0,
        None,
        b"x",
    )
    assert not effects.changes_body((effect, Status(503)))
    assert effects.changes_body((NullArrays(),))
