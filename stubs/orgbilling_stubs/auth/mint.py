"""Mint Clerk session tokens, versions 1 and 2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from orgbilling_stubs.auth.clerkid import clerk_id
from orgbilling_stubs.auth.jws import serialize, signing_input
from orgbilling_stubs.auth.principal import DEFAULT_ORGANIZATION, bare_role
from orgbilling_stubs.auth.rsa import SigningKey

# `.test` is reserved (RFC 6761), so that no real Clerk instance can ever have this name.
ISSUER = "https://clerk.orgbilling.test"
SESSION_CATEGORY = "cl_B7d4PD111AAA"
DEFAULT_AZP = "http://localhost:3000"
DEFAULT_TTL_S = 3600
NBF_LEAD_S = 10

_PERMISSIONS = ("read", "manage")


@dataclass(frozen=True, slots=True)
class Session:
    """What a token is to say: who, where, in which role, for which origin, for how many seconds."""

    organization: str = DEFAULT_ORGANIZATION
    role: str = "admin"
    subject: str | None = None
    azp: str = DEFAULT_AZP
    ttl_s: int = DEFAULT_TTL_S
    version: int = 2

    @property
    def user(self) -> str:
        """The subject, or a user id that belongs to this organization and role."""
        return self.subject or clerk_id("user", self.organization, bare_role(self.role))

    @property
    def session_id(self) -> str:
        """A session id: the same for the same organization, role and user."""
        return clerk_id("sess", self.organization, bare_role(self.role), self.user)


def header(kid: str) -> dict[str, Any]:
    """Return the JOSE header of a session token."""
    return {"alg": "RS256", "cat": SESSION_CATEGORY, "kid": kid, "typ": "JWT"}


def claims(session: Session, now_ms: int) -> dict[str, Any]:
    """Return the claims of a session issued at `now_ms` (epoch milliseconds, real time)."""
    issued = now_ms // 1000
    common = {
        "azp": session.azp,
        "exp": issued + session.ttl_s,
        "fva": [0, -1],
        "iat": issued,
        "iss": ISSUER,
        "nbf": issued - NBF_LEAD_S,
        "sid": session.session_id,
        "sub": session.user,
    }
    return common | (_first(session) if session.version == 1 else _second(session, issued))


def slug(organization: str) -> str:
    """Return the organization's slug: the id without `org_`, with hyphens."""
    return organization.removeprefix("org_").replace("_", "-").lower()


def _granted(session: Session) -> tuple[str, ...]:
    return _PERMISSIONS if bare_role(session.role).endswith("admin") else _PERMISSIONS[:1]


def _first(session: Session) -> dict[str, Any]:
    return {
        "org_id": session.organization,
        "org_slug": slug(session.organization),
        "org_role": f"org:{bare_role(session.role)}",
        "org_permissions": [f"org:billing:{name}" for name in _granted(session)],
    }


def _second(session: Session, issued: int) -> dict[str, Any]:
    return {
        "jti": clerk_id("jti", session.session_id, issued, session.ttl_s).removeprefix("jti_"),
        "v": 2,
        "pla": "o:standard",
        "fea": "o:billing",
        "sts": "active",
        "o": {
            "id": session.organization,
            "slg": slug(session.organization),
            "rol": bare_role(session.role),
            "per": ",".join(_PERMISSIONS),
            # One bit per permission in `per`, the first one lowest.
            "fpm": str((1 << len(_granted(session))) - 1),
        },
    }


def sign(key: SigningKey, head: dict[str, Any], body: dict[str, Any]) -> str:
    """Return the compact token of any header and claims, signed RS256 with `key`."""
    signed = signing_input(head, body)
    return serialize(signed, key.sign(signed))


def mint(key: SigningKey, session: Session, now_ms: int) -> str:
    """Return a good token; the same for the same key, session and second."""
    return sign(key, header(key.kid), claims(session, now_ms))
