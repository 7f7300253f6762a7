"""One organization's tables: in columns where numpy is installed and columns suffice, else by the engine."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from typing import Any

from orgbilling_fixtures.personas import Persona, parse

from orgbilling_stubs.api import serializers
from orgbilling_stubs.billing import scheduler
from orgbilling_stubs.billing.log_branches import active_branch
from orgbilling_stubs.billing.state import after_history, state_of
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.export import scalar
from orgbilling_stubs.export.columnar.columns import Chunk
from orgbilling_stubs.export.errors import has
from orgbilling_stubs.export.schema import NAMES
from orgbilling_stubs.export.selection import Cast, Person
from orgbilling_stubs.tenants import tenant_factory

WINDOWS = (1, 7, 30, 90, 365)
"""The values of `days` that the API's bodies are exported for."""

BASE_URL = "http://127.0.0.1:4010"


class Engine:
    """Makes the tables of a cast's organizations."""

    def __init__(self, cast: Cast) -> None:
        self._cast = cast
        self._personas: dict[str, Persona] = {
            name: parse(document, name) for name, document in cast.documents.items()
        }

    def tables(self, person: Person, wanted: Collection[str] = NAMES) -> dict[str, Chunk]:
        """The wanted tables of one organization, by name."""
        persona = self._personas[person.persona]
        recorded = self._cast.logs.get(person.organization)
        if recorded is not None:
            return scalar.tables(self.tenant(person), persona, wanted, active_branch(recorded.records))
        if fast():
            from orgbilling_stubs.export.columnar import vector

            made = vector.tables(
                tenant_factory.unsolved_config(person.organization, self._cast.created(person)),
                persona,
                wanted,
            )
            if made is not None:
                return made
        return scalar.tables(self.tenant(person), persona, wanted)

    def tenant(self, person: Person) -> Tenant:
        """The organization's tenant at the clock, as the stub has it."""
        recorded = self._cast.logs.get(person.organization)
        if recorded is not None:
            tenant = state_of(recorded.organization, recorded.records, tenant_factory.tenant_config)
            scheduler.advance(tenant, recorded.at_ms)
            return tenant
        return after_history(tenant_factory.tenant_config(person.organization, self._cast.created(person)))

    def bodies(self, person: Person) -> dict[str, Any]:
        """What the API answers to every GET of the organization."""
        return serializers.all_bodies(self.tenant(person), BASE_URL, WINDOWS)


@lru_cache(maxsize=1)
def fast() -> bool:
    """Whether numpy is installed."""
    return has("numpy")
