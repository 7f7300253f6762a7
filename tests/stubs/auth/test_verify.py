from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from orgbilling_stubs.auth import bad
from orgbilling_stubs.auth.errors import Refused
from orgbilling_stubs.auth.jws import encode64, parse, serialize
from orgbilling_stubs.auth.mint import ISSUER, Session, mint
from orgbilling_stubs.auth.principal import Principal
from orgbilling_stubs.auth.rsa import SigningKey
from orgbilling_stubs.auth.source import Keyset, Single
from orgbilling_stubs.auth.verify import CACHE_SIZE, RECHECK_MS, Authenticator, Mode, require_admin

Forge = Callable[..., str]
NOW_MS = 1_795_345_200_000
FOREIGN: dict[str, Any] = {"iss": "https://real-app-1.clerk.accounts.dev"}
MODES = pytest.mark.parametrize("mode", ["trust", "verify", "off"])
SIGNED = pytest.mark.parametrize("mode", ["trust", "verify"])


def refused(gate: Authenticator, token: str, now_ms: int = NOW_MS) -> str:
    with pytest.raises(Refused) as caught:
        gate.authenticate(f"Bearer {token}", None, now_ms)
    return caught.value.name


def accepted(gate: Authenticator, token: str, now_ms: int = NOW_MS) -> Principal:
    return gate.authenticate(f"Bearer {token}", None, now_ms)


def tampered(token: str, **changes: object) -> str:
    """The token with other claims under the signature it had."""
    head, _, signature = token.split(".")
    members = parse(token).claims | changes
    return f"{head}.{encode64(json.dumps(members).encode())}.{signature}"


@MODES
@pytest.mark.parametrize("version", [1, 2])
def test_our_own_token_is_let_in(key: SigningKey, forge: Forge, mode: Mode, version: int) -> None:
    session = Session("org_a", subject="user_a", version=version)
    found = accepted(Authenticator(mode, key), forge(session=session))
    assert found == Principal("org_a", "admin", "user_a", session.session_id, NOW_MS + 3_600_000)


# Claims, through the gate: the table of types is in test_claims


