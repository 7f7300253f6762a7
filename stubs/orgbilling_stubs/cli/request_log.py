"""What `orgbilling serve` prints of each request: one line of text or of JSON.

Requests to the thirteen operations come from the journal, which has redacted them already, and holds no
token. All others are seen by `RequestLogMiddleware`: unknown paths, the control API, the hosted pages. Of the
pages of the console and of the reference only what fails or changes something is printed: a browser that
shows them asks for dozens of files. Without a log, a request costs nothing.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable
from enum import StrEnum
from typing import TextIO

from orgbilling_openapi.redaction import redact
from orgbilling_openapi.strict_json import JsonObject
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orgbilling_stubs.billing import instants
from orgbilling_stubs.journal.exchange import Exchange
from orgbilling_stubs.tenants.clock import wall_ns

MOST_TRACES = 1000
"""So many requests may end between the line of one and its own end."""
LONGEST_PROBLEM = 4096
_ORGANIZATION = re.compile(r"/_mock/(?:v1/organizations|checkout|portal)/(org_[A-Za-z0-9_.-]+)")
_COLORS = {2: "32", 3: "36", 4: "33", 5: "31"}
"""The color of each class of statuses, as terminals number them."""


class LogFormat(StrEnum):
    """How requests are logged."""

    TEXT = "text"
    JSON = "json"
    NONE = "none"


class RequestLog:
    """Prints a line for each exchange. colored: whether the status has a color, for a terminal."""

    def __init__(self, stream: TextIO, log_format: LogFormat, *, colored: bool = False) -> None:
        self._stream = stream
        self._line: Callable[[JsonObject], str] = json_line if log_format is LogFormat.JSON else text_line
        self._colored = colored and log_format is LogFormat.TEXT
        self._traces: deque[str] = deque(maxlen=MOST_TRACES)

    def __call__(self, exchange: Exchange) -> None:
        """Print the line of an exchange that the journal has recorded."""
        self._traces.append(exchange.trace)
        self.print(members(exchange))

    def has_printed(self, trace: str) -> bool:
        """Whether the exchange with a trace id has just been printed."""
        return trace in self._traces

    def print(self, row: JsonObject) -> None:
        """Print a line. A stream that nobody reads any more gets none."""
        line = self._line(row)
        if self._colored:
            line = f"\x1b[{_COLORS.get((row['status'] or 0) // 100, '35')}m{line}\x1b[0m"
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            return


def members(exchange: Exchange) -> JsonObject:
    """What a line says: time, request, status, error code, organization, milliseconds, trace id."""
    query = exchange.query.decode("latin-1")
    return {
        "time": instants.text(exchange.began_ns // 1_000_000),
        "method": exchange.method,
        "path": redact(f"{exchange.path}?{query}" if query else exchange.path),
        "operation": exchange.operation,
        "status": exchange.status or None,
        "error": None if exchange.error is None else exchange.error.name,
        "fault": None if exchange.fault is None else redact(exchange.fault.text),
        "organization": exchange.organization or None,
        "milliseconds": exchange.took_ns // 1_000 / 1_000,
        "trace": exchange.trace,
    }


class RequestLogMiddleware:
    """An ASGI application whose requests are printed, except those that the journal records and prints."""

    def __init__(self, application: ASGIApp, log: RequestLog) -> None:
        self._application = application
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, and print its line when it has ended."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        began_ns, status, trace, body = wall_ns(), 0, "", b""

        async def send_noting(message: Message) -> None:
            nonlocal status, trace, body
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = dict(message.get("headers", ()))
                trace = headers.get(b"x-trace-id", b"").decode("latin-1")
            elif status >= 400 and len(body) < LONGEST_PROBLEM:
                body += message.get("body", b"")
            await send(message)

        try:
            await self._application(scope, receive, send_noting)
        finally:
            # The control API counts trace ids of its own.
            recorded = not scope["path"].startswith("/_mock") and self._log.has_printed(trace)
            if not (recorded or _is_page_view(scope, status)):
                row = _unrecorded(scope, began_ns, status, trace)
                self._log.print({**row, "error": _detail(body)})


def _is_page_view(scope: Scope, status: int) -> bool:
    """Whether a request has read a page, or a file of one, that is not the client's own business."""
    path = scope["path"]
    described = path.startswith(("/_mock/v1", "/_mock/checkout/", "/_mock/portal/"))
    return scope["method"] in ("GET", "HEAD") and 0 < status < 400 and not described


def _unrecorded(scope: Scope, began_ns: int, status: int, trace: str) -> JsonObject:
    """What a line says of a request that is not in the journal: the members of `members`."""
    query = scope["query_string"].decode("latin-1")
    named = _ORGANIZATION.match(scope["path"])
    return {
        "time": instants.text(began_ns // 1_000_000),
        "method": scope["method"],
        "path": redact(f"{scope['path']}?{query}" if query else scope["path"]),
        "operation": None,
        "status": status or None,
        "error": None,
        "fault": None,
        "organization": named[1] if named else None,
        "milliseconds": (wall_ns() - began_ns) // 1_000 / 1_000,
        "trace": trace or None,
    }


def _detail(body: bytes) -> str | None:
    """What a problem document says is wrong; None for any other body."""
    try:
        problem = json.loads(body)
        return redact(str(problem["detail"]))
    except (ValueError, KeyError, TypeError):
        return None


def json_line(row: JsonObject) -> str:
    """One JSON object in ASCII, so that no text of a client can end the line or break the terminal."""
    return json.dumps(row, separators=(",", ":"))


def text_line(row: JsonObject) -> str:
    """One line for people. Example: `10:11:09.8 GET /api/v1/org/billing 200 org_a 0.3 ms 7b6985a6…`."""
    words = [
        row["time"][11:].rstrip("Z"),
        row["method"],
        row["path"],
        str(row["status"] or "---"),
        row["error"],
        None if row["fault"] is None else f"[{row['fault']}]",
        row["organization"],
        f"{row['milliseconds']:.1f} ms",
        row["trace"],
    ]
    text = " ".join(word for word in words if word)
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
