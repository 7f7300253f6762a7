"""Values made from a JSON Schema: valid, believable, and the same for the same key."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from orgbilling_fixtures import random_stream
from orgbilling_openapi.json_pointer import find

from orgbilling_stubs.http import patterns

DEEPEST = 5
"""Below this depth only what is required is made."""
BOTTOM = 40
EPOCH_SECONDS = 1_767_225_600  # 2026-01-01T00:00:00Z
HINTS = {
    "email": "email",
    "name": "name",
    "title": "catch_phrase",
    "description": "sentence",
    "message": "sentence",
    "text": "sentence",
    "company": "company",
    "city": "city",
    "country": "country",
    "currency": "currency_code",
    "phone": "phone_number",
    "url": "url",
}


@cache
def _faker() -> Any:
    from faker import Faker

    return Faker("en_US")


class Examples:
    """Makes values for the schemas of one document."""

    def __init__(self, document: Mapping[str, Any], key: int) -> None:
        self._document = document
        self._key = key
        self._drawn = 0

    def value(self, schema: Any, name: str = "", depth: int = 0) -> Any:
        """A value for the schema. Raises `ValueError` if none can be made."""
        if depth > BOTTOM:
            raise ValueError("the schema never ends")
        if not isinstance(schema, Mapping):
            return {}
        if isinstance(schema.get("$ref"), str):
            rest = {key: each for key, each in schema.items() if key != "$ref"}
            return self.value(self._merged([find(self._document, schema["$ref"]), rest]), name, depth + 1)
        if "allOf" in schema:
            rest = {key: each for key, each in schema.items() if key != "allOf"}
            return self.value(self._merged([*schema["allOf"], rest]), name, depth + 1)
        for key in ("const", "example", "default"):
            if key in schema:
                return schema[key]
        if schema.get("enum") or schema.get("examples"):
            choices = schema.get("enum") or schema["examples"]
            return choices[self._pick(len(choices))]
        for key in ("oneOf", "anyOf"):
            if schema.get(key):
                rest = {each: schema[each] for each in schema if each != key}
                return self.value(self._merged([self._simplest(schema[key], depth), rest]), name, depth + 1)
        return self._typed(schema, name, depth)

    def _simplest(self, choices: list[Any], depth: int) -> Any:
        real = [each for each in choices if each != {"type": "null"}]
        return choices[-1] if depth > DEEPEST and len(real) < len(choices) else (real or choices)[0]

    def _merged(self, schemas: list[Any]) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for each in schemas:
            while isinstance(each, Mapping) and isinstance(each.get("$ref"), str):
                each = find(self._document, each["$ref"])
            for key, value in each.items() if isinstance(each, Mapping) else ():
                if key == "properties":
                    merged[key] = {**merged.get(key, {}), **value}
                elif key == "required":
                    merged[key] = [*merged.get(key, []), *value]
                else:
                    merged[key] = value
        return merged

    def _typed(self, schema: Mapping[str, Any], name: str, depth: int) -> Any:
        named = schema.get("type", "object" if "properties" in schema else ())
        kinds = [named] if isinstance(named, str) else list(named)
        if depth > DEEPEST and "null" in kinds:
            return None
        kind = next((each for each in kinds if each != "null"), kinds[0] if kinds else "string")
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            least = int(schema.get("minItems", 0))
            most = int(schema.get("maxItems", 3)) if depth <= DEEPEST else 0
            count = max(least, min(most, 1 + self._pick(3)))
            return [self.value(schema.get("items", {}), name, depth + 1) for _ in range(count)]
        if kind == "integer":
            return self._integer(schema)
        if kind == "number":
            return self._integer(schema, default=10_000) + (0 if "multipleOf" in schema else 0.5)
        if kind == "boolean":
            return self._pick(2) == 1
        return None if kind == "null" else self._text(schema, name)

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties", {})
        required = schema.get("required", ())
        made: dict[str, Any] = {}
        for name, each in properties.items():
            hidden = isinstance(each, Mapping) and each.get("writeOnly")
            if hidden or name == "$schema" or (depth > DEEPEST and name not in required):
                continue
            made[name] = self.value(each, name, depth + 1)
        more = schema.get("additionalProperties")
        for name in required:
            if name not in made and name not in properties:
                made[name] = self.value(more or {"type": "string"}, name, depth + 1)
        if isinstance(more, Mapping) and not properties and depth <= DEEPEST:
            made[f"key{self._pick(90) + 10}"] = self.value(more, "", depth + 1)
        return made

    def _integer(self, schema: Mapping[str, Any], default: int = 1_000) -> int:
        least = 0 if schema.get("maximum", 0) >= 0 else None
        low = schema.get("minimum", schema.get("exclusiveMinimum", least))
        high = schema.get("maximum", schema.get("exclusiveMaximum"))
        low = int(high) - default if low is None else int(-(-low // 1)) + ("exclusiveMinimum" in schema)
        high = low + default if high is None else int(high // 1) - ("exclusiveMaximum" in schema)
        step = int(schema.get("multipleOf", 1)) or 1
        first = -(-low // step)
        return (first + self._pick(max(1, high // step - first + 1))) * step

    def _text(self, schema: Mapping[str, Any], name: str) -> str:
        if "pattern" in schema:
            return patterns.text(schema["pattern"], self._pick)
        made = self._formatted(schema.get("format", ""), name)
        least, most = int(schema.get("minLength", 0)), schema.get("maxLength")
        made = made if len(made) >= least else made.ljust(least, "x")
        return made if most is None else made[: int(most)]

    def _formatted(self, form: str, name: str) -> str:
        if form in ("date-time", "date", "time"):
            seconds = EPOCH_SECONDS - self._pick(31_536_000)
            from datetime import UTC, datetime

            moment = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            return {"date-time": moment, "date": moment[:10], "time": moment[11:]}[form]
        digits = f"{self._pick(2**64):016x}{self._pick(2**64):016x}"
        if form == "uuid":
            return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
        fixed = {
            "uri": f"https://example.com/{digits[:8]}",
            "uri-reference": f"/{digits[:8]}",
            "hostname": "example.com",
            "email": f"{digits[:6]}@example.com",
            "idn-email": f"{digits[:6]}@example.com",
            "ipv4": "192.0.2.1",
            "ipv6": "2001:db8::1",
            "byte": "b3JnYmlsbGluZw==",
            "duration": "PT1H",
        }
        if form in fixed:
            return fixed[form]
        lower = name.lower()
        if lower.endswith("id"):
            return digits[:20]
        hint = next((HINTS[each] for each in HINTS if each in lower), "word")
        faker = _faker()
        faker.seed_instance(self._pick(2**64))
        return str(getattr(faker, hint)())

    def _pick(self, below: int) -> int:
        self._drawn += 1
        return random_stream.draw(self._key, self._drawn) % below
