from __future__ import annotations

import base64
import json
import re
from dataclasses import replace

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from orgbilling_stubs.auth.bad_tokens import signing_input
from orgbilling_stubs.auth.errors import AuthError
from orgbilling_stubs.auth.keys import SigningKey
from orgbilling_stubs.auth.tokens import (
    ISSUER,
    MAX_TOKEN_LENGTH,
    ClerkSession,
    UnverifiedToken,
    has_valid_signature,
    mint_token,
    read_token,
    sign_token,
    slug,
    token_claims,
    token_header,
)

COMMON = {"azp", "exp", "fva", "iat", "iss", "nbf", "sid", "sub"}
SESSION = ClerkSession("org_low_balance", "admin", ttl_s=60)


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


HEAD, BODY, SIGNATURE = encode(b'{"alg":"RS256"}'), encode(b"{}"), encode(b"x")


def test_the_header_is_clerks(key: SigningKey) -> None:
    assert token_header(key.kid) == {"alg": "RS256", "cat": "cl_B7d4PD111AAA", "kid": key.kid, "typ": "JWT"}


def test_version_two_claims(now_ms: int) -> None:
    claims = token_claims(SESSION, now_ms)
    assert set(claims) == COMMON | {"jti", "v", "pla", "fea", "sts", "o"}
    assert (claims["iat"], claims["nbf"], claims["exp"]) == (
        now_ms // 1000,
        now_ms // 1000 - 10,
        now_ms // 1000 + 60,
    )
    assert claims["v"] == 2
    assert claims["sts"] == "active"
    assert claims["o"] == {
        "id": "org_low_balance",
        "slg": "low-balance",
        "rol": "admin",
        "per": "read,manage",
        "fpm": "3",
    }


def test_version_one_claims(now_ms: int) -> None:
    claims = token_claims(replace(SESSION, version=1), now_ms)
    assert set(claims) == COMMON | {"org_id", "org_slug", "org_role", "org_permissions"}
    assert claims["org_role"] == "org:admin"
    assert claims["org_permissions"] == ["org:billing:read", "org:billing:manage"]


def test_a_member_may_only_read(now_ms: int) -> None:
    member = replace(SESSION, role="member")
    assert token_claims(member, now_ms)["o"]["fpm"] == "1"
    assert token_claims(replace(member, version=1), now_ms)["org_permissions"] == ["org:billing:read"]


def test_a_role_may_be_written_either_way(now_ms: int) -> None:
    assert token_claims(replace(SESSION, role="org:admin"), now_ms) == token_claims(SESSION, now_ms)


def test_ids_have_clerks_shape(now_ms: int) -> None:
    claims = token_claims(SESSION, now_ms)
    assert re.fullmatch("user_[0-9A-Za-z]{27}", claims["sub"])
    assert re.fullmatch("sess_[0-9A-Za-z]{27}", claims["sid"])


def test_the_user_stays_and_the_token_id_moves_on(now_ms: int) -> None:
    first, second = token_claims(SESSION, now_ms), token_claims(SESSION, now_ms + 1000)
    assert (first["sub"], first["sid"]) == (second["sub"], second["sid"])
    assert first["jti"] != second["jti"]
    assert token_claims(replace(SESSION, role="member"), now_ms)["sub"] != first["sub"]


def test_a_chosen_user_is_kept(now_ms: int) -> None:
    assert token_claims(replace(SESSION, subject="user_me"), now_ms)["sub"] == "user_me"


def test_a_token_is_the_same_for_the_same_second(key: SigningKey, now_ms: int) -> None:
    assert mint_token(key, SESSION, now_ms) == mint_token(key, SESSION, now_ms + 999)
    assert read_token(mint_token(key, SESSION, now_ms)).claims["iss"] == ISSUER


def test_a_slug() -> None:
    assert slug("org_Low_balance_7") == "low-balance-7"


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ("", "token_malformed"),
        ("..", "token_malformed"),
        (f"{HEAD}.{BODY}", "token_malformed"),
        (f"{HEAD}.{BODY}.{SIGNATURE}.", "token_malformed"),
        (f"{HEAD}.{BODY}.{SIGNATURE}.{SIGNATURE}.{SIGNATURE}", "token_malformed"),
        (f".{BODY}.{SIGNATURE}", "token_malformed"),
        (f"{HEAD}..{SIGNATURE}", "token_malformed"),
        (f"{HEAD}=.{BODY}.{SIGNATURE}", "token_malformed"),
        (f" {HEAD}.{BODY}.{SIGNATURE}", "token_malformed"),
        (f"{HEAD}.{BODY}.{SIGNATURE}\n", "token_malformed"),
        (f"{HEAD}.{encode(b'[]')}.{SIGNATURE}", "token_malformed"),
        ("." * (MAX_TOKEN_LENGTH + 1), "token_too_large"),
        ("a" * 1_000_000, "token_too_large"),
    ],
)
def test_a_token_that_cannot_be_read_is_refused(token: str, code: str) -> None:
    with pytest.raises(AuthError) as caught:
        read_token(token)
    assert caught.value.code == code


def test_the_parts_of_a_token_are_read() -> None:
    assert read_token(f"{HEAD}.{BODY}.{SIGNATURE}") == UnverifiedToken({"alg": "RS256"}, {}, 1)


def test_an_unsigned_token_can_be_read_so_that_its_algorithm_is_what_is_refused() -> None:
    assert read_token(f"{HEAD}.{BODY}.").signature_bytes == 0


@pytest.mark.slow
@given(st.dictionaries(st.text(), st.integers() | st.text() | st.none(), max_size=5))
def test_any_claims_are_read_as_they_were_written(members: dict[str, object]) -> None:
    claims = json.loads(json.dumps(members))
    assert read_token(f"{signing_input({'alg': 'x'}, claims)}.{SIGNATURE}").claims == claims


def test_a_minted_token_has_the_plain_json_of_its_parts(key: SigningKey, now_ms: int) -> None:
    """Compact JSON, header members in alphabetical order: so a token keeps its bytes between versions."""
    signed = mint_token(key, SESSION, now_ms).rpartition(".")[0]
    assert signed == signing_input(token_header(key.kid), token_claims(SESSION, now_ms))


def test_a_signature_belongs_to_its_token_and_key(key: SigningKey, stranger: SigningKey, now_ms: int) -> None:
    token = mint_token(key, SESSION, now_ms)
    assert has_valid_signature(token, key.public)
    assert not has_valid_signature(token, stranger.public)
    assert not has_valid_signature(f"{token.rpartition('.')[0]}.", key.public)
    other = mint_token(key, SESSION, now_ms + 1000)
    assert not has_valid_signature(f"{other.rpartition('.')[0]}.{token.rpartition('.')[2]}", key.public)


def test_a_client_with_pyjwt_accepts_our_tokens(key: SigningKey, now_ms: int) -> None:
    token = mint_token(key, SESSION, now_ms)
    options = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}
    assert jwt.get_unverified_header(token) == token_header(key.kid)
    claims = jwt.decode(token, key.public.pem(), algorithms=["RS256"], options=options)  # type: ignore[arg-type]
    assert claims == token_claims(SESSION, now_ms)


def test_any_claims_can_be_signed(key: SigningKey) -> None:
    token = sign_token(key, {"kid": "k"}, {"sub": "ü", "iss": 7})
    assert read_token(token).claims == {"sub": "ü", "iss": 7}
    assert has_valid_signature(token, key.public)
