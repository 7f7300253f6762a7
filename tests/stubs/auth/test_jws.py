from __future__ import annotations

import json

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from orgbilling_stubs.auth.errors import Unauthorized
from orgbilling_stubs.auth.jws import (
    MAX_LENGTH,
    Jws,
    decode64,
    decode_object,
    encode64,
    parse,
    serialize,
    signing_input,
)
from orgbilling_stubs.auth.mint import Session, claims, header, mint
from orgbilling_stubs.auth.rsa import SigningKey

HEAD, BODY, SIGNATURE = encode64(b'{"alg":"RS256"}'), encode64(b"{}"), encode64(b"x")


@given(st.binary())
def test_base64url_comes_back(data: bytes) -> None:
    assert decode64(encode64(data)) == data


@pytest.mark.parametrize("text", ["A", "AA==", "A A", "AA\n", "A+/A", "AB", "é", "AAA=", "AAA.", "\ud800"])
def test_base64url_is_canonical_or_nothing(text: str) -> None:
    """`AB` and `AA` are the same byte: only one of them is the way to write it."""
    assert decode64(text) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'"a"',
        b"null",
        b"{",
        b'{"a":1,"a":1}',
        b'{"a":{"b":1,"b":2}}',
        b'{"a":1,"\\u0061":2}',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'\xef\xbb\xbf{"a":1}',
        '{"a":1}'.encode("utf-16"),
        b'{"a":"\xff"}',
        b'{"a":1} x',
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":' * 100_000,
    ],
)
def test_not_a_json_object(data: bytes) -> None:
    assert decode_object(data) is None


@pytest.mark.parametrize(
    ("token", "name"),
    [
        ("", "malformed-token"),
        ("..", "malformed-token"),
        (f"{HEAD}.{BODY}", "malformed-token"),
        (f"{HEAD}.{BODY}.{SIGNATURE}.", "malformed-token"),
        (f"{HEAD}.{BODY}.{SIGNATURE}.{SIGNATURE}.{SIGNATURE}", "malformed-token"),
        (f".{BODY}.{SIGNATURE}", "malformed-token"),
        (f"{HEAD}..{SIGNATURE}", "malformed-token"),
        (f"{HEAD}=.{BODY}.{SIGNATURE}", "malformed-token"),
        (f" {HEAD}.{BODY}.{SIGNATURE}", "malformed-token"),
        (f"{HEAD}.{BODY}.{SIGNATURE}\n", "malformed-token"),
        (f"{HEAD}.{encode64(b'[]')}.{SIGNATURE}", "malformed-token"),
        ("." * (MAX_LENGTH + 1), "token-too-large"),
        ("a" * 1_000_000, "token-too-large"),
    ],
)
def test_a_broken_token_is_refused_by_name(token: str, name: str) -> None:
    with pytest.raises(Unauthorized) as caught:
        parse(token)
    assert caught.value.name == name


def test_a_token_is_taken_apart() -> None:
    assert parse(f"{HEAD}.{BODY}.{SIGNATURE}") == Jws({"alg": "RS256"}, {}, f"{HEAD}.{BODY}".encode(), b"x")


def test_an_unsigned_token_can_be_read_so_that_its_algorithm_is_what_refuses_it() -> None:
    assert parse(f"{HEAD}.{BODY}.").signature == b""


def test_pyjwt_reads_what_we_write(key: SigningKey, now_ms: int) -> None:
    token = mint(key, Session(), now_ms)
    options = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}
    assert jwt.get_unverified_header(token) == header(key.kid)
    read = jwt.decode(token, key.public.pem(), algorithms=["RS256"], options=options)  # type: ignore[arg-type]
    assert read == claims(Session(), now_ms)


def test_we_read_what_pyjwt_writes(key: SigningKey) -> None:
    private = jwt.PyJWK(key.jwk(), algorithm="RS256")
    token = jwt.encode({"sub": "ü"}, private.key, algorithm="RS256", headers={"kid": "k"})
    read = parse(token)
    assert (read.header["kid"], read.claims) == ("k", {"sub": "ü"})
    assert key.public.verify(read.signed, read.signature)


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.none(), max_size=5))
def test_any_claims_come_back(members: dict[str, object]) -> None:
    body = json.loads(json.dumps(members))
    assert parse(serialize(signing_input({"alg": "x"}, body), b"s")).claims == body
