"""Find the session token in a request: the Authorization header, else the `__session` cookie."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from orgbilling_stubs.auth.errors import refusal

COOKIE = "__session"


class Credentials(NamedTuple):
    """What a request carries: the raw Authorization value and the raw `__session` value."""

    authorization: str | None
    cookie_session: str | None


def credentials(headers: Iterable[tuple[bytes, bytes]]) -> Credentials:
    """Read both from ASGI headers (lower-case names).

    Raises Unauthorized `ambiguous-credentials` for two Authorization headers, or, where the cookie
    counts, two different sessions.
    """
    authorization: str | None = None
    cookies: list[str] = []
    for name, value in headers:
        if name == b"authorization":
            if authorization is not None:
                raise refusal("ambiguous-credentials")
            authorization = value.decode("latin-1")
        elif name == b"cookie":
            cookies.append(value.decode("latin-1"))
    if authorization is not None or not cookies:
        return Credentials(authorization, None)
    return Credentials(None, _session("; ".join(cookies)))


def _session(cookie: str) -> str | None:
    pairs = (pair.partition("=") for pair in cookie.split(";"))
    values = {value.strip().strip('"') for name, _, value in pairs if name.strip() == COOKIE}
    if len(values) > 1:
        raise refusal("ambiguous-credentials")
    return values.pop() if values else None


def bearer(authorization: str | None, cookie_session: str | None) -> str:
    """Return the token.

    Raises Unauthorized `missing-token` or `malformed-authorization`. A header that is present decides,
    also when it is empty: a cookie never rescues a bad header.
    """
    if authorization is None:
        if not cookie_session:
            raise refusal("missing-token")
        return cookie_session
    scheme, _, rest = authorization.partition(" ")
    token = rest.lstrip(" ")
    if scheme.lower() != "bearer" or not token or not token.isascii() or " " in token or "," in token:
        raise refusal("malformed-authorization")
    return token
