"""The coverage operations of the control API."""

from __future__ import annotations

from orgbilling_stubs.clock import wall_ms
from orgbilling_stubs.coverage.report import report
from orgbilling_stubs.coverage.tally import Tally
from orgbilling_stubs.runtime.exchange import Call, Handler, Reply


def get_coverage(call: Call) -> Reply:
    """What has been met since the last reset."""
    tally: Tally = call.service.coverage
    return Reply(report(tally))


def reset_coverage(call: Call) -> Reply:
    """Begin to count anew."""
    tally: Tally = call.service.coverage
    tally.reset(wall_ms())
    return Reply(None, 204)


TABLE: dict[str, Handler] = {"getCoverage": get_coverage, "resetCoverage": reset_coverage}
