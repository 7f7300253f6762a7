"""The public keys as the world asks for them: JWKS and PEM, given out and taken in."""

from __future__ import annotations

import json
from typing import Any

from orgbilling_stubs.auth.jws import decode_object
from orgbilling_stubs.auth.rsa import PublicKey, decode_int, public_key

MAX_BYTES = 262_144

JSON = "application/json"
PEM = "application/x-pem-file"
MEDIA = {"/.well-known/jwks.json": JSON, "/v1/jwks": JSON, "/.well-known/jwks.pem": PEM}


class KeySourceError(ValueError):
    """A PEM or JWKS that cannot be used."""


def document(key: PublicKey) -> dict[str, Any]:
    """Return the JWKS (RFC 7517, section 5)."""
    return {"keys": [key.jwk()]}


def serve(key: PublicKey, path: str) -> bytes:
    """Return the body for one of MEDIA."""
    return key.pem().encode() if MEDIA[path] == PEM else json.dumps(document(key)).encode()


def parse(data: bytes) -> dict[str, PublicKey]:
    """Return the usable keys of a JWKS by kid: RSA, for signatures, 2048 bits or more; no others.

    Raises KeySourceError when there is none.
    """
    jwks = decode_object(data) if len(data) <= MAX_BYTES else None
    rows = jwks.get("keys") if jwks else None
    if not isinstance(rows, list):
        raise KeySourceError("not a JWKS document")
    keys: dict[str, PublicKey] = {}
    for row in rows:
        key = _usable(row)
        if key is not None:
            keys.setdefault(row["kid"], key)
    if not keys:
        raise KeySourceError("no RSA signing key with a kid in the JWKS")
    return keys


def _usable(row: object) -> PublicKey | None:
    if not isinstance(row, dict) or row.get("kty") != "RSA" or not isinstance(row.get("kid"), str):
        return None
    if row.get("use", "sig") != "sig" or row.get("alg", "RS256") != "RS256":
        return None
    n, e = decode_int(row.get("n")), decode_int(row.get("e"))
    return public_key(n, e) if n and e else None


def parse_pem(data: bytes) -> PublicKey:
    """Return the RSA public key of a PEM; raises KeySourceError."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    if b"PRIVATE KEY" in data:
        raise KeySourceError("this is a private key; give the public one")
    try:
        key = load_pem_public_key(data)
    except (ValueError, TypeError):
        key = None
    except Exception as error:  # UnsupportedAlgorithm, whose module is not worth an import
        raise KeySourceError(f"not a usable public key: {type(error).__name__}") from None
    if not isinstance(key, RSAPublicKey):
        raise KeySourceError("not an RSA public key in PEM form")
    numbers = key.public_numbers()
    usable = public_key(numbers.n, numbers.e)
    if usable is None:
        raise KeySourceError("an RSA key of 2048 to 8192 bits is needed")
    return usable
