"""The coverage operations of the control API."""

from __future__ import annotations

from orgbilling_stubs.http.context import Call, ControlHandler, Reply
from orgbilling_stubs.journal.coverage_report import report
from orgbilling_stubs.journal.coverage_tally import Tally
from orgbilling_stubs.tenants.clock import wall_ms


def get_coverage(call: Call) -> Reply:
    """What has been met since the last reset."""
    tally: Tally = call.service.coverage
    return Reply(report(tally))


def reset_coverage(call: Call) -> Reply:
    """Begin to count anew."""
    tally: Tally = call.service.coverage
    tally.reset(wall_ms())
    return Reply(None, 204)


TABLE: dict[str, ControlHandler] = {"getCoverage": get_coverage, "resetCoverage": reset_coverage}
