from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa as library
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from orgbilling_stubs.auth.rsa import (
    SigningKey,
    decode_int,
    encode_int,
    from_jwk,
    public_key,
)


def test_a_key_is_rsa_2048_with_the_usual_exponent(key: SigningKey) -> None:
    assert (key.public.n.bit_length(), key.public.e) == (2048, 65537)


def test_a_signature_is_deterministic_and_fits_its_data_and_key_alone(
    key: SigningKey, stranger: SigningKey
) -> None:
    signature = key.sign(b"data")
    assert signature == key.sign(b"data")
    assert key.public.verify(b"data", signature)
    assert not key.public.verify(b"date", signature)
    assert not key.public.verify(b"data", signature[:-1] + bytes([signature[-1] ^ 1]))
    assert not key.public.verify(b"data", b"")
    assert not key.public.verify(b"data", signature + b"\0")
    assert not stranger.public.verify(b"data", signature)


def test_a_private_jwk_comes_back(key: SigningKey) -> None:
    assert from_jwk(key.jwk()) == key


@pytest.mark.parametrize("name", ["n", "e", "d", "p", "q", "dp", "dq", "qi"])
def test_a_private_jwk_with_one_wrong_number_is_refused(key: SigningKey, name: str) -> None:
    jwk = key.jwk()
    number = decode_int(jwk[name])
    assert number is not None
    assert from_jwk(jwk | {name: encode_int(number + 2)}) is None
    assert from_jwk(jwk | {name: 7}) is None
    assert from_jwk(jwk | {name: ""}) is None
    assert from_jwk({member: value for member, value in jwk.items() if member != name}) is None


@pytest.mark.parametrize("prime", ["p", "q"])
def test_an_exponent_that_is_wrong_for_one_prime_alone_is_refused(key: SigningKey, prime: str) -> None:
    d, p, q, *_, qi = key.numbers
    wrong = d + ((q - 1) if prime == "p" else (p - 1))
    numbers = (wrong, p, q, wrong % (p - 1), wrong % (q - 1), qi)
    assert from_jwk(replace(key, numbers=numbers).jwk()) is None


def test_another_key_type_is_refused(key: SigningKey) -> None:
    assert from_jwk(key.jwk() | {"kty": "EC"}) is None


def test_the_kid_belongs_to_the_public_key(key: SigningKey, stranger: SigningKey) -> None:
    assert key.kid == key.public.kid == replace(key).kid
    assert key.kid.startswith("ins_")
    assert len(key.kid) == 31
    assert key.kid != stranger.kid


def test_the_pem_is_the_public_key(key: SigningKey) -> None:
    read = load_pem_public_key(key.public.pem().encode())
    assert isinstance(read, library.RSAPublicKey)
    assert read.public_numbers().n == key.public.n


def test_the_public_jwk_holds_nothing_private(key: SigningKey) -> None:
    assert set(key.public.jwk()) == {"kty", "use", "alg", "kid", "n", "e"}


def test_a_repr_shows_no_private_number(key: SigningKey) -> None:
    shown = repr(key)
    assert shown == f"SigningKey(kid='{key.kid}')"


@pytest.mark.parametrize(
    ("n", "e"),
    [(2**1024 + 1, 65537), (2**9000 + 1, 65537), (2**2047, 65537), (2**2047 + 1, 2), (2**2047 + 1, 1)],
)
def test_weak_and_absurd_public_numbers_are_refused(n: int, e: int) -> None:
    assert public_key(n, e) is None
    assert public_key(2**2047 + 1, 65537) is not None
