"""Request bodies: received within limits, parsed, validated."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from typing import Any

import orjson
from orgbilling_openapi import strict_json
from orgbilling_openapi.strict_json import DuplicateMemberError, StrictJsonError
from starlette.types import Receive

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
from orgbilling_stubs.http.json_schemas import Schemas
from orgbilling_stubs.http.pipeline import Suspended, resume, start
from orgbilling_stubs.http.validation_errors import (
    ValidationError,
    bounded,
    validation_error,
    validation_errors,
)

JSON_TYPE = re.compile(rb"application/(?:[!#$&^_.+\-0-9a-z]+\+)?json", re.IGNORECASE)
FLOAT = re.compile(rb"[0-9][.eE]")
CLOSE = {"Connection": "close"}


class RequestBody:
    """The request body of one operation.

    lenient: member names match in any case, the last of several equal ones wins.
    """

    def __init__(self, declared: Mapping[str, Any], schemas: Schemas, *, lenient: bool = False) -> None:
        content = declared.get("content", {})
        media = next((each for each in content if JSON_TYPE.fullmatch(each.encode("latin-1"))), None)
        self.json = media is not None
        self.accepted = tuple(each.lower().encode() for each in content)
        self.required = bool(declared.get("required"))
        self.limit_bytes: int = declared.get("x-limit-bytes", BODY_LIMIT_BYTES)
        self.lenient = lenient
        schema = content[media].get("schema", {}) if media is not None else {}
        self.standalone = schemas.standalone(schema, "request")
        self.validator = schemas.validator(schema, "request")
        self.counts = '"integer"' in json.dumps(self.standalone)
        """Whether a number in it may have to be an integer."""

    def check_media(self, content_type: bytes | None) -> None:
        """Refuse what is not JSON; no content type at all means JSON."""
        if not content_type or content_type == b"application/json":
            return
        media = content_type.partition(b";")[0].strip()
        if JSON_TYPE.fullmatch(media) if self.json else media.lower() in self.accepted:
            return
        raise Problem(MEDIA_WRONG, detail=f"unknown content type: {bounded(media.decode('latin-1'))}")

    async def receive(self, headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
        """The whole body, within the limit of this operation."""
        return await receive_body(headers, receive, limit_bytes=self.limit_bytes)

    def parse(self, raw: bytes) -> tuple[Any, list[ValidationError]]:
        """The body as an object, and what is wrong with it. Raises `Problem` if it is absent or not JSON."""
        if not raw:
            if self.required:
                raise Problem(BODY_MISSING)
            return None, []
        if not self.json:
            return raw, []
        try:
            value = orjson.loads(raw)
            if not self.lenient:
                refuse_duplicates(raw, value)
        except orjson.JSONDecodeError as error:
            raise malformed(raw, str(error)) from None
        except DuplicateMemberError as error:
            raise malformed(raw, f"duplicate property {bounded(error.name)}") from None
        except StrictJsonError as error:
            raise malformed(raw, str(error)) from None
        if self.lenient:
            value = recase(value, self.standalone)
            if isinstance(value, dict):
                value.pop("$schema", None)
        try:
            if not self.validator.is_valid(value):
                return value, validation_errors(self.validator, value, "body")
        except (RecursionError, ValueError):  # what jsonschema-rs says to more than a few hundred levels
            raise malformed(raw, "nested too deeply") from None
        if self.counts and FLOAT.search(raw) is not None:
            whole = integral(value, self.standalone)
            if self.lenient and not same(whole, value):
                return value, [validation_error("expected integer", "body", value)]
            return whole, []
        return value, []


def malformed(raw: bytes, message: str) -> Problem:
    """400: the body is not JSON; the raw text comes back as the value."""
    return Problem(BODY_MALFORMED, [validation_error(message, "body", raw.decode("utf-8", "replace"))])


def refuse_duplicates(raw: bytes, value: Any) -> None:
    """Raise `DuplicateMemberError` if an object in the text repeats a member.

    Every member has a colon, so a flat object with as many colons as members has neither duplicates nor
    nested objects: only other texts are read a second time.
    """
    if isinstance(value, dict) and raw.count(b":") == len(value):
        return
    strict_json.loads(raw)


def recase(value: Any, schema: Any) -> Any:
    """The object with its member names as the schema writes them, whatever their case (top level)."""
    properties = _object(schema).get("properties", {})
    if not isinstance(value, dict) or not properties:
        return value
    proper = {name.lower(): name for name in properties}
    return {
        name if name in properties else proper.get(name.lower(), name): each for name, each in value.items()
    }


def integral(value: Any, schema: Any, root: Any = None) -> Any:
    """The value with numbers written like 10.0 as integers where the schema wants an integer.

    JSON Schema allows them, so the strict stub takes them; the real service's decoder does not, and the
    lenient one refuses them.
    """
    root = schema if root is None else root
    schema = _object(schema, root)
    if isinstance(value, float):
        named = schema.get("type", ())
        return int(value) if "integer" in ((named,) if isinstance(named, str) else named) else value
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        return {name: integral(each, properties.get(name, {}), root) for name, each in value.items()}
    if isinstance(value, list):
        return [integral(each, schema.get("items", {}), root) for each in value]
    return value


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal and their numbers of the same type."""
    return orjson.dumps(one) == orjson.dumps(other)


def _object(schema: Any, root: Any = None) -> Mapping[str, Any]:
    root = schema if root is None else root
    while isinstance(schema, Mapping) and isinstance(schema.get("$ref"), str):
        node = root
        for part in schema["$ref"][2:].split("/"):
            node = node[part.replace("~1", "/").replace("~0", "~")]
        schema = node
    return schema if isinstance(schema, Mapping) else {}


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
        raise too_large(limit_bytes)
    gathered = start(_gather(receive, limit_bytes))
    if not isinstance(gathered, Suspended):
        return gathered  # the body came with the headers, as most do: no timer needed
    try:
        async with asyncio.timeout(seconds):
            return await resume(gathered)
    except TimeoutError:
        raise Problem(BODY_SLOW, headers=CLOSE) from None


def too_large(limit_bytes: int) -> Problem:
    """413, naming the limit."""
    return Problem(BODY_LARGE, detail=f"request body is too large limit={limit_bytes} bytes")


async def _gather(receive: Receive, limit_bytes: int) -> bytes:
    parts: list[bytes] = []
    total = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        part = message.get("body", b"")
        total += len(part)
        if total >= limit_bytes:
            raise too_large(limit_bytes)
        if not message.get("more_body", False):
            return part if not parts else b"".join([*parts, part])
        parts.append(part)
