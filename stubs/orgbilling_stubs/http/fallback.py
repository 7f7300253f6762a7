"""The handler of operations that have none: a reply made from the contract's own schema.

It keeps no state, its replies are valid, and the same request gets the same bytes.
"""

from __future__ import annotations

from typing import Any

import orjson
from orgbilling_fixtures import random_stream

from orgbilling_stubs.http.context import Reply, RequestContext
from orgbilling_stubs.http.errors import UNIMPLEMENTED, Problem
from orgbilling_stubs.http.schemas import Schemas

ATTEMPTS = 3


class Fallback:
    """Answers one operation with its first successful response."""

    def __init__(self, operation: Any, schemas: Schemas, seed: int) -> None:
        self._operation = operation
        self._schemas = schemas
        self._seed = seed

    def __call__(self, context: RequestContext) -> Reply:
        """A reply that depends on the operation, its parameters and its body only."""
        status, content = self._success()
        media = next((each for each in content if "json" in each), None)
        if media is None:
            return Reply(None, status)
        from orgbilling_stubs.http.example import Examples

        schema = content[media].get("schema", {})
        validator = self._schemas.validator(schema, "response")
        body = None if isinstance(context.body, bytes) else context.body
        asked = orjson.dumps([context.parameters, body], option=orjson.OPT_SORT_KEYS).decode()
        for attempt in range(ATTEMPTS):
            key = random_stream.key("fallback", self._seed, context.operation.operation_id, asked, attempt)
            try:
                made = Examples(self._schemas.document, key).value(schema)
            except (ValueError, LookupError, TypeError):
                break
            if validator.is_valid(made):
                return Reply(made, status)
        raise Problem(UNIMPLEMENTED)

    def _success(self) -> tuple[int, dict[str, Any]]:
        for status, declared in sorted(self._operation.responses.items()):
            if status[:1] == "2":
                return int(status.replace("X", "0")), declared.get("content", {})
        return 204, {}
