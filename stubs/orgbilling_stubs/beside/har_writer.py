"""The exchanges with the real API as a HAR 1.2 file, without credentials.

The file is whole after each entry: an entry is written over the end of the list, which is then written again.
So a server that is killed leaves a recording that can be read.
"""

from __future__ import annotations

import base64
import json
import logging
from pathlib import Path
from urllib.parse import parse_qsl

from orgbilling_conformance.content_codings import CodingError
from orgbilling_openapi.redaction import MASK, redact, redact_json
from orgbilling_openapi.strict_json import JsonObject, StrictJsonError, is_too_deep, loads

from orgbilling_stubs.beside.traffic import ForwardedExchange
from orgbilling_stubs.billing import instants

LOG = logging.getLogger("orgbilling")

LARGEST_FILE_BYTES = 500 * 1024 * 1024
CREDENTIALS = frozenset(
    {"authorization", "cookie", "set-cookie", "proxy-authorization", "x-api-key", "api-key", "x-auth-token"}
)
"""Headers whose values are never written, whatever they look like."""
END = "\n]}}\n"


class HarWriter:
    """A recording that grows. Raises OSError when the file cannot be made."""

    def __init__(self, path: Path, base: str) -> None:
        self._path = path
        self._base = base
        self._is_empty = True
        self._failed = False
        self.entries = 0
        creator = {"name": "orgbilling beside", "version": "1"}
        head = json.dumps({"version": "1.2", "creator": creator})[:-1]
        path.write_text(f'{{"log": {head}, "entries": [{END}', "utf-8")

    def __call__(self, exchange: ForwardedExchange) -> None:
        """Add an exchange; a file that can no longer be written is said once."""
        if self._failed:
            return
        text = json.dumps(har_entry(exchange, self._base), ensure_ascii=True)
        try:
            with self._path.open("r+b") as file:
                length = file.seek(0, 2)
                if length + len(text) > LARGEST_FILE_BYTES:
                    raise OSError(0, "it would be larger than 500 MB")
                file.seek(length - len(END))
                file.write((("\n" if self._is_empty else ",\n") + text + END).encode())
            self._is_empty = False
            self.entries += 1
        except OSError as error:
            self._failed = True
            LOG.warning("the recording ends here: %s: %s", self._path, (error.strerror or str(error)).lower())


def har_entry(exchange: ForwardedExchange, base: str) -> JsonObject:
    """One entry of a HAR file. base: the address of the real API."""
    query = redact(exchange.query)
    url = redact(f"{base}{exchange.path}") + (f"?{query}" if query else "")
    milliseconds = round(exchange.seconds * 1000, 3)
    names = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in exchange.received]
    request: JsonObject = {
        "method": exchange.method,
        "url": url,
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _headers(names),
        "queryString": [
            {"name": redact(name), "value": redact(value)}
            for name, value in parse_qsl(exchange.query, keep_blank_values=True, errors="replace")
        ],
        "headersSize": -1,
        "bodySize": len(exchange.body or b""),
    }
    if exchange.body:
        media = dict(names).get("content-type", "")
        request["postData"] = {"mimeType": media, "text": _text(exchange.body)}
    answered = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in exchange.headers]
    return {
        "startedDateTime": instants.text(exchange.at_ms),
        "time": milliseconds,
        "request": request,
        "response": {
            "status": exchange.status,
            "statusText": "",
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": _headers(answered),
            "content": _content(exchange, answered),
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": -1 if exchange.content is None else len(exchange.content),
        },
        "cache": {},
        "timings": {"send": 0, "wait": milliseconds, "receive": 0},
        "_trace": exchange.trace,
    }


def _headers(pairs: list[tuple[str, str]]) -> list[JsonObject]:
    return [
        {"name": name, "value": MASK if name.lower() in CREDENTIALS else redact(value)}
        for name, value in pairs
        if name.lower() not in ("content-encoding", "content-length")
    ]


def _content(exchange: ForwardedExchange, headers: list[tuple[str, str]]) -> JsonObject:
    """The decoded body; without text where it is not known whole, and then its size says so."""
    media = next((value for name, value in headers if name.lower() == "content-type"), "")
    try:
        body = exchange.decoded() if exchange.whole else None
    except CodingError:
        body = None
    if body is None:
        return {"size": len(exchange.content or b"") or -1, "mimeType": media}
    text = _text(body)
    if text is None:
        return {
            "size": len(body),
            "mimeType": media,
            "encoding": "base64",
            "text": base64.b64encode(body).decode(),
        }
    return {"size": len(text.encode("utf-8", "surrogatepass")), "mimeType": media, "text": text}


def _text(body: bytes) -> str | None:
    """A body as text, without secrets; None where it is no text."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    clean = redact(text)
    if clean == text:
        return text
    try:  # members that are secrets by their names, too
        value = loads(body)
    except StrictJsonError:
        return clean
    return clean if is_too_deep(value) else json.dumps(redact_json(value), ensure_ascii=False)
