"""The documented layer: a rendered reference page, read as facts.

The page is plain text as a browser copies it. One operation follows the other, glued together
where the rendering has no line break (a title stands right behind the brace of the sample
before it). The grammar below is all there is; whatever it does not know is a `PageError`.

    page      = tag NEWLINE operation+
    operation = title authorization [query] [request] response curl sample [sample]
"""

from __future__ import annotations

import json
import re

from orgbilling_openapi import strict_json
from orgbilling_openapi.operations import METHODS
from orgbilling_openapi.strict_json import JsonObject, JsonValue

TITLE = re.compile(r"[A-Z][^\n{}\[\]]*")
LINE = re.compile(r"[^\n]+")
SCHEME = re.compile(r"(?P<name>[A-Za-z]\w*) (?P<text>[^\n]*\bFormat: Bearer [^\n]+)")
QUANTITY = re.compile(
    r"(?P<default>-?[0-9]{1,19})?(?P<format>int32|int64)"
    r"(?:(?P<minimum>-?[0-9]{1,19}) <= value(?: <= (?P<maximum>-?[0-9]{1,19}))?)?"
    r"(?=\n|Response Body|Request Body)"
)
PARAMETER_NAME = re.compile(r"\bin (?P<name>[a-z][A-Za-z]*)$")
CURL = re.compile(r'curl -X (?P<method>[A-Z]+) "https?://[^/"\s]+(?P<path>/[^"\s]*)"')
HEADER = re.compile(r'\s*\\\s*-H "Content-Type: (?P<media>[\w./+-]+)"\s*\\\s*-d \'')
PATH = re.compile(r"(/[a-z0-9][a-z0-9-]*)+")
MEDIA = {"application/json": "200", "application/problem+json": "default"}
LONGEST = 120
BOILERPLATE = ("TypeScript Definitions", "Use the request body type in TypeScript.")


class PageError(ValueError):
    """A line of the page that is not understood: its number, its text, and what is wrong with it.

    The message shows the beginning of a long line; `text` has all of it.
    """

    def __init__(self, line: int, text: str, problem: str) -> None:
        super().__init__(f"line {line}: {_cut(problem)}: {_cut(text)!r}")
        self.line, self.text, self.problem = line, text, problem


def derive(text: str, *, with_text: bool = True) -> JsonObject:
    """The OpenAPI document that a reference page amounts to; raises `PageError`.

    With ``with_text=False`` titles, descriptions and printed example texts stay out: facts alone.
    """
    reader = _Reader(text)
    pages = _Pages(reader, with_text)
    tag = reader.take(TITLE, "expected the title of the page")
    reader.newline()
    while not reader.done():
        pages.operation(tag)
    return pages.document(tag)


class _Reader:
    """A cursor in the text of the page."""

    def __init__(self, text: str) -> None:
        self.text = text.removeprefix("\ufeff").replace("\r\n", "\n").rstrip()
        self.at = 0
        self.sampled = 0
        self._decoder = strict_json.decoder()

    def done(self) -> bool:
        return self.at >= len(self.text)

    def error(self, problem: str, at: int | None = None) -> PageError:
        at = min(self.at if at is None else at, len(self.text))
        start = self.text.rfind("\n", 0, at) + 1
        line = self.text.count("\n", 0, start) + 1
        if self.done() and at == len(self.text):
            return PageError(line, "", f"{problem}, but the page ends here")
        return PageError(line, self.text[start:].split("\n", 1)[0], problem)

    def peek(self, literal: str) -> bool:
        return self.text.startswith(literal, self.at)

    def literal(self, literal: str) -> None:
        if not self.peek(literal):
            raise self.error(f"expected {literal!r}")
        self.at += len(literal)

    def newline(self) -> None:
        if not self.done():
            if not self.peek("\n"):
                raise self.error("expected the end of the line")
            self.at += 1

    def line(self, literal: str) -> None:
        self.literal(literal)
        self.newline()

    def match(self, pattern: re.Pattern[str], problem: str) -> re.Match[str]:
        match = pattern.match(self.text, self.at)
        if match is None:
            raise self.error(problem)
        self.at = match.end()
        return match

    def take(self, pattern: re.Pattern[str], problem: str) -> str:
        return self.match(pattern, problem)[0].strip()

    def sample(self) -> JsonValue:
        """One JSON value at the cursor; where it starts is kept for what is wrong with it later."""
        self.sampled = self.at
        try:
            value, self.at = self._decoder.raw_decode(self.text, self.at)
        except json.JSONDecodeError as error:
            raise self.error(f"not a JSON sample ({error.msg})", error.pos) from None
        except strict_json.StrictJsonError as error:
            raise self.error(str(error), strict_json.error_position(self.text, self.at)) from None
        except ValueError:
            raise self.error("not a JSON sample (a number of too many digits)") from None
        except RecursionError:
            raise self.error("the sample is nested too deeply") from None
        return value


