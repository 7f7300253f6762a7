"""Scripts of requests: commands of every kind on a few organizations, drawn from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

ORGANIZATIONS = ("org_a", "org_b", "org_c")
CONTROL = "/_mock/v1"


@dataclass(frozen=True)
class Command:
    """A request that changes something.

    organization: whose token is sent; None for the control API. key: its idempotency key. bundle: whether the
    body is the bundle of `world.bundle`.
    """

    method: str
    path: str
    body: Any = None
    organization: str | None = None
    key: str | None = None
    bundle: bool = False

    @property
    def is_bulk(self) -> bool:
        """Whether it is one command for each organization."""
        return "/organizations/*" in self.path


def script(seed: int, length: int = 14) -> list[Command]:
    """The commands of a seed. The first ones create two organizations, each with a fault rule of its own."""
    draw = random.Random(seed)
    commands = [_create("org_a"), _create("org_b"), _rule("org_a", 0), _rule("org_b", 1)]
    while len(commands) < length:
        number = len(commands)
        organization = draw.choice(ORGANIZATIONS)
        commands += draw.choice(KINDS)(organization, number, draw)
    return commands


def _create(organization: str) -> Command:
    return Command("POST", f"{CONTROL}/organizations", {"organization": organization, "persona": "empty"})


def _rule(organization: str, number: int) -> Command:
    rule = {
        "id": f"rule-{number}",
        "operations": ["getOrgContract"],
        "organizations": [organization],
        "effect": {"status": 503},
        "force": True,
    }
    return Command("POST", f"{CONTROL}/faults", rule)


def _on(method: str, ending: str, body: Any = None) -> Callable[[str, int, random.Random], list[Command]]:
    """A command of the control API on one organization."""

    def commands(organization: str, number: int, draw: random.Random) -> list[Command]:
        return [Command(method, f"{CONTROL}/organizations/{organization}{ending}", body)]

    return commands


def _on_all(method: str, ending: str, body: Any = None) -> Callable[[str, int, random.Random], list[Command]]:
    """A command of the control API on every organization."""

    def commands(organization: str, number: int, draw: random.Random) -> list[Command]:
        return [Command(method, f"{CONTROL}/organizations/*{ending}", body)]

    return commands


def _redeem(organization: str, number: int, draw: random.Random) -> list[Command]:
    body = {"code": f"TEST-CREDIT-{1 + number}-{number}"}
    return [Command("POST", "/api/v1/org/vouchers/redeem", body, organization)]


def _redeem_twice(organization: str, number: int, draw: random.Random) -> list[Command]:
    """A client that sends a command again, as after a connection that broke."""
    body = {"code": f"TEST-CREDIT-{1 + number}-{number}"}
    command = Command("POST", "/api/v1/org/vouchers/redeem", body, organization, f"key-{number}")
    return [command, command]


def _refused(organization: str, number: int, draw: random.Random) -> list[Command]:
    body = {"code": "NO-SUCH-CODE"}
    return [Command("POST", "/api/v1/org/vouchers/redeem", body, organization, f"key-{number}")]


def _checkout(organization: str, number: int, draw: random.Random) -> list[Command]:
    complete = f"{CONTROL}/organizations/{organization}/checkouts/latest/complete"
    return [
        Command(
            "POST", "/api/v1/org/billing/checkout", {"amount": 100 * number}, organization, f"key-{number}"
        ),
        Command("POST", complete, {"outcome": "paid"}),
    ]


def _fork(organization: str, number: int, draw: random.Random) -> list[Command]:
    into = {"into": f"org_fork_{number}"}
    return [Command("POST", f"{CONTROL}/organizations/{organization}/fork", into)]


def _snapshot(organization: str, number: int, draw: random.Random) -> list[Command]:
    path = f"{CONTROL}/organizations/{organization}"
    return [
        Command("POST", f"{path}/snapshots", {"name": "s"}),
        Command("POST", f"{path}/adjustments", {"amountUsd": number}, key=f"key-{number}"),
        Command("POST", f"{path}/snapshots/s/restore"),
    ]


def _recreate(organization: str, number: int, draw: random.Random) -> list[Command]:
    return [
        _rule(organization, number),
        Command("DELETE", f"{CONTROL}/organizations/{organization}"),
        _create(organization),
    ]


def _bundle(organization: str, number: int, draw: random.Random) -> list[Command]:
    return [Command("POST", f"{CONTROL}/bundle", bundle=True)]


def _clear_rules(organization: str, number: int, draw: random.Random) -> list[Command]:
    return [_rule(organization, number), Command("DELETE", f"{CONTROL}/faults")]


KINDS: tuple[Callable[[str, int, random.Random], list[Command]], ...] = (
    _redeem,
    _redeem_twice,
    _refused,
    _checkout,
    _fork,
    _snapshot,
    _recreate,
    _bundle,
    _bundle,
    _clear_rules,
    _on("POST", "/adjustments", {"amountUsd": 3}),
    _on("POST", "/undo"),
    _on("POST", "/reset"),
    _on("POST", "/clock/advance", {"by": "P1D"}),
    _on("POST", "/clock/advance", {"by": "-P1D"}),
    _on("PUT", "/scenario", {"scenario": "webhook-late"}),
    _on("PUT", "/checkout-settings", {"webhookSeconds": [0, 0]}),
    _on_all("POST", "/reset"),
    _on_all("DELETE", ""),
    _on_all("POST", "/clock/advance", {"by": "PT1H"}),
)
"""What a script is drawn from."""
