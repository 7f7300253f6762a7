"""HEAD has the headers of GET (RFC 9110, 9.3.2), whatever an effect does to the body."""

from __future__ import annotations

from typing import Any

import pytest
from orgbilling_stubs.faults.effects import EFFECTS
from orgbilling_stubs.faults.effects.effect import Effect

EXAMPLES: dict[str, Any] = {
    "stale": {"commands": 1},
    "nulls": True,
    "field": "drifted",
    "duplicateMember": {"name": "currency"},
    "dripBytesPerSecond": 1_000_000,
    "truncateBytes": 7,
    "status": 503,
    "latency": {"ms": 1},
}
WITHOUT_RESPONSE = {"reset", "hangMs", "late"}
RATE_LIMIT = {"rateLimit"}
"""Counts the requests, so that two of them cannot be the same."""
OF_ONE_RESPONSE = {"date", "x-trace-id"}


def test_every_effect_has_an_example() -> None:
    assert {effect.member for effect in EFFECTS} == {*EXAMPLES, *WITHOUT_RESPONSE, *RATE_LIMIT}
    changing = {effect.member for effect in EFFECTS if effect.change_body is not Effect.change_body}
    assert changing <= set(EXAMPLES)


def headers(answer: Any) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name not in OF_ONE_RESPONSE}


@pytest.mark.parametrize("path", ["/org/billing", "/org/ledger?days=30", "/org/contract", "/org/characters"])
@pytest.mark.parametrize("organization", ["org_standard", "org_nulls"])
@pytest.mark.parametrize("member", sorted(EXAMPLES))
def test_head_announces_what_get_sends(world: Any, member: str, organization: str, path: str) -> None:
    world.fault(**{member: EXAMPLES[member]})
    get = world(path, organization=organization)
    head = world(path, organization=organization, method="HEAD")
    assert (head.status, head.body) == (get.status, b"")
    assert headers(head) == headers(get)
    if member != "truncateBytes":
        assert int(head.headers["content-length"]) == len(get.body)
