from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.utils import to_base64url_uint
from orgbilling_stubs.auth.decoding import decode_uint
from orgbilling_stubs.auth.keys import (
    MAX_KEY_BYTES,
    PUBLIC_KEY_PATHS,
    KeySourceError,
    SigningKey,
    jwks,
    parse_jwks,
    parse_pem,
    published_key,
    signing_key,
    usable_numbers,
)


def encode_uint(number: int) -> str:
    return to_base64url_uint(number).decode()


def test_a_key_is_rsa_2048_with_the_usual_exponent(key: SigningKey) -> None:
    assert key.rsa_key.key_size == 2048
    assert key.public.e == "AQAB"
    assert key.public.rsa_key == key.rsa_key.public_key()


def test_a_private_jwk_comes_back(key: SigningKey) -> None:
    assert signing_key(key.jwk()) == key


@pytest.mark.parametrize("name", ["n", "e", "d", "p", "q", "dp", "dq", "qi"])
def test_a_private_jwk_with_one_wrong_number_is_refused(key: SigningKey, name: str) -> None:
    jwk = key.jwk()
    number = decode_uint(jwk[name])
    assert number is not None
    assert signing_key(jwk | {name: encode_uint(number + 2)}) is None
    assert signing_key(jwk | {name: 7}) is None
    assert signing_key(jwk | {name: ""}) is None
    assert signing_key({member: value for member, value in jwk.items() if member != name}) is None


@pytest.mark.parametrize("prime", ["p", "q"])
def test_an_exponent_that_is_wrong_for_one_prime_alone_is_refused(key: SigningKey, prime: str) -> None:
    d, p, q, _, _, qi = (decode_uint(number) or 0 for number in key.private)
    wrong = d + ((q - 1) if prime == "p" else (p - 1))
    numbers = (wrong, p, q, wrong % (p - 1), wrong % (q - 1), qi)
    assert signing_key(replace(key, private=tuple(map(encode_uint, numbers))).jwk()) is None


def test_another_key_type_is_refused(key: SigningKey) -> None:
    assert signing_key(key.jwk() | {"kty": "EC"}) is None


def test_the_kid_belongs_to_the_public_key(key: SigningKey, stranger: SigningKey) -> None:
    assert key.kid == key.public.kid == replace(key).kid
    assert key.kid.startswith("ins_")
    assert len(key.kid) == 31
    assert key.kid != stranger.kid


def test_the_public_jwk_holds_nothing_private(key: SigningKey) -> None:
    assert set(key.public.jwk()) == {"kty", "use", "alg", "kid", "n", "e"}


def test_a_repr_shows_no_private_number(key: SigningKey) -> None:
    assert repr(key) == f"SigningKey(kid='{key.kid}')"


@pytest.mark.parametrize(
    ("n", "e"),
    [(2**1024 + 1, 65537), (2**9000 + 1, 65537), (2**2047, 65537), (2**2047 + 1, 2), (2**2047 + 1, 1)],
)
def test_weak_and_absurd_public_numbers_are_refused(n: int, e: int) -> None:
    assert not usable_numbers(n, e)
    assert usable_numbers(2**2047 + 1, 65537)


def encoded(*rows: object) -> bytes:
    return json.dumps({"keys": rows}).encode()


def pem(key: Any) -> bytes:
    pem_text: bytes = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem_text


def test_what_is_given_out_can_be_taken_in(key: SigningKey) -> None:
    assert parse_jwks(published_key(key.public, "/v1/jwks")) == {key.kid: key.public}
    assert parse_pem(published_key(key.public, "/.well-known/jwks.pem")) == key.public


PEM_FORMS: dict[str, Callable[[str], str]] = {
    "bare": lambda pem: "".join(pem.splitlines()[1:-1]),
    "bare, in lines": lambda pem: "\n".join(pem.splitlines()[1:-1]),
    "bare, at the end of a line": lambda pem: "".join(pem.splitlines()[1:-1]) + "\r\n",
    "literal line ends": lambda pem: pem.replace("\n", "\\n"),
    "literal CRLF": lambda pem: pem.replace("\n", "\\r\\n"),
    "CRLF": lambda pem: pem.replace("\n", "\r\n"),
    "CR": lambda pem: pem.replace("\n", "\r"),
    "one line": lambda pem: pem.replace("\n", " "),
    "no line ends": lambda pem: pem.replace("\n", ""),
    "quotes": lambda pem: f'"{pem}"\n',
    "single quotes and literal line ends": lambda pem: "'" + pem.replace("\n", "\\n") + "'",
    "indented": lambda pem: "\n".join(f"    {line}" for line in pem.splitlines()),
    "byte order mark": lambda pem: "\ufeff" + pem,
}


