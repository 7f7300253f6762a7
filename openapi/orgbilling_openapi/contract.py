"""The contract at run time: read once, from JSON, without a YAML parser.

What is read here was composed and validated before it was checked in (`orgbilling spec check`).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from orgbilling_openapi import json_pointer

Document = dict[str, Any]

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a node of the contract comes from.

    layer: ``documented``, ``published``, ``assumed`` or ``words``; reason: why, for an assumption.
    """

    layer: str
    reason: str | None = None

    @property
    def fact(self) -> bool:
        """Whether the vendor says so: breaking it is an error, breaking an assumption a warning."""
        return self.layer in ("documented", "published")


class Origins:
    """The origin of every node, by JSON pointer."""

    def __init__(self, table: Document) -> None:
        self._nodes: dict[str, list[Any]] = table["nodes"]
        self._reasons: list[str] = table["reasons"]

    def of(self, place: str) -> Origin:
        """The origin of the node at a JSON pointer: its own, or that of the nearest node around it."""
        keys = json_pointer.keys(place)
        for length in range(len(keys), -1, -1):
            row = self._nodes.get(json_pointer.text(keys[:length]))
            if row is not None:
                return Origin(row[0], self._reasons[row[1]] if len(row) > 1 else None)
        return Origin("documented")


def load() -> Document:
    """The contract, as a fresh dictionary that the caller may change."""
    document: Document = json.loads(load_text())
    return document


@cache
def load_text() -> bytes:
    """The JSON text of the contract."""
    return (HERE / "org-billing.json").read_bytes()


@cache
def origins() -> Origins:
    """The origins of the contract's nodes."""
    return Origins(json.loads((HERE / "origins.json").read_bytes()))


def digest(document: Document | None = None) -> str:
    """SHA-256 (hex) of the canonical JSON of a contract: sorted members, no white space, UTF-8."""
    canonical = json.dumps(
        load() if document is None else document, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    return hashlib.sha256(canonical.encode()).hexdigest()


def compose_with(published: Path) -> Document:
    """The contract with another published document in place of layer 2 (see `adopt`).

    Raises `document.DocumentError` for a file that is no OpenAPI 3 document.
    """
    from orgbilling_openapi import adopt  # late: needs a YAML parser, and only few servers do this

    return adopt.adopt(published).document


def form30(document: Document) -> Document:
    """The document as OpenAPI 3.0.3, for tools that need it."""
    from orgbilling_openapi import forms

    return forms.form30(document)
