"""The tokens that were verified lately: each is remembered, by its digest, for at most five minutes.

A token is never remembered beyond its own end, and of more than 1,024 tokens the oldest is forgotten.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

from orgbilling_stubs.auth.credentials import HeaderValues, read_credentials
from orgbilling_stubs.auth.principal import Principal
from orgbilling_stubs.auth.verification import Authenticator, VerifiedPrincipal

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]

CACHE_SIZE = 1024
CACHE_TTL_MS = 300_000


class VerifiedTokens:
    """The principal of each token that was verified in the last five minutes.

    wall_ms: real time in epoch milliseconds, whatever the billing clock says: tokens live in real time.

    Nothing else remembers whom a token names. Each token is verified again after five minutes: a key that was
    withdrawn is refused five minutes after the key source has dropped it, at the latest. Digests are held in
    place of tokens: this process holds a token only while its connection is open, or its exchange is still to
    be recorded. (Python does not overwrite memory that it frees, so a dump may show a token longer.)
    """

    def __init__(self, authenticator: Authenticator, wall_ms: Callable[[], int]) -> None:
        self._authenticator = authenticator
        self._wall_ms = wall_ms
        self._cache: OrderedDict[bytes, VerifiedPrincipal] = OrderedDict()

    def principal(self, headers: Headers, values: HeaderValues | None = None) -> Principal:
        """The principal of a request, from its raw headers; raises AuthError (401, 403 or 503).

        values: the first value of each header, if the caller has them.
        """
        now_ms = self._wall_ms()
        digest = None if values is None else values.credentials_digest
        if digest is None:
            digest = hashlib.sha256(_credentials(headers)).digest()
            if values is not None:
                values.credentials_digest = digest
        verified = self._cache.get(digest)
        if verified is not None and verified.from_ms <= now_ms < verified.until_ms:
            self._cache.move_to_end(digest)
        else:
            verified = self._verify(digest, headers, now_ms)
        return verified.principal

    def _verify(self, digest: bytes, headers: Headers, now_ms: int) -> VerifiedPrincipal:
        verified = self._authenticator.verify(*read_credentials(headers), now_ms)
        verified = replace(verified, until_ms=min(verified.until_ms, now_ms + CACHE_TTL_MS))
        self._cache[digest] = verified
        if len(self._cache) > CACHE_SIZE:
            self._cache.popitem(last=False)
        return verified


def _credentials(headers: Headers) -> bytes:
    """All headers that can carry a token: Authorization, or the cookies when there is none."""
    authorization = [value for name, value in headers if name == b"authorization"]
    if authorization:
        return b"\n".join(authorization)
    # No header value has a line break, so cookies with "\r" in front are never taken for Authorization.
    return b"\r".join([b"", *(value for name, value in headers if name == b"cookie")])
