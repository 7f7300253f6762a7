"""One organisation's tables: in columns where numpy is installed and columns suffice, else by the engine."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from typing import Any

from orgbilling_fixtures.persona import Persona, parse

from .. import genesis, views
from ..domain import agenda
from ..domain.fold import fold
from ..domain.lineage import effective
from ..domain.tenant import Tenant
from . import scalar
from .columns import Chunk
from .people import Cast, Person
from .refusal import has
from .schema import NAMES

WINDOWS = (1, 7, 30, 90, 365)
"""The values of `days` that the API's bodies are exported for."""

BASE_URL = "http://127.0.0.1:4010"


class Engine:
    """Makes the tables of a cast's organisations."""

    def __init__(self, cast: Cast) -> None:
        self._cast = cast
        self._personas: dict[str, Persona] = {
            name: parse(document, name) for name, document in cast.documents.items()
        }

    def tables(self, person: Person, wanted: Collection[str] = NAMES) -> dict[str, Chunk]:
        """The wanted tables of one organisation, by name."""
        persona = self._personas[person.persona]
        recorded = self._cast.logs.get(person.organisation)
        if recorded is not None:
            return scalar.tables(self.tenant(person), persona, wanted, effective(recorded.records))
        if fast():
            from . import vector

            made = vector.tables(
                genesis.draft(person.organisation, self._cast.created(person)), persona, wanted
            )
            if made is not None:
                return made
        return scalar.tables(self.tenant(person), persona, wanted)

    def tenant(self, person: Person) -> Tenant:
        """The organisation's tenant at the clock, as the stub has it."""
        recorded = self._cast.logs.get(person.organisation)
        if recorded is not None:
            tenant = fold(recorded.organisation, recorded.records, genesis.plan)
            agenda.advance(tenant, recorded.at_ms)
            return tenant
        return scalar.grown(genesis.plan(person.organisation, self._cast.created(person)))

    def bodies(self, person: Person) -> dict[str, Any]:
        """What the API answers to every GET of the organisation."""
        return views.all_bodies(self.tenant(person), BASE_URL, WINDOWS)


@lru_cache(maxsize=1)
def fast() -> bool:
    """Whether numpy is installed."""
    return has("numpy")
