"""Every way authentication can say no: one table, one row each."""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """One named refusal: HTTP status and the default, ASCII-only detail."""

    name: str
    status: int
    detail: str


ROWS = (
    Row("missing-token", 401, "no session token was sent"),
    Row("malformed-authorization", 401, "the Authorization header must be 'Bearer' and one token"),
    Row("ambiguous-credentials", 401, "more than one session token was sent"),
    Row("token-too-large", 401, "the session token is too large"),
    Row("malformed-token", 401, "the session token cannot be read"),
    Row("algorithm", 401, "the signing algorithm is not accepted"),
    Row("critical-header", 401, "the token header demands an extension that is not supported"),
    Row("wrong-type", 401, "the token is not a session token"),
    Row("unknown-kid", 401, "the token was signed with an unknown key"),
    Row("bad-signature", 401, "the token signature does not match"),
    Row("bad-claims", 401, "a token claim is missing or has the wrong type"),
    Row("expired", 401, "the session token has expired"),
    Row("not-yet-valid", 401, "the session token is not valid yet"),
    Row("issued-in-future", 401, "the session token was issued in the future"),
    Row("wrong-azp", 401, "the token was issued to an origin that is not allowed"),
    Row("conflicting-organization", 401, "the token names two different organizations or roles"),
    Row("pending", 403, "the session is pending: choose an organization first"),
    Row("no-organization", 403, "the session has no active organization"),
    Row("member", 403, "this operation needs an organization admin"),
    Row("keys-unavailable", 503, "the keys to verify session tokens cannot be fetched"),
)
TABLE = {row.name: row for row in ROWS}
TITLES = {401: "Unauthorized", 403: "Forbidden", 503: "Service Unavailable"}


class Refused(Exception):  # noqa: N818 - a decision, not an error
    """A request that was not let in. Carries no part of the token."""

    def __init__(self, name: str, detail: str | None = None, retry_after_s: int | None = None) -> None:
        row = TABLE[name]
        self.name = name
        self.status = row.status
        self.title = TITLES[row.status]
        self.detail = detail or row.detail
        self.retry_after_s = retry_after_s
        super().__init__(f"{name}: {self.detail}")

    @property
    def challenge(self) -> str | None:
        """Return the `WWW-Authenticate` value (RFC 6750, section 3), or None for a 503."""
        if self.status == 503:
            return None
        if self.name == "missing-token":
            return 'Bearer realm="orgbilling"'
        error = "invalid_token" if self.status == 401 else "insufficient_scope"
        return f'Bearer error="{error}", error_description="{self.detail}"'


class Unauthorized(Refused):
    """401: the caller is not known."""


class Forbidden(Refused):
    """403: the caller is known and may not."""


class Unavailable(Refused):
    """503: it cannot be said who the caller is; `retry_after_s` says when to ask again."""


_CLASSES: dict[int, type[Refused]] = {401: Unauthorized, 403: Forbidden, 503: Unavailable}


def refusal(name: str, detail: str | None = None, retry_after_s: int | None = None) -> Refused:
    """Return the exception for a row of the table, of the class that fits its status.

    A `detail` of your own must be ASCII without `"` and `\\`, and hold nothing that a client sent.
    """
    return _CLASSES[TABLE[name].status](name, detail, retry_after_s)
