"""Tokens: where good ones come from, and how bad ones are made without a key."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import math
import re
import subprocess
from collections.abc import Callable

from orgbilling_openapi.strict_json import JsonObject, JsonValue

from orgbilling_conformance import clock
from orgbilling_conformance.options import Options, UsageError

EARLY_S = 5
SKEW_S = 60
VISIBLE = re.compile("[!-~]+")


class TokenRejectedError(Exception):
    """There is no good token any more; nothing more can be learnt."""


class RunTokens:
    """The credentials of a run. public: the PEM of the target's public key, where it publishes one."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self.public: bytes | None = None
        self._first = options.token
        if self._first is None and options.token_command:
            self._first = _printed(options.token_command)

    @property
    def first(self) -> str | None:
        """The good token; a fresh one where the command is known and the old one ends."""
        ends = expiry(self._first)
        if self._options.token_command and ends is not None and ends - EARLY_S <= clock.epoch_s():
            self.refresh()
        return self._first

    @property
    def ended(self) -> bool:
        """Whether the time of the good token is over."""
        ends = expiry(self._first)
        return ends is not None and ends <= clock.epoch_s()

    def refresh(self) -> bool:
        """Run the token command again; False without one. Raises `TokenRejectedError` when it fails."""
        command = self._options.token_command
        if not command:
            return False
        try:
            self._first = _printed(command)
        except UsageError as error:
            raise TokenRejectedError(f"the token died: {error}") from None
        return True

    def unfit(self, kind: str) -> str:
        """Why a token that was given does not show what it is for, by its claims; empty if it does."""
        if kind == "expired":
            return _unexpired(self._options.expired_token)
        return _settled(self._options.pending_token) if kind == "pending-session" else ""

    def authorization(self, kind: str) -> str | None:
        """The Authorization header of a kind of token; None for none."""
        if kind in WITHOUT:
            return None
        if kind in PLAIN:
            return PLAIN[kind]
        if kind in KEYED:
            token = confused(self.first, KEYED[kind](self.public)) if self.public else None
        else:
            named = {"first": self.first, "second": self._options.second_token}
            named |= {"expired": self._options.expired_token, "pending-session": self._options.pending_token}
            token = named[kind] if kind in named else bad(kind, self.first)
        return f"Bearer {token}" if token else None

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be shown."""
        options = self._options
        tokens = (self._first, options.second_token, options.expired_token, options.pending_token)
        return tuple(token for token in tokens if token)


def _printed(command: str) -> str:
    """The token that a command prints; raises `UsageError`."""
    try:
        # A command of the user's own, for a shell: that is what the option is for.
        done = subprocess.run(command, shell=True, capture_output=True, timeout=60)  # noqa: S602
    except subprocess.TimeoutExpired:
        raise UsageError("--token-command took longer than a minute") from None
    words = done.stdout.decode("ascii", "replace").split()
    if done.returncode or not words or not VISIBLE.fullmatch(words[-1]):
        raise UsageError(f"--token-command ended with status {done.returncode} and printed no token")
    return words[-1]


def _unexpired(token: str | None) -> str:
    ends = expiry(token)
    if ends is None:
        return "--expired-token is no JWT with an exp: whether it has expired cannot be read"
    # Servers allow for clocks that differ.
    return "" if ends + SKEW_S <= clock.epoch_s() else "--expired-token has not been expired for a minute"


def _settled(token: str | None) -> str:
    ends = expiry(token)
    if claim(token, "sts") != "pending":
        return "--pending-token does not say that its session is pending (sts)"
    return "--pending-token has expired" if ends is not None and ends <= clock.epoch_s() else ""


def expiry(token: str | None) -> int | None:
    """When a token ends, in epoch seconds; None where it does not say."""
    parts = split(token)
    ends = parts[1].get("exp") if parts else None
    if not isinstance(ends, int | float) or isinstance(ends, bool) or not math.isfinite(ends):
        return None
    return int(ends)


def organization(token: str | None) -> str | None:
    """The organization that a Clerk token names."""
    parts = split(token)
    if parts is None:
        return None
    claims = parts[1]
    organization_id = claims["o"].get("id") if isinstance(claims.get("o"), dict) else claims.get("org_id")
    return organization_id if isinstance(organization_id, str) else None


def split(token: str | None) -> tuple[JsonObject, JsonObject, bytes] | None:
    """Header, claims and signature of a JWT; None for anything else."""
    pieces = (token or "").split(".")
    if len(pieces) != 3:
        return None
    try:
        header, claims = (json.loads(_decode(piece)) for piece in pieces[:2])
        signature = _decode(pieces[2])
    except (ValueError, binascii.Error):
        return None
    return (header, claims, signature) if isinstance(header, dict) and isinstance(claims, dict) else None


def _decode(piece: str) -> bytes:
    return base64.urlsafe_b64decode(piece + "=" * (-len(piece) % 4))


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _joined(header: JsonObject, claims: JsonObject, sign: Callable[[bytes], bytes]) -> str:
    texts = (json.dumps(part, separators=(",", ":")).encode() for part in (header, claims))
    signed = ".".join(_encode(text) for text in texts)
    return f"{signed}.{_encode(sign(signed.encode()))}"


def _flipped(signature: bytes) -> bytes:
    return bytes([signature[0] ^ 0x55]) + signature[1:] if signature else b"\x55"


def _elsewhere(claims: JsonObject) -> JsonObject:
    other = "org_" + "0" * 27
    inner = {"o": {**claims["o"], "id": other}} if isinstance(claims.get("o"), dict) else {"org_id": other}
    return {**claims, **inner}


def _pending(claims: JsonObject) -> JsonObject:
    kept_claims = {
        name: value for name, value in claims.items() if name != "o" and not name.startswith("org_")
    }
    return {**kept_claims, "sts": "pending"}


PLAIN = {"garbage": "Bearer this.is-not.a-token", "basic": "Basic Y29uZm9ybTpjb25mb3Jt", "empty": "Bearer"}
DERIVED = (
    "signature",
    "organization",
    "prolonged",
    "pending",
    "alg-none",
    "alg-hs256",
    "unsigned",
    "fourth-part",
)
"""Ways to make a good token invalid; each keeps everything else as it was."""

KINDS = ("none", *PLAIN, *DERIVED)
KEYED: dict[str, Callable[[bytes], bytes]] = {"alg-hs256-pem": bytes, "alg-hs256-pem-bare": bytes.strip}
"""Ways to take the public key for a secret: as its PEM file is, and without the last line end."""

WITHOUT = ("none", "unknown")
ALL = (*WITHOUT, *KINDS[1:], *KEYED, "first", "second", "expired", "pending-session")
"""Every kind of token; those without have no header."""


def bad(kind: str, token: str | None) -> str | None:
    """A token that is bad in one way, made from a good one; None where that is no JWT."""
    parts = split(token)
    if parts is None or token is None:
        return None
    header, claims, signature = parts
    head, _, _ = token.rpartition(".")
    makers: dict[str, Callable[[], str]] = {
        "signature": lambda: f"{head}.{_encode(_flipped(signature))}",
        "organization": lambda: _joined(header, _elsewhere(claims), lambda _: signature),
        "prolonged": lambda: _joined(header, {**claims, "exp": 4_102_444_800}, lambda _: signature),
        "pending": lambda: _joined(header, _pending(claims), lambda _: signature),
        "alg-none": lambda: _joined({**header, "alg": "none"}, claims, lambda _: b""),
        "alg-hs256": lambda: confused(token, b"secret") or "",
        "unsigned": lambda: f"{head}.",
        "fourth-part": lambda: f"{token}.e30",
    }
    return makers[kind]()


def confused(token: str | None, secret: bytes) -> str | None:
    """The token under HS256 with a secret; None where it is no JWT."""
    parts = split(token)
    if parts is None:
        return None
    header = {**parts[0], "alg": "HS256"}
    return _joined(header, parts[1], lambda signed: hmac.digest(secret, signed, hashlib.sha256))


def claim(token: str | None, name: str) -> str | None:
    """A claim that is text; None for any other."""
    parts = split(token)
    value = parts[1].get(name) if parts else None
    return value if isinstance(value, str) else None


def public(document: JsonValue, token: str | None) -> bytes | None:
    """The PEM of the RSA key of a JWKS that signed a token; its first one where none has that name."""
    rows = document.get("keys") if isinstance(document, dict) else None
    keys = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    parts = split(token)
    name = parts[0].get("kid") if parts else None
    for row in sorted(keys, key=lambda row: row.get("kid") != name):
        if row.get("kty") == "RSA" and (pem := _pem(row)):
            return pem
    return None


def _pem(row: JsonObject) -> bytes | None:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    try:
        exponent, modulus = (int.from_bytes(_decode(row[name]), "big") for name in ("e", "n"))
        key = RSAPublicNumbers(exponent, modulus).public_key()
    except (KeyError, TypeError, ValueError):  # binascii.Error is a ValueError
        return None
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
