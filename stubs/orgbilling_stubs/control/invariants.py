"""The invariants, evaluated on organizations as they are now."""

from __future__ import annotations

from orgbilling_openapi import invariants
from orgbilling_openapi.strict_json import JsonObject

from orgbilling_stubs.api import serializers
from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.control.bulk import one_by_one
from orgbilling_stubs.control.server import (
    ALL,
    ControlServer,
    organization_error,
    organization_of,
    page_of,
)
from orgbilling_stubs.http.context import Reply, RequestContext
from orgbilling_stubs.tenants.store.errors import LogDamageError

WINDOWS = (1, 30, 365)
"""The windows in days whose responses are checked."""

_VERDICTS = {True: "holds", False: "broken", None: "not_applicable"}


async def check_invariants(server: ControlServer, request: RequestContext) -> Reply:
    """Every invariant on an organization, or on all, with errors for those whose log is damaged."""
    page, more = page_of(server, request)
    reports, errors = [], []
    async for organization in one_by_one(page):
        try:
            reports.append(_report(server.service.tenant(organization), organization, request.base_url))
        except LogDamageError as error:
            if organization_of(request) != ALL:
                raise
            errors.append(organization_error(organization, error))
    return Reply({"organizations": reports} | ({"errors": errors} if errors else {}) | more)


def _report(tenant: Tenant, organization: str, base_url: str) -> JsonObject:
    results = invariants.check(serializers.all_bodies(tenant, base_url, WINDOWS))
    return {
        "organization": organization,
        "now": instants.text(tenant.now_ms),
        "holds": not any(result.invariant.firm and result.holds is False for result in results),
        "invariants": [
            {
                "number": result.invariant.number,
                "name": result.invariant.name,
                "equation": result.invariant.equation,
                "firm": result.invariant.firm,
                "verdict": _VERDICTS[result.holds],
                "values": dict(result.values),
                "detail": result.detail,
            }
            for result in results
        ],
    }
