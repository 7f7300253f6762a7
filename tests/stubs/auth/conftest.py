from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from orgbilling_stubs.auth.mint import Session, claims, header, sign
from orgbilling_stubs.auth.rsa import SigningKey, generate
from orgbilling_stubs.auth.verify import Authenticator

NOW_MS = 1_795_345_200_000
Forge = Callable[..., str]


@pytest.fixture(scope="session")
def key() -> SigningKey:
    return generate()


@pytest.fixture(scope="session")
def stranger() -> SigningKey:
    return generate()


@pytest.fixture
def now_ms() -> int:
    return NOW_MS


@pytest.fixture
def gate(key: SigningKey) -> Authenticator:
    return Authenticator("trust", key)


@pytest.fixture(scope="session")
def forge(key: SigningKey) -> Forge:
    """A token signed with `key` whose header and claims are good except for what is given.

    A value of `...` leaves the member out.
    """

    def make(
        head: dict[str, Any] | None = None,
        body: dict[str, Any] | None = None,
        signer: SigningKey | None = None,
        session: Session | None = None,
    ) -> str:
        whole_head = header(key.kid) | (head or {})
        whole_body = claims(session or Session(), NOW_MS) | (body or {})
        return sign(signer or key, _given(whole_head), _given(whole_body))

    return make


def _given(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not ...}
