"""Every error of authentication and authorization: one table, one row for each error code."""

from __future__ import annotations

from typing import NamedTuple


class AuthErrorKind(NamedTuple):
    """code: the error code. detail: the default text for the client, ASCII as it also goes into a header."""

    code: str
    status: int
    detail: str


ERRORS = (
    AuthErrorKind("token_missing", 401, "no session token was sent"),
    AuthErrorKind("authorization_malformed", 401, "the Authorization header must be 'Bearer' and one token"),
    AuthErrorKind("credentials_ambiguous", 401, "more than one session token was sent"),
    AuthErrorKind("token_too_large", 401, "the session token is too large"),
    AuthErrorKind("token_malformed", 401, "the session token cannot be read"),
    AuthErrorKind("algorithm_not_accepted", 401, "the signing algorithm is not accepted"),
    AuthErrorKind("critical_header", 401, "the token header demands an extension that is not supported"),
    AuthErrorKind("token_type_wrong", 401, "the token is not a session token"),
    AuthErrorKind("key_unknown", 401, "the token was signed with an unknown key"),
    AuthErrorKind("signature_invalid", 401, "the token signature does not match"),
    AuthErrorKind("claims_invalid", 401, "a token claim is missing or has the wrong type"),
    AuthErrorKind("token_expired", 401, "the session token has expired"),
    AuthErrorKind("token_not_yet_valid", 401, "the session token is not valid yet"),
    AuthErrorKind("token_issued_in_future", 401, "the session token was issued in the future"),
    AuthErrorKind("azp_not_allowed", 401, "the token was issued to an origin that is not allowed"),
    AuthErrorKind("organization_conflicting", 401, "the token names two different organizations or roles"),
    AuthErrorKind("session_pending", 403, "the session is pending: choose an organization first"),
    AuthErrorKind("organization_missing", 403, "the session has no active organization"),
    AuthErrorKind("admin_required", 403, "this operation needs an organization admin"),
    AuthErrorKind("keys_unavailable", 503, "the keys to verify session tokens cannot be fetched"),
)
_BY_CODE = {kind.code: kind for kind in ERRORS}


class AuthError(Exception):
    """A request that is not let in. It holds no part of the token.

    code: a code of `ERRORS`. detail: the text for the client instead of the default; it must be ASCII without
    `"` and `\\`, and hold nothing that the client sent. retry_after_s: when a 503 may be over, in seconds.
    """

    def __init__(self, code: str, detail: str | None = None, retry_after_s: int | None = None) -> None:
        kind = _BY_CODE[code]
        self.code = code
        self.status = kind.status
        self.detail = detail or kind.detail
        self.retry_after_s = retry_after_s
        super().__init__(f"{code}: {self.detail}")

    @property
    def challenge(self) -> str | None:
        """The `WWW-Authenticate` value (RFC 6750, section 3); None for a 503."""
        if self.status == 503:
            return None
        if self.code == "token_missing":
            # RFC 6750, section 3.1: no error code for a request that did not try to authenticate.
            return 'Bearer realm="orgbilling"'
        error = "invalid_token" if self.status == 401 else "insufficient_scope"
        return f'Bearer error="{error}", error_description="{self.detail}"'
