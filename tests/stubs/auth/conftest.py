from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from jwt.algorithms import RSAAlgorithm
from jwt.utils import base64url_encode
from orgbilling_stubs.auth.bad_tokens import signing_input
from orgbilling_stubs.auth.keys import SigningKey, generate_key
from orgbilling_stubs.auth.tokens import ClerkSession, token_claims, token_header
from orgbilling_stubs.auth.verification import Authenticator

NOW_MS = 1_795_345_200_000
Forge = Callable[..., str]


@pytest.fixture(scope="session")
def key() -> SigningKey:
    return generate_key()


@pytest.fixture(scope="session")
def stranger() -> SigningKey:
    return generate_key()


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
        session: ClerkSession | None = None,
    ) -> str:
        whole_head = token_header(key.kid) | (head or {})
        whole_body = token_claims(session or ClerkSession(), NOW_MS) | (body or {})
        signed = signing_input(_given(whole_head), _given(whole_body))
        signature = RSAAlgorithm(RSAAlgorithm.SHA256).sign(signed.encode(), (signer or key).rsa_key)
        return f"{signed}.{base64url_encode(signature).decode()}"

    return make


def _given(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not ...}
