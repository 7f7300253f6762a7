from __future__ import annotations

import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from orgbilling_stubs.auth.jwks import (
    MAX_BYTES,
    MEDIA,
    KeySourceError,
    document,
    parse,
    parse_pem,
    serve,
)
from orgbilling_stubs.auth.rsa import SigningKey


def encoded(*rows: object) -> bytes:
    return json.dumps({"keys": rows}).encode()


def pem(key: Any) -> bytes:
    made: bytes = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return made


def test_what_is_given_out_can_be_taken_in(key: SigningKey) -> None:
    assert parse(serve(key.public, "/v1/jwks")) == {key.kid: key.public}
    assert parse_pem(serve(key.public, "/.well-known/jwks.pem")) == key.public


def test_the_paths_are_clerks_two_and_one_for_the_pem() -> None:
    assert set(MEDIA) == {"/.well-known/jwks.json", "/v1/jwks", "/.well-known/jwks.pem"}


def test_pyjwt_takes_it_in(key: SigningKey) -> None:
    assert jwt.PyJWKSet.from_dict(document(key.public))[key.kid].algorithm_name == "RS256"


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
    assert parse(encoded(*others, good)) == {key.kid: key.public}
    with pytest.raises(KeySourceError, match="no RSA signing key"):
        parse(encoded(*others))


def test_use_and_alg_may_be_absent(key: SigningKey) -> None:
    jwk = key.public.jwk()
    del jwk["use"], jwk["alg"]
    assert parse(encoded(jwk)) == {key.kid: key.public}


def test_the_first_of_two_keys_with_one_name_wins(key: SigningKey, stranger: SigningKey) -> None:
    twin = stranger.public.jwk() | {"kid": key.kid}
    assert parse(encoded(key.public.jwk(), twin)) == {key.kid: key.public}


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"keys":{}}', b"<html>", b'{"keys":[],"keys":[]}'])
def test_what_is_not_a_jwks_is_refused(data: bytes) -> None:
    with pytest.raises(KeySourceError, match="not a JWKS"):
        parse(data)


def test_a_huge_jwks_is_refused(key: SigningKey) -> None:
    with pytest.raises(KeySourceError, match="not a JWKS"):
        parse(encoded(key.public.jwk()) + b" " * MAX_BYTES)


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
