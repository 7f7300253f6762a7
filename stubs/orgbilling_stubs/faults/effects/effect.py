"""What every fault effect is: its JSON members, its conflicts, its documentation, and when it acts.

A request with faults goes through five stages. An effect takes part in a stage by overriding one method:

1. `delay_ms`: how long the request waits first. The delays of all effects are added up.
2. `error_response`: an error response in place of the operation's own.
3. `tenants`: the state of the tenant that the operation reads.
4. `change_body`: the body of the response.
5. `change_delivery`: how the response is sent, or that it is not sent at all.

Each effect gets what the one before it returned. In the stages 2 to 4 effects act in the order of the
registry (`faults.effects.EFFECTS`), and among equals those of the oldest rule first. In stage 5 they act
rule by rule.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, Field, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

from orgbilling_openapi.strict_json import JsonObject, JsonValue

if TYPE_CHECKING:
    from orgbilling_stubs.billing.tenant import Tenant
    from orgbilling_stubs.faults.delivery import Delivery
    from orgbilling_stubs.faults.documented_responses import InjectedError
    from orgbilling_stubs.tenants.service import Service

Schema = Mapping[str, object]
"""A JSON Schema."""

Documented = Callable[[], Collection[str]]
"""The names of all members that the API description documents; not cheap."""

LONGEST_MS = 600_000
"""No delay is longer than ten minutes."""
LARGEST_BYTES = 1 << 30


class Draws(Protocol):
    """The chance that belongs to one firing of a rule."""

    def draw(self, purpose: str) -> int:
        """64 random bits, the same for the same rule, match and purpose."""


class TenantReader(Protocol):
    """Where an operation reads the state of a tenant."""

    def tenant(self, organization: str) -> Tenant:
        """The tenant as the operation shall see it."""


class FaultedExchange(Protocol):
    """What an effect can learn about a request, and ask of the fault injector."""

    operation: str
    """The operationId."""
    service: Service
    """Where tenants are."""
    response_headers: dict[bytes, bytes]
    """Headers that the response gets, in place of its own of the same name; names in lower case."""
    success_status: int | None
    """What a 200 of the operation becomes; None keeps it."""

    @property
    def organization(self) -> str:
        """The organization of the token, or an empty string when there is none."""

    def documented_error(
        self, status: int, detail: str | None = None, retry_after_s: int | None = None
    ) -> InjectedError:
        """The error response that the API description documents for a status."""


class Effect:
    """One thing that a fault rule can do to a request or its response.

    member: the JSON member that asks for the effect. on_the_wire: what a client sees, in Markdown, for the
    table in docs/faults.md. conflicts: members of other effects that cannot be in the same rule; it is
    enough when one of two effects names the other. modifies: members of the effects that this one changes;
    alone it does nothing. adds_up: whether the effects of several rules all act; otherwise the oldest
    rule's does. presets: common cases that the console offers with one click, as the JSON members of a rule's
    effect, by what they are called.
    """

    __slots__ = ()
    member: ClassVar[str]
    on_the_wire: ClassVar[str]
    conflicts: ClassVar[tuple[str, ...]] = ()
    modifies: ClassVar[tuple[str, ...]] = ()
    adds_up: ClassVar[bool] = False
    presets: ClassVar[Mapping[str, JsonObject]] = {}

    @classmethod
    def title(cls) -> str:
        """What the effect is called: the words of its class. Example: `RateLimit` -> `Rate limit`."""
        return re.sub(r"(?<!^)(?=[A-Z])", " ", cls.__name__).capitalize()

    @classmethod
    def schema(cls) -> dict[str, Schema]:
        """JSON members of the effect, each with its JSON Schema."""
        return {name: member.metadata["schema"] for name, member in _json_fields(cls).items()}

    @classmethod
    def parse(cls, document: Mapping[str, JsonValue]) -> Self | None:
        """The effect that the members of a valid document ask for; None when they do not."""
        return cls._from_members(document) if cls.member in document else None

    @classmethod
    def _from_members(cls, members: Mapping[str, JsonValue]) -> Self:
        attributes = {
            member.name: members[name] for name, member in _json_fields(cls).items() if name in members
        }
        return cls(**attributes)

    def document(self, *, defaults: bool) -> dict[str, object]:
        """The JSON members that `parse` reads. defaults: also those that have their documented default."""
        members = {}
        for name, member in _json_fields(type(self)).items():
            value = getattr(self, member.name)
            if value != member.default or (defaults and "default" in member.metadata["schema"]):
                members[name] = value
        return members

    def invalid(self, documented: Documented) -> str | None:
        """What no JSON Schema can say about the members; None when they are valid.

        documented: gives the names of all members that the API description documents.
        """
        return None

    def statuses(self) -> tuple[int, ...]:
        """Statuses that the effect answers with: the operations of its rule have to document them."""
        return ()

    def excludes(self, other: Effect) -> bool:
        """Whether this effect names another one as a conflict."""
        return other.member in self.conflicts

    def delay_ms(self, draws: Draws) -> int:
        """How long the request waits before anything else happens, in milliseconds."""
        return 0

    def error_response(self, exchange: FaultedExchange, error: InjectedError | None) -> InjectedError | None:
        """The error response in place of the operation's own; None lets the operation answer.

        error: what an effect before this one answers.
        """
        return error

    def tenants(self, exchange: FaultedExchange, tenants: TenantReader) -> TenantReader:
        """Where the operation reads tenants."""
        return tenants

    def change_body(self, body: bytes) -> bytes:
        """The body of the response. May raise ValueError for a body that is not JSON: it stays as it is."""
        return body

    def change_delivery(self, delivery: Delivery) -> Delivery:
        """How the response is sent."""
        return delivery


class FlagEffect(Effect):
    """An effect that is asked for by `true`."""

    __slots__ = ()
    description: ClassVar[str]

    @classmethod
    def schema(cls) -> dict[str, Schema]:
        """One boolean."""
        return {cls.member: {"type": "boolean", "description": cls.description}}

    @classmethod
    def parse(cls, document: Mapping[str, JsonValue]) -> Self | None:
        """The effect, unless the member is false or missing."""
        return cls() if document.get(cls.member) else None

    def document(self, *, defaults: bool) -> dict[str, object]:
        """`true`."""
        return {self.member: True}


class ObjectEffect(Effect):
    """An effect whose fields are the members of one JSON object. constraints: more JSON Schema for it."""

    __slots__ = ()
    description: ClassVar[str]
    constraints: ClassVar[Schema] = {}

    @classmethod
    def schema(cls) -> dict[str, Schema]:
        """One object."""
        required = [name for name, member in _json_fields(cls).items() if member.default is MISSING]
        schema: dict[str, object] = {"type": "object", "additionalProperties": False}
        if required:
            schema["required"] = required
        schema |= cls.constraints
        return {cls.member: schema | {"description": cls.description, "properties": super().schema()}}

    @classmethod
    def _from_members(cls, members: Mapping[str, JsonValue]) -> Self:
        return super()._from_members(members[cls.member])

    def document(self, *, defaults: bool) -> dict[str, object]:
        """The object."""
        return {self.member: super().document(defaults=defaults)}


def json_field(name: str, schema: Schema, default: object = MISSING) -> Any:
    """A dataclass field that is a JSON member. Its default is the one in the schema, if there is one."""
    return field(default=schema.get("default", default), metadata={"name": name, "schema": schema})


def integer(minimum: int, maximum: int, description: str = "", default: int | None = None) -> Schema:
    """The JSON Schema of a whole number within bounds."""
    schema: dict[str, object] = {"type": "integer", "format": "int32", "minimum": minimum, "maximum": maximum}
    if default is not None:
        schema["default"] = default
    return schema | ({"description": description} if description else {})


def text(longest: int, description: str) -> Schema:
    """The JSON Schema of a text that is not empty."""
    return {"type": "string", "minLength": 1, "maxLength": longest, "description": description}


def _json_fields(effect_type: type[Effect]) -> dict[str, Field[Any]]:
    """The fields of a dataclass that are JSON members, by the members' names."""
    dataclass_fields = fields(effect_type)  # type: ignore[arg-type]
    return {str(member.metadata["name"]): member for member in dataclass_fields if member.metadata}
