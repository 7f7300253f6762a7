"""What the handlers of the control API find as `call.service`, and how they reach organizations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from orgbilling_stubs.api.errors import problem
from orgbilling_stubs.api.serializers import usd
from orgbilling_stubs.auth.keys import SigningKey
from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.commands import Command
from orgbilling_stubs.billing.errors import BillingError, ErrorCode
from orgbilling_stubs.billing.events import Event, Idempotency, TenantCreated
from orgbilling_stubs.billing.log_branches import active_branch
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.control.bulk import BulkChanges, one_by_one
from orgbilling_stubs.control.errors import ORGANIZATION_UNKNOWN
from orgbilling_stubs.control.hosted_checkouts import HostedCheckouts
from orgbilling_stubs.faults.active_rules import ActiveRules
from orgbilling_stubs.http.context import Call, Reply
from orgbilling_stubs.http.errors import Problem
from orgbilling_stubs.http.security import Authorize
from orgbilling_stubs.tenants.persona_registry import PersonaRegistry
from orgbilling_stubs.tenants.service import Service

ALL = "*"


@dataclass(frozen=True, slots=True)
class Control:
    """A server, as seen by whoever drives it.

    contract: digest of the contract served. coverage, journal: what the client met, and the exchanges.
    admit: who asks and may they, by request headers and method; None when nobody says. hosted: the hosted
    pages.
    """

    service: Service
    cast: PersonaRegistry
    key: SigningKey
    rules: ActiveRules
    contract: str
    wall_ms: Callable[[], int]
    coverage: Any = None
    journal: Any = None
    admit: Authorize | None = None
    hosted: HostedCheckouts | None = None
    bulk_changes: BulkChanges = field(default_factory=BulkChanges)

    def exists(self, organization: str) -> bool:
        """Whether an organization has a log."""
        return bool(self.service.store.read(organization))

    def known(self, organization: str) -> Tenant:
        """The tenant of an organization that exists; raises Problem for one that does not."""
        if not self.exists(organization):
            raise Problem(ORGANIZATION_UNKNOWN)
        return self.service.tenant(organization)

    def forget_rules(self, organization: str) -> None:
        """Drop the fault rules for this organization alone."""
        for standing in self.rules.list(organization):
            if standing.rule.organizations == (organization,):
                self.rules.remove(standing.rule.id)

    def describe(self, organization: str) -> dict[str, Any]:
        """The schema Organization."""
        tenant = self.service.tenant(organization)
        first = active_branch(self.service.store.read(organization))[0].event
        assert isinstance(first, TenantCreated)
        scenario = tenant.active_scenario
        return {
            "organization": organization,
            "tenantId": tenant.config.tenant_id,
            "persona": first.persona["name"],
            "shows": first.persona["shows"],
            "states": list(first.persona["states"]),
            "seed": first.seed,
            "clock": clock(tenant),
            "billingMode": tenant.config.mode,
            "currency": tenant.config.currency,
            "creditBalance": usd(tenant.ledger.balance_micros),
            "outstandingUsd": usd(tenant.ledger.outstanding_micros),
            "contractStatus": tenant.contract.status if tenant.contract is not None else None,
            "scenario": scenario.name if scenario is not None else None,
            "version": tenant.version,
        }


def clock(tenant: Tenant) -> dict[str, Any]:
    """The schema Clock."""
    found: dict[str, Any] = {"mode": tenant.clock.mode, "now": instants.text(tenant.now_ms)}
    if tenant.clock.mode != "frozen":
        found["offsetSeconds"] = tenant.clock.offset_ms / 1_000
    return found


def control(call: Call) -> Control:
    """The server that a call drives."""
    found: Control = call.service
    return found


def named(call: Call) -> str:
    """The organization in the path."""
    organization: str = call.parameters["organization"]
    return organization


def body(call: Call) -> Mapping[str, Any]:
    """The body; empty when none was sent."""
    return call.body or {}


async def for_each(call: Call, act: Callable[[str], object], nobody: ErrorCode | None = None) -> Reply:
    """Act on the organization in the path, or on every one for `*`; answer how each is now.

    One organization's refusal is the answer; among all, it is listed and the others go on.
    nobody: the refusal when not a single organization could follow; without it, the answer lists why.
    Each organization is described right after its own step: what others do to it later is not shown.
    """
    server, organization = control(call), named(call)
    if organization != ALL:
        act(organization)
        return Reply(server.describe(organization))
    shown, refused = [], []
    async with server.bulk_changes.lock():
        async for organization in one_by_one(present(server)):
            try:
                act(organization)
            except BillingError as error:
                refused.append(_refused(organization, problem(error)))
            except Problem as error:
                refused.append(_refused(organization, error))
            shown.append(server.describe(organization))
    if nobody is not None and len(refused) == len(shown):
        raise BillingError(nobody)
    return Reply({"organizations": shown, "refused": refused})


def _refused(organization: str, error: Problem) -> Mapping[str, str]:
    return {"organization": organization, "name": error.name, "detail": error.detail}


def present(server: Control) -> Iterator[str]:
    """Every organization there is at the start, without those that are gone when their turn comes."""
    for organization in tuple(server.service.store.organizations()):
        if server.exists(organization):
            yield organization


async def everyone(server: Control) -> Reply:
    """The schema OrganizationList."""
    shown = [server.describe(organization) async for organization in one_by_one(present(server))]
    return Reply({"organizations": shown})


def targets(call: Call) -> Iterable[str]:
    """The organization in the path, which must exist, or every one for `*`."""
    server, organization = control(call), named(call)
    if organization == ALL:
        return present(server)
    server.known(organization)
    return [organization]


def execute(call: Call, command: Command) -> Event | None:
    """Carry out a command on the organization in the path; its first event, None when nothing changed."""
    event, _ = control(call).service.execute(named(call), command, idempotency(call))
    return event


def idempotency(call: Call) -> Idempotency | None:
    """What makes the command count once, if the client asked for that."""
    return call.idempotency


def carry_out(call: Call, command: Command) -> Reply:
    """Carry out a command, and answer how the organization is now."""
    execute(call, command)
    return Reply(control(call).describe(named(call)))
