"""Where a request carries its session token: the Authorization header, else the `__session` cookie."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from orgbilling_stubs.auth.errors import AuthError

SESSION_COOKIE = "__session"


class Credentials(NamedTuple):
    """What a request carries: the raw Authorization value and the raw `__session` value."""

    authorization: str | None
    cookie_session: str | None


def read_credentials(headers: Iterable[tuple[bytes, bytes]]) -> Credentials:
    """Read the credentials from ASGI headers (names in lower case).

    Raises AuthError `credentials_ambiguous` for two Authorization headers, and, when there is none, for two
    different session cookies.
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
        return Credentials(authorization, None)
    return Credentials(None, _session_cookie("; ".join(cookies)))


def _session_cookie(cookies: str) -> str | None:
    pairs = (pair.partition("=") for pair in cookies.split(";"))
    values = {value.strip().strip('"') for name, _, value in pairs if name.strip() == SESSION_COOKIE}
    if len(values) > 1:
        raise AuthError("credentials_ambiguous")
    return values.pop() if values else None


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
