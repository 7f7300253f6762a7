"""Fits replies to an API description that is older or newer than what the stub knows.

The stub gives what the document has: a member that the document does not have is left out, one that it wants
and the stub does not know gets an example, and a value of another type is converted where that is possible.
Only with `--published`: with the description of this project, a reply that breaks it is a bug.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from orgbilling_fixtures import random_stream
from orgbilling_openapi.strict_json import JsonObject, JsonValue

from orgbilling_stubs.http.example_responses import ExampleValues
from orgbilling_stubs.http.json_schemas import Schemas


class ResponseFitter:
    """Fits replies to the schemas of one document."""

    def __init__(self, document: Mapping[str, JsonValue], seed: int) -> None:
        self._document = document
        self._schemas = Schemas(document)
        self._seed = seed

    def fitted(self, schema: JsonValue, body: JsonValue) -> JsonValue:
        """The body, as near to itself as the schema lets it be.

        Where nothing fits, as in a schema that contradicts itself, the stub's own value stays: a client is
        better served with it than with an error. The server names such operations at its start.
        """
        try:
            fitted = self._fit(schema, body, "")
            return fitted if self._is_valid(schema, fitted) else self._example(schema, "", fitted)
        except (LookupError, TypeError, ValueError):
            return body

    def translated(self, schema: JsonValue, body: JsonValue) -> JsonValue:
        """The body in other words, before it is held to its schema; here as it is."""
        return body

    def has_example(self, schema: JsonValue) -> bool:
        """Whether a value can be made that fits a schema."""
        nothing = object()
        return self._example(schema, "", nothing) is not nothing

    def _fit(self, schema: JsonValue, value: JsonValue, name: str) -> JsonValue:
        if not isinstance(schema, Mapping) or self._is_valid(schema, value):
            return value
        chosen = self._chosen(schema, value)
        if isinstance(value, dict) and _permits(chosen, "object"):
            return self._object(chosen, value)
        if isinstance(value, list) and _permits(chosen, "array"):
            return [self._fit(chosen.get("items"), item, name) for item in value]
        for converted in _conversions(value):
            if self._is_valid(schema, converted):
                return converted
        return self._example(schema, name, value)

    def _object(self, schema: Mapping[str, JsonValue], value: Mapping[str, JsonValue]) -> JsonObject:
        """An object without members that the schema does not have, and with those that it requires."""
        properties = schema.get("properties", {})
        others = schema.get("additionalProperties", schema.get("unevaluatedProperties", True))
        fitted = {}
        for name, member in value.items():
            described = properties.get(name, others)
            write_only = isinstance(described, Mapping) and described.get("writeOnly")
            if described is not False and not write_only:
                fitted[name] = self._fit(described, member, name)
        missing = object()
        for name in schema.get("required", ()):
            if name not in fitted and name != "$schema":  # which the server writes by itself
                example = self._example(properties.get(name, {}), name, missing)
                if example is not missing:
                    fitted[name] = example
        return fitted

    def _chosen(self, schema: Mapping[str, JsonValue], value: JsonValue) -> Mapping[str, JsonValue]:
        """The schema behind references and combinations; of alternatives the first of the value's type."""
        examples = ExampleValues(self._document, 0)
        chosen = examples.resolved(schema)
        for keyword in ("oneOf", "anyOf"):
            if chosen.get(keyword):
                kind = "object" if isinstance(value, dict) else "array" if isinstance(value, list) else ""
                branches = [examples.resolved(branch) for branch in chosen[keyword]]
                branch = next((branch for branch in branches if _permits(branch, kind)), branches[0])
                rest = {key: part for key, part in chosen.items() if key != keyword}
                chosen = examples.resolved({"allOf": [branch, rest]})
        return chosen

    def _example(self, schema: JsonValue, name: str, otherwise: object) -> JsonValue:
        """An example of a schema, the same for the same member; `otherwise` if none can be made."""
        key = random_stream.key("fitting", self._seed, name)
        try:
            example = ExampleValues(self._document, key).value(schema, name)
            return example if self._is_valid(schema, example) else otherwise
        except (LookupError, TypeError, ValueError):
            return otherwise

    def _is_valid(self, schema: JsonValue, value: JsonValue) -> bool:
        return self._schemas.validator(schema, "response").is_valid(value)


def _permits(schema: Mapping[str, JsonValue], kind: str) -> bool:
    """Whether a schema may describe values of a JSON type."""
    named = schema.get("type", kind)
    return kind == named if isinstance(named, str) else kind in named


def _conversions(value: JsonValue) -> Iterator[JsonValue]:
    """The same value in other types: 2.5 as "2.5" and 2, true as "true", "7" as 7."""
    if isinstance(value, bool):
        yield str(value).lower()
    elif isinstance(value, int | float):
        yield str(value)
        yield round(value)
    elif isinstance(value, str):
        try:
            yield int(value)
        except ValueError:
            return
    elif value is None:
        yield from ("", [], {})
