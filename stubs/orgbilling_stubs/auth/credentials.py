"""Where a request carries its session token: the Authorization header, else the `__session` cookie."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from orgbilling_stubs.auth.errors import AuthError

MOST_SESSIONS = 8

_SESSION_COOKIE = re.compile(r"__session(?:_[A-Za-z0-9_-]{8})?")
"""Clerk's cookies: `__session`, and one for each app, whose suffix follows from the publishable key.

Apps on `localhost` share their cookies, whatever their ports.
"""


class HeaderValues(dict[bytes, bytes]):
    """The first value of each header of a request.

    credentials_digest: of the credentials in the headers, once it was needed. A connection has the same
    object for each request with the same headers, so their token is hashed once (docs/decisions/speed.md).
    """

    credentials_digest: bytes | None = None


class Credentials(NamedTuple):
    """What a request carries: the raw Authorization value, and the raw values of its session cookies."""

    authorization: str | None
    cookie_sessions: tuple[str, ...]


def read_credentials(headers: Iterable[tuple[bytes, bytes]]) -> Credentials:
    """Read the credentials from ASGI headers (names in lower case). Equal session cookies count once.

    Raises AuthError `credentials_ambiguous` for two Authorization headers, and, when there is none, for more
    than eight different session cookies.
    """
    authorization: str | None = None
    cookies: list[str] = []
    for name, value in headers:
        if name == b"authorization":
            if authorization is not None:
                raise AuthError("credentials_ambiguous")
            authorization = value.decode("latin-1")
        elif name == b"cookie":
            cookies.append(value.decode("latin-1"))
    if authorization is not None or not cookies:
        return Credentials(authorization, ())
    return Credentials(None, _session_cookies("; ".join(cookies)))


def _session_cookies(cookies: str) -> tuple[str, ...]:
    pairs = (pair.partition("=") for pair in cookies.split(";"))
    values = dict.fromkeys(
        value.strip().strip('"') for name, _, value in pairs if _SESSION_COOKIE.fullmatch(name.strip())
    )
    values.pop("", None)  # Clerk empties a cookie to sign out: an empty one is no token
    if len(values) > MOST_SESSIONS:
        raise AuthError("credentials_ambiguous")
    return tuple(values)


def bearer_token(authorization: str | None, cookie_session: str | None) -> str:
    """Return the session token; raises AuthError `token_missing` or `authorization_malformed`.

    A header that is present decides, even when it is empty: the cookie is not used instead of a bad header.
    """
    if authorization is None:
        if not cookie_session:
            raise AuthError("token_missing")
        return cookie_session
    scheme, _, rest = authorization.partition(" ")
    token = rest.lstrip(" ")
    if scheme.lower() != "bearer" or not token or not token.isascii() or " " in token or "," in token:
        raise AuthError("authorization_malformed")
    return token
