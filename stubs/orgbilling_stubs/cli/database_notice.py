"""The notice at the start about a database whose organizations were created with other settings."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from orgbilling_stubs.tenants.store.address import shown_address

if TYPE_CHECKING:
    from orgbilling_stubs.billing.events import TenantCreated
    from orgbilling_stubs.tenants.service import Service

_MOST_NAMES = 3
"""How many organizations are named; the others are counted."""


def database_notice(service: Service, db: str | None, url: str) -> str | None:
    """Return a line on the settings that organizations of the database do not follow; None when all do.

    url: where the stub listens, for the command that deletes an organization, so that it is created anew.
    """
    ignored: dict[str, list[str]] = {}
    for organization, created in service.store.creation_events():
        for setting in _ignored_settings(service, organization, created):
            ignored.setdefault(setting, []).append(organization)
    if not ignored:
        return None
    settings = "; ".join(f"{setting} by {_listed(names)}" for setting, names in sorted(ignored.items()))
    first = next(iter(ignored.values()))[0]
    return (
        f"{shown_address(db or '')} has organizations that were created with other settings, and keep them. "
        f"Ignored: {settings}. "
        f"To create one again: curl -X DELETE {url}/_mock/v1/organizations/{quote(first, safe='')} "
        "(or use another file)"
    )


def _ignored_settings(service: Service, organization: str, created: TenantCreated) -> Iterator[str]:
    if created.seed != service.seed:
        yield f"--seed {service.seed}"
    if service.clock.frozen and created.as_of_ms != service.clock.now_ms():
        yield "--clock (the history was made at another instant)"
    # Through JSON, as the log has stored the persona: a tuple becomes a list.
    persona = json.loads(json.dumps(service.persona_of(organization)))
    if json.loads(json.dumps(created.persona)) != persona:
        yield f"persona {persona.get('name')}"


def _listed(names: Sequence[str]) -> str:
    rest = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {rest} more" if rest > 0 else "")
