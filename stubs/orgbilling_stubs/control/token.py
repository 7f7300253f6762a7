"""The control token: who has it may drive a server that others can reach."""

from __future__ import annotations

import hashlib
import hmac
import json

from orgbilling_stubs.auth.keys import SigningKey

_PURPOSE = b"orgbilling control token"


def control_token(key: SigningKey) -> str:
    """The token of whoever has this private key: the same at every start, and nothing tells the key."""
    secret = json.dumps(key.jwk(), sort_keys=True).encode()
    return "oct_" + hmac.digest(secret, _PURPOSE, hashlib.sha256).hex()[:40]


def same(given: str, token: str) -> bool:
    """Whether a given token is the token, in constant time."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), token.encode())
