"""RSA keys as plain numbers; `cryptography` is imported when the first signature is made or checked."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from orgbilling_stubs.auth.clerkid import base62
from orgbilling_stubs.auth.jws import decode64, encode64

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

BITS = 2048  # Clerk's JavaScript SDK cuts the DER of a PEM at fixed offsets, which fit no other size
MAX_BITS = 8192
EXPONENT = 65537

_PRIVATE = ("d", "p", "q", "dp", "dq", "qi")


def encode_int(number: int) -> str:
    """Return a Base64urlUInt (RFC 7518, section 2)."""
    return encode64(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def decode_int(text: object) -> int | None:
    """Return the number of a Base64urlUInt, or None."""
    data = decode64(text) if isinstance(text, str) else None
    return int.from_bytes(data, "big") if data else None


@dataclass(frozen=True)
class PublicKey:
    """Modulus and exponent; use `public_key` for numbers from elsewhere."""

    n: int
    e: int

    @cached_property
    def kid(self) -> str:
        """The instance id in Clerk's shape, from the JWK thumbprint (RFC 7638)."""
        canonical = f'{{"e":"{encode_int(self.e)}","kty":"RSA","n":"{encode_int(self.n)}"}}'
        return "ins_" + base62(int.from_bytes(hashlib.sha256(canonical.encode()).digest(), "big"))

    @cached_property
    def _key(self) -> RSAPublicKey:
        from cryptography.hazmat.primitives.asymmetric import rsa

        return rsa.RSAPublicNumbers(self.e, self.n).public_key()

    def verify(self, signed: bytes, signature: bytes) -> bool:
        """Say whether an RS256 signature is right."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        try:
            self._key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return False
        return True

    def pem(self) -> str:
        """Return the key as PEM (SubjectPublicKeyInfo)."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return self._key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def jwk(self) -> dict[str, str]:
        """Return the key as a JWK (RFC 7517), for RS256 signatures."""
        return {
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.kid,
            "n": encode_int(self.n),
            "e": encode_int(self.e),
        }


def public_key(n: int, e: int) -> PublicKey | None:
    """Return a key, or None unless the modulus has 2048 to 8192 bits, the exponent 32, and both are odd."""
    fits = BITS <= n.bit_length() <= MAX_BITS and n % 2 == 1 and 3 <= e < 2**32 and e % 2 == 1
    return PublicKey(n, e) if fits else None


@dataclass(frozen=True, repr=False)
class SigningKey:
    """A private RSA key: the public half, and the six private numbers by their JWK names."""

    public: PublicKey
    numbers: tuple[int, int, int, int, int, int]

    def __repr__(self) -> str:
        return f"SigningKey(kid={self.kid!r})"

    @property
    def kid(self) -> str:
        """The instance id that names this key in a token's header."""
        return self.public.kid

    @cached_property
    def _key(self) -> RSAPrivateKey:
        from cryptography.hazmat.primitives.asymmetric import rsa

        d, p, q, dp, dq, qi = self.numbers
        public = rsa.RSAPublicNumbers(self.public.e, self.public.n)
        # The library's own check costs 30 ms; `from_jwk` has checked the same equations.
        return rsa.RSAPrivateNumbers(p, q, d, dp, dq, qi, public).private_key(
            unsafe_skip_rsa_key_validation=True
        )

    def sign(self, data: bytes) -> bytes:
        """Return the RS256 signature: deterministic, so the same claims make the same token."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        return self._key.sign(data, padding.PKCS1v15(), hashes.SHA256())

    def jwk(self) -> dict[str, str]:
        """Return the private key as a JWK: a secret."""
        private = {name: encode_int(number) for name, number in zip(_PRIVATE, self.numbers, strict=True)}
        return {"kty": "RSA", "n": encode_int(self.public.n), "e": encode_int(self.public.e), **private}


def generate() -> SigningKey:
    """Return a new random key: RSA-2048, e = 65537."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    made = rsa.generate_private_key(EXPONENT, BITS).private_numbers()
    public = PublicKey(made.public_numbers.n, made.public_numbers.e)
    return SigningKey(public, (made.d, made.p, made.q, made.dmp1, made.dmq1, made.iqmp))


def from_jwk(jwk: dict[str, Any]) -> SigningKey | None:
    """Return the key of a private JWK, or None unless its numbers belong together (RFC 8017, section 3.2)."""
    read = [decode_int(jwk.get(name)) for name in ("n", "e", *_PRIVATE)]
    known = [number for number in read if number is not None]
    if jwk.get("kty") != "RSA" or len(known) != len(read):
        return None
    n, e, d, p, q, dp, dq, qi = known
    sound = (
        n.bit_length() == BITS
        and e == EXPONENT
        and 1 < p < n
        and p * q == n
        and (e * dp) % (p - 1) == 1
        and (e * dq) % (q - 1) == 1
        and (d % (p - 1), d % (q - 1)) == (dp, dq)
        and (qi * q) % p == 1
    )
    return SigningKey(PublicKey(n, e), (d, p, q, dp, dq, qi)) if sound else None
