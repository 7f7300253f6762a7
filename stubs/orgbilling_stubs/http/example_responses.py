"""Example responses of operations without a handler: valid, plausible, the same for the same request."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from importlib import import_module
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson
from orgbilling_fixtures import random_stream
from orgbilling_openapi.json_pointer import find, follow
from orgbilling_openapi.strict_json import JsonObject, JsonValue

from orgbilling_stubs.http.context import Reply, RequestContext
from orgbilling_stubs.http.errors import UNIMPLEMENTED, Problem
from orgbilling_stubs.http.json_schemas import Schemas

if TYPE_CHECKING:
    from faker import Faker

    from orgbilling_stubs.http.operation import ConnexionOperation

# The standard library's own parser of patterns; type stubs know it on some releases only.
opcodes: Any = import_module("re._constants")
parser: Any = import_module("re._parser")

CATEGORIES = {
    opcodes.CATEGORY_DIGIT: "0123456789",
    opcodes.CATEGORY_WORD: "abcdefgh",
    opcodes.CATEGORY_SPACE: " ",
}
MAX_TEXT_PARTS = 100_000
LETTERS_AND_DIGITS = "abcdefghijklmnopqrstuvwxyz0123456789"


def matching_text(pattern: str, pick: Callable[[int], int]) -> str:
    """A text that matches; `pick(n)` chooses a number below n.

    Raises `ValueError` for what is not supported (look-around, back references, negated categories), and for
    a text of very many parts.
    """
    try:
        parts = list(islice(_parts(parser.parse(pattern), pick), MAX_TEXT_PARTS + 1))
    except (KeyError, TypeError, parser.error) as error:
        raise ValueError(f"no text can be made for the pattern {pattern!r}") from error
    if len(parts) > MAX_TEXT_PARTS:
        raise ValueError(f"a text for the pattern {pattern!r} is too long")
    return "".join(parts)


def _parts(tree: Iterable[Any], pick: Callable[[int], int]) -> Iterable[str]:
    for opcode, argument in tree:
        if opcode is opcodes.LITERAL:
            yield chr(argument)
        elif opcode is opcodes.ANY:
            yield LETTERS_AND_DIGITS[pick(len(LETTERS_AND_DIGITS))]
        elif opcode is opcodes.NOT_LITERAL:
            yield next(letter for letter in LETTERS_AND_DIGITS if ord(letter) != argument)
        elif opcode is opcodes.IN:
            letters = _letters(argument)
            yield letters[pick(len(letters))]
        elif opcode in (opcodes.MAX_REPEAT, opcodes.MIN_REPEAT):
            least, most, inner = argument
            for _ in range(least + pick(min(most, least + 4) - least + 1)):
                yield ""  # counts, even where nothing is repeated
                yield from _parts(inner, pick)
        elif opcode is opcodes.SUBPATTERN:
            yield from _parts(argument[-1], pick)
        elif opcode is opcodes.BRANCH:
            yield from _parts(argument[1][pick(len(argument[1]))], pick)
        elif opcode is not opcodes.AT:
            raise ValueError(f"{opcode} is not supported")


def _letters(choices: list[Any]) -> str:
    negated = choices[0][0] is opcodes.NEGATE
    letters = ""
    for opcode, argument in choices[1:] if negated else choices:
        if opcode is opcodes.LITERAL:
            letters += chr(argument)
        elif opcode is opcodes.RANGE:
            letters += "".join(
                chr(letter) for letter in range(argument[0], min(argument[1], argument[0] + 63) + 1)
            )
        else:
            letters += CATEGORIES[argument]
    return "".join(letter for letter in LETTERS_AND_DIGITS if letter not in letters) if negated else letters


DEEPEST_OPTIONAL = 5
"""Below this depth only what is required is made."""
MAX_DEPTH = 40
MAX_EXAMPLE_VALUES = 20_000
"""How many values an example may have; each required list or member of a schema multiplies them."""
MAX_ATTEMPTS = 3
"""How many examples are made until one is valid."""
EPOCH_SECONDS = 1_767_225_600  # 2026-01-01T00:00:00Z
YEAR_SECONDS = 31_536_000
FAKER_PROVIDERS = {
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
"""What Faker makes for a property whose name has this word in it."""


@cache
def _faker() -> Faker:
    from faker import Faker

    return Faker("en_US")


class ExampleValues:
    """Makes values for the schemas of one document. The same key gives the same values."""

    def __init__(self, document: Mapping[str, JsonValue], key: int) -> None:
        self._document = document
        self._key = key
        self._drawn = 0
        self._made = 0

    def value(self, schema: JsonValue, name: str = "", depth: int = 0) -> JsonValue:
        """A value for the schema of a property of this name. Raises `ValueError` if none can be made."""
        self._made += 1
        if depth > MAX_DEPTH or self._made > MAX_EXAMPLE_VALUES:
            raise ValueError("the schema never ends, or needs too many values")
        if not isinstance(schema, Mapping):
            return {}
        if isinstance(schema.get("$ref"), str):
            target = find(self._document, schema["$ref"])
            return self.value(self._merged([target, _without(schema, "$ref")]), name, depth + 1)
        if "allOf" in schema:
            merged = self._merged([*schema["allOf"], _without(schema, "allOf")])
            return self.value(merged, name, depth + 1)
        for keyword in ("const", "example", "default"):
            if keyword in schema:
                return schema[keyword]
        choices = schema.get("enum") or schema.get("examples")
        if choices:
            return choices[self._pick(len(choices))]
        for keyword in ("oneOf", "anyOf"):
            if schema.get(keyword):
                simplest = self._simplest(schema[keyword], depth)
                return self.value(self._merged([simplest, _without(schema, keyword)]), name, depth + 1)
        return self._of_type(schema, name, depth)

    def resolved(self, schema: JsonValue) -> JsonObject:
        """A schema with what its references and its allOf say at its own level."""
        resolved = self._merged([schema])
        while "allOf" in resolved:
            resolved = self._merged([*resolved["allOf"], _without(resolved, "allOf")])
        return resolved

    def _merged(self, schemas: Iterable[JsonValue]) -> JsonObject:
        """What several schemas say in one; of two values of a keyword the last counts."""
        merged: JsonObject = {}
        for schema in schemas:
            schema = follow(self._document, schema)
            for key, value in schema.items() if isinstance(schema, Mapping) else ():
                if key == "properties":
                    merged[key] = {**merged.get(key, {}), **value}
                elif key == "required":
                    merged[key] = [*merged.get(key, []), *value]
                else:
                    merged[key] = value
        return merged

    def _simplest(self, choices: Sequence[JsonValue], depth: int) -> JsonValue:
        """The first choice that is not null; in the depth the last, if null is possible."""
        others = [choice for choice in choices if choice != {"type": "null"}]
        if depth > DEEPEST_OPTIONAL and len(others) < len(choices):
            return choices[-1]
        return (others or choices)[0]

    def _of_type(self, schema: Mapping[str, JsonValue], name: str, depth: int) -> JsonValue:
        named = schema.get("type", "object" if "properties" in schema else ())
        types = [named] if isinstance(named, str) else list(named)
        if depth > DEEPEST_OPTIONAL and "null" in types:
            return None
        match next((type_ for type_ in types if type_ != "null"), types[0] if types else "string"):
            case "object":
                return self._object(schema, depth)
            case "array":
                least = int(schema.get("minItems", 0))
                most = int(schema.get("maxItems", 3)) if depth <= DEEPEST_OPTIONAL else 0
                length = max(least, min(most, 1 + self._pick(3)))
                return [self.value(schema.get("items", {}), name, depth + 1) for _ in range(length)]
            case "integer":
                return self._integer(schema)
            case "number":
                return self._number(schema)
            case "boolean":
                return self._pick(2) == 1
            case "null":
                return None
        return self._text(schema, name)

    def _object(self, schema: Mapping[str, JsonValue], depth: int) -> JsonObject:
        properties = schema.get("properties", {})
        required = schema.get("required", ())
        members: JsonObject = {}
        for name, property_schema in properties.items():
            write_only = isinstance(property_schema, Mapping) and property_schema.get("writeOnly")
            too_deep = depth > DEEPEST_OPTIONAL and name not in required
            if not (write_only or too_deep or name == "$schema"):
                members[name] = self.value(property_schema, name, depth + 1)
        additional = schema.get("additionalProperties")
        for name in required:
            if name not in members and name not in properties:
                members[name] = self.value(additional or {"type": "string"}, name, depth + 1)
        if isinstance(additional, Mapping) and not properties and depth <= DEEPEST_OPTIONAL:
            members[f"key{self._pick(90) + 10}"] = self.value(additional, "", depth + 1)
        return members

    def _integer(self, schema: Mapping[str, JsonValue], span: int = 1_000) -> int:
        """An integer within the bounds of a schema; span: how far it goes from the only bound."""
        least = 0 if schema.get("maximum", 0) >= 0 else None
        low = schema.get("minimum", schema.get("exclusiveMinimum", least))
        high = schema.get("maximum", schema.get("exclusiveMaximum"))
        low = int(high) - span if low is None else int(-(-low // 1)) + ("exclusiveMinimum" in schema)
        high = low + span if high is None else int(high // 1) - ("exclusiveMaximum" in schema)
        step = int(schema.get("multipleOf", 1)) or 1
        first = -(-low // step)
        return (first + self._pick(max(1, high // step - first + 1))) * step

    def _number(self, schema: Mapping[str, JsonValue]) -> float:
        """A number within the bounds of a schema, with a half where there is room for it."""
        number = self._integer(schema, span=10_000)
        above = schema.get("maximum", schema.get("exclusiveMaximum", number + 1))
        return number + 0.5 if "multipleOf" not in schema and number + 0.5 < above else number

    def _text(self, schema: Mapping[str, JsonValue], name: str) -> str:
        if "pattern" in schema:
            return matching_text(schema["pattern"], self._pick)
        text = self._formatted(schema.get("format", ""), name).ljust(int(schema.get("minLength", 0)), "x")
        return text[: int(schema["maxLength"])] if "maxLength" in schema else text

    def _formatted(self, text_format: str, name: str) -> str:
        if text_format in ("date-time", "date", "time"):
            from datetime import UTC, datetime

            seconds = EPOCH_SECONDS - self._pick(YEAR_SECONDS)
            instant = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            return {"date-time": instant, "date": instant[:10], "time": instant[11:]}[text_format]
        digits = f"{self._pick(2**64):016x}{self._pick(2**64):016x}"
        if text_format == "uuid":
            return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
        texts = {
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
        if text_format in texts:
            return texts[text_format]
        lower = name.lower()
        if lower.endswith("id"):
            return digits[:20]
        provider = next((FAKER_PROVIDERS[word] for word in FAKER_PROVIDERS if word in lower), "word")
        faker = _faker()
        faker.seed_instance(self._pick(2**64))
        return str(faker.format(provider))

    def _pick(self, below: int) -> int:
        self._drawn += 1
        return random_stream.draw(self._key, self._drawn) % below


def _has_json(value: JsonValue) -> bool:
    """Whether a value can be sent; an integer of more than 64 bits cannot."""
    try:
        orjson.dumps(value)
    except TypeError:
        return False
    return True


def _without(schema: Mapping[str, JsonValue], keyword: str) -> JsonObject:
    return {key: value for key, value in schema.items() if key != keyword}


_FINAL_STATUS = re.compile(r"default|[2-5](?:[0-9]{2}|XX)")
"""The keys of responses that can end a request: a 1xx cannot, and HTTP has no others."""


class ExampleHandler:
    """Replies to one operation with an example of its first successful response."""

    def __init__(self, operation: ConnexionOperation, schemas: Schemas, seed: int) -> None:
        self._operation = operation
        self._schemas = schemas
        self._seed = seed

    def __call__(self, context: RequestContext) -> Reply:
        """A reply that depends on the operation, its parameters and its body only."""
        status, content = self._success()
        media_type = next((name for name in content if "json" in name), None)
        if media_type is None:
            return Reply(None, status)
        schema = content[media_type].get("schema", {})
        try:
            validator = self._schemas.validator(schema, "response")
        except (ValueError, LookupError) as error:  # a schema that cannot be compiled
            raise Problem(UNIMPLEMENTED) from error
        body = None if isinstance(context.body, bytes) else context.body
        request = orjson.dumps([context.parameters, body], option=orjson.OPT_SORT_KEYS).decode()
        for attempt in range(MAX_ATTEMPTS):
            key = random_stream.key("fallback", self._seed, context.operation.operation_id, request, attempt)
            try:
                example = ExampleValues(self._schemas.document, key).value(schema)
            except (ValueError, LookupError, TypeError):
                break
            if validator.is_valid(example) and _has_json(example):
                return Reply(example, status)
        raise Problem(UNIMPLEMENTED)

    def _success(self) -> tuple[int, Mapping[str, JsonValue]]:
        """Status and content of the first successful response; where only others are described, of those."""
        described = {
            status: response
            for status, response in sorted(self._operation.responses.items())
            if _FINAL_STATUS.fullmatch(status)
        }
        for status, response in described.items():
            if status[:1] == "2":
                return int(status.replace("X", "0")), response.get("content", {})
        if "default" in described:
            return 200, described["default"].get("content", {})
        for status, response in described.items():
            return int(status.replace("X", "0")), response.get("content", {})
        raise Problem(UNIMPLEMENTED)
