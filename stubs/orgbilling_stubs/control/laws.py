"""The laws, evaluated on organisations as they are now."""

from __future__ import annotations

from typing import Any

from orgbilling_openapi import laws

from .. import views
from ..domain import instant
from ..runtime.exchange import Call, Reply
from . import state
from .pace import Steps, Work
from .state import Control, control

WINDOWS = (1, 30, 365)
_VERDICTS = {True: "holds", False: "broken", None: "not_applicable"}


def check(call: Call) -> Reply:
    """Every law on an organisation, or on all."""
    server, targets = control(call), state.targets(call)

    def work() -> Work:
        reports = []
        for organisation in targets:
            reports.append(_report(server, organisation, call.base_url))
            yield
        return Reply({"organisations": reports})

    return Steps(work())


def _report(server: Control, organisation: str, base_url: str) -> dict[str, Any]:
    tenant = server.service.tenant(organisation)
    verdicts = laws.check(views.all_bodies(tenant, base_url, WINDOWS))
    return {
        "organisation": organisation,
        "now": instant.text(tenant.now_ms),
        "holds": not any(each.law.firm and each.holds is False for each in verdicts),
        "laws": [
            {
                "number": each.law.number,
                "name": each.law.name,
                "equation": each.law.equation,
                "firm": each.law.firm,
                "verdict": _VERDICTS[each.holds],
                "values": dict(each.values),
                "detail": each.detail,
            }
            for each in verdicts
        ],
    }
