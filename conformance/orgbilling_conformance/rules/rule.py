"""What a conformance rule is, and what a violation of it says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orgbilling_conformance.api_description import ApiDescription, Path
from orgbilling_conformance.exchange import Exchange

if TYPE_CHECKING:
    from orgbilling_conformance.schema_validation import SchemaValidator

BASES = ("documented", "published", "assumed", "invariant")
FACTS = ("documented", "published")


@dataclass(frozen=True, slots=True)
class ConformanceRule:
    """One rule.

    id: stable; title: what must hold; basis: the bases that its findings can have (a rule over schemas
    takes that of the node); needs: what a run must have for it (read, two tokens, an expired token, a
    write, documents); operations: ids, empty for all; why: what a client loses where it does not hold, and
    what it rests on; kind: ``response`` (applies to any single exchange, recorded ones too) or ``scenario``;
    example: what breaks it.
    """

    id: str
    title: str
    basis: tuple[str, ...]
    why: str
    kind: str = "response"
    needs: tuple[str, ...] = ("read",)
    operations: tuple[str, ...] = ()
    example: str = ""


@dataclass(frozen=True, slots=True)
class RuleViolation:
    """One violation of a rule.

    basis: given where it is not the first of the rule's; node: the node of the API description that is
    broken; reason: why we assume what is broken; value: what tells violations at one place apart.
    """

    rule: str
    pointer: str
    expected: str
    observed: str
    basis: str = ""
    node: Path = ()
    reason: str = ""
    value: str = ""


@dataclass(frozen=True)
class RuleContext:
    """What response rules need besides the exchange."""

    api: ApiDescription
    schemas: SchemaValidator
    secrets: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The result of a check that several rules share: the rules that applied, and their violations."""

    rules: tuple[str, ...]
    violations: tuple[RuleViolation, ...] = ()

    def __iter__(self) -> Iterator[RuleViolation]:
        return iter(self.violations)


ResponseCheck = Callable[[Exchange, RuleContext], Iterable[RuleViolation] | None]
"""A response rule as a function: its violations, or None where the rule does not apply to the exchange.

Where several rules share a check, and not all of them apply, the result is an `Evaluation`.
"""


def severity(basis: str) -> str:
    """error for what the vendor says, warning for what we do."""
    return "error" if basis in FACTS else "warning"
