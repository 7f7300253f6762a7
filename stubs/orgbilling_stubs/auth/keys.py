"""RSA keys of session tokens, and how they are written: JWK, JWKS and PEM.

PyJWT and `cryptography` do the arithmetic. They are imported when the first signature is made or checked:
that takes 16 ms and 3 MB, and a server that has not seen a token does not need them.
"""

from __future__ import annotations

import codecs
import hashlib
import json
import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from orgbilling_stubs.auth.clerk_ids import clerk_id_of_digest
from orgbilling_stubs.auth.decoding import decode_object, decode_uint

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

BITS = 2048  # Clerk's JavaScript SDK cuts the DER of a PEM at fixed offsets, which fit no other size
MAX_BITS = 8192
EXPONENT = 65537
MAX_KEY_BYTES = 262_144  # a JWKS or PEM file

JWKS_MEDIA = "application/json"
PEM_MEDIA = "application/x-pem-file"
PUBLIC_KEY_PATHS = {
    "/.well-known/jwks.json": JWKS_MEDIA,
    "/v1/jwks": JWKS_MEDIA,
    "/.well-known/jwks.pem": PEM_MEDIA,
}
"""Where the server publishes its public key, and in which media type."""

_PRIVATE_MEMBERS = ("d", "p", "q", "dp", "dq", "qi")


class KeySourceError(ValueError):
    """A PEM or JWKS that cannot be used; the text is one line for the user."""


@dataclass(frozen=True)
class PublicKey:
    """Modulus and exponent, written as in a JWK: Base64urlUInt (RFC 7518, section 2)."""

    n: str
    e: str

    @cached_property
    def kid(self) -> str:
        """The id that names this key: an instance id in Clerk's shape, from the JWK thumbprint (RFC 7638)."""
        thumbprint = hashlib.sha256(f'{{"e":"{self.e}","kty":"RSA","n":"{self.n}"}}'.encode()).digest()
        return clerk_id_of_digest("ins", thumbprint)

    @cached_property
    def rsa_key(self) -> RSAPublicKey:
        """The key as PyJWT takes it; raises ValueError for numbers that are no RSA key."""
        from cryptography.hazmat.primitives.asymmetric import rsa

        return rsa.RSAPublicNumbers(decode_uint(self.e) or 0, decode_uint(self.n) or 0).public_key()

    def pem(self) -> str:
        """Return the key as PEM (SubjectPublicKeyInfo)."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return self.rsa_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def jwk(self) -> dict[str, str]:
        """Return the key as a JWK (RFC 7517), for RS256 signatures."""
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid, "n": self.n, "e": self.e}


@dataclass(frozen=True, repr=False)
class SigningKey:
    """A private RSA key. private: the members d, p, q, dp, dq and qi of its JWK, in this order."""

    public: PublicKey
    private: tuple[str, ...]

    def __repr__(self) -> str:
        return f"SigningKey(kid={self.kid!r})"

    @property
    def kid(self) -> str:
        """The id that names this key in a token's header."""
        return self.public.kid

    @cached_property
    def rsa_key(self) -> RSAPrivateKey:
        """The key as PyJWT takes it.

        Whether p and q are prime is not tested, which takes 70 ms: `signing_key` has looked at the numbers.
        """
        from cryptography.hazmat.primitives.asymmetric import rsa

        n, e, d, p, q, dp, dq, qi = (
            decode_uint(member) or 0 for member in (self.public.n, self.public.e, *self.private)
        )
        numbers = rsa.RSAPrivateNumbers(p, q, d, dp, dq, qi, rsa.RSAPublicNumbers(e, n))
        return numbers.private_key(unsafe_skip_rsa_key_validation=True)

    def jwk(self) -> dict[str, str]:
        """Return the private key as a JWK: a secret."""
        private = dict(zip(_PRIVATE_MEMBERS, self.private, strict=True))
        return {"kty": "RSA", "n": self.public.n, "e": self.public.e, **private}


def generate_key() -> SigningKey:
    """Return a new random key: RSA-2048, e = 65537."""
    from cryptography.hazmat.primitives.asymmetric import rsa
    from jwt.algorithms import RSAAlgorithm

    jwk = RSAAlgorithm.to_jwk(rsa.generate_private_key(EXPONENT, BITS), as_dict=True)
    return SigningKey(PublicKey(jwk["n"], jwk["e"]), tuple(jwk[name] for name in _PRIVATE_MEMBERS))


