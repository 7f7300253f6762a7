"""Secrets of organizations, which make the ids of their checkout and portal sessions unguessable.

Whoever knows the id of a session may use it. An organization gets its secret with `TenantCreated`, the first
event of its log. So a session survives a restart, all servers on one database share it, and a bundle
replays it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from orgbilling_stubs.tenants.store.errors import StoreError
from orgbilling_stubs.tenants.store.protocol import Store

SECRET_BYTES = 16
"""128 random bits, as many as a random UUID has at most."""

_MOST_NAMES = 3
"""How many organizations an error names; the others are counted."""


def no_secret() -> str:
    """The secret of an organization whose session ids follow from the seed, the same at every start."""
    return ""


def random_secret() -> str:
    """A new secret."""
    return secrets.token_hex(SECRET_BYTES)


def secret_source(store: Store, deterministic: bool | None, loopback: bool) -> Callable[[], str]:
    """Where the secrets of new organizations come from: they have none when ids are deterministic.

    deterministic: what the user asked for. None stands for deterministic ids on loopback, unless the database
    has organizations with secrets: then another server on it has random ids.
    Raises StoreError when ids must be random, and the database has organizations without a secret: anybody
    can compute the ids of their sessions.
    """
    created = dict(store.creation_events())
    guessable = [organization for organization, event in created.items() if not event.session_secret]
    if deterministic is None and loopback:
        return no_secret if len(guessable) == len(created) else random_secret
    if deterministic:
        return no_secret
    if guessable:
        raise StoreError(_guessable_problem(guessable))
    return random_secret


def _guessable_problem(organizations: list[str]) -> str:
    rest = len(organizations) - _MOST_NAMES
    names = ", ".join(organizations[:_MOST_NAMES]) + (f" and {rest} more" if rest > 0 else "")
    return (
        f"the database has organizations with deterministic session ids, which anybody can compute "
        f"({names}): use another database, or --deterministic-ids to serve them all the same"
    )
