"""Who may do what: the token names a principal; writing needs an admin."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from orgbilling_stubs.auth.credentials import credentials
from orgbilling_stubs.auth.errors import refusal
from orgbilling_stubs.auth.principal import Principal
from orgbilling_stubs.auth.verify import Authenticator

READS = frozenset({"GET", "HEAD"})
REMEMBERED = 1_024
REMEMBERED_MS = 60_000
LONGEST = 8_192


class Admission:
    """Lets a request in, or raises a named refusal (401, 403, 503).

    What an Authorization header led to is remembered for a minute at most, by its digest.
    """

    def __init__(self, authenticator: Authenticator, wall_ms: Callable[[], int]) -> None:
        self._authenticator = authenticator
        self._wall_ms = wall_ms
        self._known: dict[bytes, tuple[Principal, int]] = {}

    def __call__(self, headers: Sequence[tuple[bytes, bytes]], method: str) -> Principal:
        """The principal of a request; reading needs any member, writing an admin (an assumption)."""
        now_ms = self._wall_ms()
        sent, times = b"", 0
        for name, value in headers:
            if name == b"authorization":
                sent = value
                times += 1
        if times == 1 and len(sent) <= LONGEST:
            digest = hashlib.sha256(sent).digest()
            known = self._known.get(digest)
            if known is not None and now_ms < known[1]:
                principal = known[0]
            else:
                principal = self._remember(digest, headers, now_ms)
        else:
            principal = self._authenticator.authenticate(*credentials(headers), now_ms)
        if method not in READS and not principal.is_admin:
            raise refusal("member")
        return principal

    def _remember(self, digest: bytes, headers: Sequence[tuple[bytes, bytes]], now_ms: int) -> Principal:
        principal = self._authenticator.authenticate(*credentials(headers), now_ms)
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[digest] = principal, min(principal.expires_ms, now_ms + REMEMBERED_MS)
        return principal
