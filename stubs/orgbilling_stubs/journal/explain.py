"""Why a response is what it is: derived on request from the exchange, the API description and the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orgbilling_openapi import description as descriptions
from orgbilling_openapi import json_pointer
from orgbilling_openapi.operations import operations_by_id
from orgbilling_openapi.redaction import redact
from orgbilling_openapi.strict_json import JsonObject, JsonValue

from orgbilling_stubs.api import serializers
from orgbilling_stubs.billing import commands, scheduler
from orgbilling_stubs.billing.events import Record, encode
from orgbilling_stubs.billing.state import TenantFactory, state_of
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.journal.exchange import Exchange
from orgbilling_stubs.journal.serializers import exchange_document
from orgbilling_stubs.tenants.service import Service
from orgbilling_stubs.tenants.store.errors import ConflictError

COMMANDS: Mapping[str, type] = {
    "createOrgBillingCheckout": commands.OpenCheckout,
    "createOrgBillingPortal": commands.OpenPortal,
    "redeemOrgVoucher": commands.RedeemVoucher,
    "subscribeToOrgContract": commands.SubscribeContract,
}
"""The command behind each operation that has one."""


class Explainer:
    """Explains the exchanges of one server."""

    def __init__(
        self, description: Mapping[str, JsonValue], service: Service, tenant_factory: TenantFactory
    ) -> None:
        self._service = service
        self._tenant_factory = tenant_factory
        self._operations = operations_by_id(description)

    def explain(self, exchange: Exchange) -> JsonObject:
        """Everything that is known about an exchange (the schema Explanation)."""
        ledger: list[JsonObject] = []
        balance: JsonObject | None = None
        records: Sequence[Record] = ()
        replayed = self._replay(exchange)
        if replayed is not None:
            before, after, records = replayed
            rows = after.ledger.rows[len(before.ledger.rows) :]
            ledger = [serializers.ledger_row(after, row) for row in rows]
            balance = {
                "before": serializers.usd(before.ledger.balance_micros),
                "after": serializers.usd(after.ledger.balance_micros),
            }
        return {
            "exchange": exchange_document(exchange),
            "apiDescription": self._description_nodes(exchange),
            "fault": _fault(exchange),
            "command": _command(exchange, records),
            "events": [_event(record) for record in records],
            "ledger": ledger,
            "balance": balance,
            "findings": _findings(exchange),
        }

    def _replay(self, exchange: Exchange) -> tuple[Tenant, Tenant, Sequence[Record]] | None:
        """The tenant right before and right after the exchange, and the records that it appended.

        None when there was no tenant, or it has been deleted since.
        """
        if not exchange.version_after:
            return None
        try:
            log = self._service.store.read(exchange.organization, generation=exchange.generation)
        except ConflictError:
            return None
        records = log[: exchange.version_after]
        batch = records[-1].batch
        wrote = exchange.version_after > exchange.version_before
        appended = [record for record in records if record.batch == batch] if wrote else []
        after = self._tenant(exchange, records)
        if not appended or len(appended) == len(records):
            return after, after, appended
        return self._tenant(exchange, records[: -len(appended)]), after, appended

    def _tenant(self, exchange: Exchange, records: Sequence[Record]) -> Tenant:
        tenant = state_of(exchange.organization, records, self._tenant_factory)
        scheduler.advance(tenant, max(exchange.now_ms, tenant.now_ms))
        return tenant

    def _description_nodes(self, exchange: Exchange) -> list[JsonObject]:
        """The nodes of the API description for this exchange, each with its layer."""
        operation = self._operations.get(exchange.operation)
        if operation is None:
            return []
        node, location, responses = operation.node, operation.location, operation.node["responses"]
        paths = [location, *((*location, part) for part in ("parameters", "requestBody") if part in node)]
        pointers = [json_pointer.text(path) for path in paths]
        status = next((key for key in (str(exchange.status), "default") if key in responses), None)
        if status is not None:
            pointers.append(json_pointer.text((*location, "responses", status)))
            if "$ref" in responses[status]:
                pointers.append(responses[status]["$ref"])
        origins = descriptions.origins()
        return [{"pointer": pointer, "layer": origins.of(pointer).layer} for pointer in pointers]


def _command(exchange: Exchange, records: Sequence[Record]) -> JsonObject | None:
    """The command that an operation executed, if it is one that executes any."""
    command = COMMANDS.get(exchange.operation)
    if command is None or exchange.status == 0 or (exchange.error is not None and not exchange.version_after):
        return None
    body = exchange_document(exchange)["request"]["body"]
    return {
        "name": command.__name__,
        "arguments": body if isinstance(body, dict) else {},
        "outcome": "refused" if exchange.error else "done" if records else "repeated",
    }


def _fault(exchange: Exchange) -> JsonObject | None:
    fault = exchange.fault
    if fault is None:
        return None
    override = {"override": redact(fault.override)} if fault.override else {}
    rules = [{"id": rule_id, "match": number} for rule_id, number in fault.rules]
    return {"text": redact(fault.text), **override, "rules": rules}


def _findings(exchange: Exchange) -> list[JsonObject]:
    """What validation found, or the text of the error."""
    error = exchange.error
    if error is None:
        return []
    if not error.findings:
        return [{"message": redact(error.detail)}]
    return [{"location": redact(place), "message": redact(message)} for place, message in error.findings]


def _event(record: Record) -> JsonObject:
    return {"sequence": record.sequence, **encode(record.event)}
