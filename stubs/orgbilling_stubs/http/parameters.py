"""Parameters of one operation: taken from the request, parsed as their types, validated, defaults applied."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl, unquote_plus

import orjson
from orgbilling_openapi.strict_json import JsonObject, JsonValue, is_too_deep

from orgbilling_stubs.http.assisted_input import (
    assisted_errors,
    suggestion,
    with_described_spelling,
    with_sent_values,
)
from orgbilling_stubs.http.json_schemas import (
    ErrorDetail,
    Schemas,
    error_detail,
    shortened,
    types,
    validation_errors,
)

INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
NUMBER = re.compile(r"[+-]?([0-9]+(?:\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
CACHED_QUERIES = 256
"""The values of so many different query strings are remembered per operation."""
LONGEST_CACHED_QUERY = 128


class ParameterError(Exception):
    """The text of a parameter is not of its type; the argument is the message."""


def integer(text: str) -> int:
    """A signed 64-bit decimal integer, as Go's ParseInt reads it."""
    if INTEGER.fullmatch(text) is not None and -(2**63) <= int(text) < 2**63:
        return int(text)
    raise ParameterError("invalid integer")


def number(text: str) -> float:
    """A finite decimal number."""
    if NUMBER.fullmatch(text) is not None:
        value = float(text)
        if value - value == 0:
            return value
    raise ParameterError("invalid floating value")


def boolean(text: str) -> bool:
    """Exactly `true` or `false`."""
    if text in ("true", "false"):
        return text == "true"
    raise ParameterError("invalid boolean")


def json_object(text: str) -> JsonValue:
    """A JSON object in a parameter."""
    try:
        value: JsonValue = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise ParameterError("invalid object") from None
    if is_too_deep(value):
        raise ParameterError("nested too deeply")
    return value


PARSERS = {"integer": integer, "number": number, "boolean": boolean, "object": json_object}


class Parameter:
    """One parameter of the API description, ready to be parsed from the texts that a request has for it."""

    def __init__(
        self, described: Mapping[str, JsonValue], schemas: Schemas, *, lenient: bool, assisted: bool
    ) -> None:
        self.name: str = described["name"]
        self.place: str = described["in"]
        self.location = f"{self.place}.{self.name}"
        self.header_name = self.name.lower().encode("latin-1", "replace")
        self.required = bool(described.get("required"))
        self._lenient = lenient
        self._assisted = assisted
        schema = described.get("schema", {})
        self.default: JsonValue = schema.get("default") if isinstance(schema, Mapping) else None
        self._is_array = types(schemas.document, schema) == ("array",)
        self._explode = bool(described.get("explode", described.get("style", "form") == "form"))
        item = schema.get("items", {}) if self._is_array else schema
        self._parse = PARSERS.get(next(iter(types(schemas.document, item)), "string"), str)
        self._schema = schemas.standalone(schema, "request") if assisted else schema
        self._validator = schemas.validator(schema, "request")

    def read(self, texts: Sequence[str]) -> tuple[JsonValue, list[ErrorDetail]]:
        """The value of the texts that the request has (none, one or several), and what is wrong with it."""
        if self._lenient and texts and not self._is_array:
            texts = texts[:1] if texts[0] else ()
        if not texts:
            missing = error_detail(f"required {self.place} parameter is missing", self.location)
            return self.default, [missing] if self.required else []
        if len(texts) > 1 and not self._is_array:
            return None, [error_detail("expected a single value", self.location, list(texts))]
        try:
            value = self._items(texts) if self._is_array else self._parse(texts[0])
        except ParameterError as error:
            return None, [error_detail(str(error), self.location, texts[0])]
        sent = value
        if self._assisted:
            value = with_described_spelling(self._schema, self._schema, value)
        if self._validator.is_valid(value):
            return value, []
        if self._assisted:
            rows = assisted_errors(self._schema, self._validator, value, self.location)
            return value, with_sent_values(rows, value, sent, self.location)
        return value, validation_errors(self._validator, value, self.location)

    def _items(self, texts: Sequence[str]) -> list[JsonValue]:
        parts = texts if self._explode and self.place in ("query", "cookie") else texts[0].split(",")
        return [self._parse(part) for part in parts if part or len(parts) > 1]


