"""Mint tokens that are bad in exactly one way."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

from orgbilling_stubs.auth.clerkid import clerk_id
from orgbilling_stubs.auth.jws import serialize, signing_input
from orgbilling_stubs.auth.mint import Session, claims, header, mint, sign
from orgbilling_stubs.auth.rsa import SigningKey, generate

FOREIGN_ORIGIN = "https://elsewhere.test"
GARBAGE = "this.is-not.a-token"
HOUR_MS = 3_600_000

Minter = Callable[[SigningKey, Session, int], str]


class Kind(NamedTuple):
    """One way to be bad: the refusal it meets, when it meets it, and how it is minted."""

    name: str
    refusal: str
    shows: str
    mint: Minter


@cache
def stranger() -> SigningKey:
    """Return a key that nobody knows, one per process."""
    return generate()


def _altered(session: Session, now_ms: int, **changes: object) -> dict[str, Any]:
    """Return good claims with some replaced, or left out when the change is None."""
    return {name: value for name, value in (claims(session, now_ms) | changes).items() if value is not None}


def _without_organization(session: Session, now_ms: int, **changes: object) -> dict[str, Any]:
    names = ("o", "org_id", "org_slug", "org_role", "org_permissions", "pla", "fea")
    return _altered(session, now_ms, **dict.fromkeys(names), **changes)


def _expired(key: SigningKey, session: Session, now_ms: int) -> str:
    return mint(key, session, now_ms - session.ttl_s * 1000 - HOUR_MS)


def _not_yet_valid(key: SigningKey, session: Session, now_ms: int) -> str:
    start = now_ms // 1000 + 3600
    return sign(key, header(key.kid), _altered(session, now_ms, nbf=start, exp=start + session.ttl_s))


def _wrong_key(key: SigningKey, session: Session, now_ms: int) -> str:
    return sign(stranger(), header(key.kid), claims(session, now_ms))


def _unknown_kid(key: SigningKey, session: Session, now_ms: int) -> str:
    return sign(key, header(clerk_id("ins", "unknown")), claims(session, now_ms))


def _wrong_azp(key: SigningKey, session: Session, now_ms: int) -> str:
    return mint(key, replace(session, azp=FOREIGN_ORIGIN), now_ms)


def _no_org(key: SigningKey, session: Session, now_ms: int) -> str:
    return sign(key, header(key.kid), _without_organization(session, now_ms))


def _pending(key: SigningKey, session: Session, now_ms: int) -> str:
    return sign(key, header(key.kid), _without_organization(session, now_ms, sts="pending"))


def _member(key: SigningKey, session: Session, now_ms: int) -> str:
    return mint(key, replace(session, role="member"), now_ms)


def _alg_none(key: SigningKey, session: Session, now_ms: int) -> str:
    return serialize(signing_input(header(key.kid) | {"alg": "none"}, claims(session, now_ms)), b"")


def _hs256(key: SigningKey, session: Session, now_ms: int) -> str:
    signed = signing_input(header(key.kid) | {"alg": "HS256"}, claims(session, now_ms))
    return serialize(signed, hmac.digest(key.public.pem().encode(), signed, hashlib.sha256))


def _garbage(_key: SigningKey, _session: Session, _now_ms: int) -> str:
    return GARBAGE


KINDS = {
    kind.name: kind
    for kind in (
        Kind("expired", "expired", "ended an hour ago", _expired),
        Kind("not-yet-valid", "not-yet-valid", "begins in an hour", _not_yet_valid),
        Kind("wrong-key", "bad-signature", "names the right key, signed by another", _wrong_key),
        Kind("unknown-kid", "unknown-kid", "names a key that does not exist", _unknown_kid),
        Kind("wrong-azp", "wrong-azp", "made for another origin; needs a server with --azp", _wrong_azp),
        Kind("no-org", "no-organization", "no active organization", _no_org),
        Kind("pending", "pending", "an organization is required and none is chosen", _pending),
        Kind("member", "member", "may read, and is refused every write", _member),
        Kind("alg-none", "algorithm", "not signed at all", _alg_none),
        Kind("hs256", "algorithm", "HMAC with the public key as the secret", _hs256),
        Kind("garbage", "malformed-token", "no token at all", _garbage),
    )
}
