"""Requests that were worth keeping: odd, legal to send, and each with its reason."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from orgbilling_conformance.exchange import Request
from orgbilling_conformance.facts import Facts

FILE = Path(__file__).parent / "corpus.json"


def requests(facts: Facts, operations: set[str]) -> list[Request]:
    """The requests of the corpus for the operations (ids)."""
    found = []
    for row in json.loads(FILE.read_text("utf-8")):
        for name in _targets(row, facts):
            if name not in operations:
                continue
            known = facts.operations[name]
            found.append(
                Request(
                    known.method,
                    known.path,
                    row.get("query", ""),
                    tuple((key, value) for key, value in row.get("headers", {}).items()),
                    _body(row),
                    row.get("auth", "first"),
                    row["why"],
                )
            )
    return found


def _targets(row: dict[str, str], facts: Facts) -> list[str]:
    if row["operation"] == "windows":
        return [each.id for each in facts.windows]
    return [each.id for each in facts.gets] if row["operation"] == "gets" else [row["operation"]]


def _body(row: dict[str, str]) -> bytes | None:
    if "base64" in row:
        return base64.b64decode(row["base64"])
    return row["body"].encode() if "body" in row else None
