"""Two states compared: which members of the thirteen responses differ between them, and by how much.

A state is an organization as it is now, or as it was when a snapshot was taken. For the nine operations that
read, the response bodies are compared. For the four that change something, it is whether they would be
carried out: `decide` says so without changing anything.

The ledger is compared as a whole, not in a window, so that only rows that one state has and the other has not
are listed; the rows that both begin with are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice

from orgbilling_openapi.json_pointer import Path, text
from orgbilling_openapi.strict_json import JsonObject, JsonValue

from orgbilling_stubs.api import serializers
from orgbilling_stubs.api.errors import ROWS, problem
from orgbilling_stubs.api.handlers import DEFAULT_DAYS
from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.commands import (
    Command,
    OpenCheckout,
    OpenPortal,
    RedeemVoucher,
    SubscribeContract,
)
from orgbilling_stubs.billing.contract_catalog import TEST_CONTRACTS
from orgbilling_stubs.billing.decide import decide
from orgbilling_stubs.billing.errors import BillingError
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.control.errors import error_at
from orgbilling_stubs.control.server import ControlServer, organization_of
from orgbilling_stubs.http.context import Reply, RequestContext
from orgbilling_stubs.tenants import snapshots

LEDGER = "getOrgLedger"

MOST_CHANGES = 200
"""How many changes of one operation are listed; the others are counted."""

CARRIED_OUT = "carried out"

_ITEM_KEYS = ("chargeId", "model", "eventType", "operation", "dueDate")
"""Members by which the items of two arrays are matched: the first that all items have, each another value."""


@dataclass(frozen=True, slots=True)
class State:
    """A state of an organization; snapshot: None for the present one."""

    organization: str
    snapshot: str | None
    tenant: Tenant

    def document(self) -> JsonObject:
        """The schema ComparedState."""
        at = instants.text(self.tenant.now_ms)
        return {"organization": self.organization, "snapshot": self.snapshot, "at": at}


def compare_states(server: ControlServer, request: RequestContext) -> Reply:
    """The differences between two states, operation by operation."""
    organization, parameters = organization_of(request), request.parameters
    before = _state(server, organization, parameters.get("from"), "query.from", "path.organization")
    other = parameters.get("with")
    place = "path.organization" if other is None else "query.with"
    after = _state(server, other or organization, parameters.get("to"), "query.to", place)
    operations = list(_operations(before.tenant, after.tenant, request.base_url))
    return Reply(
        {
            "from": before.document(),
            "to": after.document(),
            "same": all(row["same"] for row in operations),
            "operations": operations,
        }
    )


def _state(
    server: ControlServer, organization: str, snapshot: str | None, location: str, organization_location: str
) -> State:
    """A state. The locations are where the request names the snapshot and the organization."""
    tenant = server.existing(organization, organization_location)
    if snapshot is not None:
        try:
            tenant = snapshots.state_of(server.service, organization, snapshot)
        except BillingError as error:
            raise error_at(ROWS[error.code], location, snapshot, problem(error).detail) from None
    return State(organization, snapshot, tenant)


def _operations(before: Tenant, after: Tenant, base_url: str) -> Iterator[JsonObject]:
    """The schema ComparedOperation of each operation."""
    reads = [_responses(tenant, base_url) for tenant in (before, after)]
    codes = dict.fromkeys([*before.vouchers, *after.vouchers, *before.redeemed, *after.redeemed])
    contracts = dict.fromkeys([*before.offers, *after.offers, *TEST_CONTRACTS])
    attempts: Mapping[str, Mapping[Path, Command]] = {
        "createOrgBillingCheckout": {(): OpenCheckout(1_000, before.config.currency)},
        "createOrgBillingPortal": {(): OpenPortal()},
        "subscribeToOrgContract": {(contract,): SubscribeContract(contract) for contract in contracts},
        "redeemOrgVoucher": {(code,): RedeemVoucher(code) for code in codes},
    }
    for operation in sorted([*reads[0], *attempts, LEDGER]):
        if operation == LEDGER:
            found = _ledger_changes(before, after)
        elif operation in attempts:
            found = _attempts(before, after, attempts[operation])
        else:
            found = changes(reads[0][operation], reads[1][operation])
        listed = list(islice(found, MOST_CHANGES))
        omitted = sum(1 for _ in found)
        yield {"operation": operation, "same": not listed, "changes": listed, "changesOmitted": omitted}


def _responses(tenant: Tenant, base_url: str) -> dict[str, JsonValue]:
    """The body of each operation that reads, apart from the ledger; null for a contract that is none."""
    contract = tenant.contract
    reads = [(name, read(tenant)) for name, read in serializers.READS.items() if not name.startswith(LEDGER)]
    windowed = [(name, read) for name, read in serializers.WINDOWED_READS.items() if name != LEDGER]
    return {
        **dict(reads),
        **{name: read(tenant, DEFAULT_DAYS) for name, read in windowed},
        "getOrgContract": serializers.contract(tenant, contract, base_url) if contract is not None else None,
    }


def _ledger_changes(before: Tenant, after: Tenant) -> Iterator[JsonObject]:
    """The rows that only one of two ledgers has, newest first; those that both begin with are left out."""
    rows, others = before.ledger.rows, after.ledger.rows
    shared = 0
    for row, other in zip(rows, others, strict=False):
        if row != other:
            break
        shared += 1
    for index, row in enumerate(reversed(others[shared:])):
        yield _change((index,), "added", None, serializers.ledger_row(after, row))
    for index, row in enumerate(reversed(rows[shared:])):
        yield _change((index,), "removed", serializers.ledger_row(before, row), None)


def _attempts(before: Tenant, after: Tenant, commands: Mapping[Path, Command]) -> Iterator[JsonObject]:
    """The commands that have another outcome in the two states: carried out, or the code of the error."""
    for path, command in commands.items():
        yield from changes(_outcome(before, command), _outcome(after, command), path)


def _outcome(tenant: Tenant, command: Command) -> str:
    try:
        decide(tenant, command, tenant.now_ms)
    except BillingError as error:
        return error.code
    return CARRIED_OUT


def changes(before: JsonValue, after: JsonValue, path: Path = ()) -> Iterator[JsonObject]:
    """The schema Change of each member that differs; path: where the values are in the response."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted({*before, *after}):
            place = (*path, name)
            if name not in before:
                yield _change(place, "added", None, after[name])
            elif name not in after:
                yield _change(place, "removed", before[name], None)
            else:
                yield from changes(before[name], after[name], place)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _item_changes(before, after, path)
    elif before != after or isinstance(before, bool) != isinstance(after, bool):  # 1 == True in Python
        yield _change(path, "changed", before, after)


