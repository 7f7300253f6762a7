from __future__ import annotations

from typing import Any

import pytest
from orgbilling_openapi.diff import compare_security
from orgbilling_openapi.schema_diff import SchemaComparison
from orgbilling_openapi.schema_flattening import Node

Document = dict[str, Any]
BEARER: Document = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
KEY: Document = {"type": "apiKey", "in": "header", "name": "X-Key"}


def found(old: Document, new: Document, takes: list[Any] | None = None) -> list[tuple[str, bool]]:
    """What differs for an operation between two tables of security schemes."""
    shapes = SchemaComparison(
        *({"components": {"securitySchemes": each, "more": {"K": KEY}}} for each in (old, new))
    )
    operation = Node({"security": [{"s": []}] if takes is None else takes}, ("paths", "/a", "get"))
    return [
        (difference.what, difference.breaking)
        for difference in compare_security(shapes, operation, operation)
    ]


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (BEARER, {**BEARER, "scheme": "basic"}, "scheme of the security scheme s bearer → basic"),
        (KEY, {**KEY, "in": "query"}, "in of the security scheme s header → query"),
        (KEY, {**KEY, "name": "X-Token"}, "name of the security scheme s X-Key → X-Token"),
        (
            BEARER,
            {**BEARER, "type": "mutualTLS"},
            "type of the security scheme s http → mutualTLS",
        ),
        (BEARER, None, "the security scheme s"),
    ],
)
def test_a_scheme_that_a_client_has_to_use_otherwise_breaks(old: Any, new: Any, what: str) -> None:
    assert found({"s": old}, {} if new is None else {"s": new}) == [(what, True)]
    assert found({"s": old}, {"s": new}, takes=[{"other": []}]) == []
    assert found({"s": old}, {"s": new}, takes=[]) == []


def test_what_is_said_otherwise_is_no_change() -> None:
    assert found({"s": BEARER}, {"s": {**BEARER, "scheme": "Bearer", "description": "x"}}) == []
    assert found({"s": KEY}, {"s": {"$ref": "#/components/more/K"}}) == []


def test_the_format_of_a_token_is_a_hint() -> None:
    change = "bearerFormat of the security scheme s JWT → opaque"
    assert found({"s": BEARER}, {"s": {**BEARER, "bearerFormat": "opaque"}}) == [(change, False)]
