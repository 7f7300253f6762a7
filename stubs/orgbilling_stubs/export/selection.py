"""Who is exported: one specification for each organization, chosen by name or drawn from a mix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from orgbilling_fixtures import random_stream
from orgbilling_fixtures.personas import Persona, load

from orgbilling_stubs.billing.events import TenantCreated
from orgbilling_stubs.tenants.bundle import RecordedOrganization

MIX = (
    ("standard", 22),
    ("contract_active", 14),
    ("dense", 8),
    ("no_contract", 10),
    ("low_balance", 7),
    ("zero_balance", 2),
    ("overdrawn", 2),
    ("new_org", 5),
    ("free_credit_used", 4),
    ("postpaid_near_limit", 6),
    ("postpaid_over_limit", 2),
    ("contract_pending", 2),
    ("contract_ending", 2),
    ("contract_ending_renew", 3),
    ("contract_expired", 2),
    ("contract_cancelled", 1),
    ("installment_overdue", 2),
    ("euro", 4),
    ("vouchers", 2),
)
"""How often each persona is drawn by `--orgs`, per cent: mostly healthy customers, some in trouble."""


NOBODY: Mapping[str, RecordedOrganization] = {}


class Person(NamedTuple):
    """One organization to export: its id, and the key of its persona's document."""

    organization: str
    persona: str


class Cast(NamedTuple):
    """All organizations of an export, in order, with what their histories follow from."""

    people: Sequence[Person]
    documents: Mapping[str, Mapping[str, Any]]
    seed: int
    as_of_ms: int
    logs: Mapping[str, RecordedOrganization] = NOBODY
    """What was done to organizations of a running world, by their ids."""

    def created(self, person: Person) -> TenantCreated:
        """The event that creates the organization, as the stub would write it."""
        return TenantCreated(self.documents[person.persona], self.seed, self.as_of_ms, person.organization)


def chosen(names: Sequence[str]) -> list[Person]:
    """One organization for each persona, under the id that names it in a stub."""
    return [Person(f"org_{load(name).name}", name) for name in dict.fromkeys(names)]


def drawn(count: int, seed: int) -> list[Person]:
    """`count` organizations drawn from the mix; the first ones are the same for any count."""
    sums = random_stream.cumulative([weight for _, weight in MIX])
    key = random_stream.key("mix", seed)
    picked = (MIX[random_stream.pick(random_stream.draw(key, number), sums)][0] for number in range(count))
    return [Person(f"org_{name}_{number:06d}", name) for number, name in enumerate(picked)]


def document(name: str, days: int | None, locale: str | None) -> Mapping[str, Any]:
    """The persona's document, with another length of history or another locale if one is given.

    Raises PersonaError when there is no such persona.
    """
    persona: Persona = load(name)
    if days is not None:
        persona = replace(persona, usage=replace(persona.usage, history_days=days))
    if locale is not None:
        persona = replace(persona, locale=locale)
    return persona.document


def cast(
    people: Sequence[Person], seed: int, as_of_ms: int, days: int | None = None, locale: str | None = None
) -> Cast:
    """The organizations with their personas' documents.

    Raises PersonaError when a persona cannot be used.
    """
    names = dict.fromkeys(person.persona for person in people)
    return Cast(people, {name: document(name, days, locale) for name in names}, seed, as_of_ms)