class _Pages:
    """The operations read so far, and the named schemas that their samples showed."""

    def __init__(self, reader: _Reader, with_text: bool) -> None:
        self.reader = reader
        self.with_text = with_text
        self.paths: dict[str, dict[str, JsonObject]] = {}
        self.schemas: dict[str, Schema] = {}
        self.schemes: dict[str, JsonObject] = {}
        self.prefix: str | None = None

    def document(self, tag: str) -> JsonObject:
        """The finished document; a page without operations is an error."""
        if not self.paths:
            raise self.reader.error("expected an operation")
        return {
            "openapi": "3.1.0",
            "info": {"title": tag, "version": "documented"},
            "servers": [{"url": self.prefix}],
            "paths": self.paths,
            "components": {"schemas": dict(sorted(self.schemas.items())), "securitySchemes": self.schemes},
        }

    def operation(self, tag: str) -> None:
        """Read one operation into the document."""
        reader, operation = self.reader, JsonObject()
        title = reader.take(TITLE, "expected the title of an operation")
        reader.newline()
        if self.with_text:
            operation["summary"] = title
        operation["tags"] = [tag]
        operation["security"] = [{self.authorization(): []}]
        if reader.peek("Query Parameters\n"):
            operation["parameters"] = self.parameters()
        described = self.request() if reader.peek("Request Body\n") else None
        statuses = self.statuses()
        start = reader.at
        method, path = self.curl()
        body = self.body(described, start)
        if body is not None:
            operation["requestBody"] = body
        operation["responses"] = self.responses(statuses)
        self.place(method, path, operation, start)

    def authorization(self) -> str:
        """The name of the security scheme."""
        self.reader.line("Authorization")
        start = self.reader.at
        match = self.reader.match(SCHEME, "expected a security scheme: NAME, text, Format: Bearer …")
        self.reader.newline()
        self.reader.line("In: header")
        scheme: JsonObject = {"type": "http", "scheme": "bearer"}
        if re.search(r"\bJWT\b", match["text"]):
            scheme["bearerFormat"] = "JWT"
        if self.with_text:
            scheme["description"] = match["text"]
        if self.schemes.setdefault(match["name"], scheme) != scheme:
            raise self.reader.error(f"another description of the scheme {match['name']}", start)
        return match["name"]

    def parameters(self) -> list[JsonObject]:
        """The query parameters; the page prints a description and a quantity, glued to what follows."""
        reader = self.reader
        reader.line("Query Parameters")
        parameters: list[JsonObject] = []
        while not (reader.peek("Response Body\n") or reader.peek("Request Body\n")):
            start = reader.at
            text = reader.take(LINE, "expected the description of a parameter")
            named = PARAMETER_NAME.search(text)
            if named is None:
                raise reader.error("the description does not end in its parameter ('in NAME')", start)
            reader.newline()
            start = reader.at
            quantity = reader.match(QUANTITY, "expected a quantity, such as 30int641 <= value <= 365")
            parameter = self.parameter(named["name"], text, quantity)
            if (problem := _disorder(parameter["schema"])) is not None:
                raise reader.error(problem, start)
            if reader.peek("\n"):
                reader.newline()
            parameters.append(parameter)
        return parameters

    def parameter(self, name: str, text: str, quantity: re.Match[str]) -> JsonObject:
        """One optional integer parameter."""
        schema: Schema = {"type": "integer", "format": quantity["format"]}
        for word in ("default", "minimum", "maximum"):
            if quantity[word] is not None:
                schema[word] = int(quantity[word])
        parameter: JsonObject = {"name": name, "in": "query", "schema": schema}
        if self.with_text:
            parameter["description"] = text
        return parameter

    def request(self) -> list[str]:
        """The descriptions of body fields (their names stand in the curl line)."""
        reader = self.reader
        reader.line("Request Body")
        reader.line("application/json")
        for line in BOILERPLATE:
            reader.line(line)
        described = []
        while not reader.peek("Response Body\n"):
            described.append(reader.take(LINE, "expected 'Response Body'"))
            reader.newline()
        return described

    def statuses(self) -> dict[str, str]:
        """Status to media type, in the order of the samples."""
        reader = self.reader
        reader.line("Response Body")
        statuses: dict[str, str] = {}
        while not reader.peek("curl "):
            start = reader.at
            media = reader.take(LINE, "expected a media type or a curl line")
            if media not in MEDIA or MEDIA[media] in statuses:
                raise reader.error("expected another of " + ", ".join(MEDIA) + ", or a curl line", start)
            statuses[MEDIA[media]] = media
            reader.newline()
        if "200" not in statuses:
            raise reader.error("no application/json response before the curl line")
        return statuses

    def curl(self) -> tuple[str, str]:
        """Method and full path."""
        start = self.reader.at
        match = self.reader.match(CURL, 'expected curl -X METHOD "https://host/path"')
        if match["method"].lower() not in METHODS:
            raise self.reader.error(f"unknown method {match['method']}", start)
        if not PATH.fullmatch(match["path"]):
            raise self.reader.error(f"not a plain path: {match['path']}", start)
        return match["method"].lower(), match["path"]

    def body(self, described: list[str] | None, start: int) -> JsonObject | None:
        """The request body of the curl line: it lists exactly the required members."""
        reader = self.reader
        header = HEADER.match(reader.text, reader.at)
        if (header is None) != (described is None):
            raise reader.error("the curl line and 'Request Body' disagree on whether there is a body", start)
        if header is None or described is None:
            return None
        reader.at = header.end()
        sample = reader.sample()
        reader.literal("'")
        schema = self.schema(sample)
        if "properties" not in schema:
            raise reader.error("the body of the curl line is not an object", start)
        fields = schema["properties"]
        if described and len(described) != len(fields):
            raise reader.error("the body has another number of fields than descriptions", start)
        if self.with_text:
            for field, text in zip(fields.values(), described, strict=False):
                field["description"] = text
        schema["required"] = list(fields)
        return {"required": True, "content": {header["media"]: {"schema": schema}}}

    def responses(self, statuses: dict[str, str]) -> JsonObject:
        """Response objects, a sample each; the format demands a description, the page has none."""
        return {
            status: {"description": "", "content": {media: {"schema": self.named(self.reader.sample())}}}
            for status, media in statuses.items()
        }

    def schema(self, sample: object) -> Schema:
        """The schema of a sample just read."""
        try:
            schema = sample_schema(sample)
        except SampleError as error:
            raise self.reader.error(str(error), self.reader.sampled) from None
        return schema if self.with_text else _bare(schema)

    def named(self, sample: object) -> Schema:
        """A reference to the schema that the sample names, or the schema itself."""
        schema = self.schema(sample)
        try:
            named = named_schema(sample)
        except SampleError as error:
            raise self.reader.error(str(error), self.reader.sampled) from None
        if named is None:
            return schema
        prefix, name = named
        if self.prefix not in (None, prefix):
            raise self.reader.error(f"another path prefix than {self.prefix}", self.reader.sampled)
        self.prefix = prefix
        if self.schemas.setdefault(name, schema) != schema:
            raise self.reader.error(f"another shape of {name} than before", self.reader.sampled)
        return {"$ref": f"#/components/schemas/{name}"}

    def place(self, method: str, path: str, operation: JsonObject, start: int) -> None:
        """Put the operation under its path, relative to the server."""
        if self.prefix is None or not path.startswith(self.prefix + "/"):
            raise self.reader.error(f"the path is not below the prefix of the schemas ({self.prefix})", start)
        methods = self.paths.setdefault(path.removeprefix(self.prefix), {})
        if method in methods:
            raise self.reader.error(f"a second {method.upper()} {path}", start)
        methods[method] = operation


