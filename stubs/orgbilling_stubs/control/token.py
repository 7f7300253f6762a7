"""The control token: whoever has it may use the control API of a server that listens beyond loopback."""

from __future__ import annotations

import hashlib
import hmac
import json
from http.cookies import CookieError, SimpleCookie

from orgbilling_stubs.auth.keys import SigningKey

COOKIE = "orgbilling_control"
"""The cookie in which a browser keeps the control token."""

_PURPOSE = b"orgbilling control token"


def control_token(key: SigningKey) -> str:
    """Return the token that belongs to a private key: the same at every start. It does not reveal the key."""
    secret = json.dumps(key.jwk(), sort_keys=True).encode()
    return "oct_" + hmac.digest(secret, _PURPOSE, hashlib.sha256).hex()[:40]


def is_same_token(given: str, token: str) -> bool:
    """Whether a given token is the control token; takes the same time for each."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), token.encode())


def token_of_cookies(header: str) -> str | None:
    """The control token that a browser keeps, from its `Cookie` header."""
    try:
        cookies = SimpleCookie(header)
    except CookieError:
        return None
    return cookies[COOKIE].value if COOKIE in cookies else None
