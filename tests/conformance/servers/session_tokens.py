"""Clerk session tokens, made and checked with PyJWT."""

from __future__ import annotations

import time
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from .minimal_http import HttpError

KID = "ins_2servers00000000000000000000"


@cache
def key() -> rsa.RSAPrivateKey:
    """The key of this process."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def token(organization: str | None, life_s: int = 3600) -> str:
    """A session token; expired when `life_s` is negative, without an active organization when None."""
    now = int(time.time())
    claims: dict[str, Any] = {
        "azp": "https://app.example.com",
        "exp": now + life_s,
        "iat": now + min(life_s, 0) - 60,
        "iss": "https://clerk.example.com",
        "nbf": now + min(life_s, 0) - 70,
        "sid": "sess_2servers0000000000000000000",
        "sub": "user_2servers0000000000000000000",
        "v": 2,
        "sts": "active" if organization else "pending",
    }
    if organization:
        claims["o"] = {"id": organization, "slg": "acme", "rol": "admin"}
    return jwt.encode(claims, key(), algorithm="RS256", headers={"kid": KID, "cat": "cl_B7d4PD111AAA"})


def organization_of(authorization: str | None, pending: int = 403, **headers: str) -> str:
    """The organization of a request; raises HttpError."""
    scheme, _, sent = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not sent:
        raise HttpError(401, "a session token is needed", **headers)
    try:
        claims = jwt.decode(
            sent, key().public_key(), algorithms=["RS256"], options={"require": ["exp"], "verify_aud": False}
        )
    except jwt.PyJWTError:
        raise HttpError(401, "the session token is not valid", **headers) from None
    organization = (claims.get("o") or {}).get("id")
    if not organization:
        raise HttpError(pending, "no active organization", **headers)
    return str(organization)
