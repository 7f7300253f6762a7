from __future__ import annotations

import re
from dataclasses import replace

from orgbilling_stubs.auth.jws import parse
from orgbilling_stubs.auth.mint import ISSUER, Session, claims, header, mint, slug
from orgbilling_stubs.auth.rsa import SigningKey

COMMON = {"azp", "exp", "fva", "iat", "iss", "nbf", "sid", "sub"}
SESSION = Session("org_low_balance", "admin", ttl_s=60)


def test_the_header_is_clerks(key: SigningKey) -> None:
    assert header(key.kid) == {"alg": "RS256", "cat": "cl_B7d4PD111AAA", "kid": key.kid, "typ": "JWT"}


def test_version_two_claims(now_ms: int) -> None:
    made = claims(SESSION, now_ms)
    assert set(made) == COMMON | {"jti", "v", "pla", "fea", "sts", "o"}
    assert (made["iat"], made["nbf"], made["exp"]) == (
        now_ms // 1000,
        now_ms // 1000 - 10,
        now_ms // 1000 + 60,
    )
    assert made["v"] == 2
    assert made["sts"] == "active"
    assert made["o"] == {
        "id": "org_low_balance",
        "slg": "low-balance",
        "rol": "admin",
        "per": "read,manage",
        "fpm": "3",
    }


def test_version_one_claims(now_ms: int) -> None:
    made = claims(replace(SESSION, version=1), now_ms)
    assert set(made) == COMMON | {"org_id", "org_slug", "org_role", "org_permissions"}
    assert made["org_role"] == "org:admin"
    assert made["org_permissions"] == ["org:billing:read", "org:billing:manage"]


def test_a_member_may_only_read(now_ms: int) -> None:
    member = replace(SESSION, role="member")
    assert claims(member, now_ms)["o"]["fpm"] == "1"
    assert claims(replace(member, version=1), now_ms)["org_permissions"] == ["org:billing:read"]


def test_a_role_may_be_written_either_way(now_ms: int) -> None:
    assert claims(replace(SESSION, role="org:admin"), now_ms) == claims(SESSION, now_ms)


def test_ids_have_clerks_shape(now_ms: int) -> None:
    made = claims(SESSION, now_ms)
    assert re.fullmatch("user_[0-9A-Za-z]{27}", made["sub"])
    assert re.fullmatch("sess_[0-9A-Za-z]{27}", made["sid"])


def test_the_user_stays_and_the_token_id_moves_on(now_ms: int) -> None:
    first, second = claims(SESSION, now_ms), claims(SESSION, now_ms + 1000)
    assert (first["sub"], first["sid"]) == (second["sub"], second["sid"])
    assert first["jti"] != second["jti"]
    assert claims(replace(SESSION, role="member"), now_ms)["sub"] != first["sub"]


def test_a_chosen_user_is_kept(now_ms: int) -> None:
    assert claims(replace(SESSION, subject="user_me"), now_ms)["sub"] == "user_me"


def test_a_token_is_the_same_for_the_same_second(key: SigningKey, now_ms: int) -> None:
    assert mint(key, SESSION, now_ms) == mint(key, SESSION, now_ms + 999)
    assert parse(mint(key, SESSION, now_ms)).claims["iss"] == ISSUER


def test_a_slug() -> None:
    assert slug("org_Low_balance_7") == "low-balance-7"
