"""The operation of the control API that tells of the real API beside the stub."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from orgbilling_openapi.strict_json import JsonObject

from orgbilling_stubs.http.context import Handler, Reply, RequestContext

if TYPE_CHECKING:
    from orgbilling_conformance.reports.report import Finding

    from orgbilling_stubs.beside.real_api import RealApi

MOST_FINDINGS = 200
"""How many findings are listed, errors first; the report has all."""


def get_real_api(real_api: RealApi | None, request: RequestContext) -> Reply:
    """Where the real API is, who answers, and what was noticed so far; nothing where there is none."""
    if real_api is None:
        return Reply({"url": None, "mode": None, "judged": 0, "findings": []})
    observation = real_api.observation
    return Reply(
        {
            "url": real_api.settings.base,
            "mode": real_api.settings.mode.value,
            "judged": observation.judged,
            "findings": [_finding_document(finding) for finding in observation.findings()[:MOST_FINDINGS]],
        }
    )


def real_api_handlers(real_api: RealApi | None) -> dict[str, Handler]:
    """The function of each operation."""
    return {"getRealApi": partial(get_real_api, real_api)}


def _finding_document(finding: Finding) -> JsonObject:
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "operation": finding.operation or None,
        "pointer": finding.pointer,
        "expected": finding.expected,
        "observed": finding.observed,
        "count": finding.count,
    }
