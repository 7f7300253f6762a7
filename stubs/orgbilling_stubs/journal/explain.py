"""Why an answer is what it is: derived from the exchange, the contract and the tenant's log when asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orgbilling_openapi import description as descriptions
from orgbilling_openapi import json_pointer
from orgbilling_openapi.operations import operations_by_id

from orgbilling_stubs.api import serializers
from orgbilling_stubs.auth.redaction import redact
from orgbilling_stubs.billing import commands, scheduler
from orgbilling_stubs.billing.events import Record, encode
from orgbilling_stubs.billing.state import TenantFactory, state_of
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.journal.exchange import Exchange
from orgbilling_stubs.journal.show import document
from orgbilling_stubs.tenants.service import Service

COMMANDS: Mapping[str, type] = {
    "createOrgBillingCheckout": commands.OpenCheckout,
    "createOrgBillingPortal": commands.OpenPortal,
    "redeemOrgVoucher": commands.RedeemVoucher,
    "subscribeToOrgContract": commands.SubscribeContract,
}
"""The command behind each operation that has one."""


class Explainer:
    """Explains the exchanges of one server."""

    def __init__(self, contract: Mapping[str, Any], service: Service, genesis: TenantFactory) -> None:
        self._service = service
        self._genesis = genesis
        self._contract = contract
        self._places = {name: operation.location for name, operation in operations_by_id(contract).items()}

    def explain(self, exchange: Exchange) -> dict[str, Any]:
        """Everything that is known about an exchange."""
        before, after, records = self._replay(exchange)
        rows = [] if before is None or after is None else after.ledger.rows[len(before.ledger.rows) :]
        refusal = exchange.refusal
        found = [] if refusal is None else refusal.findings
        return {
            "exchange": document(exchange),
            "apiDescription": self._nodes(exchange),
            "fault": self._fault(exchange),
            "command": self._command(exchange, records),
            "events": [_event(record) for record in records],
            "ledger": [] if after is None else [serializers.ledger_row(after, row) for row in rows],
            "balance": None
            if before is None or after is None
            else {
                "before": serializers.usd(before.ledger.balance_micros),
                "after": serializers.usd(after.ledger.balance_micros),
            },
            "findings": [{"location": redact(place), "message": redact(message)} for place, message in found]
            + ([{"message": redact(refusal.detail)}] if refusal is not None and not found else []),
        }

    def _replay(self, exchange: Exchange) -> tuple[Tenant | None, Tenant | None, Sequence[Record]]:
        """The tenant right before and right after the exchange, and the records it appended."""
        if not exchange.after:
            return None, None, ()
        log = self._service.store.read(exchange.organization)
        if not log or log[-1].sequence < exchange.after:
            return None, None, ()  # the organization was deleted since
        records = log[: exchange.after]
        batch = records[-1].batch
        wrote = exchange.after > exchange.before
        appended = [record for record in records if record.batch == batch] if wrote else []
        after = self._tenant(exchange, records)
        if not appended or len(appended) == len(records):
            return after, after, appended
        return self._tenant(exchange, records[: -len(appended)]), after, appended

    def _tenant(self, exchange: Exchange, records: Sequence[Record]) -> Tenant:
        tenant = state_of(exchange.organization, records, self._genesis)
        scheduler.advance(tenant, max(exchange.now_ms, tenant.now_ms))
        return tenant

    def _nodes(self, exchange: Exchange) -> list[dict[str, Any]]:
        """The nodes of the contract that speak about this exchange, each with its layer."""
        place = self._places.get(exchange.operation)
        if place is None:
            return []
        node: Any = self._contract
        for key in place:
            node = node[key]
        answers = node["responses"]
        status = str(exchange.status)
        listed = status if status in answers else "default" if "default" in answers else None
        paths = [place, *((*place, part) for part in ("parameters", "requestBody") if part in node)]
        if listed is not None:
            paths.append((*place, "responses", listed))
        texts = [json_pointer.text(path) for path in paths]
        if listed is not None and "$ref" in answers[listed]:
            texts.append(answers[listed]["$ref"])
        return [{"pointer": text, "layer": descriptions.origins().of(text).layer} for text in texts]

    def _command(self, exchange: Exchange, records: Sequence[Record]) -> dict[str, Any] | None:
        kind = COMMANDS.get(exchange.operation)
        if kind is None or exchange.status == 0 or (exchange.refusal is not None and not exchange.after):
            return None
        shown = document(exchange)["request"]["body"]
        return {
            "name": kind.__name__,
            "arguments": shown if isinstance(shown, dict) else {},
            "outcome": "refused" if exchange.refusal else "done" if records else "repeated",
        }

    def _fault(self, exchange: Exchange) -> dict[str, Any] | None:
        fired = exchange.fault
        if fired is None:
            return None
        shown: dict[str, Any] = {"text": redact(fired.text)}
        if fired.override:
            shown["override"] = redact(fired.override)
        shown["rules"] = [{"id": identifier, "match": number} for identifier, number in fired.rules]
        return shown


def _event(record: Record) -> dict[str, Any]:
    return {"sequence": record.sequence, **encode(record.event)}