def signing_key(jwk: Mapping[str, object]) -> SigningKey | None:
    """Return the key of a private JWK, or None unless its numbers belong together (RFC 8017, section 3.2).

    Own code, because PyJWT's `from_jwk` also tests whether p and q are prime: 70 ms. The equations find every
    damaged file in 1 ms.
    """
    members = [jwk.get(name) for name in ("n", "e", *_PRIVATE_MEMBERS)]
    numbers = [number for number in map(decode_uint, members) if number is not None]
    if jwk.get("kty") != "RSA" or len(numbers) != len(members):
        return None
    n, e, d, p, q, dp, dq, qi = numbers
    texts = [str(member) for member in members]
    whole = (
        n.bit_length() == BITS
        and e == EXPONENT
        and 1 < p < n
        and p * q == n
        and (e * dp) % (p - 1) == 1
        and (e * dq) % (q - 1) == 1
        and (d % (p - 1), d % (q - 1)) == (dp, dq)
        and (qi * q) % p == 1
    )
    return SigningKey(PublicKey(*texts[:2]), tuple(texts[2:])) if whole else None


def jwks(key: PublicKey) -> dict[str, list[dict[str, str]]]:
    """Return the JWKS that holds one key (RFC 7517, section 5)."""
    return {"keys": [key.jwk()]}


def published_key(key: PublicKey, path: str) -> bytes:
    """Return the body that the server answers with at one of `PUBLIC_KEY_PATHS`."""
    return key.pem().encode() if PUBLIC_KEY_PATHS[path] == PEM_MEDIA else json.dumps(jwks(key)).encode()


def parse_jwks(data: bytes) -> dict[str, PublicKey]:
    """Return the usable keys of a JWKS by kid: RSA keys of 2048 to 8192 bits for RS256 signatures.

    Other keys are passed over, and so is the second of two keys with one kid. Raises KeySourceError when no
    key is left. Own code, because PyJWT's `PyJWKSet` also takes keys for encryption, keys of 1024 bits, and
    padded numbers.
    """
    document = decode_object(data) if len(data) <= MAX_KEY_BYTES else None
    rows = document.get("keys") if document else None
    if not isinstance(rows, list):
        raise KeySourceError("not a JWKS document")
    keys: dict[str, PublicKey] = {}
    for row in rows:
        key = _usable_key(row)
        if key is not None:
            keys.setdefault(row["kid"], key)
    if not keys:
        raise KeySourceError("no RSA signing key with a kid in the JWKS")
    return keys


def _usable_key(row: object) -> PublicKey | None:
    if not isinstance(row, dict) or row.get("kty") != "RSA" or not isinstance(row.get("kid"), str):
        return None
    if row.get("use", "sig") != "sig" or row.get("alg", "RS256") != "RS256":
        return None
    n, e = decode_uint(row.get("n")), decode_uint(row.get("e"))
    return PublicKey(row["n"], row["e"]) if n and e and usable_numbers(n, e) else None


def usable_numbers(n: int, e: int) -> bool:
    """Whether a modulus has 2048 to 8192 bits and an exponent at most 32, and both are odd."""
    return BITS <= n.bit_length() <= MAX_BITS and n % 2 == 1 and 3 <= e < 2**32 and e % 2 == 1


def parse_pem(data: bytes) -> PublicKey:
    """Return the RSA public key of a PEM; raises KeySourceError.

    As for Clerk's SDKs, the lines with BEGIN and END may be missing. Line ends may be of any kind, among them
    the two characters `\\n`, and quotes may stand around it all: so keys come out of environment files.
    """
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from jwt.algorithms import RSAAlgorithm

    if b"PRIVATE KEY" in data:
        raise KeySourceError("this is a private key; give the public one")
    try:
        key = load_pem_public_key(_canonical_pem(data))
    except (ValueError, TypeError):
        key = None
    except Exception as error:  # UnsupportedAlgorithm, whose module is not worth an import
        raise KeySourceError(f"not a usable public key: {type(error).__name__}") from None
    if not isinstance(key, RSAPublicKey):
        raise KeySourceError("not an RSA public key in PEM form")
    numbers = key.public_numbers()
    if not usable_numbers(numbers.n, numbers.e):
        raise KeySourceError("an RSA key of 2048 to 8192 bits is needed")
    jwk = RSAAlgorithm.to_jwk(key, as_dict=True)
    return PublicKey(jwk["n"], jwk["e"])


_PEM = re.compile(r"-----BEGIN (?P<label>[A-Z ]+)-----(?P<body>[^-]*)-----END (?P=label)-----")


def _canonical_pem(data: bytes) -> bytes:
    """The PEM with the lines that RFC 7468 asks for. Raises ValueError for what is no text."""
    encoding = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    text = data.decode(encoding).replace("\\r", "").replace("\\n", "\n").strip().strip("\"'")
    match = _PEM.search(text)
    label, body = (match["label"], match["body"]) if match is not None else ("PUBLIC KEY", text)
    lines = textwrap.wrap("".join(body.split()), 64)
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]).encode()
