"""Who may do what: a request's token names a principal, and writing needs an admin."""

from __future__ import annotations

from collections.abc import Callable

from orgbilling_stubs.auth.credentials import HeaderValues
from orgbilling_stubs.auth.errors import AuthError
from orgbilling_stubs.auth.principal import Principal
from orgbilling_stubs.auth.verification import Authenticator
from orgbilling_stubs.auth.verified_tokens import Headers, VerifiedTokens

READ_METHODS = frozenset({"GET", "HEAD"})


class Authorizer:
    """Decides for each request whether it is let in, and as whom.

    wall_ms: real time in epoch milliseconds, whatever the billing clock says: tokens live in real time.
    """

    def __init__(self, authenticator: Authenticator, wall_ms: Callable[[], int]) -> None:
        self._verified_tokens = VerifiedTokens(authenticator, wall_ms)

    def authorize(self, headers: Headers, method: str, values: HeaderValues | None = None) -> Principal:
        """Return the principal of a request, from its raw headers; raises AuthError (401, 403 or 503).

        values: the first value of each header, if the caller has them: with them, headers that are used again
        are looked through once.
        Every member may read. Writing needs an admin, which is an assumption (see `require_admin`).
        """
        principal = self._verified_tokens.principal(headers, values)
        if method not in READ_METHODS and not principal.is_admin:
            require_admin(principal)
        return principal


def require_admin(principal: Principal) -> None:
    """Raise AuthError `admin_required` unless the principal is an admin.

    Nobody documents who may write to billing. It is the vendor's rule for projects.
    """
    if not principal.is_admin:
        raise AuthError("admin_required")
