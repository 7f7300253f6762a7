"""The server that the control API controls, and what its handlers have in common."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

from orgbilling_openapi.strict_json import JsonObject

from orgbilling_stubs.api.errors import problem
from orgbilling_stubs.api.serializers import usd
from orgbilling_stubs.auth.keys import SigningKey
from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.commands import Command
from orgbilling_stubs.billing.errors import BillingError, ErrorCode
from orgbilling_stubs.billing.events import Event, Record, TenantCreated
from orgbilling_stubs.billing.log_branches import active_branch
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.control.bulk import BulkChanges, one_by_one
from orgbilling_stubs.control.errors import ORGANIZATION_UNKNOWN, error_at
from orgbilling_stubs.faults.active_rules import ActiveRules
from orgbilling_stubs.http.assisted_input import suggestion
from orgbilling_stubs.http.context import Reply, RequestContext
from orgbilling_stubs.http.errors import Problem
from orgbilling_stubs.http.security import Authorize
from orgbilling_stubs.tenants.persona_registry import PersonaRegistry
from orgbilling_stubs.tenants.service import Service
from orgbilling_stubs.tenants.store.errors import ConflictError, LogDamageError
from orgbilling_stubs.tenants.store.protocol import Store
from orgbilling_stubs.tenants.store.retry import report, retried

LONGEST_ID = 128
MOST_READS = 50
MOST_COMPARED = 1_000
"""How many organizations are compared with an id that does not exist, to suggest one of them."""
_ID_PREFIX = "org_"
_OTHER_PREFIX = re.compile("org[_-]", re.IGNORECASE)
ALL = "*"
"""In place of an organization: every organization that exists."""


@dataclass(frozen=True, slots=True)
class ControlServer:
    """A server, as the control API controls it.

    key: signs the tokens that are minted. rules: the standing fault rules. description_digest: of the API
    description that is served. wall_ms: real time. authorize: gives the principal of a request from its
    headers and method; None when the server has no such check.
    """

    service: Service
    personas: PersonaRegistry
    key: SigningKey
    rules: ActiveRules
    description_digest: str
    wall_ms: Callable[[], int]
    authorize: Authorize | None = None
    bulk_changes: BulkChanges = field(default_factory=BulkChanges)

    def has_log(self, organization: str) -> bool:
        """Whether an organization has a log, be it a damaged one."""
        try:
            return self.service.exists(organization)
        except LogDamageError:
            return True

    def existing(self, organization: str, location: str = "path.organization") -> Tenant:
        """The tenant of an organization that exists; raises Problem for one that does not.

        location: where the request names it.
        """
        tenant = self.service.existing(organization)
        if tenant is None:
            raise self.unknown_organization(organization, location)
        return tenant

    def unknown_organization(self, organization: str, location: str = "path.organization") -> Problem:
        """The problem of an organization that does not exist, with the one that was probably meant."""
        names = list(islice(self.service.store.organizations(), MOST_COMPARED))
        message = f"{ORGANIZATION_UNKNOWN.detail}{suggestion(organization, names)}"
        return error_at(ORGANIZATION_UNKNOWN, location, organization, message)

    def describe(self, organization: str) -> JsonObject:
        """The schema Organization."""
        tenant, log = self._tenant_with_log(organization)
        created = active_branch(log)[0].event
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

    def _tenant_with_log(self, organization: str) -> tuple[Tenant, Sequence[Record]]:
        """A tenant and its log; both again when another server has deleted the organization in between."""
        for _ in range(MOST_READS):
            tenant = self.service.tenant(organization)
            with suppress(ConflictError):
                return tenant, self.service.log(tenant)
        raise ConflictError(f"{organization}: other servers keep deleting it")

    def summaries(self) -> JsonObject:
        """The schema OrganizationSummaryList, from the beginnings and the ends of the logs."""
        store = self.service.store
        store.stamp()  # raises when the database is gone
        created = dict(store.creation_events())
        rows: list[JsonObject] = []
        errors: list[Mapping[str, str]] = []
        for organization, head in store.heads().items():
            event = created.get(organization)
            if event is not None:
                rows.append(_summary(organization, head.sequence, event))
            else:
                errors.append(organization_error(organization, LogDamageError(f"{organization} is damaged")))
        return {"organizations": rows} | ({"errors": errors} if errors else {})

    def organizations(self) -> Iterator[str]:
        """The organizations that exist, without those that are deleted during the iteration."""
        for organization in tuple(self.service.store.organizations()):
            if self.has_log(organization):
                yield organization


def _summary(organization: str, version: int, created: TenantCreated) -> JsonObject:
    """The schema OrganizationSummary; version: how many records its log has."""
    return {
        "organization": organization,
        "persona": created.persona["name"],
        "shows": created.persona["shows"],
        "states": list(created.persona["states"]),
        "seed": created.seed,
        "asOf": instants.text(created.as_of_ms),
        "version": version,
    }


def _clock(tenant: Tenant) -> JsonObject:
    """The schema Clock."""
    clock: JsonObject = {"mode": tenant.clock.mode, "now": instants.text(tenant.now_ms)}
    if tenant.clock.mode != "frozen":
        clock["offsetSeconds"] = tenant.clock.offset_ms / 1_000
    return clock


def organization_named(store: Store, text: str) -> str:
    """The organization that a text names: `standard` is `org_standard`, as on the command line.

    An organization whose id does not begin with `org_` is named by its id, once it exists. Until then, an id
    that begins with `ORG_` or `org-` is meant in lower case: `ORG_standard` is `org_standard`.
    """
    if not text[0].isalnum() or text.startswith(_ID_PREFIX):  # `*` for all, `-` for none
        return text
    try:
        exists = store.head(text) is not None
    except LogDamageError:
        exists = True
    if exists:
        return text
    if _OTHER_PREFIX.match(text):
        return _ID_PREFIX + text[len(_ID_PREFIX) :].lower()
    return (_ID_PREFIX + text)[:LONGEST_ID]


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
                await retried(server.service.store, partial(change, organization))
            except BillingError as error:
                errors.append(organization_error(organization, problem(error)))
            except LogDamageError as error:
                errors.append(organization_error(organization, error))
                continue
            except (ConflictError, Problem) as error:
                errors.append(organization_error(organization, error))
            descriptions.append(server.describe(organization))
    if none_possible is not None and len(errors) >= len(descriptions):
        raise BillingError(none_possible)
    return Reply({"organizations": descriptions, "errors": errors})


def organization_error(
    organization: str, error: Problem | ConflictError | LogDamageError
) -> Mapping[str, str]:
    """The schema OrganizationError."""
    return {"organization": organization, "code": error.code, "detail": error.detail}


async def all_organizations(server: ControlServer, request: RequestContext) -> Reply:
    """The schema OrganizationList, or a page of it; what is damaged is listed as an error."""
    descriptions: list[JsonObject] = []
    errors: list[Mapping[str, str]] = []
    page, more = page_of(server, request)
    async for organization in one_by_one(page):
        try:
            descriptions.append(server.describe(organization))
        except LogDamageError as error:
            report(error)
            errors.append(organization_error(organization, error))
    return Reply({"organizations": descriptions} | ({"errors": errors} if errors else {}) | more)


def page_of(server: ControlServer, request: RequestContext) -> tuple[Iterable[str], JsonObject]:
    """The organization in the path, which must exist; for `*` all, or the page that was asked for.

    With it, the member `next` of the response when there are more.
    """
    after, limit = request.parameters.get("after"), request.parameters.get("limit")
    if organization_of(request) != ALL or (after is None and limit is None):
        return targets(server, request), {}
    organizations = list(server.organizations())
    if after is not None:
        if after not in organizations:
            raise server.unknown_organization(after, "query.after")
        del organizations[: organizations.index(after) + 1]
    page = organizations[:limit]
    return page, {"next": page[-1]} if len(page) < len(organizations) else {}


def targets(server: ControlServer, request: RequestContext) -> Iterable[str]:
    """The organization in the path, which must exist, or every one for `*`."""
    organization = organization_of(request)
    if organization == ALL:
        return server.organizations()
    if not server.has_log(organization):
        raise server.unknown_organization(organization)
    return [organization]


def execute(server: ControlServer, request: RequestContext, command: Command) -> Event | None:
    """Execute a command on the organization in the path; its first event, or None when nothing changed."""
    event, _ = server.service.execute(organization_of(request), command, request.idempotency)
    return event


def carry_out(server: ControlServer, request: RequestContext, command: Command) -> Reply:
    """Execute a command, and reply with the description of the organization."""
    execute(server, request, command)
    return Reply(server.describe(organization_of(request)))
