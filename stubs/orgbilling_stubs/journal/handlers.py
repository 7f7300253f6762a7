"""The journal operations of the control API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import islice, takewhile
from typing import Any

from orgbilling_stubs.billing import instants
from orgbilling_stubs.http.context import AnyReply, Handler, Reply, RequestContext, StreamReply
from orgbilling_stubs.http.errors import Problem, ProblemType
from orgbilling_stubs.journal.exchange import Exchange, matching
from orgbilling_stubs.journal.show import document
from orgbilling_stubs.journal.store import Journal
from orgbilling_stubs.journal.stream import MEDIA, JournalStream

EXCHANGE_UNKNOWN = ProblemType(
    "exchange_unknown", 404, "the journal has no exchange with this trace id (any more)"
)


def list_journal(journal: Journal, request: RequestContext) -> Reply:
    """The newest exchanges first."""
    asked = request.parameters
    found = matching(journal.newest(asked.get("organization")), **_wanted(asked))
    if asked.get("since") is not None:
        since_ns = instants.parse(asked["since"]) * 1_000_000
        found = takewhile(lambda each: each.began_ns >= since_ns, found)
    return Reply({"exchanges": [document(each) for each in islice(found, asked.get("limit", 100))]})


def clear_journal(journal: Journal, request: RequestContext) -> Reply:
    """Forget exchanges."""
    journal.clear(request.parameters.get("organization"))
    return Reply(None, 204)


def stream_journal(journal: Journal, request: RequestContext) -> StreamReply:
    """Each exchange from now on."""
    asked = request.parameters
    wanted = {"organization": asked.get("organization"), **_wanted(asked)}

    def passes(exchange: Exchange) -> bool:
        return any(True for _ in matching(iter([exchange]), **wanted))

    return StreamReply(MEDIA, JournalStream(journal, passes).run)


def explain_exchange(journal: Journal, request: RequestContext) -> Reply:
    """What lies behind one answer."""
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


def _wanted(asked: Mapping[str, Any]) -> dict[str, Any]:
    return {"operation": asked.get("operation"), "status": asked.get("status")}
