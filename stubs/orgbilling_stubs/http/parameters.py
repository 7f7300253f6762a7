"""Parameters of one operation: found, read as their types, validated, defaults applied."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote_plus

import orjson

from orgbilling_stubs.http.json_schemas import Schemas, types
from orgbilling_stubs.http.validation_errors import ValidationError, validation_error, validation_errors

INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
REMEMBERED = 256
"""So many different query strings are remembered per operation, none longer than `LONGEST`."""
LONGEST = 128


class Unreadable(Exception):  # noqa: N818
    """The text of a parameter is not of its type; the argument is the message."""


def integer(text: str) -> int:
    """A signed 64-bit decimal integer, as Go's ParseInt reads it."""
    if INTEGER.fullmatch(text) is not None and -(2**63) <= int(text) < 2**63:
        return int(text)
    raise Unreadable("invalid integer")


def number(text: str) -> float:
    """A finite decimal number."""
    if NUMBER.fullmatch(text) is not None:
        value = float(text)
        if value - value == 0:
            return value
    raise Unreadable("invalid floating value")


def boolean(text: str) -> bool:
    """Exactly `true` or `false`."""
    if text in ("true", "false"):
        return text == "true"
    raise Unreadable("invalid boolean")


def structure(text: str) -> Any:
    """A JSON object in a parameter."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Unreadable("invalid object") from None


READERS = {"integer": integer, "number": number, "boolean": boolean, "object": structure}


class Parameter:
    """One declared parameter, ready to be read from the texts that a request has for it."""

    def __init__(self, declared: Mapping[str, Any], schemas: Schemas, *, lenient: bool) -> None:
        self.name: str = declared["name"]
        self.where: str = declared["in"]
        self.key = self.name.lower() if self.where == "header" else self.name
        self.place = f"{self.where}.{self.name}"
        self.required: bool = bool(declared.get("required"))
        self.lenient = lenient
        schema = declared.get("schema", {})
        self._schema = schema
        self._schemas = schemas
        self.default = schema.get("default") if isinstance(schema, Mapping) else None
        named = types(schemas.document, schema)
        self.array = named == ("array",)
        self.explode = bool(declared.get("explode", declared.get("style", "form") == "form"))
        item = schema.get("items", {}) if self.array else schema
        self._read = READERS.get(next(iter(types(schemas.document, item)), "string"), str)
        self.validator = schemas.validator(schema, "request")

    def value(self, texts: Sequence[str]) -> tuple[Any, list[ValidationError]]:
        """The value for the texts found (none, one, or several), and what is wrong with it."""
        if self.lenient and texts and not self.array:
            texts = texts[:1] if texts[0] else ()
        if not texts:
            missing = validation_error(f"required {self.where} parameter is missing", self.place)
            return self.default, [missing] if self.required else []
        if len(texts) > 1 and not self.array:
            return None, [validation_error("expected a single value", self.place, list(texts))]
        try:
            value: Any = self._read(texts[0]) if not self.array else self._items(texts)
        except Unreadable as error:
            return None, [validation_error(str(error), self.place, texts[0])]
        return value, [] if self.validator.is_valid(value) else validation_errors(
            self.validator, value, self.place
        )

    def _items(self, texts: Sequence[str]) -> list[Any]:
        parts = texts if self.explode and self.where in ("query", "cookie") else texts[0].split(",")
        return [self._read(part) for part in parts if part or len(parts) > 1]


class Parameters:
    """All parameters of one operation."""

    def __init__(
        self, declared: Sequence[Mapping[str, Any]], schemas: Schemas, *, lenient: bool = False
    ) -> None:
        seen: dict[tuple[str, str], Parameter] = {}
        for each in declared:
            if (each["in"], each["name"]) not in seen:
                seen[each["in"], each["name"]] = Parameter(each, schemas, lenient=lenient)
        self._query = [each for each in seen.values() if each.where == "query"]
        self._others = [each for each in seen.values() if each.where != "query"]
        self._wanted = {each.name for each in self._query}
        optional = all(
            each.where == "header" and not each.required and each.default is None for each in self._others
        )
        names = frozenset(each.key.encode("latin-1", "replace") for each in self._others)
        self._optional_headers = names if optional else None
        self._remembered: dict[bytes, dict[str, Any]] = {}

    def read(
        self, query: bytes, path: Mapping[str, str], headers: Mapping[bytes, bytes]
    ) -> tuple[dict[str, Any], list[ValidationError]]:
        """Values by name and everything wrong with them. Unknown query parameters are ignored."""
        found = self._remembered.get(query)
        wrong: list[ValidationError] = []
        if found is None:
            found, wrong = _values(self._query, self._texts(query))
            if not wrong and len(query) <= LONGEST:
                if len(self._remembered) >= REMEMBERED:
                    self._remembered.clear()
                self._remembered[query] = found
        found = found.copy()
        if self._others and not self._left_out(headers):
            more, errors = _values(self._others, _elsewhere(self._others, path, headers))
            found.update(more)
            wrong = errors + wrong
        return found, wrong

    def _left_out(self, headers: Mapping[bytes, bytes]) -> bool:
        """Whether there are only optional headers, and none was sent."""
        names = self._optional_headers
        return names is not None and names.isdisjoint(headers)

    def _texts(self, query: bytes) -> dict[str, list[str]]:
        texts: dict[str, list[str]] = {}
        for pair in query.decode("latin-1").split("&") if query else ():
            name, _, value = pair.partition("=")
            name = unquote_plus(name, errors="replace")
            if name in self._wanted:
                texts.setdefault(name, []).append(_text(value))
        return texts


def _text(value: str) -> str:
    return unquote_plus(value.encode("latin-1").decode("utf-8", "replace"), errors="replace")


def _elsewhere(
    declared: Sequence[Parameter], path: Mapping[str, str], headers: Mapping[bytes, bytes]
) -> dict[str, list[str]]:
    texts: dict[str, list[str]] = {}
    for each in declared:
        if each.where == "path" and each.name in path:
            texts[each.name] = [path[each.name]]
        elif each.where == "header":
            raw = headers.get(each.key.encode("latin-1", "replace"))
            if raw is not None:
                texts[each.name] = [raw.decode("latin-1")]
        elif each.where == "cookie":
            value = cookie(headers.get(b"cookie", b""), each.name)
            if value is not None:
                texts[each.name] = [value]
    return texts


def _values(
    declared: Sequence[Parameter], texts: Mapping[str, list[str]]
) -> tuple[dict[str, Any], list[ValidationError]]:
    found: dict[str, Any] = {}
    wrong: list[ValidationError] = []
    for each in declared:
        value, errors = each.value(texts.get(each.name, ()))
        wrong += errors
        if value is not None:
            found[each.name] = value
    return found, wrong


def cookie(header: bytes, name: str) -> str | None:
    """The value of one cookie, or None."""
    for part in header.decode("latin-1").split(";"):
        key, sign, value = part.strip().partition("=")
        if sign and key == name:
            return value
    return None