def _item_changes(
    before: Sequence[JsonValue], after: Sequence[JsonValue], path: Path
) -> Iterator[JsonObject]:
    """The changes of an array, whose items are matched by a key, or else by their place."""
    key = _item_key(before, after)
    rows = {item[key] if key else index: (index, item) for index, item in enumerate(before)}
    others = {item[key] if key else index: (index, item) for index, item in enumerate(after)}
    for name, (index, item) in others.items():
        if name in rows:
            yield from changes(rows[name][1], item, (*path, index))
        else:
            yield _change((*path, index), "added", None, item)
    for name, (index, item) in rows.items():
        if name not in others:
            yield _change((*path, index), "removed", item, None)


def _item_key(before: Sequence[JsonValue], after: Sequence[JsonValue]) -> str | None:
    for key in _ITEM_KEYS:
        if all(
            all(isinstance(item, dict) and key in item for item in items)
            and len({item[key] for item in items}) == len(items)
            for items in (before, after)
        ):
            return key
    return None


def _change(path: Path, kind: str, before: JsonValue, after: JsonValue) -> JsonObject:
    difference = None
    if kind == "changed" and _is_number(before) and _is_number(after):
        # The text of a JSON number is the shortest decimal that reads back as it, so this is exact.
        difference = f"{Decimal(repr(after)) - Decimal(repr(before)):+f}"
        if "." in difference:
            difference = difference.rstrip("0").rstrip(".")
    return {
        "pointer": text(path).removeprefix("#"),
        "change": kind,
        "before": before,
        "after": after,
        "difference": difference,
    }


def _is_number(value: JsonValue) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
