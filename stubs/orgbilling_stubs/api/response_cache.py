"""Replies that are given again, and ledger rows, which never change.

A reply to a read follows from four things: the tenant's log, its instant, and the parameters and public URL
of the request. While these are the same, the last reply of each operation is given again. So with a frozen
clock each of them is made once after a change.

A clock that runs changes the instant with each millisecond. So of what most clients poll, more is kept: the
billing profile until the tenant changes (`Tenant.changes`), the last page of the ledger until its rows or its
link differ, and each row of the ledger, once validated and serialized, for as long as the tenant is in
memory: a year of one has thousands of rows, and every poll shows nearly the same ones. Of more rows than a
client polls, the newest are kept. A tenant that is built anew, after a rewind for example, is another object
and begins with an empty cache.

Tenants are found by organization and compared by identity: with every request that takes 0.06 µs, where a
look-up in a `WeakKeyDictionary` takes 0.23 µs.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from weakref import ref

from orgbilling_openapi.json_pointer import follow
from orgbilling_openapi.operations import operations_by_id

from orgbilling_stubs.api import serializers
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.http.context import EncodedReply, Reply, RequestContext
from orgbilling_stubs.http.json_schemas import Schemas
from orgbilling_stubs.http.response_fitting import ResponseFitter
from orgbilling_stubs.http.responses import validated_json

LEDGER = "getOrgLedger"

CACHED_ROWS = 10_000
"""Serialized rows that are kept of a tenant, the newest. A year has 2,000 rows, of some 300 bytes each."""

Read: TypeAlias = Callable[[RequestContext, Tenant], Reply | EncodedReply]
"""Makes the reply to a read; of the request it looks at parameters and public URL alone."""


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
        return validated_json(row, self._schema, self._validator, self._fitter, "body[]")


def ledger_row_schema(description: Mapping[str, Any]) -> Any:
    """The schema of one row of the ledger's response; `{}` where the description has none."""
    operation = operations_by_id(description).get(LEDGER)
    response = {} if operation is None else follow(description, operation.node["responses"].get("200", {}))
    schema = follow(description, response.get("content", {}).get("application/json", {}).get("schema", {}))
    return schema.get("items", {}) if isinstance(schema, dict) else {}


@dataclass(slots=True)
class _Cached:
    """What is cached of one tenant.

    replies: the last of each operation, after what it was made from. changes, page: what profile and ledger
    were made from.
    """

    tenant: ref[Tenant]
    replies: dict[str, tuple[tuple[object, ...], Reply | EncodedReply]] = field(default_factory=dict)
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

    def reply(self, context: RequestContext, tenant: Tenant, read: Read) -> Reply | EncodedReply:
        """The reply to a read: the last one again, if it was made from the same."""
        replies = self._cached(tenant).replies
        operation_id = context.operation.operation_id
        made_from = (tenant.version, tenant.now_ms, context.parameters, context.public_url)
        last = replies.get(operation_id)
        if last is None or last[0] != made_from:
            last = replies[operation_id] = made_from, read(context, tenant)
        return last[1]

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
            if len(encoded) > CACHED_ROWS:
                cached.rows = dict(sorted(encoded.items())[-CACHED_ROWS:])
        return cached.ledger

    def _cached(self, tenant: Tenant) -> _Cached:
        organization = tenant.config.organization
        cached = self._by_organization.get(organization)
        if cached is None or cached.tenant() is not tenant:
            alive = ref(tenant, lambda _: self._by_organization.pop(organization, None))
            cached = self._by_organization[organization] = _Cached(alive)
        return cached
