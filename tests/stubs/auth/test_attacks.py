from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import traceback
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jwt.algorithms import RSAAlgorithm
from jwt.utils import base64url_decode, base64url_encode
from orgbilling_stubs.auth import bad_tokens
from orgbilling_stubs.auth.authorization import require_admin
from orgbilling_stubs.auth.bad_tokens import signing_input
from orgbilling_stubs.auth.errors import ERRORS, AuthError
from orgbilling_stubs.auth.keys import SigningKey, generate_key
from orgbilling_stubs.auth.principal import Principal
from orgbilling_stubs.auth.tokens import ClerkSession, read_token, token_claims, token_header
from orgbilling_stubs.auth.verification import Authenticator, Mode

Forge = Callable[..., str]
NOW_MS = 1_795_345_200_000
FOREIGN: dict[str, Any] = {"iss": "https://real-app-1.clerk.accounts.dev"}
MODES = pytest.mark.parametrize("mode", ["trust", "verify", "off"])
SIGNED = pytest.mark.parametrize("mode", ["trust", "verify"])


def refused(gate: Authenticator, token: str, now_ms: int = NOW_MS) -> str:
    with pytest.raises(AuthError) as caught:
        gate.authenticate(f"Bearer {token}", None, now_ms)
    return caught.value.code


def accepted(gate: Authenticator, token: str, now_ms: int = NOW_MS) -> Principal:
    return gate.authenticate(f"Bearer {token}", None, now_ms)


def encode(data: bytes) -> str:
    return base64url_encode(data).decode()


def signed(key: SigningKey, signing_input: str) -> str:
    """A token of a signing input that PyJWT would not write."""
    signature = RSAAlgorithm(RSAAlgorithm.SHA256).sign(signing_input.encode(), key.rsa_key)
    return f"{signing_input}.{encode(signature)}"


def tampered(token: str, **changes: object) -> str:
    """The token with other claims under the signature it had."""
    head, _, signature = token.split(".")
    members = read_token(token).claims | changes
    return f"{head}.{encode(json.dumps(members).encode())}.{signature}"


def cased(word: str) -> list[str]:
    return sorted(map("".join, itertools.product(*({letter, letter.upper()} for letter in word))))


# Signatures


@SIGNED
@pytest.mark.parametrize(
    "change",
    [
        {"o": {"id": "org_victim", "rol": "admin"}},
        {"exp": 9_999_999_999},
        {"sub": "user_b"},
        {"sts": "active", "x": 1},
    ],
    ids=repr,
)
def test_a_tampered_token_is_refused(
    key: SigningKey, forge: Forge, mode: Mode, change: dict[str, Any]
) -> None:
    gate = Authenticator(mode, key)
    token = forge(session=ClerkSession("org_a"))
    accepted(gate, token)
    assert refused(gate, tampered(token, **change)) == "signature_invalid"


@pytest.mark.slow_beyond(1)
@SIGNED
def test_every_changed_character_of_the_signature_is_refused(
    key: SigningKey, forge: Forge, mode: Mode
) -> None:
    gate, token = Authenticator(mode, key), forge()
    start = token.rindex(".") + 1
    for index in range(start, len(token)):
        other = "A" if token[index] != "A" else "B"
        name = refused(gate, token[:index] + other + token[index + 1 :])
        assert name in {"signature_invalid", "token_malformed"}


@SIGNED
@pytest.mark.parametrize("length", [0, 1, 255])
def test_a_signature_cut_short_is_refused(key: SigningKey, forge: Forge, mode: Mode, length: int) -> None:
    start, _, signature = forge().rpartition(".")
    cut = encode(base64url_decode(signature)[:length])
    assert refused(Authenticator(mode, key), f"{start}.{cut}") == "signature_invalid"


@SIGNED
def test_another_key_under_our_name_is_refused(
    key: SigningKey, stranger: SigningKey, forge: Forge, mode: Mode
) -> None:
    assert refused(Authenticator(mode, key), forge(signer=stranger)) == "signature_invalid"


@SIGNED
@pytest.mark.parametrize(
    "kid", ["ins_other", ..., None, 7, "", ["a"], {"a": 1}, "k" * 300, "../../etc/passwd"]
)
def test_our_issuer_with_any_other_key_name_is_refused(
    key: SigningKey, stranger: SigningKey, forge: Forge, mode: Mode, kid: object
) -> None:
    for signer in (key, stranger):
        assert refused(Authenticator(mode, key), forge({"kid": kid}, signer=signer)) == "key_unknown"


