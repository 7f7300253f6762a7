"""Example responses: valid, believable, and the same for the same key; for operations without a handler."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib import import_module
from itertools import islice
from typing import Any

import orjson
from orgbilling_fixtures import random_stream
from orgbilling_openapi.json_pointer import find

from orgbilling_stubs.http.context import Reply, RequestContext
from orgbilling_stubs.http.errors import UNIMPLEMENTED, Problem
from orgbilling_stubs.http.json_schemas import Schemas

# The standard library's own reader of patterns; type stubs know it on some releases only.
code: Any = import_module("re._constants")
parser: Any = import_module("re._parser")

CATEGORIES = {code.CATEGORY_DIGIT: "0123456789", code.CATEGORY_WORD: "abcdefgh", code.CATEGORY_SPACE: " "}
MAX_TEXT_PARTS = 100_000
PLAIN = "abcdefghijklmnopqrstuvwxyz0123456789"


def matching_text(pattern: str, pick: Callable[[int], int]) -> str:
    """A text that matches; `pick(n)` chooses a number below n.

    Raises `ValueError` for what is not supported (look-around, back references, negated categories), and for
    a text of very many parts.
    """
    try:
        parts = list(islice(_parts(parser.parse(pattern), pick), MAX_TEXT_PARTS + 1))
    except (KeyError, TypeError, parser.error) as problem:
        raise ValueError(f"no text can be made for the pattern {pattern!r}") from problem
    if len(parts) > MAX_TEXT_PARTS:
        raise ValueError(f"a text for the pattern {pattern!r} is too long")
    return "".join(parts)


def _parts(tree: Iterable[Any], pick: Callable[[int], int]) -> Iterable[str]:
    for kind, given in tree:
        if kind is code.LITERAL:
            yield chr(given)
        elif kind is code.ANY:
            yield PLAIN[pick(len(PLAIN))]
        elif kind is code.NOT_LITERAL:
            yield next(letter for letter in PLAIN if ord(letter) != given)
        elif kind is code.IN:
            letters = _letters(given)
            yield letters[pick(len(letters))]
        elif kind in (code.MAX_REPEAT, code.MIN_REPEAT):
            least, most, inner = given
            for _ in range(least + pick(min(most, least + 4) - least + 1)):
                yield ""  # counts, even where nothing is repeated
                yield from _parts(inner, pick)
        elif kind is code.SUBPATTERN:
            yield from _parts(given[-1], pick)
        elif kind is code.BRANCH:
            yield from _parts(given[1][pick(len(given[1]))], pick)
        elif kind is not code.AT:
            raise ValueError(f"{kind} is not supported")


def _letters(choices: list[Any]) -> str:
    negated = choices[0][0] is code.NEGATE
    letters = ""
    for kind, given in choices[1:] if negated else choices:
        if kind is code.LITERAL:
            letters += chr(given)
        elif kind is code.RANGE:
            letters += "".join(chr(each) for each in range(given[0], min(given[1], given[0] + 63) + 1))
        else:
            letters += CATEGORIES[given]
    return "".join(each for each in PLAIN if each not in letters) if negated else letters


DEEPEST = 5
"""Below this depth only what is required is made."""
BOTTOM = 40
MAX_EXAMPLE_VALUES = 20_000
"""How many values an example may have; each required list or member of a schema multiplies them."""
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


class ExampleValues:
    """Makes values for the schemas of one document."""

    def __init__(self, document: Mapping[str, Any], key: int) -> None:
        self._document = document
        self._key = key
        self._drawn = 0
        self._made = 0

    def value(self, schema: Any, name: str = "", depth: int = 0) -> Any:
        """A value for the schema. Raises `ValueError` if none can be made."""
        self._made += 1
        if depth > BOTTOM or self._made > MAX_EXAMPLE_VALUES:
            raise ValueError("the schema never ends, or needs too many values")
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

    def resolved(self, schema: Any) -> dict[str, Any]:
        """A schema with what its references and its allOf say at its own level."""
        merged = self._merged([schema])
        while "allOf" in merged:
            rest = {key: part for key, part in merged.items() if key != "allOf"}
            merged = self._merged([*merged["allOf"], rest])
        return merged

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
            return matching_text(schema["pattern"], self._pick)
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


ATTEMPTS = 3


class ExampleHandler:
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
        schema = content[media].get("schema", {})
        validator = self._schemas.validator(schema, "response")
        body = None if isinstance(context.body, bytes) else context.body
        asked = orjson.dumps([context.parameters, body], option=orjson.OPT_SORT_KEYS).decode()
        for attempt in range(ATTEMPTS):
            key = random_stream.key("fallback", self._seed, context.operation.operation_id, asked, attempt)
            try:
                made = ExampleValues(self._schemas.document, key).value(schema)
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
