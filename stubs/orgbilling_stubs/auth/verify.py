"""The gate: a credential goes in, a principal or a named refusal comes out."""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Collection
from typing import Any, Literal, NamedTuple

from orgbilling_stubs.auth.claims import SKEW_MS, check_origin, check_times, principal, required
from orgbilling_stubs.auth.credentials import bearer
from orgbilling_stubs.auth.errors import Refused, refusal
from orgbilling_stubs.auth.jws import MAX_LENGTH, Jws, parse
from orgbilling_stubs.auth.mint import ISSUER, SESSION_CATEGORY
from orgbilling_stubs.auth.principal import DEFAULT_ORGANIZATION, NEVER_EXPIRES_MS, Principal
from orgbilling_stubs.auth.rsa import SigningKey
from orgbilling_stubs.auth.source import Single, Source

Mode = Literal["trust", "verify", "off"]

# Names are case-sensitive (RFC 7515, section 4.1.1): "None" and "nOnE" are simply not on the list.
ASYMMETRIC = frozenset(
    f"{family}{bits}" for family in ("RS", "PS", "ES") for bits in (256, 384, 512)
) | {"EdDSA", "Ed25519"}  # fmt: skip
MIN_SIGNATURE_BYTES = 64
CACHE_SIZE = 1024
RECHECK_MS = 300_000

_UNREADABLE = frozenset(
    {"missing-token", "malformed-authorization", "token-too-large", "malformed-token"}
)  # fmt: skip


class _Seen(NamedTuple):
    principal: Principal
    from_ms: int
    until_ms: int


class Authenticator:
    """Decides who is calling.

    `trust` checks the signature of our own tokens and believes foreign ones; `verify` checks every
    signature against `source` (our own key when there is none); `off` checks no signature and lets
    a request without a readable token in as an admin of `organization`. All else is always checked.
    """

    def __init__(
        self,
        mode: Mode,
        own: SigningKey,
        source: Source | None = None,
        azp: Collection[str] = (),
        organization: str = DEFAULT_ORGANIZATION,
    ) -> None:
        self.mode = mode
        self._own = Single(own.public, named=True)
        self._own_kid = own.kid
        self._source = source or self._own
        self._azp = frozenset(azp)
        self._nobody = Principal(organization, "admin", "user_anonymous", None, NEVER_EXPIRES_MS)
        self._seen: OrderedDict[bytes, _Seen] = OrderedDict()
        self._secret = secrets.token_bytes(32)

    def authenticate(self, authorization: str | None, cookie_session: str | None, now_ms: int) -> Principal:
        """Return who sent these credentials; `now_ms` is real time, whatever the billing clock says.

        Raises Unauthorized, Forbidden or Unavailable, each with a name from `refusals.TABLE`.
        """
        try:
            return self._decide(bearer(authorization, cookie_session), now_ms)
        except Refused as refused:
            if self.mode == "off" and refused.name in _UNREADABLE:
                return self._nobody
            raise

    def _decide(self, token: str, now_ms: int) -> Principal:
        if len(token) > MAX_LENGTH:
            raise refusal("token-too-large")
        if not token.isascii():
            raise refusal("malformed-token")
        digest = hashlib.blake2b(token.encode(), key=self._secret, digest_size=16).digest()
        seen = self._seen.get(digest)
        if seen is not None and seen.from_ms <= now_ms < seen.until_ms:
            self._seen.move_to_end(digest)
            return seen.principal
        seen = self._check(parse(token), now_ms)
        self._seen[digest] = seen
        if len(self._seen) > CACHE_SIZE:
            self._seen.popitem(last=False)
        return seen.principal

    def _check(self, token: Jws, now_ms: int) -> _Seen:
        kid = _check_header(token.header)
        self._check_signature(token, kid, now_ms)
        starts_ms, expires_ms = check_times(token.claims, now_ms)
        check_origin(token.claims, self._azp)
        found = principal(token.claims, expires_ms)
        # Not for the whole life of a long token: its key may be withdrawn meanwhile.
        return _Seen(found, starts_ms - SKEW_MS, min(expires_ms + SKEW_MS, now_ms + RECHECK_MS))

    def _check_signature(self, token: Jws, kid: str | None, now_ms: int) -> None:
        issuer = required(token.claims, "iss")
        if self.mode == "off":
            return
        if self.mode == "trust" and issuer != ISSUER and kid != self._own_kid:
            if kid is None:
                raise refusal("unknown-kid")
            if len(token.signature) < MIN_SIGNATURE_BYTES:
                raise refusal("bad-signature")
            return
        if token.header["alg"] != "RS256":
            raise refusal("algorithm")
        source = self._own if self.mode == "trust" else self._source
        if not source.find(kid, now_ms).verify(token.signed, token.signature):
            raise refusal("bad-signature")


def _check_header(header: dict[str, Any]) -> str | None:
    """Return the kid. Keys in the header (`jwk`, `jku`, `x5c`, `x5u`) are never looked at."""
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in ASYMMETRIC:
        raise refusal("algorithm")
    if "crit" in header:
        raise refusal("critical-header")
    if header.get("typ", "JWT") != "JWT" or header.get("cat", SESSION_CATEGORY) != SESSION_CATEGORY:
        raise refusal("wrong-type")
    kid = header.get("kid")
    if kid is not None and (not isinstance(kid, str) or not 0 < len(kid) <= 255):
        raise refusal("unknown-kid")
    return kid


def require_admin(caller: Principal) -> None:
    """Raise Forbidden `member` unless the caller is an admin (an assumption about billing writes)."""
    if not caller.is_admin:
        raise refusal("member")
