"""Tokens that must open nothing: none of them reads or writes a tenant's data."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from orgbilling_stubs.auth import bad_tokens, key_file
from orgbilling_stubs.auth.keys import generate_key
from orgbilling_stubs.auth.tokens import ClerkSession, mint_token
from orgbilling_stubs.tenants.clock import wall_ms

VICTIM = "org_standard_victim"


def token(organization: str = VICTIM, **options: Any) -> str:
    return mint_token(key_file.load_signing_key(), ClerkSession(organization, **options), wall_ms())


def part(content: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def claims_of(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    head, body = (json.loads(base64.urlsafe_b64decode(each + "===")) for each in text.split(".")[:2])
    return head, body


def other_organization() -> str:
    """Our own token for another organization, its organization claim rewritten."""
    own = token("org_attacker")
    head, body = claims_of(own)
    body["o"]["id"] = VICTIM
    return f"{part(head)}.{part(body)}.{own.split('.')[2]}"


def flipped_signature() -> str:
    head, body, signature = token().split(".")
    return f"{head}.{body}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"


def signed_by_another_key() -> str:
    """Another key's token that claims to be ours."""
    head, body = claims_of(token())
    foreign = mint_token(generate_key(), ClerkSession(VICTIM), wall_ms())
    return f"{part(head)}.{part(body)}.{foreign.split('.')[2]}"


def no_algorithm() -> str:
    head, body = claims_of(token())
    return f"{part(head | {'alg': 'none'})}.{part(body)}."


def own_key_in_the_header() -> str:
    attacker = generate_key()
    head, body = claims_of(token())
    return f"{part(head | {'jwk': attacker.public.jwk()})}.{part(body)}.{token().split('.')[2]}"


ATTACKS: dict[str, Callable[[], str]] = {
    "organization rewritten": other_organization,
    "signature flipped": flipped_signature,
    "signed by another key": signed_by_another_key,
    "algorithm none": no_algorithm,
    "key in the header": own_key_in_the_header,
    "no signature": lambda: token().rpartition(".")[0] + ".",
    "expired": lambda: mint_token(
        key_file.load_signing_key(), ClerkSession(VICTIM, ttl_s=60), wall_ms() - 3_600_000
    ),
} | {
    f"bad: {kind}": (
        lambda kind=kind: bad_tokens.BAD_TOKENS[kind].mint(
            key_file.load_signing_key(), ClerkSession(VICTIM), wall_ms()
        )
    )
    for kind in bad_tokens.BAD_TOKENS
    if kind not in ("member", "wrong-azp")
}


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["trust", "verify"])
def test_no_attack_reads_or_writes(serve: Callable[..., Any], mode: str) -> None:
    dashboard = serve(auth=mode)
    before = dashboard("GET", "/org/ledger?days=365", VICTIM).content
    secret = dashboard("GET", "/org/billing", VICTIM).json()["tenantId"]
    for name, attack in ATTACKS.items():
        sent = {"Authorization": f"Bearer {attack()}"}
        for method, path, body in (
            ("GET", "/org/billing", None),
            ("GET", "/org/ledger", None),
            ("POST", "/org/vouchers/redeem", {"code": "TEST-CREDIT-5-attack"}),
            ("POST", "/org/billing/checkout", {"amount": 100}),
        ):
            answer = dashboard(method, path, None, headers=sent, json=body)
            assert answer.status_code in (401, 403), (name, path, answer.text)
            assert secret not in answer.text
            assert answer.status_code == 403 or "www-authenticate" in answer.headers
    assert dashboard("GET", "/org/ledger?days=365", VICTIM).content == before


def test_a_token_opens_its_own_organization_only(dashboard: Any) -> None:
    mine = dashboard("GET", "/org/billing", "org_attacker").json()
    theirs = dashboard("GET", "/org/billing", VICTIM).json()
    assert mine["tenantId"] != theirs["tenantId"]
    for name in ("X-Organization-Id", "X-Forwarded-User", "Clerk-Organization"):
        again = dashboard("GET", "/org/billing", "org_attacker", headers={name: VICTIM}).json()
        assert again["tenantId"] == mine["tenantId"]
    assert dashboard("GET", f"/org/billing?organization={VICTIM}", "org_attacker").json() == mine


def test_a_member_of_the_organization_cannot_write(dashboard: Any) -> None:
    before = dashboard("GET", "/org/ledger", VICTIM).content
    member = bad_tokens.BAD_TOKENS["member"]
    member_token = member.mint(key_file.load_signing_key(), ClerkSession(VICTIM), wall_ms())
    sent = {"Authorization": f"Bearer {member_token}"}
    answer = dashboard("POST", "/org/vouchers/redeem", None, headers=sent, json={"code": "WELCOME50"})
    assert answer.status_code == 403
    assert dashboard("GET", "/org/ledger", VICTIM).content == before


def test_an_origin_that_is_not_allowed_gets_nothing(serve: Callable[..., Any]) -> None:
    dashboard = serve(azp=("http://localhost:3000",))
    kind = bad_tokens.BAD_TOKENS["wrong-azp"].mint(
        key_file.load_signing_key(), ClerkSession(VICTIM), wall_ms()
    )
    assert dashboard("GET", "/org/billing", VICTIM).status_code == 200
    refused = dashboard("GET", "/org/billing", None, headers={"Authorization": f"Bearer {kind}"})
    assert refused.status_code == 401
