from __future__ import annotations

from dataclasses import replace

import pytest
from orgbilling_stubs.auth.authorization import require_admin
from orgbilling_stubs.auth.bad_tokens import BAD_TOKENS, BadToken
from orgbilling_stubs.auth.errors import ERRORS, AuthError
from orgbilling_stubs.auth.keys import SigningKey
from orgbilling_stubs.auth.tokens import DEFAULT_AZP, ClerkSession, mint_token
from orgbilling_stubs.auth.verification import Authenticator, Mode

ALL = pytest.mark.parametrize("kind", BAD_TOKENS.values(), ids=BAD_TOKENS)


def test_the_kinds_of_bad_tokens() -> None:
    wanted = (
        "expired not-yet-valid wrong-key unknown-kid wrong-azp no-org pending member alg-none hs256 garbage"
    )
    assert list(BAD_TOKENS) == wanted.split()
    assert all(
        kind.error_code in {row.code for row in ERRORS} and kind.name == name
        for name, kind in BAD_TOKENS.items()
    )


@ALL
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("mode", ["trust", "verify"])
def test_each_causes_its_error(
    key: SigningKey, now_ms: int, kind: BadToken, version: int, mode: Mode
) -> None:
    gate = Authenticator(mode, key, azp=[DEFAULT_AZP])
    token = kind.mint(key, ClerkSession("org_a", version=version), now_ms)
    with pytest.raises(AuthError) as caught:
        require_admin(gate.authenticate(f"Bearer {token}", (), now_ms))
    assert caught.value.code == kind.error_code


@pytest.mark.parametrize("version", [1, 2])
def test_the_good_token_beside_them_passes(key: SigningKey, now_ms: int, version: int) -> None:
    gate = Authenticator("verify", key, azp=[DEFAULT_AZP])
    session = ClerkSession("org_a", version=version)
    require_admin(gate.authenticate(f"Bearer {mint_token(key, session, now_ms)}", (), now_ms))


@ALL
@pytest.mark.parametrize("ttl_s", [1, 60, 86_400])
def test_a_bad_token_is_bad_whatever_its_life(
    key: SigningKey, now_ms: int, kind: BadToken, ttl_s: int
) -> None:
    gate = Authenticator("trust", key, azp=[DEFAULT_AZP])
    token = kind.mint(key, replace(ClerkSession(), ttl_s=ttl_s), now_ms)
    with pytest.raises(AuthError, match=kind.error_code):
        require_admin(gate.authenticate(f"Bearer {token}", (), now_ms))


def test_a_member_may_read(gate: Authenticator, key: SigningKey, now_ms: int) -> None:
    token = BAD_TOKENS["member"].mint(key, ClerkSession("org_a"), now_ms)
    assert gate.authenticate(f"Bearer {token}", (), now_ms).organization == "org_a"
