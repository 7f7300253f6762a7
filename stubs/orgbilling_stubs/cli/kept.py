"""What a database keeps: settings that organizations made earlier do not follow."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from orgbilling_stubs.billing.events import TenantCreated
    from orgbilling_stubs.tenants.service import Service

_NAMED = 3
"""As many organizations are named; the others are counted."""


def notice(service: Service, db: str | None, url: str) -> str | None:
    """One line on the settings that organizations of the database do not follow; None when all do.

    url: where the stub listens, for the command that lets an organization begin anew.
    """
    unheeded: dict[str, list[str]] = {}
    for organization, created in service.store.creation_events():
        for setting in _differing(service, organization, created):
            unheeded.setdefault(setting, []).append(organization)
    if not unheeded:
        return None
    told = "; ".join(f"{setting} by {_listed(names)}" for setting, names in sorted(unheeded.items()))
    first = next(iter(unheeded.values()))[0]
    return (
        f"{db} keeps organizations as they were made. Not followed: {told}. "
        f"To make one anew: curl -X DELETE {url}/_mock/v1/organizations/{quote(first, safe='')} "
        "(or use another file)"
    )


def _differing(service: Service, organization: str, created: TenantCreated) -> Iterator[str]:
    if created.seed != service.seed:
        yield f"--seed {service.seed}"
    if service.clock.frozen and created.as_of_ms != service.clock.now_ms():
        yield "--clock (history made at another instant)"
    present = json.loads(json.dumps(service.persona_of(organization)))
    if json.loads(json.dumps(created.persona)) != present:
        yield f"persona {present.get('name')}"


def _listed(names: Sequence[str]) -> str:
    rest = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")
