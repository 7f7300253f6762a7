"""What a rule is, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orgbilling_conformance.exchange import Exchange
from orgbilling_conformance.facts import Facts, Path

if TYPE_CHECKING:
    from orgbilling_conformance.schema import Schemas

BASES = ("documented", "published", "assumed", "law")
FACTS = ("documented", "published")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    id: stable; title: what must hold; basis: the bases that its findings can have (a rule over schemas
    takes that of the node); needs: what a run must have for it (read, two tokens, an expired token, a
    write, documents); operations: ids, empty for all; why: what it rests on; kind: ``response`` (judges
    any single exchange, recorded ones too) or ``scenario``.
    """

    id: str
    title: str
    basis: tuple[str, ...]
    why: str
    kind: str = "response"
    needs: tuple[str, ...] = ("read",)
    operations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Observation:
    """One breach of one rule; basis: where it is not the first of the rule's; node: of the contract."""

    rule: str
    pointer: str
    expected: str
    observed: str
    basis: str = ""
    node: Path = ()
    reason: str = ""


@dataclass(frozen=True)
class Knowledge:
    """What rules judge with."""

    facts: Facts
    schemas: Schemas
    secrets: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Judged:
    """What a judgment by several rules came to: those that had something to judge, and the breaches."""

    rules: tuple[str, ...]
    observations: tuple[Observation, ...] = ()

    def __iter__(self) -> Iterator[Observation]:
        return iter(self.observations)


Judgment = Callable[[Exchange, Knowledge], Iterable[Observation] | None]
"""A response rule: its observations, or None where it has nothing to say about the exchange.

Where several rules share a judgment, and not all of them have something to judge, it is a `Judged`.
"""


def severity(basis: str) -> str:
    """error for what the vendor says, warning for what we do."""
    return "error" if basis in FACTS else "warning"
