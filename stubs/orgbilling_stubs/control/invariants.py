"""The laws, evaluated on organizations as they are now."""

from __future__ import annotations

from typing import Any

from orgbilling_openapi import invariants

from orgbilling_stubs.api import serializers
from orgbilling_stubs.billing import instants
from orgbilling_stubs.control import context
from orgbilling_stubs.control.bulk import one_by_one
from orgbilling_stubs.control.context import Control, control
from orgbilling_stubs.http.context import Call, Reply

WINDOWS = (1, 30, 365)
_VERDICTS = {True: "holds", False: "broken", None: "not_applicable"}


async def check(call: Call) -> Reply:
    """Every law on an organization, or on all."""
    server, targets = control(call), context.targets(call)
    reports = [_report(server, organization, call.base_url) async for organization in one_by_one(targets)]
    return Reply({"organizations": reports})


def _report(server: Control, organization: str, base_url: str) -> dict[str, Any]:
    tenant = server.service.tenant(organization)
    verdicts = invariants.check(serializers.all_bodies(tenant, base_url, WINDOWS))
    return {
        "organization": organization,
        "now": instants.text(tenant.now_ms),
        "holds": not any(each.invariant.firm and each.holds is False for each in verdicts),
        "laws": [
            {
                "number": each.invariant.number,
                "name": each.invariant.name,
                "equation": each.invariant.equation,
                "firm": each.invariant.firm,
                "verdict": _VERDICTS[each.holds],
                "values": dict(each.values),
                "detail": each.detail,
            }
            for each in verdicts
        ],
    }
