"""The journal and coverage operations of the control API."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import islice, takewhile

from orgbilling_openapi.strict_json import JsonObject

from orgbilling_stubs.billing import instants
from orgbilling_stubs.http.context import AnyReply, Handler, Reply, RequestContext, StreamReply
from orgbilling_stubs.http.errors import Problem, ProblemType
from orgbilling_stubs.journal.coverage import CoverageTally, coverage_report
from orgbilling_stubs.journal.exchange import Exchange, matching
from orgbilling_stubs.journal.serializers import exchange_document
from orgbilling_stubs.journal.store import Journal
from orgbilling_stubs.journal.stream import MEDIA_TYPE, JournalStream
from orgbilling_stubs.tenants.clock import wall_ms

EXCHANGE_UNKNOWN = ProblemType(
    "exchange_unknown", 404, "the journal has no exchange with this trace id (any more)"
)


def list_journal(journal: Journal, request: RequestContext) -> Reply:
    """The newest exchanges first."""
    parameters = request.parameters
    exchanges = matching(journal.newest(parameters.get("organization")), **_filters(request))
    if parameters.get("since") is not None:
        since_ns = instants.parse(parameters["since"]) * 1_000_000
        exchanges = takewhile(lambda exchange: exchange.began_ns >= since_ns, exchanges)
    newest = islice(exchanges, parameters.get("limit", 100))
    return Reply({"exchanges": [exchange_document(exchange) for exchange in newest]})


def clear_journal(journal: Journal, request: RequestContext) -> Reply:
    """Forget the exchanges of one organization, or all."""
    journal.clear(request.parameters.get("organization"))
    return Reply(None, 204)


def stream_journal(journal: Journal, request: RequestContext) -> StreamReply:
    """Each exchange from now on."""
    filters = {"organization": request.parameters.get("organization"), **_filters(request)}

    def is_wanted(exchange: Exchange) -> bool:
        return next(matching(iter([exchange]), **filters), None) is not None

    return StreamReply(MEDIA_TYPE, JournalStream(journal, is_wanted).run)


def explain_exchange(journal: Journal, request: RequestContext) -> Reply:
    """Why one response is what it is."""
    exchange = journal.get(request.parameters["trace"])
    if exchange is None:
        raise Problem(EXCHANGE_UNKNOWN)
    return Reply(journal.explain(exchange))


def journal_handlers(journal: Journal) -> dict[str, Handler]:
    """The handlers for the journal of a server, by operationId."""
    handlers: dict[str, Callable[[Journal, RequestContext], AnyReply]] = {
        "listJournal": list_journal,
        "clearJournal": clear_journal,
        "streamJournal": stream_journal,
        "explainExchange": explain_exchange,
    }
    return {operation_id: partial(handler, journal) for operation_id, handler in handlers.items()}


def _filters(request: RequestContext) -> JsonObject:
    return {"operation": request.parameters.get("operation"), "status": request.parameters.get("status")}


def get_coverage(tally: CoverageTally, request: RequestContext) -> Reply:
    """What has been met since the last reset."""
    return Reply(coverage_report(tally))


def reset_coverage(tally: CoverageTally, request: RequestContext) -> Reply:
    """Begin to count anew."""
    tally.reset(wall_ms())
    return Reply(None, 204)


def coverage_handlers(tally: CoverageTally) -> dict[str, Handler]:
    """The handlers for the coverage of a server, by operationId."""
    return {"getCoverage": partial(get_coverage, tally), "resetCoverage": partial(reset_coverage, tally)}