def _bare(schema: Schema) -> Schema:
    """The schema without its example texts."""
    bare = {key: value for key, value in schema.items() if key != "examples"}
    if "properties" in bare:
        bare["properties"] = {key: _bare(value) for key, value in bare["properties"].items()}
    for key in ("items", "additionalProperties"):
        if key in bare:
            bare[key] = _bare(bare[key])
    return bare


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _disorder(schema: Schema) -> str | None:
    """What is wrong with a quantity whose default is not in its range, or whose range is empty."""
    stated = [word for word in ("minimum", "default", "maximum") if word in schema]
    values = [schema[word] for word in stated]
    if values == sorted(values):
        return None
    return f"expected {' <= '.join(stated)}, not {' <= '.join(map(str, values))}"


Schema = JsonObject

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
MAP_KEYS = ["property1", "property2"]
NAME = re.compile(r"(?P<prefix>/[\w/.-]*)/schemas/(?P<name>\w+)\.json")


class SampleError(ValueError):
    """A sample that no row of the table explains; ``str`` is the problem in words."""


def sample_schema(sample: object) -> Schema:
    """The schema of one sample; raises `SampleError` for a sample that tells no type."""
    if sample is None:
        return {}
    if isinstance(sample, bool):
        return {"type": "boolean"}
    if isinstance(sample, int):
        return {"type": "integer"}
    if isinstance(sample, float):
        return {"type": "number", "format": "double"}
    if isinstance(sample, str):
        return _string(sample)
    if isinstance(sample, list):
        return _array(sample)
    if isinstance(sample, dict):
        return _map(sample) if list(sample) == MAP_KEYS else _object(sample)
    raise SampleError(f"a sample of type {type(sample).__name__} tells nothing")


