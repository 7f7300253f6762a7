from __future__ import annotations

from dataclasses import replace

import pytest
from orgbilling_stubs.auth.bad import KINDS, Kind
from orgbilling_stubs.auth.errors import TABLE, Refused
from orgbilling_stubs.auth.mint import DEFAULT_AZP, Session, mint
from orgbilling_stubs.auth.rsa import SigningKey
from orgbilling_stubs.auth.verify import Authenticator, Mode, require_admin

ALL = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def test_every_way_to_be_bad_is_there() -> None:
    wanted = (
        "expired not-yet-valid wrong-key unknown-kid wrong-azp no-org pending member alg-none hs256 garbage"
    )
    assert list(KINDS) == wanted.split()
    assert all(kind.refusal in TABLE and kind.name == name for name, kind in KINDS.items())


@ALL
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("mode", ["trust", "verify"])
def test_each_meets_its_refusal(key: SigningKey, now_ms: int, kind: Kind, version: int, mode: Mode) -> None:
    gate = Authenticator(mode, key, azp=[DEFAULT_AZP])
    token = kind.mint(key, Session("org_a", version=version), now_ms)
    with pytest.raises(Refused) as caught:
        require_admin(gate.authenticate(f"Bearer {token}", None, now_ms))
    assert caught.value.name == kind.refusal


@pytest.mark.parametrize("version", [1, 2])
def test_the_good_token_beside_them_passes(key: SigningKey, now_ms: int, version: int) -> None:
    gate = Authenticator("verify", key, azp=[DEFAULT_AZP])
    session = Session("org_a", version=version)
    require_admin(gate.authenticate(f"Bearer {mint(key, session, now_ms)}", None, now_ms))


@ALL
@pytest.mark.parametrize("ttl_s", [1, 60, 86_400])
def test_a_bad_token_is_bad_whatever_its_life(key: SigningKey, now_ms: int, kind: Kind, ttl_s: int) -> None:
    gate = Authenticator("trust", key, azp=[DEFAULT_AZP])
    token = kind.mint(key, replace(Session(), ttl_s=ttl_s), now_ms)
    with pytest.raises(Refused, match=kind.refusal):
        require_admin(gate.authenticate(f"Bearer {token}", None, now_ms))


def test_a_member_may_read(gate: Authenticator, key: SigningKey, now_ms: int) -> None:
    token = KINDS["member"].mint(key, Session("org_a"), now_ms)
    assert gate.authenticate(f"Bearer {token}", None, now_ms).organization == "org_a"
