"""Puts replies as the real API does, where a dialect says how (see `orgbilling_openapi.dialect`).

The stub goes on to think in its own words: only what leaves it is translated, after the handler and before
the reply is held to the API description. So nothing in billing knows of a dialect, and a log can be served in
any.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone

from orgbilling_openapi.dialect import ABSENT, INSTANT, WORDS
from orgbilling_openapi.json_pointer import follow
from orgbilling_openapi.strict_json import JsonObject, JsonValue

from orgbilling_stubs.http.response_fitting import ResponseFitter

_UTC = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?Z")


class DialectFitter(ResponseFitter):
    """Fits replies to a description in a dialect."""

    def __init__(self, document: Mapping[str, JsonValue], seed: int) -> None:
        super().__init__(document, seed)
        self._description = document

    def translated(self, schema: JsonValue, body: JsonValue) -> JsonValue:
        """The body in the words of the real API, without the members that it never sends."""
        node = follow(self._description, schema) if isinstance(schema, dict) else {}
        if isinstance(body, dict):
            return self._translated_object(node, body)
        if isinstance(body, list):
            return [self.translated(node.get("items"), item) for item in body]
        if isinstance(body, str):
            if INSTANT in node:
                return written_instant(body, node[INSTANT])
            return node.get(WORDS, {}).get(body, body)
        return body

    def _translated_object(self, node: JsonObject, body: JsonObject) -> JsonObject:
        properties = node.get("properties", {})
        others = node.get("additionalProperties")
        translated: JsonObject = {}
        for name, member in body.items():
            described = properties.get(name, others)
            if isinstance(described, dict) and described.get(ABSENT) is True:
                continue
            translated[name] = self.translated(described, member)
        return translated


def written_instant(text: str, form: Mapping[str, JsonValue]) -> str:
    """An instant in UTC with another offset, and so many digits of its fraction or more; else as it is.

    No digit is cut off: instants of one reply would no longer be in their order.
    """
    match = _UTC.fullmatch(text)
    if match is None:
        return text
    offset, digits = str(form["offset"]), int(form.get("fraction", 0))
    moved = datetime.fromisoformat(match[1])
    if offset != "Z":
        hours, minutes = int(offset[1:3]), int(offset[4:6])
        away = timedelta(hours=hours, minutes=minutes) * (-1 if offset[0] == "-" else 1)
        moved = moved.replace(tzinfo=timezone.utc).astimezone(timezone(away)).replace(tzinfo=None)  # noqa: UP017
    fraction = (match[2] or "").ljust(digits, "0")
    return moved.isoformat() + (f".{fraction}" if fraction else "") + offset