def named_schema(sample: object) -> tuple[str, str] | None:
    """The (path prefix, schema name) that an object tells in its ``$schema`` member, if it has one."""
    if not isinstance(sample, dict) or "$schema" not in sample:
        return None
    link = sample["$schema"]
    match = NAME.fullmatch(link) if isinstance(link, str) else None
    if match is None:
        raise SampleError(f"$schema is not a path to a named schema: {link!r}")
    return match["prefix"], match["name"]


def _string(sample: str) -> Schema:
    if sample == "string" or NAME.fullmatch(sample):
        return {"type": "string"}
    if INSTANT.fullmatch(sample):
        return {"type": "string", "format": "date-time"}
    return {"type": "string", "examples": [sample]}


def _array(sample: list[JsonValue]) -> Schema:
    if len(sample) != 1:
        raise SampleError(f"an array sample has one item, this one has {len(sample)}")
    return {"type": "array", "items": sample_schema(sample[0])}


def _map(sample: JsonObject) -> Schema:
    first, second = (sample_schema(value) for value in sample.values())
    if first != second:
        raise SampleError("the two members of a map sample differ in type")
    return {"type": "object", "additionalProperties": first}


def _object(sample: JsonObject) -> Schema:
    return {"type": "object", "properties": {key: sample_schema(value) for key, value in sample.items()}}