@pytest.mark.parametrize("form", PEM_FORMS.values(), ids=PEM_FORMS)
def test_a_pem_is_accepted_as_environments_write_it(key: SigningKey, form: Callable[[str], str]) -> None:
    assert parse_pem(form(key.public.pem()).encode()) == key.public


def test_a_pem_is_accepted_in_utf_16(key: SigningKey) -> None:
    assert parse_pem(key.public.pem().encode("utf-16")) == key.public


def test_the_paths_are_clerks_two_and_one_for_the_pem() -> None:
    assert set(PUBLIC_KEY_PATHS) == {"/.well-known/jwks.json", "/v1/jwks", "/.well-known/jwks.pem"}


def test_pyjwt_takes_it_in(key: SigningKey) -> None:
    assert jwt.PyJWKSet.from_dict(jwks(key.public))[key.kid].algorithm_name == "RS256"


def test_keys_of_other_kinds_are_passed_over(key: SigningKey) -> None:
    good = key.public.jwk()
    others: list[object] = [
        {"kty": "oct", "kid": "a", "k": "AAAA"},
        {"kty": "EC", "kid": "b"},
        good | {"kid": "c", "use": "enc"},
        good | {"kid": "d", "alg": "RS512"},
        good | {"kid": 7},
        {name: value for name, value in good.items() if name != "kid"},
        good | {"kid": "e", "n": "AQAB"},
        good | {"kid": "f", "n": "!"},
        good | {"kid": "g", "e": 65537},
        "key",
        None,
    ]
    assert parse_jwks(encoded(*others, good)) == {key.kid: key.public}
    with pytest.raises(KeySourceError, match="no RSA signing key"):
        parse_jwks(encoded(*others))


def test_use_and_alg_may_be_absent(key: SigningKey) -> None:
    jwk = key.public.jwk()
    del jwk["use"], jwk["alg"]
    assert parse_jwks(encoded(jwk)) == {key.kid: key.public}


def test_the_first_of_two_keys_with_one_name_wins(key: SigningKey, stranger: SigningKey) -> None:
    twin = stranger.public.jwk() | {"kid": key.kid}
    assert parse_jwks(encoded(key.public.jwk(), twin)) == {key.kid: key.public}


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"keys":{}}', b"<html>", b'{"keys":[],"keys":[]}'])
def test_what_is_not_a_jwks_is_refused(data: bytes) -> None:
    with pytest.raises(KeySourceError, match="not a JWKS"):
        parse_jwks(data)


def test_a_huge_jwks_is_refused(key: SigningKey) -> None:
    with pytest.raises(KeySourceError, match="not a JWKS"):
        parse_jwks(encoded(key.public.jwk()) + b" " * MAX_KEY_BYTES)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "not an RSA public key"),
        (b"\xff\x00", "not an RSA public key"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "not an RSA public key"),
        (b"-----BEGIN PRIVATE KEY-----\n", "private key; give the public one"),
        (b"-----BEGIN RSA PRIVATE KEY-----\n", "private key; give the public one"),
    ],
)
def test_a_pem_that_cannot_be_used_says_why(data: bytes, problem: str) -> None:
    with pytest.raises(KeySourceError, match=problem):
        parse_pem(data)


def test_a_pem_of_another_kind_or_a_weak_one_is_refused() -> None:
    with pytest.raises(KeySourceError, match="not an RSA public key"):
        parse_pem(pem(ec.generate_private_key(ec.SECP256R1()).public_key()))
    with pytest.raises(KeySourceError, match="2048 to 8192 bits"):
        parse_pem(pem(rsa.generate_private_key(65537, 1024).public_key()))