def test_our_key_name_with_another_issuer_is_verified(
    key: SigningKey, stranger: SigningKey, forge: Forge
) -> None:
    gate = Authenticator("trust", key)
    assert refused(gate, forge(body=FOREIGN, signer=stranger)) == "signature_invalid"
    accepted(gate, forge(body=FOREIGN))


# Algorithms


@MODES
@pytest.mark.parametrize("foreign", [False, True])
def test_an_algorithm_that_is_not_asymmetric_is_refused(
    key: SigningKey, forge: Forge, mode: Mode, foreign: bool
) -> None:
    algorithms = [
        *cased("none"),
        *("HS256", "hs256", "Hs256", "HS384", "HS512", "rs256", "Rs256", "RS256 ", "", "A128KW"),
        *(..., None, True, 7, ["RS256"], {"a": 1}),
    ]
    gate = Authenticator(mode, key)
    for alg in algorithms:
        head = {"alg": alg} | ({"kid": "ins_foreign"} if foreign else {})
        assert refused(gate, forge(head, FOREIGN if foreign else {})) == "algorithm_not_accepted", alg


@MODES
def test_the_public_key_is_no_hmac_secret(key: SigningKey, mode: Mode) -> None:
    gate = Authenticator(mode, key)
    public = key.public
    for secret in (public.pem(), public.pem().strip(), json.dumps(public.jwk()), public.jwk()["n"], ""):
        start = signing_input(token_header(key.kid) | {"alg": "HS256"}, token_claims(ClerkSession(), NOW_MS))
        token = f"{start}.{encode(hmac.digest(secret.encode(), start.encode(), hashlib.sha256))}"
        assert refused(gate, token) == "algorithm_not_accepted"


@SIGNED
@pytest.mark.parametrize("alg", ["RS384", "RS512", "PS256", "ES256", "EdDSA"])
def test_our_tokens_are_rs256_only(key: SigningKey, forge: Forge, mode: Mode, alg: str) -> None:
    assert refused(Authenticator(mode, key), forge({"alg": alg})) == "algorithm_not_accepted"


@pytest.mark.parametrize("alg", ["RS256", "RS512", "PS256", "ES256", "EdDSA"])
def test_pyjwt_refuses_and_accepts_as_we_do(key: SigningKey, forge: Forge, alg: str) -> None:
    token = forge({"alg": alg})
    try:
        jwt.decode(
            token, key.public.pem(), algorithms=["RS256"], options={"verify_exp": False, "verify_iat": False}
        )
        theirs = True
    except jwt.InvalidTokenError:
        theirs = False
    assert theirs is (alg == "RS256")


# Headers


@SIGNED
def test_keys_in_the_header_are_never_looked_at(
    key: SigningKey, stranger: SigningKey, forge: Forge, mode: Mode
) -> None:
    url = "http://127.0.0.1:1/keys"
    injected = {"jwk": stranger.public.jwk(), "jku": url, "x5u": url, "x5c": ["AAAA"], "x5t": "AAAA"}
    gate = Authenticator(mode, key)
    assert refused(gate, forge(injected, signer=stranger)) == "signature_invalid"
    accepted(gate, forge(injected))


@MODES
@pytest.mark.parametrize("crit", [["exp"], ["b64"], [], None, "exp"])
def test_a_critical_header_is_refused(key: SigningKey, forge: Forge, mode: Mode, crit: object) -> None:
    assert refused(Authenticator(mode, key), forge({"crit": crit, "b64": False})) == "critical_header"


@MODES
@pytest.mark.parametrize(
    "head",
    [{"typ": "at+jwt"}, {"typ": "jwt"}, {"typ": 7}, {"cat": "cl_B7d4PD222AAA"}, {"cat": None}],
    ids=repr,
)
def test_a_token_of_another_type_is_refused(
    key: SigningKey, forge: Forge, mode: Mode, head: dict[str, Any]
) -> None:
    assert refused(Authenticator(mode, key), forge(head)) == "token_type_wrong"


