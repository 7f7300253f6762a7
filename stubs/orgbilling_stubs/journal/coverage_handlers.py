"""The coverage operations of the control API."""

from __future__ import annotations

from functools import partial

from orgbilling_stubs.http.context import Handler, Reply, RequestContext
from orgbilling_stubs.journal.coverage_report import report
from orgbilling_stubs.journal.coverage_tally import Tally
from orgbilling_stubs.tenants.clock import wall_ms


def get_coverage(tally: Tally, request: RequestContext) -> Reply:
    """What has been met since the last reset."""
    return Reply(report(tally))


def reset_coverage(tally: Tally, request: RequestContext) -> Reply:
    """Begin to count anew."""
    tally.reset(wall_ms())
    return Reply(None, 204)


def coverage_handlers(tally: Tally) -> dict[str, Handler]:
    """The handlers for the coverage of a server, by operationId."""
    return {"getCoverage": partial(get_coverage, tally), "resetCoverage": partial(reset_coverage, tally)}
