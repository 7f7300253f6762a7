from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from jwt.utils import base64url_encode
from orgbilling_stubs.auth import bad_tokens
from orgbilling_stubs.auth.errors import AuthError
from orgbilling_stubs.auth.key_sources import KeySet, KeysPendingError, SingleKey
from orgbilling_stubs.auth.keys import SigningKey
from orgbilling_stubs.auth.principal import Principal
from orgbilling_stubs.auth.tokens import ISSUER, ClerkSession, read_token
from orgbilling_stubs.auth.verification import Authenticator, Mode

Forge = Callable[..., str]
NOW_MS = 1_795_345_200_000
FOREIGN: dict[str, Any] = {"iss": "https://real-app-1.clerk.accounts.dev"}
MODES = pytest.mark.parametrize("mode", ["trust", "verify", "off"])
SIGNED = pytest.mark.parametrize("mode", ["trust", "verify"])


def refused(gate: Authenticator, token: str, now_ms: int = NOW_MS) -> str:
    with pytest.raises(AuthError) as caught:
        gate.authenticate(f"Bearer {token}", (), now_ms)
    return caught.value.code


def accepted(gate: Authenticator, token: str, now_ms: int = NOW_MS) -> Principal:
    return gate.authenticate(f"Bearer {token}", (), now_ms)


def tampered(token: str, **changes: object) -> str:
    """The token with other claims under the signature it had."""
    head, _, signature = token.split(".")
    members = read_token(token).claims | changes
    return f"{head}.{base64url_encode(json.dumps(members).encode()).decode()}.{signature}"


@MODES
@pytest.mark.parametrize("version", [1, 2])
def test_our_own_token_is_let_in(key: SigningKey, forge: Forge, mode: Mode, version: int) -> None:
    session = ClerkSession("org_a", subject="user_a", version=version)
    principal = accepted(Authenticator(mode, key), forge(session=session))
    assert principal == Principal("org_a", "admin", "user_a", session.session_id, NOW_MS + 3_600_000)


# Claims, through the gate: the table of types is in test_claims


