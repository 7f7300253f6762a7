"""Reading OpenAPI documents of others: JSON or YAML, from a file or a URL, 3.0 or 3.1."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orgbilling_openapi import json_pointer, version_conversion
from orgbilling_openapi.document_limits import (
    OPENAPI_LIMITS,
    DocumentLimitError,
    bounded_float,
    bounded_int,
)
from orgbilling_openapi.http_client import DEFAULT_TLS, CertificateOptions, NetworkError, fetch
from orgbilling_openapi.operations import METHODS
from orgbilling_openapi.strict_json import JsonObject, JsonValue

TIMEOUT_SECONDS = 20
MAX_REFERENCES = 32


class OpenApiDocumentError(ValueError):
    """A document that cannot be read or is none: where it came from, and why."""


@contextmanager
def raising_document_errors(source: str) -> Iterator[None]:
    """Turn what goes wrong over a malformed document of others into a `OpenApiDocumentError`.

    Such a document can be wrong in any place; checking all of it first would take longer than the work.
    """
    try:
        yield
    except OpenApiDocumentError:
        raise
    except RecursionError:
        raise OpenApiDocumentError(f"{source}: nested too deeply") from None
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        problem = f"nothing under {error}" if isinstance(error, LookupError) else _line(error)
        raise OpenApiDocumentError(f"{source}: not valid OpenAPI ({problem})") from None


def load(source: str | Path, tls: CertificateOptions = DEFAULT_TLS) -> JsonObject:
    """The OpenAPI document at a file or an http(s) URL, in 3.1 form; raises `OpenApiDocumentError`."""
    text = str(source)
    data = _fetch(text, tls) if text.startswith(("http://", "https://")) else _read(Path(source))
    with raising_document_errors(text):
        return check(parse(data, text), text)


def parse(data: bytes, source: str) -> JsonValue:
    """JSON or YAML, within `OPENAPI_LIMITS`; raises `OpenApiDocumentError`."""
    try:
        OPENAPI_LIMITS.check_length(len(data))
        if data.lstrip()[:1] not in (b"{", b"["):
            from orgbilling_openapi import strict_yaml  # late: YAML costs start-up time, and JSON needs none

            return strict_yaml.loads(data, OPENAPI_LIMITS)
        document = json.loads(data, parse_int=bounded_int, parse_float=bounded_float)
        OPENAPI_LIMITS.check_value(document)
        return document
    except DocumentLimitError as error:
        raise OpenApiDocumentError(f"{_place(source, error)}: {error.problem}") from None
    except RecursionError:
        raise OpenApiDocumentError(f"{source}: nested too deeply") from None
    except ValueError as error:
        raise OpenApiDocumentError(
            f"{_place(source, error)}: neither JSON nor YAML ({_line(error)})"
        ) from None


def check(document: JsonValue, source: str) -> JsonObject:
    """The document in 3.1 form, if it looks like OpenAPI 3; raises `OpenApiDocumentError`."""
    if not isinstance(document, dict) or not isinstance(document.get("openapi"), str):
        raise OpenApiDocumentError(f"{source}: not an OpenAPI document (no member 'openapi')")
    if not document["openapi"].startswith(("3.0", "3.1")):
        raise OpenApiDocumentError(f"{source}: OpenAPI {document['openapi']} is neither 3.0 nor 3.1")
    paths = document.get("paths")
    if not isinstance(paths, dict) or not all(isinstance(item, dict) for item in paths.values()):
        raise OpenApiDocumentError(f"{source}: no object 'paths' of objects")
    document = {**document, "paths": {path: _path_item(document, path, source) for path in paths}}
    return version_conversion.to_openapi_31(document) if document["openapi"].startswith("3.0") else document


def _path_item(document: JsonObject, path: str, source: str) -> JsonObject:
    """What is said of a path, behind references; what stands beside one comes first."""
    item: JsonObject = document["paths"][path]
    for _ in range(MAX_REFERENCES):
        reference = item.get("$ref")
        if not isinstance(reference, str):
            return item
        place = f"{source}: path {path}: a reference that leads "
        if not reference.startswith("#"):
            raise OpenApiDocumentError(f"{place}to another document: {reference}")
        try:
            target = json_pointer.find(document, reference)
        except (LookupError, ValueError):
            raise OpenApiDocumentError(f"{place}nowhere: {reference}") from None
        if not isinstance(target, dict):
            raise OpenApiDocumentError(f"{place}to no path item: {reference}")
        item = target | {key: value for key, value in item.items() if key != "$ref"}
    raise OpenApiDocumentError(f"{source}: path {path}: a reference that leads to itself")


def relative(document: JsonObject, prefix: str) -> JsonObject:
    """The document with paths below the prefix of the server, if it writes such paths in full.

    Its servers get the prefix instead; one that has it already was written for short paths. Other paths
    (`/health`) stay as they are; where one of them is what a path would be shortened to, all do.
    """
    paths = document["paths"]
    full = [path for path in paths if path.startswith(prefix + "/")]
    if not full or any(path.removeprefix(prefix) in paths for path in full):
        return document
    shorter = {
        path.removeprefix(prefix) if path in full else path: _below(item, prefix)
        for path, item in paths.items()
    }
    return {**_below({"servers": [{"url": ""}], **document}, prefix), "paths": shorter}


def _below(node: JsonObject, prefix: str) -> JsonObject:
    """A document, path or operation whose servers, and those of its operations, end in a prefix."""
    below = {
        key: _below(child, prefix) if key in METHODS and isinstance(child, dict) else child
        for key, child in node.items()
    }
    if "servers" in node:
        below["servers"] = [
            {**server, "url": server["url"].rstrip("/").removesuffix(prefix) + prefix}
            for server in node["servers"] or [{"url": ""}]
        ]
    return below


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(OPENAPI_LIMITS.max_bytes + 1)
    except OSError as error:
        raise OpenApiDocumentError(f"{path}: {(error.strerror or str(error)).lower()}") from None


def _fetch(url: str, tls: CertificateOptions) -> bytes:
    try:
        return fetch(url, OPENAPI_LIMITS.max_bytes, TIMEOUT_SECONDS, tls)
    except NetworkError as error:
        raise OpenApiDocumentError(str(error)) from None


def _place(source: str, error: Exception) -> str:
    """A source with the line of an error, if the error has one."""
    line = getattr(error, "line", None) or getattr(error, "lineno", None)
    return source if line is None else f"{source}:{line}"


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
