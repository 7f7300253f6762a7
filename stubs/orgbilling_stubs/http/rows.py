"""Rows of a list response that never change: validated and serialized once, joined per request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from orgbilling_stubs.http.errors import Breach
from orgbilling_stubs.http.schemas import Schemas
from orgbilling_stubs.http.validation_errors import collect


class Rows:
    """Encodes rows of one schema, e.g. `TenantBillingLedgerEntry`."""

    def __init__(self, document: Mapping[str, Any], schema: str) -> None:
        self.schema = schema
        reference = {"$ref": f"#/components/schemas/{schema}"}
        self._validator = Schemas(document).validator(reference, "response")

    def encode(self, row: Mapping[str, Any]) -> bytes:
        """The JSON of one row. Raises `Breach` if it is not what the contract says."""
        if not self._validator.is_valid(row):
            rows = collect(self._validator, row, self.schema)
            raise Breach("; ".join(f"{each['location']}: {each['message']}" for each in rows))
        return orjson.dumps(row)

    @staticmethod
    def join(rows: Iterable[bytes]) -> bytes:
        """The JSON array of encoded rows."""
        return b"[" + b",".join(rows) + b"]"
