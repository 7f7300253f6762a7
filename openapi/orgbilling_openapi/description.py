"""The API description as it is checked in: read from JSON, without a YAML parser.

It was composed from its layers and validated before it was checked in (`orgbilling spec check`).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from orgbilling_openapi import json_pointer
from orgbilling_openapi.strict_json import JsonObject, JsonValue

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class NodeOrigin:
    """Where a node of the API description comes from.

    layer: ``documented``, ``published``, ``assumed`` or ``descriptions`` (see `composition`); reason: for an
    assumption, why we make it.
    """

    layer: str
    reason: str | None = None

    @property
    def fact(self) -> bool:
        """Whether the vendor says so. Breaking a fact is an error, breaking an assumption is a warning."""
        return self.layer in ("documented", "published")


class NodeOrigins:
    """The origin of every node, by JSON pointer."""

    def __init__(self, table: JsonObject) -> None:
        self._nodes: dict[str, list[JsonValue]] = table["nodes"]
        self._reasons: list[str] = table["reasons"]

    def of(self, place: str) -> NodeOrigin:
        """The origin of the node at a JSON pointer: its own, or that of the nearest node around it."""
        keys = json_pointer.keys(place)
        for length in range(len(keys), -1, -1):
            row = self._nodes.get(json_pointer.text(keys[:length]))
            if row is not None:
                return NodeOrigin(row[0], self._reasons[row[1]] if len(row) > 1 else None)
        return NodeOrigin("documented")


def load() -> JsonObject:
    """The API description, as a fresh dictionary that the caller may change."""
    document: JsonObject = json.loads(load_text())
    return document


@cache
def load_text() -> bytes:
    """The JSON text of the API description."""
    return (HERE / "org-billing.json").read_bytes()


@cache
def origins() -> NodeOrigins:
    """The origins of the nodes of the API description."""
    return NodeOrigins(json.loads((HERE / "origins.json").read_bytes()))


def digest(document: JsonObject | None = None) -> str:
    """SHA-256 (hex) of the canonical JSON of a description, the checked-in one by default.

    Canonical: sorted members, no white space, UTF-8. Formatting does not change the digest.
    """
    canonical = json.dumps(
        load() if document is None else document, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    return hashlib.sha256(canonical.encode()).hexdigest()