CLAIMS = pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"exp": NOW_MS // 1000 - 60}, "token_expired"),
        ({"nbf": NOW_MS // 1000 + 60}, "token_not_yet_valid"),
        ({"iat": NOW_MS // 1000 + 60}, "token_issued_in_future"),
        ({"exp": ...}, "claims_invalid"),
        ({"iss": ...}, "claims_invalid"),
        ({"iss": 7}, "claims_invalid"),
        ({"sub": 7}, "claims_invalid"),
        ({"o": ...}, "organization_missing"),
        ({"o": "org_a"}, "claims_invalid"),
        ({"org_id": "org_victim", "org_role": "org:admin"}, "organization_conflicting"),
        ({"sts": "pending"}, "session_pending"),
        ({"azp": ["http://localhost:3000"]}, "claims_invalid"),
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
    assert refused(Authenticator(mode, key), forge(body={"exp": exp})) == "token_malformed"


def test_an_allow_list_of_origins(key: SigningKey, forge: Forge) -> None:
    gate = Authenticator("trust", key, azp=["https://app.test"])
    accepted(gate, forge(body={"azp": "https://app.test"}))
    for azp in ("https://app.test/", "https://elsewhere.test", ...):
        assert refused(gate, forge(body={"azp": azp})) == "azp_not_allowed"
        assert refused(gate, forge({"kid": "ins_x"}, FOREIGN | {"azp": azp})) == "azp_not_allowed"


# Foreign tokens


def test_trust_believes_a_foreign_token(gate: Authenticator, stranger: SigningKey, forge: Forge) -> None:
    token = forge({"kid": "ins_foreign"}, FOREIGN | {"o": {"id": "org_real", "rol": "member"}}, stranger)
    principal = accepted(gate, token)
    assert (principal.organization, principal.is_admin) == ("org_real", False)


@pytest.mark.parametrize("signature", [b"", b"x" * 63])
def test_trust_wants_a_foreign_token_to_be_signed_at_all(
    gate: Authenticator, forge: Forge, signature: bytes
) -> None:
    signed = forge({"kid": "ins_foreign"}, FOREIGN).rpartition(".")[0]
    token = f"{signed}.{base64url_encode(signature).decode()}"
    assert refused(gate, token) == "signature_invalid"


def test_trust_wants_a_foreign_token_to_name_a_key(gate: Authenticator, forge: Forge) -> None:
    assert refused(gate, forge({"kid": ...}, FOREIGN)) == "key_unknown"


def test_verify_refuses_a_foreign_token(key: SigningKey, stranger: SigningKey, forge: Forge) -> None:
    token = forge({"kid": "ins_foreign"}, FOREIGN, stranger)
    assert refused(Authenticator("verify", key), token) == "key_unknown"


def test_verify_with_a_pem_knows_that_key_alone(key: SigningKey, stranger: SigningKey, forge: Forge) -> None:
    gate = Authenticator("verify", key, SingleKey(stranger.public, kid_required=False))
    accepted(gate, forge({"kid": "ins_theirs"}, FOREIGN, stranger))
    assert refused(gate, forge()) == "signature_invalid"


def test_verify_with_a_jwks_goes_by_the_key_name(key: SigningKey, stranger: SigningKey, forge: Forge) -> None:
    jwks = json.dumps({"keys": [stranger.public.jwk()]}).encode()
    source = KeySet(lambda: jwks)
    with pytest.raises(KeysPendingError) as caught:
        source.find(stranger.kid, NOW_MS)
    caught.value.load.result(10)
    gate = Authenticator("verify", key, source)
    accepted(gate, forge({"kid": stranger.kid}, FOREIGN, stranger))
    assert refused(gate, forge({"kid": stranger.kid}, FOREIGN)) == "signature_invalid"
    assert refused(gate, forge()) == "key_unknown"


def test_a_jwks_that_cannot_be_fetched_is_503_and_only_for_tokens_that_ask(
    key: SigningKey, forge: Forge
) -> None:
    def load() -> bytes:
        raise OSError("down")

    gate = Authenticator("verify", key, KeySet(load))
    assert refused(gate, forge()) == "keys_unavailable"
    assert refused(gate, bad_tokens.GARBAGE) == "token_malformed"
    assert refused(gate, forge({"alg": "none"})) == "algorithm_not_accepted"


# Off


@pytest.mark.parametrize(
    "authorization", [None, "", "Basic x", "Bearer dev", "Bearer a.b.c", "Bearer " + "a" * 9000]
)
def test_off_lets_anyone_in_as_an_admin_of_the_default(key: SigningKey, authorization: str | None) -> None:
    gate = Authenticator("off", key, organization="org_mine")
    principal = gate.authenticate(authorization, (), NOW_MS)
    assert (principal.organization, principal.is_admin) == ("org_mine", True)


def test_off_follows_a_token_whoever_signed_it(key: SigningKey, stranger: SigningKey, forge: Forge) -> None:
    gate = Authenticator("off", key)
    for head in ({}, {"kid": "ins_x"}, {"kid": ...}):
        assert (
            accepted(gate, forge(head, signer=stranger, session=ClerkSession("org_b"))).organization
            == "org_b"
        )


# Where the token comes from


@SIGNED
def test_no_token_is_refused(key: SigningKey, mode: Mode) -> None:
    with pytest.raises(AuthError, match="token_missing"):
        Authenticator(mode, key).authenticate(None, (), NOW_MS)


def test_the_cookie_is_as_good_as_the_header_and_no_better(gate: Authenticator, forge: Forge) -> None:
    good, other = forge(session=ClerkSession("org_a")), forge(session=ClerkSession("org_b"))
    assert gate.authenticate(None, (good,), NOW_MS).organization == "org_a"
    assert gate.authenticate(f"Bearer {other}", (good,), NOW_MS).organization == "org_b"
    with pytest.raises(AuthError, match="authorization_malformed"):
        gate.authenticate("", (good,), NOW_MS)
    with pytest.raises(AuthError, match="signature_invalid"):
        gate.authenticate(None, (tampered(good, sub="user_b"),), NOW_MS)


def test_two_headers_joined_by_a_comma_are_refused(gate: Authenticator, forge: Forge) -> None:
    with pytest.raises(AuthError, match="authorization_malformed"):
        gate.authenticate(f"Bearer {forge()}, Bearer {forge()}", (), NOW_MS)


@pytest.mark.parametrize("space", [" ", "\t", "\n", "\r\n", "\x00", "\u00a0", "\u2028"])
def test_whitespace_is_no_part_of_a_token(gate: Authenticator, forge: Forge, space: str) -> None:
    token = forge()
    for broken in (token + space, space + token, token.replace(".", f".{space}", 1)):
        for header_value, sessions in ((f"Bearer {broken}", ()), (None, (broken,))):
            if header_value == f"Bearer  {token}":
                continue
            with pytest.raises(AuthError, match="malformed"):
                gate.authenticate(header_value, sessions, NOW_MS)


def test_the_period_in_which_a_token_is_valid_is_told(gate: Authenticator, forge: Forge) -> None:
    token = forge(session=ClerkSession(ttl_s=60))
    verified = gate.verify(f"Bearer {token}", (), NOW_MS)
    assert (verified.from_ms, verified.until_ms) == (NOW_MS - 5_000, NOW_MS + 65_000)
    accepted(gate, token, NOW_MS + 64_999)
    assert refused(gate, token, NOW_MS + 65_000) == "token_expired"
    assert refused(gate, token, NOW_MS - 5_001) == "token_issued_in_future"


def test_a_huge_token_is_refused_without_reading_it(
    gate: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orgbilling_stubs.auth.tokens.decode_base64url", None)
    assert refused(gate, "a." * 500_000) == "token_too_large"


def test_the_issuer_can_never_be_a_real_host() -> None:
    """RFC 6761 reserves `.test`."""
    assert ISSUER.endswith(".test")


def test_of_several_sessions_the_one_of_our_key_counts(
    key: SigningKey, forge: Forge, stranger: SigningKey
) -> None:
    ours, theirs = forge(), forge({"kid": "ins_foreign"}, FOREIGN, stranger)
    gate = Authenticator("verify", key)
    for sessions in ((ours, theirs), (theirs, ours), (theirs, "no token", ours)):
        assert gate.authenticate(None, sessions, NOW_MS).organization == "org_standard"


@pytest.mark.parametrize("mode", ["trust", "off", "verify"])
def test_sessions_that_disagree_are_refused(
    key: SigningKey, forge: Forge, stranger: SigningKey, mode: Mode
) -> None:
    ours, theirs = forge(), forge({"kid": "ins_foreign"}, FOREIGN, stranger)
    another = forge(body={"sub": "user_other"})
    gate = Authenticator(mode, key)
    pairs = [(ours, another), (theirs, "no token")]
    for sessions in pairs if mode == "verify" else [*pairs, (ours, theirs)]:
        with pytest.raises(AuthError, match="credentials_ambiguous"):
            gate.authenticate(None, sessions, NOW_MS)
