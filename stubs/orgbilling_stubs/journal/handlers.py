"""The journal and coverage operations of the control API."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from itertools import islice, takewhile
from typing import TYPE_CHECKING

from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.instants import InstantError
from orgbilling_stubs.http.assisted_input import same_name, suggestion
from orgbilling_stubs.http.connection import TICK_S, Connection
from orgbilling_stubs.http.context import AnyReply, Handler, Reply, RequestContext, StreamReply
from orgbilling_stubs.http.errors import INVALID, Problem, ProblemType
from orgbilling_stubs.http.json_schemas import error_detail
from orgbilling_stubs.journal.coverage import CoverageTally, coverage_report
from orgbilling_stubs.journal.exchange import Exchange, exchange_filter
from orgbilling_stubs.journal.replay import EXCHANGE_INCOMPLETE, ExchangeReplay
from orgbilling_stubs.journal.serializers import exchange_document, exchange_summary
from orgbilling_stubs.journal.store import Journal
from orgbilling_stubs.journal.stream import MEDIA_TYPE, JournalStream, JournalSummaryStream
from orgbilling_stubs.tenants.clock import wall_ms

if TYPE_CHECKING:
    from orgbilling_stubs.journal.sharing import JournalSharing

EXCHANGE_UNKNOWN = ProblemType(
    "exchange_unknown", 404, "the journal has no exchange with this trace id (any more)"
)
WAIT_EXPIRED = ProblemType("wait_expired", 404, "no matching exchange came in time")
TABLE = (EXCHANGE_UNKNOWN, WAIT_EXPIRED, EXCHANGE_INCOMPLETE)
DEFAULT_WAIT_S = 30.0
NO_ORGANIZATION = "-"
"""In place of an organization: the exchanges that belong to none."""


def list_journal(journal: Journal, request: RequestContext) -> Reply:
    """The newest exchanges first."""
    parameters = request.parameters
    exchanges = journal.newest(_owner(request))
    if parameters.get("since") is not None:
        since_ns = _since_ns(parameters["since"])
        exchanges = takewhile(lambda exchange: exchange.began_ns >= since_ns, exchanges)
    newest = islice(filter(exchange_filter(_filters(request)), exchanges), parameters.get("limit", 100))
    document = exchange_summary if parameters.get("summary") else exchange_document
    return Reply({"exchanges": [document(exchange) for exchange in newest]})


async def clear_journal(journal: Journal, request: RequestContext) -> Reply:
    """Forget the exchanges of one organization, or all."""
    if journal.sharing is not None:
        await journal.sharing.clear(_owner(request))
    else:
        journal.clear(_owner(request))
    return Reply(None, 204)


def stream_journal(journal: Journal, request: RequestContext) -> StreamReply:
    """Each exchange from now on, or how many have come in each interval."""
    wanted = exchange_filter({"organization": _owner(request), **_filters(request)})
    interval_ms = request.parameters.get("intervalMs")
    if interval_ms is None:
        return StreamReply(MEDIA_TYPE, JournalStream(journal, wanted).run)
    return StreamReply(MEDIA_TYPE, JournalSummaryStream(journal, wanted, interval_ms / 1_000).run)


async def wait_for_exchange(journal: Journal, request: RequestContext) -> Reply:
    """The next exchange that matches, as soon as it is there.

    With an instant to begin at, the first one in the journal that matches and is not older.
    """
    organization, since = _owner(request), request.parameters.get("since")
    filters = {"organization": organization, **_filters(request)}
    if since is not None:
        since_ns = _since_ns(since)
        newest = filter(exchange_filter(filters), journal.newest(organization))
        recorded = [exchange for exchange in newest if exchange.began_ns >= since_ns]
        if recorded:
            return Reply(exchange_document(recorded[-1]))
    timeout_s = request.parameters.get("timeout", DEFAULT_WAIT_S)
    exchange = await next_exchange(journal, filters, request.connection, timeout_s)
    if exchange is None:
        raise Problem(WAIT_EXPIRED, detail=f"{WAIT_EXPIRED.detail} ({timeout_s:g} s)")
    return Reply(exchange_document(exchange))


async def next_exchange(
    journal: Journal, filters: Mapping[str, str | None], connection: Connection, timeout_s: float
) -> Exchange | None:
    """The next exchange that matches; None when time is up, the client leaves, or the server stops."""
    arrival: asyncio.Future[Exchange] = asyncio.get_running_loop().create_future()

    wanted = exchange_filter(filters)

    def follow(exchange: Exchange) -> None:
        if not arrival.done() and wanted(exchange):
            arrival.set_result(exchange)

    departed = asyncio.ensure_future(connection.departed(timeout_s))
    waiting: set[asyncio.Future[Exchange] | asyncio.Future[bool]] = {arrival, departed}
    try:
        with journal.followed_by(follow):
            if journal.sharing is None:
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            else:
                while not (arrival.done() or departed.done()):
                    await journal.sharing.poll()
                    await asyncio.wait(waiting, timeout=TICK_S, return_when=asyncio.FIRST_COMPLETED)
    finally:
        departed.cancel()
    return arrival.result() if arrival.done() else None


def _unknown_exchange(request: RequestContext) -> Problem:
    """The problem of a trace id that the journal does not have."""
    row = error_detail(EXCHANGE_UNKNOWN.detail, "path.trace", request.parameters["trace"])
    return Problem(EXCHANGE_UNKNOWN, [row])


def explain_exchange(journal: Journal, request: RequestContext) -> Reply:
    """Why one response is what it is."""
    exchange = journal.get(request.parameters["trace"])
    if exchange is None:
        raise _unknown_exchange(request)
    return Reply(journal.explain(exchange))


async def replay_exchange(replay: ExchangeReplay, journal: Journal, request: RequestContext) -> Reply:
    """The exchange that comes of sending a request again."""
    exchange = journal.get(request.parameters["trace"])
    if exchange is None:
        raise _unknown_exchange(request)
    return Reply(exchange_document(await replay.send(exchange)))


def journal_handlers(
    journal: Journal, replay: ExchangeReplay, operations: Sequence[str] = ()
) -> dict[str, Handler]:
    """The handlers for the journal of a server, by operationId.

    replay: sends requests again. operations: the operationIds that can be in the journal; without any, every
    name is taken.
    """
    handlers: dict[
        str, Callable[[Journal, RequestContext], AnyReply | Coroutine[object, object, AnyReply]]
    ] = {
        "listJournal": list_journal,
        "clearJournal": clear_journal,
        "streamJournal": stream_journal,
        "waitForExchange": wait_for_exchange,
        "explainExchange": explain_exchange,
        "replayExchange": partial(replay_exchange, replay),
    }

    def checked(
        handler: Callable[[Journal, RequestContext], AnyReply | Coroutine[object, object, AnyReply]],
    ) -> Handler:
        def handle(request: RequestContext) -> AnyReply | Coroutine[object, object, AnyReply]:
            name = request.parameters.get("operation")
            if operations and name is not None:
                request.parameters = {**request.parameters, "operation": _operation(name, operations)}
            return caught_up(journal, lambda: handler(journal, request))

        return handle

    return {operation_id: checked(handler) for operation_id, handler in handlers.items()}


def caught_up(
    journal: Journal, answer: Callable[[], AnyReply | Coroutine[object, object, AnyReply]]
) -> AnyReply | Coroutine[object, object, AnyReply]:
    """What is answered from a journal, after it has learned of the exchanges of other processes."""
    sharing = journal.sharing
    if sharing is None:
        return answer()

    async def answer_later() -> AnyReply:
        await sharing.catch_up()
        reply = answer()
        return await reply if isinstance(reply, Coroutine) else reply

    return answer_later()


def _operation(name: str, operations: Sequence[str]) -> str:
    """The operationId that a name is a spelling of; raises Problem for one that there is not."""
    operation = name if name in operations else same_name(name, operations)
    if operation is None:
        message = f"there is no such operation{suggestion(name, operations)}"
        raise Problem(INVALID, [error_detail(message, "query.operation", name)])
    return operation


def _since_ns(text: str) -> int:
    """Epoch nanoseconds of an instant; raises Problem for any other text."""
    try:
        return instants.parse(text) * 1_000_000
    except InstantError as error:
        raise Problem(INVALID, [error_detail(str(error), "query.since", text)]) from None


def _owner(request: RequestContext) -> str | None:
    """The organization of the exchanges; "" for those that have none, None for all."""
    organization: str | None = request.parameters.get("organization")
    return "" if organization == NO_ORGANIZATION else organization


def _filters(request: RequestContext) -> Mapping[str, str | None]:
    return {"operation": request.parameters.get("operation"), "status": request.parameters.get("status")}


def get_coverage(tally: CoverageTally, request: RequestContext) -> Reply:
    """What has been met since the last reset."""
    return Reply(coverage_report(tally))


def reset_coverage(tally: CoverageTally, request: RequestContext) -> Reply:
    """Begin to count anew."""
    tally.reset(wall_ms())
    return Reply(None, 204)


async def get_shared_coverage(sharing: JournalSharing, request: RequestContext) -> Reply:
    """What has been met in all processes since the last reset."""
    return Reply(await sharing.coverage_report())


async def reset_shared_coverage(sharing: JournalSharing, request: RequestContext) -> Reply:
    """Begin to count anew in all processes."""
    await sharing.reset_coverage()
    return Reply(None, 204)


def coverage_handlers(tally: CoverageTally, sharing: JournalSharing | None = None) -> dict[str, Handler]:
    """The handlers for the coverage of a server, by operationId; sharing: where several processes count."""
    if sharing is not None:
        return {
            "getCoverage": partial(get_shared_coverage, sharing),
            "resetCoverage": partial(reset_shared_coverage, sharing),
        }
    return {"getCoverage": partial(get_coverage, tally), "resetCoverage": partial(reset_coverage, tally)}
