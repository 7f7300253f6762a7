"""The server that the control API controls, and what its handlers have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from orgbilling_openapi.strict_json import JsonObject

from orgbilling_stubs.api.errors import problem
from orgbilling_stubs.api.serializers import usd
from orgbilling_stubs.auth.keys import SigningKey
from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.commands import Command
from orgbilling_stubs.billing.errors import BillingError, ErrorCode
from orgbilling_stubs.billing.events import Event, TenantCreated
from orgbilling_stubs.billing.log_branches import active_branch
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.control.bulk import BulkChanges, one_by_one
from orgbilling_stubs.control.errors import ORGANIZATION_UNKNOWN
from orgbilling_stubs.faults.active_rules import ActiveRules
from orgbilling_stubs.http.context import Reply, RequestContext
from orgbilling_stubs.http.errors import Problem
from orgbilling_stubs.http.security import Authorize
from orgbilling_stubs.tenants.persona_registry import PersonaRegistry
from orgbilling_stubs.tenants.service import Service

ALL = "*"
"""In place of an organization: every organization that exists."""


@dataclass(frozen=True, slots=True)
class ControlServer:
    """A server, as the control API controls it.

    key: signs the tokens that are minted. rules: the standing fault rules. description_digest: of the API
    description that is served. wall_ms: real time. note_scenario: is called with the name of each
    scenario that is set, for the coverage. authorize: gives the principal of a request from its headers and
    method; None when the server has no such check.
    """

    service: Service
    personas: PersonaRegistry
    key: SigningKey
    rules: ActiveRules
    description_digest: str
    wall_ms: Callable[[], int]
    note_scenario: Callable[[str], None]
    authorize: Authorize | None = None
    bulk_changes: BulkChanges = field(default_factory=BulkChanges)

    def exists(self, organization: str) -> bool:
        """Whether an organization has a log."""
        return bool(self.service.store.read(organization))

    def existing(self, organization: str) -> Tenant:
        """The tenant of an organization that exists; raises Problem for one that does not."""
        if not self.exists(organization):
            raise Problem(ORGANIZATION_UNKNOWN)
        return self.service.tenant(organization)

    def remove_fault_rules(self, organization: str) -> None:
        """Remove the standing fault rules for this organization alone."""
        for active in self.rules.list(organization):
            if active.rule.organizations == (organization,):
                self.rules.remove(active.rule.id)

    def describe(self, organization: str) -> JsonObject:
        """The schema Organization."""
        tenant = self.service.tenant(organization)
        created = active_branch(self.service.store.read(organization))[0].event
        assert isinstance(created, TenantCreated)
        scenario = tenant.active_scenario
        return {
            "organization": organization,
            "tenantId": tenant.config.tenant_id,
            "persona": created.persona["name"],
            "shows": created.persona["shows"],
            "states": list(created.persona["states"]),
            "seed": created.seed,
            "clock": _clock(tenant),
            "billingMode": tenant.config.mode,
            "currency": tenant.config.currency,
            "creditBalance": usd(tenant.ledger.balance_micros),
            "outstandingUsd": usd(tenant.ledger.outstanding_micros),
            "contractStatus": tenant.contract.status if tenant.contract is not None else None,
            "scenario": scenario.name if scenario is not None else None,
            "version": tenant.version,
        }

    def organizations(self) -> Iterator[str]:
        """The organizations that exist, without those that are deleted during the iteration."""
        for organization in tuple(self.service.store.organizations()):
            if self.exists(organization):
                yield organization


def _clock(tenant: Tenant) -> JsonObject:
    """The schema Clock."""
    clock: JsonObject = {"mode": tenant.clock.mode, "now": instants.text(tenant.now_ms)}
    if tenant.clock.mode != "frozen":
        clock["offsetSeconds"] = tenant.clock.offset_ms / 1_000
    return clock


def organization_of(request: RequestContext) -> str:
    """The organization in the path."""
    organization: str = request.parameters["organization"]
    return organization


def body_of(request: RequestContext) -> JsonObject:
    """The body; empty when none was sent."""
    return request.body or {}


async def for_each(
    server: ControlServer,
    request: RequestContext,
    change: Callable[[str], object],
    none_possible: ErrorCode | None = None,
) -> Reply:
    """Change the organization in the path, or every one for `*`, and reply with its description.

    An error of a single organization is raised. With `*`, the reply lists the errors and the organizations.
    none_possible: the error to raise when no organization could be changed; without it, the reply lists why.
    Each organization is described right after its own change: later changes are not shown.
    """
    organization = organization_of(request)
    if organization != ALL:
        change(organization)
        return Reply(server.describe(organization))
    descriptions, errors = [], []
    async with server.bulk_changes.lock():
        async for organization in one_by_one(server.organizations()):
            try:
                change(organization)
            except BillingError as error:
                errors.append(_error(organization, problem(error)))
            except Problem as error:
                errors.append(_error(organization, error))
            descriptions.append(server.describe(organization))
    if none_possible is not None and len(errors) == len(descriptions):
        raise BillingError(none_possible)
    return Reply({"organizations": descriptions, "errors": errors})


def _error(organization: str, error: Problem) -> Mapping[str, str]:
    """The schema OrganizationError."""
    return {"organization": organization, "code": error.code, "detail": error.detail}


async def all_organizations(server: ControlServer) -> Reply:
    """The schema OrganizationList."""
    descriptions = [
        server.describe(organization) async for organization in one_by_one(server.organizations())
    ]
    return Reply({"organizations": descriptions})


def targets(server: ControlServer, request: RequestContext) -> Iterable[str]:
    """The organization in the path, which must exist, or every one for `*`."""
    organization = organization_of(request)
    if organization == ALL:
        return server.organizations()
    server.existing(organization)
    return [organization]


def execute(server: ControlServer, request: RequestContext, command: Command) -> Event | None:
    """Execute a command on the organization in the path; its first event, or None when nothing changed."""
    event, _ = server.service.execute(organization_of(request), command, request.idempotency)
    return event


def carry_out(server: ControlServer, request: RequestContext, command: Command) -> Reply:
    """Execute a command, and reply with the description of the organization."""
    execute(server, request, command)
    return Reply(server.describe(organization_of(request)))
