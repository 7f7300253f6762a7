"""Request bodies: received within limits, parsed, validated."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping

import orjson
from orgbilling_openapi import strict_json
from orgbilling_openapi.json_pointer import follow
from orgbilling_openapi.strict_json import (
    MAX_NESTING,
    DuplicateMemberError,
    JsonObject,
    JsonValue,
    StrictJsonError,
    is_too_deep,
)
from starlette.types import Receive

from orgbilling_stubs.http.assisted_input import (
    assisted_errors,
    with_described_spelling,
    with_sent_values,
)
from orgbilling_stubs.http.connection import Disconnected
from orgbilling_stubs.http.errors import (
    BODY_LARGE,
    BODY_LIMIT_BYTES,
    BODY_MALFORMED,
    BODY_MISSING,
    BODY_SECONDS,
    BODY_SLOW,
    MEDIA_WRONG,
    Problem,
)
from orgbilling_stubs.http.json_schemas import (
    ErrorDetail,
    Schemas,
    error_detail,
    shortened,
    types,
    validation_errors,
)
from orgbilling_stubs.http.run_to_completion import Suspended, resume, start

JSON_TYPE = re.compile(rb"application/(?:[!#$&^_.+\-0-9a-z]+\+)?json", re.IGNORECASE)
FLOAT = re.compile(rb"[0-9][.eE]")


class RequestBody:
    """The request body of one operation.

    lenient: member names match in any case, the last of several equal ones wins.
    assisted: see `http.assisted_input`.
    """

    def __init__(
        self,
        described: Mapping[str, JsonValue],
        schemas: Schemas,
        *,
        lenient: bool = False,
        assisted: bool = False,
    ) -> None:
        content = described.get("content", {})
        media_type = next((name for name in content if JSON_TYPE.fullmatch(name.encode("latin-1"))), None)
        schema = content[media_type].get("schema", {}) if media_type is not None else {}
        self.limit_bytes: int = described.get("x-limit-bytes", BODY_LIMIT_BYTES)
        self._is_json = media_type is not None
        self._accepted = tuple(name.lower().encode() for name in content)
        self._required = bool(described.get("required"))
        self._lenient = lenient
        self._assisted = assisted
        self._schema = schemas.standalone(schema, "request")
        self._validator = schemas.validator(schema, "request")
        self._has_integers = '"integer"' in json.dumps(self._schema)

    def check_media_type(self, headers: Mapping[bytes, bytes]) -> None:
        """Raise `Problem` for a body that is not JSON, or does not say what it is.

        A form and a script of another site can send a body without a type, or as text, but not as JSON.
        """
        content_type = headers.get(b"content-type")
        if content_type == b"application/json":
            return
        if not content_type:
            if has_body(headers):
                raise Problem(MEDIA_WRONG, detail="a body needs a Content-Type, such as application/json")
            return
        media_type = content_type.partition(b";")[0].strip()
        if JSON_TYPE.fullmatch(media_type) if self._is_json else media_type.lower() in self._accepted:
            return
        raise Problem(MEDIA_WRONG, detail=f"unknown content type: {shortened(media_type.decode('latin-1'))}")

    def parse(self, raw: bytes) -> tuple[JsonValue, list[ErrorDetail]]:
        """The body as an object, and what is wrong with it.

        Raises `Problem` if it is absent, too large, or not JSON.
        """
        if not raw:
            if self._required:
                raise Problem(BODY_MISSING)
            return None, []
        size_bytes = len(raw)
        if size_bytes >= self.limit_bytes:
            raise _too_large(self.limit_bytes)
        if not self._is_json:
            return raw, []
        value = self._loads(raw)
        if size_bytes > 2 * MAX_NESTING and is_too_deep(value):  # each level has two brackets
            raise _malformed(raw, f"nested too deeply (the limit is {MAX_NESTING} levels)")
        sent = value
        if self._assisted:
            value = with_described_spelling(self._schema, self._schema, value)
        if not self._validator.is_valid(value):
            if self._assisted:
                rows = assisted_errors(self._schema, self._validator, value, "body")
                return value, with_sent_values(rows, value, sent, "body")
            return value, validation_errors(self._validator, value, "body")
        if self._has_integers and FLOAT.search(raw) is not None:
            whole = _with_integers(self._schema, self._schema, value)
            # Dumped, because 10 == 10.0 in Python.
            if self._lenient and orjson.dumps(whole) != orjson.dumps(value):
                return value, [error_detail("expected integer", "body", value)]
            return whole, []
        return value, []

    def _loads(self, raw: bytes) -> JsonValue:
        try:
            value = orjson.loads(raw)
            # Every member has a colon, so a flat object with as many colons as members has neither duplicates
            # nor nested objects: only other texts are parsed a second time.
            if not self._lenient and (type(value) is not dict or raw.count(b":") != len(value)):
                strict_json.loads(raw)  # raises `DuplicateMemberError`
        except DuplicateMemberError as error:
            raise _malformed(raw, f"duplicate property {shortened(error.name)}") from None
        except (orjson.JSONDecodeError, StrictJsonError) as error:
            raise _malformed(raw, str(error)) from None
        if self._lenient and isinstance(value, dict):
            value = self._with_described_case(value)
            value.pop("$schema", None)
        return value

    def _with_described_case(self, body: JsonObject) -> JsonObject:
        """The body with its member names as the schema writes them, whatever their case (top level)."""
        properties = _object_schema(self._schema, self._schema).get("properties", {})
        described = {name.lower(): name for name in properties}
        return {
            name if name in properties else described.get(name.lower(), name): value
            for name, value in body.items()
        }


def _malformed(raw: bytes, message: str) -> Problem:
    """400: the body is not JSON; the problem document repeats the raw text as the value."""
    return Problem(BODY_MALFORMED, [error_detail(message, "body", raw.decode("utf-8", "replace"))])


def _with_integers(root: JsonValue, schema: JsonValue, value: JsonValue) -> JsonValue:
    """The value with numbers written like 10.0 as integers, where the schema wants an integer.

    JSON Schema allows them, so the strict stub takes them. The real service's decoder does not, so the
    lenient one reports them as errors. root: the schema that references are relative to.
    """
    schema = _object_schema(root, schema)
    if isinstance(value, float):
        return int(value) if "integer" in types(root, schema) else value
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        return {name: _with_integers(root, properties.get(name, {}), child) for name, child in value.items()}
    if isinstance(value, list):
        return [_with_integers(root, schema.get("items", {}), child) for child in value]
    return value


def _object_schema(root: JsonValue, schema: JsonValue) -> JsonObject:
    """What a schema refers to; no keywords at all for the schemas `true` and `false`."""
    schema = follow(root, schema)
    return schema if isinstance(schema, dict) else {}


async def receive_body(
    headers: Mapping[bytes, bytes],
    receive: Receive,
    seconds: float = BODY_SECONDS,
    limit_bytes: int = BODY_LIMIT_BYTES,
) -> bytes:
    """The whole body. Raises `Problem` if it is too large or too slow, `Disconnected` if the client left."""
    length = headers.get(b"content-length")
    if length is None:
        if b"transfer-encoding" not in headers:
            return b""
    elif length.isdigit() and (len(length) > 18 or int(length) >= limit_bytes):
        raise _too_large(limit_bytes)
    body = start(_gather(receive, limit_bytes))
    if not isinstance(body, Suspended):
        return body  # the body came with the headers, as most do: no timer needed
    try:
        async with asyncio.timeout(seconds):
            return await resume(body)
    except TimeoutError:
        raise Problem(BODY_SLOW, headers={"Connection": "close"}) from None


def has_body(headers: Mapping[bytes, bytes]) -> bool:
    """Whether a request has a body, perhaps an empty one in chunks."""
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0").strip(b"0") != b""


def _too_large(limit_bytes: int) -> Problem:
    return Problem(BODY_LARGE, detail=f"request body is too large limit={limit_bytes} bytes")


async def _gather(receive: Receive, limit_bytes: int) -> bytes:
    parts: list[bytes] = []
    size_bytes = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        part = message.get("body", b"")
        size_bytes += len(part)
        if size_bytes >= limit_bytes:
            raise _too_large(limit_bytes)
        if not message.get("more_body", False):
            return part if not parts else b"".join([*parts, part])
        parts.append(part)
