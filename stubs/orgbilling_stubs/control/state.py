"""What the handlers of the control API find as `call.service`, and how they reach organisations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..auth.rsa import SigningKey
from ..cast import Cast
from ..domain import instant
from ..domain.commands import Command
from ..domain.events import Event, Idempotency, TenantCreated
from ..domain.lineage import effective
from ..domain.refusals import Refusal
from ..domain.tenant import Tenant
from ..faults.rules import Rules
from ..runtime.exchange import Call, Reply
from ..runtime.refusals import Problem
from ..service import Service
from ..views import usd
from .refusals import ORGANISATION_UNKNOWN

ALL = "*"


@dataclass(frozen=True, slots=True)
class Scene:
    """The scenario that an organisation shows: its name, its fault rules, and whether it moved the clock."""

    name: str
    rules: tuple[str, ...] = ()
    timed: bool = False


@dataclass(frozen=True, slots=True)
class Control:
    """A server, as seen by whoever drives it.

    contract: digest of the contract served. coverage, journal: what the client met, and the exchanges.
    scenes: by organisation; noted: those at each snapshot. Both are forgotten when the server stops.
    """

    service: Service
    cast: Cast
    key: SigningKey
    rules: Rules
    contract: str
    wall_ms: Callable[[], int]
    coverage: Any = None
    journal: Any = None
    scenes: dict[str, Scene] = field(default_factory=dict)
    noted: dict[tuple[str, str], Scene | None] = field(default_factory=dict)

    def exists(self, organisation: str) -> bool:
        """Whether an organisation has a log."""
        return bool(self.service.store.read(organisation))

    def known(self, organisation: str) -> Tenant:
        """The tenant of an organisation that exists; raises Problem for one that does not."""
        if not self.exists(organisation):
            raise Problem(ORGANISATION_UNKNOWN)
        return self.service.tenant(organisation)

    def forget_scene(self, organisation: str) -> Scene | None:
        """Drop the fault rules of an organisation's scenario; the scenario that was."""
        scene = self.scenes.pop(organisation, None)
        standing = {each.rule.id for each in self.rules.list()}
        for rule in scene.rules if scene is not None else ():
            if rule in standing:
                self.rules.remove(rule)
        return scene

    def forget_rules(self, organisation: str) -> None:
        """Drop the fault rules for this organisation alone, and its scenario."""
        self.forget_scene(organisation)
        for standing in self.rules.list(organisation):
            if standing.rule.organisations == (organisation,):
                self.rules.remove(standing.rule.id)

    def describe(self, organisation: str) -> dict[str, Any]:
        """The schema Organisation."""
        tenant = self.service.tenant(organisation)
        first = effective(self.service.store.read(organisation))[0].event
        assert isinstance(first, TenantCreated)
        scene = self.scenes.get(organisation)
        return {
            "organisation": organisation,
            "tenantId": tenant.plan.tenant_id,
            "persona": first.persona["name"],
            "shows": first.persona["shows"],
            "states": list(first.persona["states"]),
            "seed": first.seed,
            "clock": clock(tenant),
            "billingMode": tenant.plan.mode,
            "currency": tenant.plan.currency,
            "creditBalance": usd(tenant.ledger.balance_micros),
            "outstandingUsd": usd(tenant.ledger.outstanding_micros),
            "contractStatus": tenant.contract.status if tenant.contract is not None else None,
            "scenario": scene.name if scene is not None else None,
            "version": tenant.version,
        }


def clock(tenant: Tenant) -> dict[str, Any]:
    """The schema Clock."""
    found: dict[str, Any] = {"mode": tenant.clock.mode, "now": instant.text(tenant.now_ms)}
    if tenant.clock.mode != "frozen":
        found["offsetSeconds"] = tenant.clock.offset_ms / 1_000
    return found


def control(call: Call) -> Control:
    """The server that a call drives."""
    found: Control = call.service
    return found


def named(call: Call) -> str:
    """The organisation in the path."""
    organisation: str = call.parameters["organisation"]
    return organisation


def body(call: Call) -> Mapping[str, Any]:
    """The body; empty when none was sent."""
    return call.body or {}


def for_each(call: Call, act: Callable[[str], object]) -> Reply:
    """Act on the organisation in the path, or on every one for `*`; answer how each is now.

    One organisation's refusal is the answer; among all, it is listed and the others go on.
    """
    server, organisation = control(call), named(call)
    if organisation != ALL:
        act(organisation)
        return Reply(server.describe(organisation))
    refused = []
    for each in server.service.store.organisations():
        try:
            act(each)
        except (Refusal, Problem) as error:
            refused.append({"organisation": each, "name": error.name, "detail": error.detail})
    return Reply(everyone(server) | {"refused": refused})


def everyone(server: Control) -> dict[str, Any]:
    """The schema OrganisationList."""
    return {"organisations": [server.describe(each) for each in server.service.store.organisations()]}


def targets(call: Call) -> list[str]:
    """The organisation in the path, which must exist, or every one for `*`."""
    server, organisation = control(call), named(call)
    if organisation == ALL:
        return list(server.service.store.organisations())
    server.known(organisation)
    return [organisation]


def execute(call: Call, command: Command) -> Event | None:
    """Carry out a command on the organisation in the path; its first event, None when nothing changed."""
    idempotency = Idempotency(*call.idempotency) if call.idempotency is not None else None
    event, _ = control(call).service.execute(named(call), command, idempotency)
    return event


def carry_out(call: Call, command: Command) -> Reply:
    """Carry out a command, and answer how the organisation is now."""
    execute(call, command)
    return Reply(control(call).describe(named(call)))
