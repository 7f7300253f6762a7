"""Which persona an organization is: its id names one, or it gets the default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orgbilling_fixtures import personas
from orgbilling_fixtures.personas import Persona

DEFAULT = "standard"


class PersonaRegistry:
    """The personas of a server: the shipped ones, and those of the user's files.

    chosen: names or paths given by the user; the first one is the default. A file's persona takes the
    place of a shipped one of the same name.
    Raises PersonaError when one of them cannot be used.
    """

    def __init__(self, chosen: Sequence[str] = ()) -> None:
        self._own = {persona.name: persona for persona in map(personas.load, chosen)}
        self.default = next(iter(self._own), DEFAULT)

    @property
    def names(self) -> list[str]:
        """The personas to show: those chosen, or all that are shipped."""
        return list(self._own) or personas.names()

    def load(self, name: str) -> Persona:
        """A persona by name; raises PersonaError when there is none."""
        return self._own.get(name) or personas.load(name)

    def of(self, organization: str) -> Mapping[str, Any]:
        """The document of the persona that the organization id names: the longest N of org_N or org_N_…"""
        return self.load(personas.persona_for(organization, self.default, self._own)).document


def organization_id(persona: str) -> str:
    """The organization id that names a persona."""
    return f"org_{persona}"