CLAIMS = pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"exp": NOW_MS // 1000 - 60}, "expired"),
        ({"nbf": NOW_MS // 1000 + 60}, "not-yet-valid"),
        ({"iat": NOW_MS // 1000 + 60}, "issued-in-future"),
        ({"exp": ...}, "bad-claims"),
        ({"iss": ...}, "bad-claims"),
        ({"iss": 7}, "bad-claims"),
        ({"sub": 7}, "bad-claims"),
        ({"o": ...}, "no-organization"),
        ({"o": "org_a"}, "bad-claims"),
        ({"org_id": "org_victim", "org_role": "org:admin"}, "conflicting-organization"),
        ({"sts": "pending"}, "pending"),
        ({"azp": ["http://localhost:3000"]}, "bad-claims"),
    ],
    ids=lambda value: repr(value)[:50],
)


@MODES
@CLAIMS
def test_claims_are_always_checked(
    key: SigningKey, forge: Forge, mode: Mode, body: dict[str, Any], name: str
) -> None:
    assert refused(Authenticator(mode, key), forge(body=body)) == name


@CLAIMS
def test_claims_of_a_foreign_token_are_checked_too(
    gate: Authenticator, forge: Forge, body: dict[str, Any], name: str
) -> None:
    assert refused(gate, forge({"kid": "ins_foreign"}, FOREIGN | body)) == name


@SIGNED
@pytest.mark.parametrize("exp", [float("nan"), float("inf")])
def test_numbers_that_are_not_json_are_refused(key: SigningKey, forge: Forge, mode: Mode, exp: float) -> None:
    assert refused(Authenticator(mode, key), forge(body={"exp": exp})) == "malformed-token"


def test_an_allow_list_of_origins(key: SigningKey, forge: Forge) -> None:
    gate = Authenticator("trust", key, azp=["https://app.test"])
    accepted(gate, forge(body={"azp": "https://app.test"}))
    for azp in ("https://app.test/", "https://elsewhere.test", ...):
        assert refused(gate, forge(body={"azp": azp})) == "wrong-azp"
        assert refused(gate, forge({"kid": "ins_x"}, FOREIGN | {"azp": azp})) == "wrong-azp"


# Foreign tokens


def test_trust_believes_a_foreign_token(gate: Authenticator, stranger: SigningKey, forge: Forge) -> None:
    token = forge({"kid": "ins_foreign"}, FOREIGN | {"o": {"id": "org_real", "rol": "member"}}, stranger)
    found = accepted(gate, token)
    assert (found.organization, found.is_admin) == ("org_real", False)


@pytest.mark.parametrize("signature", [b"", b"x" * 63])
def test_trust_wants_a_foreign_token_to_be_signed_at_all(
    gate: Authenticator, forge: Forge, signature: bytes
) -> None:
    token = serialize(parse(forge({"kid": "ins_foreign"}, FOREIGN)).signed, signature)
    assert refused(gate, token) == "bad-signature"


def test_trust_wants_a_foreign_token_to_name_a_key(gate: Authenticator, forge: Forge) -> None:
    assert refused(gate, forge({"kid": ...}, FOREIGN)) == "unknown-kid"


def test_verify_refuses_a_foreign_token(key: SigningKey, stranger: SigningKey, forge: Forge) -> None:
    token = forge({"kid": "ins_foreign"}, FOREIGN, stranger)
    assert refused(Authenticator("verify", key), token) == "unknown-kid"


def test_verify_with_a_pem_knows_that_key_alone(key: SigningKey, stranger: SigningKey, forge: Forge) -> None:
    gate = Authenticator("verify", key, Single(stranger.public, named=False))
    accepted(gate, forge({"kid": "ins_theirs"}, FOREIGN, stranger))
    assert refused(gate, forge()) == "bad-signature"


def test_verify_with_a_jwks_goes_by_the_key_name(key: SigningKey, stranger: SigningKey, forge: Forge) -> None:
    jwks = json.dumps({"keys": [stranger.public.jwk()]}).encode()
    gate = Authenticator("verify", key, Keyset(lambda: jwks))
    accepted(gate, forge({"kid": stranger.kid}, FOREIGN, stranger))
    assert refused(gate, forge({"kid": stranger.kid}, FOREIGN)) == "bad-signature"
    assert refused(gate, forge()) == "unknown-kid"


def test_a_jwks_that_cannot_be_fetched_is_503_and_only_for_tokens_that_ask(
    key: SigningKey, forge: Forge
) -> None:
    def load() -> bytes:
        raise OSError("down")

    gate = Authenticator("verify", key, Keyset(load))
    assert refused(gate, forge()) == "keys-unavailable"
    assert refused(gate, bad.GARBAGE) == "malformed-token"
    assert refused(gate, forge({"alg": "none"})) == "algorithm"


# Off


@pytest.mark.parametrize(
    "authorization", [None, "", "Basic x", "Bearer dev", "Bearer a.b.c", "Bearer " + "a" * 9000]
)
def test_off_lets_anyone_in_as_an_admin_of_the_default(key: SigningKey, authorization: str | None) -> None:
    gate = Authenticator("off", key, organization="org_mine")
    found = gate.authenticate(authorization, None, NOW_MS)
    assert (found.organization, found.is_admin) == ("org_mine", True)


def test_off_follows_a_token_whoever_signed_it(key: SigningKey, stranger: SigningKey, forge: Forge) -> None:
    gate = Authenticator("off", key)
    for head in ({}, {"kid": "ins_x"}, {"kid": ...}):
        assert accepted(gate, forge(head, signer=stranger, session=Session("org_b"))).organization == "org_b"


# Where the token comes from


@SIGNED
def test_no_token_is_refused(key: SigningKey, mode: Mode) -> None:
    with pytest.raises(Refused, match="missing-token"):
        Authenticator(mode, key).authenticate(None, None, NOW_MS)


def test_the_cookie_is_as_good_as_the_header_and_no_better(gate: Authenticator, forge: Forge) -> None:
    good, other = forge(session=Session("org_a")), forge(session=Session("org_b"))
    assert gate.authenticate(None, good, NOW_MS).organization == "org_a"
    assert gate.authenticate(f"Bearer {other}", good, NOW_MS).organization == "org_b"
    with pytest.raises(Refused, match="malformed-authorization"):
        gate.authenticate("", good, NOW_MS)
    with pytest.raises(Refused, match="bad-signature"):
        gate.authenticate(None, tampered(good, sub="user_b"), NOW_MS)


def test_two_headers_joined_by_a_comma_are_refused(gate: Authenticator, forge: Forge) -> None:
    with pytest.raises(Refused, match="malformed-authorization"):
        gate.authenticate(f"Bearer {forge()}, Bearer {forge()}", None, NOW_MS)


@pytest.mark.parametrize("space", [" ", "\t", "\n", "\r\n", "\x00", "\u00a0", "\u2028"])
def test_whitespace_is_no_part_of_a_token(gate: Authenticator, forge: Forge, space: str) -> None:
    token = forge()
    for broken in (token + space, space + token, token.replace(".", f".{space}", 1)):
        for header_value, session in ((f"Bearer {broken}", None), (None, broken)):
            if header_value == f"Bearer  {token}":
                continue
            with pytest.raises(Refused, match="malformed"):
                gate.authenticate(header_value, session, NOW_MS)


# Remembering


def test_a_remembered_token_still_expires(gate: Authenticator, forge: Forge) -> None:
    token = forge(session=Session(ttl_s=60))
    accepted(gate, token, NOW_MS + 64_999)
    assert refused(gate, token, NOW_MS + 65_000) == "expired"
    assert refused(gate, token, NOW_MS - 5_001) == "issued-in-future"


def test_a_remembered_token_is_checked_again_in_time(
    key: SigningKey, stranger: SigningKey, forge: Forge
) -> None:
    feed = [stranger]
    gate = Authenticator("verify", key, Keyset(lambda: json.dumps({"keys": [feed[0].public.jwk()]}).encode()))
    token = forge({"kid": stranger.kid}, signer=stranger, session=Session(ttl_s=100_000))
    accepted(gate, token)
    feed[0] = key
    assert refused(gate, token, NOW_MS + 3_600_000 + RECHECK_MS) == "unknown-kid"


@pytest.mark.slow
def test_memory_is_bounded_and_holds_no_token(gate: Authenticator, key: SigningKey) -> None:
    tokens = [mint(key, Session(f"org_{number}"), NOW_MS) for number in range(CACHE_SIZE + 3)]
    for number, token in enumerate(tokens):
        assert accepted(gate, token).organization == f"org_{number}"
    assert len(gate._seen) == CACHE_SIZE
    assert all(len(digest) == 16 for digest in gate._seen)
    assert accepted(gate, tokens[0]).organization == "org_0"


def test_what_was_used_last_is_kept(
    gate: Authenticator, key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orgbilling_stubs.auth.verify.CACHE_SIZE", 2)
    first, second, third = (mint(key, Session(f"org_{number}"), NOW_MS) for number in range(3))
    for token in (first, second, first, third):
        accepted(gate, token)
    assert [seen.principal.organization for seen in gate._seen.values()] == ["org_0", "org_2"]


def test_a_refused_token_is_not_remembered(gate: Authenticator, forge: Forge) -> None:
    refused(gate, forge(body={"exp": 1}))
    assert not gate._seen


def test_a_token_seen_again_costs_microseconds(gate: Authenticator, forge: Forge) -> None:
    """The budget is 5 microseconds; ten times that on a busy machine still tells memory from verification."""
    authorization = f"Bearer {forge()}"
    gate.authenticate(authorization, None, NOW_MS)
    started = time.perf_counter_ns()
    for _ in range(2000):
        gate.authenticate(authorization, None, NOW_MS)
    assert (time.perf_counter_ns() - started) / 2000 < 50_000


def test_a_huge_token_is_refused_without_reading_it(
    gate: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orgbilling_stubs.auth.verify.parse", None)
    monkeypatch.setattr(hashlib, "blake2b", None)
    assert refused(gate, "a." * 500_000) == "token-too-large"


def test_an_admin_may_write_and_nobody_else() -> None:
    require_admin(Principal("org_a", "billing_admin", "user_a", None, 0))
    with pytest.raises(Refused, match="member"):
        require_admin(Principal("org_a", "member", "user_a", None, 0))


def test_the_issuer_can_never_be_a_real_host() -> None:
    """RFC 6761 reserves `.test`."""
    assert ISSUER.endswith(".test")
