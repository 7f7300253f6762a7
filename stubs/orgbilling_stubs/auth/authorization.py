"""Who may do what: a request's token names a principal, and writing needs an admin."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TypeAlias

from orgbilling_stubs.auth.credentials import read_credentials
from orgbilling_stubs.auth.errors import AuthError
from orgbilling_stubs.auth.principal import Principal
from orgbilling_stubs.auth.verification import Authenticator, VerifiedPrincipal

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]

READ_METHODS = frozenset({"GET", "HEAD"})
CACHE_SIZE = 1024
CACHE_TTL_MS = 300_000


class Authorizer:
    """Decides for each request whether it is let in, and as whom.

    wall_ms: real time in epoch milliseconds, whatever the billing clock says: tokens live in real time.

    This is the only place that remembers whom a token names. It verifies each token again after five minutes:
    a key that was withdrawn is refused five minutes after the key source has dropped it, at the latest. It
    holds digests in place of tokens, so that a dump of this process's memory shows no token.
    """

    def __init__(self, authenticator: Authenticator, wall_ms: Callable[[], int]) -> None:
        self._authenticator = authenticator
        self._wall_ms = wall_ms
        self._cache: OrderedDict[bytes, VerifiedPrincipal] = OrderedDict()

    def __call__(self, headers: Headers, method: str) -> Principal:
        """Return the principal of a request, from its raw headers; raises AuthError (401, 403 or 503).

        Every member may read. Writing needs an admin, which is an assumption (see `require_admin`).
        """
        now_ms = self._wall_ms()
        digest = _credentials_digest(headers)
        verified = self._cache.get(digest)
        if verified is not None and verified.from_ms <= now_ms < verified.until_ms:
            self._cache.move_to_end(digest)
        else:
            verified = self._verify(digest, headers, now_ms)
        if method not in READ_METHODS:
            require_admin(verified.principal)
        return verified.principal

    def _verify(self, digest: bytes, headers: Headers, now_ms: int) -> VerifiedPrincipal:
        principal, from_ms, until_ms = self._authenticator.verify(*read_credentials(headers), now_ms)
        verified = VerifiedPrincipal(principal, from_ms, min(until_ms, now_ms + CACHE_TTL_MS))
        self._cache[digest] = verified
        if len(self._cache) > CACHE_SIZE:
            self._cache.popitem(last=False)
        return verified


def _credentials_digest(headers: Headers) -> bytes:
    """A digest of all headers that can carry a token: Authorization, or the cookies when there is none."""
    authorization, cookies = b"", b""
    for name, value in headers:
        if name == b"authorization":
            authorization += b"\n" + value
        elif name == b"cookie":
            cookies += b"; " + value
    return hashlib.sha256(authorization or cookies).digest()


def require_admin(principal: Principal) -> None:
    """Raise AuthError `admin_required` unless the principal is an admin.

    Nobody documents who may write to billing. It is the vendor's rule for projects.
    """
    if not principal.is_admin:
        raise AuthError("admin_required")
