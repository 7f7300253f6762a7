"""The principal of a request: who is calling, as authentication found out."""

from __future__ import annotations

import re
from dataclasses import dataclass

DEFAULT_ORGANIZATION = "org_standard"
NEVER_EXPIRES_MS = 253_402_300_799_000  # 9999-12-31T23:59:59Z, the last instant that RFC 3339 can write

_ORGANIZATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller. role: without `org:`. expires_ms: real time in epoch milliseconds."""

    organization: str
    role: str
    subject: str
    session: str | None
    expires_ms: int

    @property
    def is_admin(self) -> bool:
        """Whether the role ends in `admin`: the vendor's rule for projects, assumed for billing writes."""
        return self.role.endswith("admin")


def is_organization(text: str) -> bool:
    """Whether a text can be an organization id: 1 to 128 of `A-Z a-z 0-9 _ . -`, first a letter or digit."""
    return _ORGANIZATION.fullmatch(text) is not None


def bare_role(role: str) -> str:
    """Return a role as version 2 claims write it: without the `org:` of version 1."""
    return role.removeprefix("org:")
