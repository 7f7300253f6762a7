"""Tokens that are each bad in exactly one way, for tests of a client and of the conformance suite."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import NamedTuple

from orgbilling_stubs.auth.clerk_ids import clerk_id
from orgbilling_stubs.auth.keys import SigningKey, generate_key
from orgbilling_stubs.auth.tokens import ClerkSession, mint_token, sign_token, token_claims, token_header

FOREIGN_ORIGIN = "https://elsewhere.test"
GARBAGE = "this.is-not.a-token"
HOUR_MS = 3_600_000

Minter = Callable[[SigningKey, ClerkSession, int], str]


class BadToken(NamedTuple):
    """A way for a token to be bad: its name, the error that it causes, what is wrong, and how to mint it."""

    name: str
    error_code: str
    problem: str
    mint: Minter


@cache
def foreign_key() -> SigningKey:
    """Return a signing key that no server knows; one per process."""
    return generate_key()


def _altered(session: ClerkSession, now_ms: int, **changes: object) -> dict[str, object]:
    """Return good claims with some replaced; a change to None leaves the claim out."""
    return {
        name: value for name, value in (token_claims(session, now_ms) | changes).items() if value is not None
    }


def _without_organization(session: ClerkSession, now_ms: int, **changes: object) -> dict[str, object]:
    names = ("o", "org_id", "org_slug", "org_role", "org_permissions", "pla", "fea")
    return _altered(session, now_ms, **dict.fromkeys(names), **changes)


def _expired(key: SigningKey, session: ClerkSession, now_ms: int) -> str:
    return mint_token(key, session, now_ms - session.ttl_s * 1000 - HOUR_MS)


def _not_yet_valid(key: SigningKey, session: ClerkSession, now_ms: int) -> str:
    start = now_ms // 1000 + 3600
    return sign_token(
        key, token_header(key.kid), _altered(session, now_ms, nbf=start, exp=start + session.ttl_s)
    )


def _wrong_key(key: SigningKey, session: ClerkSession, now_ms: int) -> str:
    return sign_token(foreign_key(), token_header(key.kid), token_claims(session, now_ms))


def _unknown_kid(key: SigningKey, session: ClerkSession, now_ms: int) -> str:
    return sign_token(key, token_header(clerk_id("ins", "unknown")), token_claims(session, now_ms))


def _wrong_azp(key: SigningKey, session: ClerkSession, now_ms: int) -> str:
    return mint_token(key, replace(session, azp=FOREIGN_ORIGIN), now_ms)


def _no_org(key: SigningKey, session: ClerkSession, now_ms: int) -> str:
    return sign_token(key, token_header(key.kid), _without_organization(session, now_ms))


def _pending(key: SigningKey, session: ClerkSession, now_ms: int) -> str:
    return sign_token(key, token_header(key.kid), _without_organization(session, now_ms, sts="pending"))


def _member(key: SigningKey, session: ClerkSession, now_ms: int) -> str:
    return mint_token(key, replace(session, role="member"), now_ms)


def signing_input(header: Mapping[str, object], claims: Mapping[str, object]) -> str:
    """Return the first two parts of a token with any header and claims: what a signature covers.

    PyJWT writes no header that it would refuse to read, and takes no public key as an HMAC secret.
    """
    from jwt.utils import base64url_encode

    parts = (json.dumps(part, separators=(",", ":")).encode() for part in (header, claims))
    return ".".join(base64url_encode(part).decode() for part in parts)


def _alg_none(key: SigningKey, session: ClerkSession, now_ms: int) -> str:
    return signing_input(token_header(key.kid) | {"alg": "none"}, token_claims(session, now_ms)) + "."


def _hs256(key: SigningKey, session: ClerkSession, now_ms: int) -> str:
    from jwt.utils import base64url_encode

    signed = signing_input(token_header(key.kid) | {"alg": "HS256"}, token_claims(session, now_ms))
    signature = hmac.digest(key.public.pem().encode(), signed.encode(), hashlib.sha256)
    return f"{signed}.{base64url_encode(signature).decode()}"


def _garbage(_key: SigningKey, _session: ClerkSession, _now_ms: int) -> str:
    return GARBAGE


BAD_TOKENS = {
    bad_token.name: bad_token
    for bad_token in (
        BadToken("expired", "token_expired", "ended an hour ago", _expired),
        BadToken("not-yet-valid", "token_not_yet_valid", "begins in an hour", _not_yet_valid),
        BadToken("wrong-key", "signature_invalid", "names the right key, signed by another", _wrong_key),
        BadToken("unknown-kid", "key_unknown", "names a key that does not exist", _unknown_kid),
        BadToken(
            "wrong-azp", "azp_not_allowed", "made for another origin; needs a server with --azp", _wrong_azp
        ),
        BadToken("no-org", "organization_missing", "no active organization", _no_org),
        BadToken("pending", "session_pending", "an organization is required and none is chosen", _pending),
        BadToken("member", "admin_required", "may read, and is refused every write", _member),
        BadToken("alg-none", "algorithm_not_accepted", "not signed at all", _alg_none),
        BadToken("hs256", "algorithm_not_accepted", "HMAC with the public key as the secret", _hs256),
        BadToken("garbage", "token_malformed", "no token at all", _garbage),
    )
}
