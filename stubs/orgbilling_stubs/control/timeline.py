"""The timeline of an organization: what there is to go to, and what a jump there would pass.

Both operations only look: they simulate on copies.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from orgbilling_openapi.strict_json import JsonObject

from orgbilling_stubs.api.serializers import usd
from orgbilling_stubs.billing import instants, markers
from orgbilling_stubs.billing.errors import INSTANT_NONE, BillingError
from orgbilling_stubs.billing.events import (
    ClockSet,
    CommandRefused,
    Record,
    ScenarioShown,
    SnapshotDeleted,
    SnapshotTaken,
    TenantCreated,
)
from orgbilling_stubs.billing.ledger import LedgerRow
from orgbilling_stubs.billing.log_branches import active_branch, snapshots_by_name
from orgbilling_stubs.billing.markers import Marker
from orgbilling_stubs.billing.state import SETTING_EVENTS
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.control.clock import target_by, target_to
from orgbilling_stubs.control.command_titles import command_title
from orgbilling_stubs.control.server import ControlServer, organization_of
from orgbilling_stubs.http.context import Reply, RequestContext
from orgbilling_stubs.http.errors import INVALID, Problem
from orgbilling_stubs.http.json_schemas import error_detail
from orgbilling_stubs.tenants import clock_commands

DEFAULT_MONTHS = 12
MOST_COMMANDS = 200
"""How many commands a timeline lists: the newest ones."""
MOST_TITLES = 6
"""How many commands the sentences of a preview name."""
BALANCE_POINTS = 120
"""How many balances a timeline has, at equal distances."""

SNAPSHOT = "snapshot"
COMMAND = "command"

_NOT_COMMANDS = (TenantCreated, ClockSet, CommandRefused, SnapshotTaken, SnapshotDeleted)
"""First events of batches that are no markers: they changed nothing but the clock, or nothing at all."""

PASSED: Mapping[str, tuple[str, str]] = {
    markers.MONTH_END: ("month end", "month ends"),
    markers.INSTALLMENT: ("installment", "installments"),
    markers.TOP_UP: ("automatic top-up", "automatic top-ups"),
    markers.WEBHOOK: ("webhook", "webhooks"),
    markers.CONTRACT_END: ("contract end", "contract ends"),
    markers.CREDIT_EXHAUSTED: ("moment at which the credit is exhausted", ""),
}
"""The kinds of markers that a jump can pass, in the singular and the plural."""


def get_timeline(server: ControlServer, request: RequestContext) -> Reply:
    """The markers of an organization, from its beginning to some months ahead."""
    organization, service = organization_of(request), server.service
    tenant = server.existing(organization)
    ends_ms = instants.add_months(tenant.now_ms, request.parameters.get("months", DEFAULT_MONTHS))
    log = service.log(tenant)
    future = service.copy(organization)
    rows = markers.behind(tenant)
    rows += [marker for marker in markers.look_ahead(future, ends_ms) if marker.kind != markers.TOP_UP]
    rows += [
        Marker(record.at_ms, SNAPSHOT, f"Snapshot {name}") for name, record in snapshots_by_name(log).items()
    ]
    commands = list(_commands(active_branch(log)))
    rows += commands[-MOST_COMMANDS:]
    begins_ms = min([tenant.created_ms, *(marker.at_ms for marker in rows)])
    span_ms = ends_ms - begins_ms
    points = (begins_ms + span_ms * index // BALANCE_POINTS for index in range(BALANCE_POINTS + 1))
    prepaid = tenant.config.mode == "prepaid"
    return Reply(
        {
            "organization": organization,
            "begins": instants.text(begins_ms),
            "now": instants.text(tenant.now_ms),
            "ends": instants.text(ends_ms),
            "markers": [_marker(marker, tenant, future) for marker in markers.in_time_order(rows)],
            "commandsOmitted": max(0, len(commands) - MOST_COMMANDS),
            "jumps": [_jump(server, tenant, name) for name in clock_commands.NAMED_INSTANTS],
            "balances": [_balance(future, at_ms) for at_ms in points] if prepaid else [],
        }
    )


def _commands(branch: Sequence[Record]) -> Iterator[Marker]:
    """What was done to the organization, command by command, without snapshots and moves of its clock."""
    for _, records in groupby(branch, key=lambda record: record.batch):
        batch = list(records)
        events = [record.event for record in batch]
        title = command_title(events)
        if any(isinstance(event, ScenarioShown) for event in events):
            # Going back in time keeps the scenario: it is shown again there, or loses the steps that made it.
            if not isinstance(events[0], TenantCreated):
                if all(type(event) in SETTING_EVENTS for event in events):
                    continue
                title = f"steps of {title}"
        elif isinstance(events[0], _NOT_COMMANDS):
            continue
        yield Marker(batch[-1].at_ms, COMMAND, title.capitalize())


def _marker(marker: Marker, tenant: Tenant, future: Tenant) -> JsonObject:
    """The schema Marker. tenant: as it is now. future: the tenant at the end of the timeline."""
    prepaid = tenant.config.mode == "prepaid"
    return {
        "at": instants.text(marker.at_ms),
        "kind": marker.kind,
        "title": marker.title,
        "ahead": marker.at_ms > tenant.now_ms,
        "amountUsd": None if marker.amount_micros is None else usd(marker.amount_micros),
        "creditBalance": usd(future.ledger.balance_at(marker.at_ms)) if prepaid else None,
    }


def _balance(future: Tenant, at_ms: int) -> JsonObject:
    return {"at": instants.text(at_ms), "creditBalance": usd(future.ledger.balance_at(at_ms))}


def _jump(server: ControlServer, tenant: Tenant, name: str) -> JsonObject:
    """Where a named instant is, or why there is none."""
    target = target_to(server.service, name, "query.to")
    try:
        return {"to": name, "at": instants.text(target(tenant)), "reason": None}
    except BillingError as error:
        return {"to": name, "at": None, "reason": error.message.removeprefix(f"{INSTANT_NONE.message}: ")}
    except Problem as problem:
        return {"to": name, "at": None, "reason": problem.detail}


def preview_clock(server: ControlServer, request: RequestContext) -> Reply:
    """What a jump would pass, or take back. Refused with the error that the jump would be refused with."""
    organization, parameters = organization_of(request), request.parameters
    if ("to" in parameters) == ("by" in parameters):
        raise Problem(INVALID, [error_detail("expected exactly one of to and by", "query", None)])
    tenant = server.existing(organization)
    if "to" in parameters:
        target = target_to(server.service, parameters["to"], "query.to")
    else:
        target = target_by(parameters["by"], "query.by")
    to_ms = target(tenant)
    passed: list[Marker] = []
    taken_back: list[Marker] = []
    posted: Sequence[LedgerRow] = ()
    if to_ms >= tenant.now_ms:
        state = server.service.copy(organization)
        first_row = len(state.ledger.rows)
        passed = markers.look_ahead(state, to_ms)
        posted = state.ledger.rows[first_row:]
    else:
        state, dropped = clock_commands.earlier_state(server.service, tenant, to_ms)
        taken_back = list(_commands(dropped))
    preview: JsonObject = {
        "organization": organization,
        "from": instants.text(tenant.now_ms),
        "to": instants.text(to_ms),
        "passes": list(_passed(passed)),
        "takesBack": [
            {"at": instants.text(marker.at_ms), "title": marker.title} for marker in reversed(taken_back)
        ],
        "ledger": list(_posted(posted)),
        "before": _money(tenant),
        "after": _money(state),
    }
    return Reply(preview | {"text": " ".join(_sentences(preview, tenant))})


def _passed(rows: Iterable[Marker]) -> Iterator[JsonObject]:
    """How many markers of each kind, and the sum of their amounts."""
    by_kind: dict[str, list[Marker]] = {}
    for marker in rows:
        by_kind.setdefault(marker.kind, []).append(marker)
    for kind in PASSED:
        passed = by_kind.get(kind, [])
        if passed:
            amounts = [marker.amount_micros for marker in passed if marker.amount_micros is not None]
            yield {"kind": kind, "count": len(passed), "amountUsd": usd(sum(amounts)) if amounts else None}


def _posted(rows: Iterable[LedgerRow]) -> Iterator[JsonObject]:
    """The ledger rows of each entry type: how many, and their sums."""
    by_type: dict[str, list[LedgerRow]] = {}
    for row in rows:
        by_type.setdefault(row.kind, []).append(row)
    for kind, posted in sorted(by_type.items()):
        credits_micros = sum(row.credits_micros for row in posted)
        amount_micros = sum(row.usd_micros for row in posted)
        yield {
            "entryType": kind,
            "rows": len(posted),
            "amountCredits": usd(credits_micros),
            "amountUsd": usd(amount_micros),
        }


def _money(tenant: Tenant) -> JsonObject:
    """What a jump can change at first sight."""
    return {
        "creditBalance": usd(tenant.ledger.balance_micros),
        "outstandingUsd": usd(tenant.ledger.outstanding_micros),
        "contractStatus": tenant.contract.status if tenant.contract is not None else None,
    }


def _sentences(preview: JsonObject, tenant: Tenant) -> Iterator[str]:
    """The preview in sentences."""
    passes = [_passed_text(row) for row in preview["passes"]]
    titles = [row["title"].lower() for row in preview["takesBack"]]
    if passes:
        yield f"Passes {_enumerated(passes)}."
    if titles:
        count, they = ("1 command", "it") if len(titles) == 1 else (f"{len(titles)} commands", "them")
        if len(titles) > MOST_TITLES:
            titles = [*titles[: MOST_TITLES - 1], f"{len(titles) - MOST_TITLES + 1} more"]
        yield f"Takes back {count}: {_enumerated(titles)}. Undo brings {they} back."
    before, after = preview["before"], preview["after"]
    member, subject = "creditBalance", "balance"
    if tenant.config.mode != "prepaid":
        member, subject = "outstandingUsd", "outstanding amount"
    if before[member] != after[member]:
        yield f"The {subject} goes from {' to '.join(_dollars(before[member], after[member]))}."
    if before["contractStatus"] != after["contractStatus"]:
        statuses = [str(state["contractStatus"] or "none").replace("_", " ") for state in (before, after)]
        yield f"The contract goes from {statuses[0]} to {statuses[1]}."
    if preview["from"] == preview["to"]:
        yield "This is the present instant."
    elif before == after and not passes and not titles:
        yield "Nothing happens on the way."


def _passed_text(row: JsonObject) -> str:
    """Such as `2 installments of $5,000.00 together`."""
    one, many = PASSED[row["kind"]]
    if row["kind"] == markers.CREDIT_EXHAUSTED:
        return f"the {one}"
    if row["amountUsd"] is None:
        return f"{row['count']} {one if row['count'] == 1 else many}"
    if row["count"] == 1:
        return f"1 {one} of {_dollars(row['amountUsd'])[0]}"
    return f"{row['count']} {many} of {_dollars(row['amountUsd'])[0]} together"


def _dollars(*amounts_usd: float) -> list[str]:
    """Amounts in dollars and cents, such as -$3.20; with six decimals where cents do not tell them apart."""
    texts = [f"{amount:,.2f}" for amount in amounts_usd]
    if len(set(texts)) < len(set(amounts_usd)):
        texts = [f"{amount:,.6f}" for amount in amounts_usd]
    return [f"-${text[1:]}" if text.startswith("-") else f"${text}" for text in texts]


def _enumerated(texts: Sequence[str]) -> str:
    """Such as `a, b and c`."""
    return " and ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)
