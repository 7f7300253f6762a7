"""The ledger with the origin of each entry, and the account statement."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence

from orgbilling_openapi.strict_json import JsonObject

from orgbilling_stubs.api import serializers
from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.events import Record
from orgbilling_stubs.billing.ledger import LedgerRow
from orgbilling_stubs.billing.money import MICROS_PER_USD
from orgbilling_stubs.billing.statement import Account, StatementLine, statement
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.control.server import ControlServer, organization_of
from orgbilling_stubs.http.context import AnyReply, Reply, RequestContext
from orgbilling_stubs.journal.handlers import caught_up
from orgbilling_stubs.journal.store import Journal

DEFAULT_ENTRIES = 100
DEFAULT_DAYS = 30


def list_ledger_entries(
    journal: Journal, server: ControlServer, request: RequestContext
) -> AnyReply | Coroutine[object, object, AnyReply]:
    """The newest entries of an organization's ledger, each with where it came from."""
    return caught_up(journal, lambda: _ledger_entries(journal, server, request))


def _ledger_entries(journal: Journal, server: ControlServer, request: RequestContext) -> Reply:
    organization = organization_of(request)
    tenant = server.existing(organization)
    rows = tenant.ledger.rows[-request.parameters.get("limit", DEFAULT_ENTRIES) :]
    traces = _traces(journal, tenant)
    records = server.service.log(tenant)
    return Reply(
        {
            "organization": organization,
            "now": instants.text(tenant.now_ms),
            "total": len(tenant.ledger.rows),
            "entries": [_entry(tenant, row, records, traces) for row in reversed(rows)],
        }
    )


def _traces(journal: Journal, tenant: Tenant) -> Mapping[int, str]:
    """The trace ids of the requests that wrote to the tenant's log, by the records that they wrote."""
    return {
        sequence: exchange.trace
        for exchange in journal.newest(tenant.config.organization)
        if exchange.generation == tenant.generation
        for sequence in range(exchange.version_before + 1, exchange.version_after + 1)
    }


def _entry(
    tenant: Tenant, row: LedgerRow, records: Sequence[Record], traces: Mapping[int, str]
) -> JsonObject:
    """The schema LedgerEntry."""
    ledger = tenant.ledger
    sequence = ledger.posted_by(row.number)
    origin: JsonObject = {"source": "clock", "event": None, "sequence": None, "trace": None}
    if sequence is not None:
        trace = traces.get(sequence)
        origin = {
            "source": "control" if trace is None else "request",
            "event": type(records[sequence - 1].event).__name__,
            "sequence": sequence,
            "trace": trace,
        }
    elif row.at_ms <= tenant.config.as_of_ms:
        origin["source"] = "history"
    entry = serializers.ledger_row(tenant, row)
    return {
        "entryId": entry["entryId"],
        "entryType": row.kind,
        "description": row.description,
        "createdAt": entry["createdAt"],
        "amountCredits": decimal_usd(row.credits_micros),
        "amountUsd": decimal_usd(row.usd_micros),
        "balanceAfter": decimal_usd(ledger.balance_after(row.number)),
        "outstandingAfter": decimal_usd(ledger.outstanding_after(row.number)),
        "origin": origin,
    }


def get_statement(server: ControlServer, request: RequestContext) -> Reply:
    """The account statement of the last days."""
    organization = organization_of(request)
    tenant = server.existing(organization)
    period = statement(tenant, request.parameters.get("days", DEFAULT_DAYS))
    return Reply(
        {
            "organization": organization,
            "billingMode": tenant.config.mode,
            "currency": tenant.config.currency,
            "from": instants.text(period.after_ms),
            "to": instants.text(period.until_ms),
            "credit": _account(period.credit),
            "debt": _account(period.debt),
        }
    )


def _account(account: Account) -> JsonObject:
    """The schema Account."""
    return {
        "opening": decimal_usd(account.opening_micros),
        "increase": decimal_usd(account.increase_micros),
        "decrease": decimal_usd(account.decrease_micros),
        "closing": decimal_usd(account.closing_micros),
        "increases": [_line(line) for line in account.increases],
        "decreases": [_line(line) for line in account.decreases],
        "days": [
            {
                "date": instants.text(day.day * instants.DAY_MS)[:10],
                "increase": decimal_usd(day.increase_micros),
                "decrease": decimal_usd(day.decrease_micros),
                "closing": decimal_usd(day.closing_micros),
            }
            for day in account.days
        ],
    }


def _line(line: StatementLine) -> JsonObject:
    """The schema StatementLine."""
    return {
        "entryType": line.entry_type,
        "description": line.description,
        "amount": decimal_usd(line.amount_micros),
        "entries": line.entries,
    }


def decimal_usd(micros: int) -> str:
    """An amount as an exact decimal text: at least two digits after the point, at most six.

    Example: 1,500,000 micro-USD are `1.50`, and -123 are `-0.000123`.
    """
    whole, part = divmod(abs(micros), MICROS_PER_USD)
    digits = f"{part:06}".rstrip("0").ljust(2, "0")
    return f"{'-' if micros < 0 else ''}{whole}.{digits}"
