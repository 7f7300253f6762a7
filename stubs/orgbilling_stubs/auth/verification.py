"""Verification of session tokens: a credential goes in, a principal or an AuthError comes out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from orgbilling_openapi.strict_json import JsonObject

from orgbilling_stubs.auth.claims import SKEW_MS, check_origin, check_times, principal_of, required_text
from orgbilling_stubs.auth.credentials import bearer_token
from orgbilling_stubs.auth.errors import AuthError
from orgbilling_stubs.auth.key_sources import KeySource, SingleKey
from orgbilling_stubs.auth.keys import SigningKey
from orgbilling_stubs.auth.principal import DEFAULT_ORGANIZATION, NEVER_EXPIRES_MS, Principal
from orgbilling_stubs.auth.tokens import (
    ISSUER,
    SESSION_CATEGORY,
    UnverifiedToken,
    has_valid_signature,
    read_token,
)

Mode: TypeAlias = Literal["trust", "verify", "off"]

# Names are case-sensitive (RFC 7515, section 4.1.1), so "None" and "nOnE" are not on the list either.
ASYMMETRIC_ALGORITHMS = frozenset(
    f"{family}{bits}" for family in ("RS", "PS", "ES") for bits in (256, 384, 512)
) | {"EdDSA", "Ed25519"}  # fmt: skip
MIN_SIGNATURE_BYTES = 64

_NO_READABLE_TOKEN = frozenset(
    {"token_missing", "authorization_malformed", "token_too_large", "token_malformed"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class VerifiedPrincipal:
    """A principal, and the real time from and until which its token is valid, in epoch milliseconds."""

    principal: Principal
    from_ms: int
    until_ms: int


class Authenticator:
    """Decides who is calling.

    `trust` checks the signature of our own tokens and believes tokens of others. `verify` checks every
    signature with the keys of `source` (our own key when there is none). `off` checks no signature, and lets
    a request without a readable token in as an admin of `organization`. Everything else is checked in each
    mode.
    """

    def __init__(
        self,
        mode: Mode,
        own: SigningKey,
        source: KeySource | None = None,
        azp: Collection[str] = (),
        organization: str = DEFAULT_ORGANIZATION,
    ) -> None:
        self.mode = mode
        self._own = SingleKey(own.public, kid_required=True)
        self._own_kid = own.kid
        self._source = source or self._own
        self._azp = frozenset(azp)
        anonymous = Principal(organization, "admin", "user_anonymous", None, NEVER_EXPIRES_MS)
        self._anonymous = VerifiedPrincipal(anonymous, 0, NEVER_EXPIRES_MS)

    def authenticate(
        self, authorization: str | None, cookie_sessions: Sequence[str], now_ms: int
    ) -> Principal:
        """Return who sent these credentials; as `verify`."""
        return self.verify(authorization, cookie_sessions, now_ms).principal

    def verify(
        self, authorization: str | None, cookie_sessions: Sequence[str], now_ms: int
    ) -> VerifiedPrincipal:
        """Return who sent these credentials; `now_ms` is real time, whatever the billing clock says.

        Raises AuthError.
        """
        try:
            session = self._session(cookie_sessions, now_ms) if authorization is None else None
            return self._verify(bearer_token(authorization, session), now_ms)
        except AuthError as error:
            if self.mode == "off" and error.code in _NO_READABLE_TOKEN:
                return self._anonymous
            raise

    def _session(self, cookie_sessions: Sequence[str], now_ms: int) -> str | None:
        """The session cookie of our app, where several apps have left one.

        It is the one that is signed with a key of ours, which only mode `verify` can tell. Raises AuthError
        `credentials_ambiguous` when there are several or none of them.
        """
        if len(cookie_sessions) < 2:
            return cookie_sessions[0] if cookie_sessions else None
        signed = [text for text in cookie_sessions if self.mode == "verify" and self._is_signed(text, now_ms)]
        if len(signed) != 1:
            raise AuthError("credentials_ambiguous")
        return signed[0]

    def _is_signed(self, text: str, now_ms: int) -> bool:
        """Whether a token is signed with a key of ours. Raises AuthError `keys_unavailable`."""
        try:
            token = read_token(text)
            self._check_signature(text, token, _check_header(token.header), now_ms)
        except AuthError as error:
            if error.code == "keys_unavailable":
                raise
            return False
        return True

    def _verify(self, text: str, now_ms: int) -> VerifiedPrincipal:
        token = read_token(text)
        kid = _check_header(token.header)
        self._check_signature(text, token, kid, now_ms)
        starts_ms, expires_ms = check_times(token.claims, now_ms)
        check_origin(token.claims, self._azp)
        principal = principal_of(token.claims, expires_ms)
        return VerifiedPrincipal(principal, starts_ms - SKEW_MS, expires_ms + SKEW_MS)

    def _check_signature(self, text: str, token: UnverifiedToken, kid: str | None, now_ms: int) -> None:
        issuer = required_text(token.claims, "iss")
        if self.mode == "off":
            return
        if self.mode == "trust" and issuer != ISSUER and kid != self._own_kid:
            if kid is None:
                raise AuthError("key_unknown")
            if token.signature_bytes < MIN_SIGNATURE_BYTES:
                raise AuthError("signature_invalid")
            return
        if token.header["alg"] != "RS256":
            raise AuthError("algorithm_not_accepted")
        source = self._own if self.mode == "trust" else self._source
        if not has_valid_signature(text, source.find(kid, now_ms)):
            raise AuthError("signature_invalid")


def _check_header(header: JsonObject) -> str | None:
    """Return the kid. Keys in the header (`jwk`, `jku`, `x5c`, `x5u`) are never looked at.

    Own checks, because PyJWT accepts `crit` for `b64`, every `typ`, and a kid of any length.
    """
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in ASYMMETRIC_ALGORITHMS:
        raise AuthError("algorithm_not_accepted")
    if "crit" in header:
        raise AuthError("critical_header")
    if header.get("typ", "JWT") != "JWT" or header.get("cat", SESSION_CATEGORY) != SESSION_CATEGORY:
        raise AuthError("token_type_wrong")
    kid = header.get("kid")
    if kid is not None and (not isinstance(kid, str) or not 0 < len(kid) <= 255):
        raise AuthError("key_unknown")
    return kid
