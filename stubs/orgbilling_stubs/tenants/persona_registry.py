"""The personas of a server, and which of them an organization gets: `org_NAME` names one.

The shipped ones are listed in `orgbilling_fixtures.personas.catalog`.
"""

from __future__ import annotations

from collections.abc import Sequence

from orgbilling_fixtures import personas
from orgbilling_fixtures.personas import Persona
from orgbilling_openapi.strict_json import JsonObject
from orgbilling_openapi.suggestions import nearest

DEFAULT = "standard"


class PersonaRegistry:
    """The personas of a server: the shipped ones, and those of the user's files.

    chosen: names or paths given by the user; the first one is the default. A persona from a file replaces
    the shipped one of the same name. Raises PersonaError when one of them cannot be used.
    """

    def __init__(self, chosen: Sequence[str] = ()) -> None:
        self._chosen = {persona.name: persona for persona in map(personas.load, chosen)}
        self.default = next(iter(self._chosen), DEFAULT)

    @property
    def names(self) -> list[str]:
        """The personas to show: those chosen, or all that are shipped."""
        return list(self._chosen) or personas.names()

    def load(self, name: str) -> Persona:
        """A persona by name; raises PersonaError when there is none."""
        return self._chosen.get(name) or personas.load(name)

    def of(self, organization: str) -> JsonObject:
        """The document of the persona that an organization id names, or of the default persona.

        `org_N` and `org_N_…` name the persona N; of several, the longest N counts.
        """
        return self.load(personas.persona_for(organization, self.default, self._chosen)).document

    def notice(self, organization: str) -> str | None:
        """A line about an id that nearly names a persona, such as `org_low_balanc`; None for any other."""
        names = list(dict.fromkeys([*self._chosen, *personas.names()]))
        if personas.persona_for(organization, "", names):
            return None
        hint = nearest(organization.removeprefix("org_"), names)
        return f"{organization} names no persona, so it gets {self.default}{hint}" if hint else None


def organization_id(persona: str) -> str:
    """The organization id that names a persona."""
    return f"org_{persona}"
