"""The registry of fault effects: everything about them follows from this list.

The JSON that describes the effects of a rule, its JSON Schema in the control API, the conflicts, and the
table in docs/faults.md are made from the classes listed here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import combinations
from typing import TypeAlias

from jsonschema_rs import Draft202012Validator
from orgbilling_openapi.strict_json import JsonValue

from orgbilling_stubs.faults import errors
from orgbilling_stubs.faults.effects.drip import Drip
from orgbilling_stubs.faults.effects.duplicate_member import DuplicateMember
from orgbilling_stubs.faults.effects.effect import Documented, Effect
from orgbilling_stubs.faults.effects.hang import Hang
from orgbilling_stubs.faults.effects.late import Late
from orgbilling_stubs.faults.effects.latency import Latency
from orgbilling_stubs.faults.effects.null_arrays import NullArrays
from orgbilling_stubs.faults.effects.rate_limit import RateLimit
from orgbilling_stubs.faults.effects.reset import Reset
from orgbilling_stubs.faults.effects.stale import Stale
from orgbilling_stubs.faults.effects.status import Status
from orgbilling_stubs.faults.effects.truncate import Truncate
from orgbilling_stubs.faults.effects.undocumented_member import UndocumentedMember

Effects: TypeAlias = tuple[Effect, ...]
"""The effects of a rule, in the order of the registry, no kind twice."""

EFFECTS: tuple[type[Effect], ...] = (
    Latency,
    RateLimit,  # before Status: a client that is over its limit hears nothing else
    Status,
    Stale,
    NullArrays,
    UndocumentedMember,
    DuplicateMember,  # after every effect that reads the body as JSON
    Drip,
    Truncate,
    Late,  # before Reset and Hang, which it modifies
    Reset,
    Hang,
)
"""Every effect, in the order in which they act."""


def parse(document: Mapping[str, JsonValue]) -> Effects:
    """The effects of a JSON object that fits the schema Effect of the control API."""
    parsed = (kind.parse(document) for kind in EFFECTS)
    return tuple(effect for effect in parsed if effect is not None)


def document(effects: Sequence[Effect], *, defaults: bool = True) -> dict[str, object]:
    """The JSON object that `parse` reads. defaults: with the members that have their default."""
    return {name: value for effect in effects for name, value in effect.document(defaults=defaults).items()}


def check(effects: Sequence[Effect], documented: Documented = frozenset) -> None:
    """Raise Problem when effects do nothing, cannot happen to one response, or have invalid members.

    documented: gives the names of all members that the API description documents.
    """
    members = {effect.member for effect in effects}
    if all(effect.modifies for effect in effects):
        raise errors.at(errors.EFFECT_EMPTY, "body.effect", document(effects))
    if len(members) < len(effects):
        raise errors.at(errors.EFFECTS_CONFLICT, "body.effect", document(effects))
    for one, other in combinations(effects, 2):
        if one.excludes(other) or other.excludes(one):
            detail = f"{errors.EFFECTS_CONFLICT.detail}: {one.member}, {other.member}"
            raise errors.at(errors.EFFECTS_CONFLICT, f"body.effect.{other.member}", document([other]), detail)
    for error in _validator(EFFECTS).iter_errors(document(effects)):
        place = ".".join(map(str, error.instance_path))
        detail = f"effect.{place}: {error.message}"
        raise errors.at(errors.EFFECT_INVALID, f"body.effect.{place}", error.instance, detail)
    for effect in effects:
        problem = effect.invalid(documented)
        if problem is not None:
            place = problem.split()[0].rstrip(":")
            raise errors.at(errors.EFFECT_INVALID, f"body.effect.{place}", None, f"effect.{problem}")


def check_members(document: Mapping[str, JsonValue]) -> None:
    """Raise Problem for a member that belongs to an effect which is not asked for, such as `detail` alone."""
    for kind in EFFECTS:
        for name in kind.schema():
            if name in document and kind.member not in document:
                message = f"{name} needs `{kind.member}`"
                raise errors.at(errors.EFFECT_INVALID, f"body.effect.{name}", document[name], message)


def changes_body(effects: Sequence[Effect]) -> bool:
    """Whether one of the effects makes another body of the response's own."""
    return any(type(effect).change_body is not Effect.change_body for effect in effects)


def in_order(effects: Sequence[Effect]) -> list[Effect]:
    """Effects of several rules in the order of the registry; those of a kind keep their order."""
    return sorted(effects, key=lambda effect: EFFECTS.index(type(effect)))


def schema() -> dict[str, object]:
    """The schema Effect of the control API."""
    return {
        "type": "object",
        "additionalProperties": False,
        "minProperties": 1,
        "description": "What a rule does. Effects combine where they can happen to one response.",
        "properties": {name: part for kind in EFFECTS for name, part in kind.schema().items()},
    }


def conflicts(kind: type[Effect]) -> list[str]:
    """Members of the effects that cannot be in a rule together with this one."""
    return [
        other.member for other in EFFECTS if other.member in kind.conflicts or kind.member in other.conflicts
    ]


@cache
def _validator(kinds: tuple[type[Effect], ...]) -> Draft202012Validator:
    """Compiled once for a registry; the registry is an argument because tests extend it."""
    return Draft202012Validator(schema())