class Parameters:
    """All parameters of one operation. Of two with the same place and name the first counts.

    assisted: unknown query parameters are refused; see `http.assisted_input`.
    """

    def __init__(
        self,
        described: Sequence[Mapping[str, JsonValue]],
        schemas: Schemas,
        *,
        lenient: bool = False,
        assisted: bool = False,
    ) -> None:
        parameters: dict[tuple[str, str], Parameter] = {}
        for node in described:
            if (node["in"], node["name"]) not in parameters:
                parameters[node["in"], node["name"]] = Parameter(
                    node, schemas, lenient=lenient, assisted=assisted
                )
        self._query = [parameter for parameter in parameters.values() if parameter.place == "query"]
        self._others = [parameter for parameter in parameters.values() if parameter.place != "query"]
        self._query_names = {parameter.name: None for parameter in self._query}
        self._assisted = assisted
        only_optional_headers = all(
            parameter.place == "header" and not parameter.required and parameter.default is None
            for parameter in self._others
        )
        self._optional_headers = (
            frozenset(parameter.header_name for parameter in self._others) if only_optional_headers else None
        )
        self._cache: dict[bytes, JsonObject] = {}

    def read(
        self, query: bytes, path: Mapping[str, str], headers: Mapping[bytes, bytes]
    ) -> tuple[JsonObject, list[ErrorDetail]]:
        """Values by name, and everything wrong with them.

        Unknown query parameters are ignored, unless the operation is assisted.
        """
        cached = self._cache.get(query)
        errors: list[ErrorDetail] = []
        if cached is None:
            cached, errors = _read(self._query, self._query_texts(query))
            if self._assisted:
                errors += self._unknown_parameters(query)
            if not errors and len(query) <= LONGEST_CACHED_QUERY:
                if len(self._cache) >= CACHED_QUERIES:
                    self._cache.clear()
                self._cache[query] = cached
        values = cached.copy()
        optional = self._optional_headers
        if self._others and (optional is None or not optional.isdisjoint(headers)):
            others, other_errors = _read(self._others, _other_texts(self._others, path, headers))
            values.update(others)
            errors = other_errors + errors
        return values, errors

    def _unknown_parameters(self, query: bytes) -> list[ErrorDetail]:
        """The query parameters that the operation does not have."""
        known = list(self._query_names)
        errors = []
        for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
            if name not in self._query_names:
                hint = suggestion(name, known)
                listed = f"expected {', '.join(known)}" if known else "the operation has none"
                message = f"unknown query parameter; {listed}{hint}"
                errors.append(error_detail(message, f"query.{shortened(name)}", value))
        return errors

    def _query_texts(self, query: bytes) -> dict[str, list[str]]:
        texts: dict[str, list[str]] = {}
        for pair in query.decode("latin-1").split("&") if query else ():
            name, _, value = pair.partition("=")
            name = unquote_plus(name, errors="replace")
            if name in self._query_names:
                text = value.encode("latin-1").decode("utf-8", "replace")
                texts.setdefault(name, []).append(unquote_plus(text, errors="replace"))
        return texts


def _other_texts(
    parameters: Sequence[Parameter], path: Mapping[str, str], headers: Mapping[bytes, bytes]
) -> dict[str, list[str]]:
    """The texts of parameters in path, headers and cookies."""
    texts: dict[str, list[str]] = {}
    for parameter in parameters:
        text = None
        if parameter.place == "path":
            text = path.get(parameter.name)
        elif parameter.place == "header" and parameter.header_name in headers:
            text = headers[parameter.header_name].decode("latin-1")
        elif parameter.place == "cookie":
            text = cookie(headers.get(b"cookie", b""), parameter.name)
        if text is not None:
            texts[parameter.name] = [text]
    return texts


def _read(
    parameters: Sequence[Parameter], texts: Mapping[str, list[str]]
) -> tuple[JsonObject, list[ErrorDetail]]:
    values: JsonObject = {}
    errors: list[ErrorDetail] = []
    for parameter in parameters:
        value, parameter_errors = parameter.read(texts.get(parameter.name, ()))
        errors += parameter_errors
        if value is not None:
            values[parameter.name] = value
    return values, errors


def cookie(header: bytes, name: str) -> str | None:
    """The value of one cookie, or None."""
    for part in header.decode("latin-1").split(";"):
        key, sign, value = part.strip().partition("=")
        if sign and key == name:
            return value
    return None
