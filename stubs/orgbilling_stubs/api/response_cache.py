"""Replies that stay the same as long as their tenant does, and ledger rows, which never change.

Most clients poll the same two operations. The billing profile is kept until the tenant changes
(`Tenant.changes`), the last page of the ledger until its rows or its link differ, and each row of the ledger,
once validated and serialized, for as long as the tenant is in memory: a year of one has thousands of rows,
and every poll shows nearly the same ones. A tenant that is built anew, after a rewind for example, is another
object and begins with an empty cache.

Tenants are found by organization and compared by identity: with every request that takes 0.06 µs, where a
look-up in a `WeakKeyDictionary` takes 0.23 µs.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any
from weakref import ref

import orjson
from orgbilling_openapi.json_pointer import follow
from orgbilling_openapi.operations import operations_by_id

from orgbilling_stubs.api import serializers
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.http.context import EncodedReply, Reply
from orgbilling_stubs.http.errors import InvalidReply
from orgbilling_stubs.http.json_schemas import Schemas, validation_errors
from orgbilling_stubs.http.response_fitting import ResponseFitter

LEDGER = "getOrgLedger"


class RowEncoder:
    """Validates and serializes rows of one schema of the API description.

    fitter: fits rows that break the description; without it they are errors.
    """

    def __init__(
        self, description: Mapping[str, Any], schema: Any, fitter: ResponseFitter | None = None
    ) -> None:
        self._schema = schema
        self._fitter = fitter
        self._validator = Schemas(description).validator(schema, "response")

    def encode(self, row: Mapping[str, Any]) -> bytes:
        """The JSON of one row. Raises `InvalidReply` if it is not what the description says."""
        if not self._validator.is_valid(row):
            if self._fitter is not None:
                return orjson.dumps(self._fitter.fitted(self._schema, row))
            errors = validation_errors(self._validator, row, "body[]")
            raise InvalidReply("; ".join(f"{error['location']}: {error['message']}" for error in errors))
        return orjson.dumps(row)


def ledger_row_schema(description: Mapping[str, Any]) -> Any:
    """The schema of one row of the ledger's response; `{}` where the description has none."""
    operation = operations_by_id(description).get(LEDGER)
    response = {} if operation is None else follow(description, operation.node["responses"].get("200", {}))
    schema = follow(description, response.get("content", {}).get("application/json", {}).get("schema", {}))
    return schema.get("items", {}) if isinstance(schema, dict) else {}


@dataclass(slots=True)
class _Cached:
    """What is cached of one tenant. changes, page: what the replies were made from."""

    tenant: ref[Tenant]
    changes: int = -1
    profile: Reply | None = None
    page: Hashable = None
    ledger: EncodedReply | None = None
    rows: dict[int, bytes] = field(default_factory=dict)


class ResponseCache:
    """The cached replies of one server."""

    def __init__(self, description: Mapping[str, Any], fitter: ResponseFitter | None = None) -> None:
        self._ledger_rows = RowEncoder(description, ledger_row_schema(description), fitter)
        self._by_organization: dict[str, _Cached] = {}

    def profile(self, tenant: Tenant) -> Reply:
        """The billing profile."""
        cached = self._cached(tenant)
        if cached.profile is None or cached.changes != tenant.changes:
            cached.profile, cached.changes = Reply(serializers.profile(tenant)), tenant.changes
        return cached.profile

    def ledger(self, tenant: Tenant, low: int, high: int, headers: Mapping[str, str]) -> EncodedReply:
        """The ledger rows with the numbers from `low` up to but not including `high`, newest first."""
        cached = self._cached(tenant)
        page = (low, high, headers.get("Link"))
        if cached.ledger is None or cached.page != page:
            encoded, rows = cached.rows, tenant.ledger.rows
            for number in range(low, high):
                if number not in encoded:
                    encoded[number] = self._ledger_rows.encode(serializers.ledger_row(tenant, rows[number]))
            newest_first = map(encoded.__getitem__, range(high - 1, low - 1, -1))
            cached.ledger = EncodedReply(b"[" + b",".join(newest_first) + b"]", headers=headers)
            cached.page = page
        return cached.ledger

    def _cached(self, tenant: Tenant) -> _Cached:
        organization = tenant.config.organization
        cached = self._by_organization.get(organization)
        if cached is None or cached.tenant() is not tenant:
            alive = ref(tenant, lambda _: self._by_organization.pop(organization, None))
            cached = self._by_organization[organization] = _Cached(alive)
        return cached