def test_type_and_category_may_be_absent(gate: Authenticator, forge: Forge) -> None:
    accepted(gate, forge({"typ": ..., "cat": ...}))


def test_duplicate_members_are_refused(gate: Authenticator, key: SigningKey) -> None:
    """Two readers of one token must not see two organizations."""
    body = json.dumps(token_claims(ClerkSession("org_a"), NOW_MS))
    doubled = body[:-1] + ', "o": {"id": "org_victim", "rol": "admin"}}'
    head = encode(json.dumps(token_header(key.kid)).encode())
    token = signed(key, f"{head}.{encode(doubled.encode())}")
    assert refused(gate, token) == "token_malformed"


# Arbitrary input


PARTS = st.one_of(
    st.binary(max_size=60).map(encode),
    st.sampled_from(["", ".", "=", "eyJ", "e30", "bnVsbA", encode(b'{"alg":"none"}')]),
    st.text(max_size=20),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
HEADERS = ["alg", "kid", "typ", "cat", "crit"]
CLAIMS = ["exp", "nbf", "iat", "iss", "sub", "sid", "sts", "azp", "o", "org_id", "org_role", "v"]
ANY_KEY = generate_key()
ANY_GATES = [
    Authenticator(mode, ANY_KEY, azp=azp) for mode in ("trust", "verify", "off") for azp in ([], ["a"])
]


def outcome(gate: Authenticator, authorization: str | None, session: str | None) -> Principal | AuthError:
    try:
        return gate.authenticate(authorization, session, NOW_MS)
    except AuthError as refused:
        return refused


def survives(authorization: str | None, session: str | None) -> None:
    for gate in ANY_GATES:
        met = outcome(gate, authorization, session)
        assert isinstance(met, Principal) or (
            met.code in {row.code for row in ERRORS} and met.detail.isascii() and met.detail.isprintable()
        )


@given(st.binary())
@example(b"Bearer \xff")
@example(b"Bearer ..")
def test_arbitrary_bytes_meet_a_named_refusal(data: bytes) -> None:
    text = data.decode("latin-1")
    for value in (text, f"Bearer {text}"):
        survives(value, None)
        survives(None, value)


@pytest.mark.slow
@given(st.lists(PARTS, max_size=6).map(".".join))
def test_arbitrary_parts_meet_a_named_refusal(token: str) -> None:
    survives(f"Bearer {token}", token)
    survives(None, token)


@pytest.mark.slow
@given(
    st.dictionaries(st.sampled_from(HEADERS), JSON, max_size=2),
    st.dictionaries(st.sampled_from(CLAIMS), JSON, max_size=4),
)
def test_arbitrary_members_under_a_good_signature_meet_a_named_refusal(
    head: dict[str, Any], body: dict[str, Any]
) -> None:
    good = token_header(ANY_KEY.kid), token_claims(ClerkSession(), NOW_MS)
    survives(f"Bearer {signed(ANY_KEY, signing_input(good[0] | head, good[1] | body))}", None)


# Secrecy


def told(error: BaseException | None) -> str:
    """All that an exception and its causes say of themselves."""
    texts = []
    while error is not None:
        texts += [repr(error), str(error), repr(vars(error)), "".join(traceback.format_exception(error))]
        error = error.__context__
    return "\n".join(texts)


@pytest.mark.parametrize("kind", bad_tokens.BAD_TOKENS)
def test_no_refusal_tells_a_token_or_a_part_of_it(key: SigningKey, kind: str) -> None:
    gate = Authenticator("verify", key, azp=["http://localhost:3000"])
    token = bad_tokens.BAD_TOKENS[kind].mint(key, ClerkSession("org_secret"), NOW_MS)
    try:
        require_admin(gate.authenticate(f"Bearer {token}", None, NOW_MS))
    except AuthError as refused:
        text = told(refused) + repr(gate) + repr(vars(gate))
    assert not any(part in text for part in token.split(".") if part)


@pytest.mark.parametrize(
    "session", ["eyJzZWNyZXQ.eyJzZWNyZXQ.c2VjcmV0", "eyJzZWNyZXQ", "é" * 30, '{"secret":1}']
)
def test_no_broken_token_is_told(gate: Authenticator, session: str) -> None:
    with pytest.raises(AuthError) as caught:
        gate.authenticate(None, session, NOW_MS)
    assert session not in told(caught.value)
