"""The journal operations of the control API."""

from __future__ import annotations

from itertools import islice, takewhile
from typing import Any

from orgbilling_stubs.billing import instants
from orgbilling_stubs.http.context import Call, ControlHandler, Reply, StreamReply
from orgbilling_stubs.http.errors import Problem, ProblemType
from orgbilling_stubs.journal.exchange import Exchange, matching
from orgbilling_stubs.journal.show import document
from orgbilling_stubs.journal.store import Journal
from orgbilling_stubs.journal.stream import MEDIA, JournalStream

EXCHANGE_UNKNOWN = ProblemType(
    "exchange_unknown", 404, "the journal has no exchange with this trace id (any more)"
)


def list_journal(call: Call) -> Reply:
    """The newest exchanges first."""
    asked = call.parameters
    found = matching(_journal(call).newest(asked.get("organization")), **_wanted(asked))
    if asked.get("since") is not None:
        since_ns = instants.parse(asked["since"]) * 1_000_000
        found = takewhile(lambda each: each.began_ns >= since_ns, found)
    return Reply({"exchanges": [document(each) for each in islice(found, asked.get("limit", 100))]})


def clear_journal(call: Call) -> Reply:
    """Forget exchanges."""
    _journal(call).clear(call.parameters.get("organization"))
    return Reply(None, 204)


def stream_journal(call: Call) -> StreamReply:
    """Each exchange from now on."""
    asked = call.parameters
    wanted = {"organization": asked.get("organization"), **_wanted(asked)}

    def passes(exchange: Exchange) -> bool:
        return any(True for _ in matching(iter([exchange]), **wanted))

    return StreamReply(MEDIA, JournalStream(_journal(call), passes).run)


def explain_exchange(call: Call) -> Reply:
    """What lies behind one answer."""
    journal = _journal(call)
    exchange = journal.get(call.parameters["trace"])
    if exchange is None:
        raise Problem(EXCHANGE_UNKNOWN)
    return Reply(journal.explain(exchange))


TABLE: dict[str, ControlHandler] = {
    "listJournal": list_journal,
    "clearJournal": clear_journal,
    "streamJournal": stream_journal,
    "explainExchange": explain_exchange,
}


def _journal(call: Call) -> Journal:
    journal: Journal = call.service.journal
    return journal


def _wanted(asked: dict[str, Any]) -> dict[str, Any]:
    return {"operation": asked.get("operation"), "status": asked.get("status")}
