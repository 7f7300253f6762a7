"""Who may do what: the token names a principal; writing needs an admin."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .auth.credentials import credentials
from .auth.principal import Principal
from .auth.refusals import refusal
from .auth.verify import Authenticator

READS = frozenset({"GET", "HEAD"})


class Admission:
    """Lets a request in, or raises a named refusal (401, 403, 503)."""

    def __init__(self, authenticator: Authenticator, wall_ms: Callable[[], int]) -> None:
        self._authenticator = authenticator
        self._wall_ms = wall_ms

    def __call__(self, headers: Sequence[tuple[bytes, bytes]], method: str) -> Principal:
        """The principal of a request; reading needs any member, writing an admin (an assumption)."""
        authorization, session = credentials(headers)
        principal = self._authenticator.authenticate(authorization, session, self._wall_ms())
        if method not in READS and not principal.is_admin:
            raise refusal("member")
        return principal
