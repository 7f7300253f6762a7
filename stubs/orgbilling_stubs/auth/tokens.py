"""Clerk session tokens (JWS in the compact serialization, RFC 7515): minting, reading, and the signature."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from orgbilling_openapi.strict_json import JsonObject

from orgbilling_stubs.auth.clerk_ids import clerk_id
from orgbilling_stubs.auth.decoding import decode_base64url, decode_object
from orgbilling_stubs.auth.errors import AuthError
from orgbilling_stubs.auth.keys import PublicKey, SigningKey
from orgbilling_stubs.auth.principal import DEFAULT_ORGANIZATION, bare_role

# `.test` is reserved (RFC 6761), so that no real Clerk instance can ever have this name.
ISSUER = "https://clerk.orgbilling.test"
SESSION_CATEGORY = "cl_B7d4PD111AAA"
DEFAULT_AZP = "http://localhost:3000"
DEFAULT_TTL_S = 3600
NBF_LEAD_S = 10
MAX_TOKEN_LENGTH = 8192  # twice what fits into a cookie, where Clerk puts its session tokens

_PERMISSIONS = ("read", "manage")


@dataclass(frozen=True, slots=True)
class ClerkSession:
    """What a token says: who, in which organization and role, for which origin, for how many seconds.

    version: of the claims; 1 has `org_id` and `org_role`, 2 has `o`.
    """

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


def token_header(kid: str) -> dict[str, str]:
    """Return the JOSE header of a session token."""
    return {"alg": "RS256", "cat": SESSION_CATEGORY, "kid": kid, "typ": "JWT"}


def token_claims(session: ClerkSession, now_ms: int) -> dict[str, object]:
    """Return the claims of a session issued at `now_ms` (epoch milliseconds, real time)."""
    issued_s = now_ms // 1000
    common = {
        "azp": session.azp,
        "exp": issued_s + session.ttl_s,
        "fva": [0, -1],
        "iat": issued_s,
        "iss": ISSUER,
        "nbf": issued_s - NBF_LEAD_S,
        "sid": session.session_id,
        "sub": session.user,
    }
    if session.version == 1:
        return common | _version_1_claims(session)
    return common | _version_2_claims(session, issued_s)


def slug(organization: str) -> str:
    """Return the organization's slug: the id without `org_`, with hyphens."""
    return organization.removeprefix("org_").replace("_", "-").lower()


def _permissions(session: ClerkSession) -> tuple[str, ...]:
    return _PERMISSIONS if bare_role(session.role).endswith("admin") else _PERMISSIONS[:1]


def _version_1_claims(session: ClerkSession) -> dict[str, object]:
    return {
        "org_id": session.organization,
        "org_slug": slug(session.organization),
        "org_role": f"org:{bare_role(session.role)}",
        "org_permissions": [f"org:billing:{name}" for name in _permissions(session)],
    }


def _version_2_claims(session: ClerkSession, issued_s: int) -> dict[str, object]:
    return {
        "jti": clerk_id("jti", session.session_id, issued_s, session.ttl_s).removeprefix("jti_"),
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
            "fpm": str((1 << len(_permissions(session))) - 1),
        },
    }


def sign_token(key: SigningKey, header: Mapping[str, object], claims: Mapping[str, object]) -> str:
    """Return the compact token of any header and claims, signed RS256 with `key`."""
    from jwt import api_jws

    payload = json.dumps(claims, separators=(",", ":")).encode()
    return api_jws.encode(payload, key.rsa_key, "RS256", headers=dict(header))


def mint_token(key: SigningKey, session: ClerkSession, now_ms: int) -> str:
    """Return a good token; the same for the same key, session and second."""
    return sign_token(key, token_header(key.kid), token_claims(session, now_ms))


class UnverifiedToken(NamedTuple):
    """What a token says, before its signature is checked. signature_bytes: the length of its signature."""

    header: JsonObject
    claims: JsonObject
    signature_bytes: int


def read_token(token: str) -> UnverifiedToken:
    """Read the three parts of a token; raises AuthError `token_too_large` or `token_malformed`."""
    if len(token) > MAX_TOKEN_LENGTH:
        raise AuthError("token_too_large")
    parts = [decode_base64url(part) for part in token.split(".")]
    if len(parts) != 3 or parts[2] is None:
        raise AuthError("token_malformed")
    header, claims = decode_object(parts[0] or b""), decode_object(parts[1] or b"")
    if header is None or claims is None:
        raise AuthError("token_malformed")
    return UnverifiedToken(header, claims, len(parts[2]))


def has_valid_signature(token: str, key: PublicKey) -> bool:
    """Whether a token is signed RS256 with the private half of `key`."""
    from jwt import InvalidTokenError, api_jws

    try:
        api_jws.decode_complete(token, key.rsa_key, algorithms=["RS256"])
    except InvalidTokenError:
        return False
    return True
