"""Checks a recording: applies the response rules to what a browser, a proxy or a test has seen (HAR 1.2).

`har_reader` reads the file. This module makes an exchange of each entry, and `har_address` chooses those of
the API.

Recorders differ in what they leave out and how they say so. An entry is chosen by its method and address,
before anything else of it is read. What it does not show is noted in its response (`Response.not_judged`);
`evidence` decides whether it is judged.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from orgbilling_openapi.strict_json import JsonObject, JsonValue

from orgbilling_conformance import content_codings, har_reader
from orgbilling_conformance.api_description import ApiDescription
from orgbilling_conformance.content_codings import CodingError
from orgbilling_conformance.evidence import BINARY, is_problem
from orgbilling_conformance.exchange import Exchange, Headers, NotJudged, Request, Response, shorten
from orgbilling_conformance.har_address import HarEntry, is_json, of_the_api
from orgbilling_conformance.har_reader import Recording, UnreadableError
from orgbilling_conformance.reports.report import counted
from orgbilling_conformance.rules.registry import RULES
from orgbilling_conformance.suite import ConformanceSuite

SHOWN = ("content-type", "content-length", "origin", "accept", "range")
"""Headers of a request that are kept; a recording holds secrets in the others."""

PAGE_DESTINATIONS = ("document", "iframe", "frame", "fencedframe", "embed", "object")
"""What a browser fetches to show it: values of Sec-Fetch-Dest."""

PAGE_TYPES = (
    "document", "stylesheet", "image", "media", "font", "script", "texttrack", "websocket", "manifest",
    "ping", "prefetch", "signed-exchange", "csp-violation-report",
)  # fmt: skip
"""Values of `_resourceType` (Chrome, Playwright) that no call of an API has."""

PAGE_HEADERS = (
    "rsc", "next-router-prefetch", "next-router-state-tree", "next-action", "x-inertia", "turbo-frame",
    "x-pjax", "hx-request", "x-nextjs-data",
)  # fmt: skip
"""Headers with which frameworks fetch parts of a page, below its path."""

CACHES = ("memory cache", "disk cache", "service worker")
"""Values of `_fetchType` (Safari) that are no request to the API."""

REDACTED = re.compile(
    r"^[*•x]{3,}$|^[\[(<{]?[\w -]*(?:redacted|removed|masked|hidden|sanitized|filtered)[\])>}]?$",
    re.IGNORECASE,
)
"""What people and tools put where a secret was."""

CUT = re.compile(r"truncat|\bcut\b|too (large|long|big)|limit|exceed|partial|incomplete", re.IGNORECASE)
"""What recorders comment beside the beginning of a body."""

BYTE_ORDER_MARK = "\ufeff"
BASE64_JSON = ("e", "W", "77u/")
"""How base64 of a brace, a bracket and a byte order mark begins."""
CODED_NOTHING = 32
"""Bytes that compression and chunks make of an empty body at most."""

UNLISTED = 100
"""Bytes of a status line, and of what recorders leave out of the headers."""

MEDIA = re.compile(r"(?!x-unknown)[\w.+-]+/[\w.+-]+")
GUESSED = ("text/plain", "text/html", "application/octet-stream")
"""What browsers note where no media type was sent."""

LONE_SURROGATE = re.compile("[\ud800-\udc7f\udd00-\udfff]")
"""Halves of surrogate pairs that no byte is written as."""


def check(suite: ConformanceSuite, path: Path, progress: Callable[[str, int, int], None]) -> None:
    """Apply the response rules to every exchange of a described operation; raises `UsageError`."""
    recording = har_reader.read(path)
    if recording.repaired:
        suite.note("the recording is not UTF-8: what could not be read is replaced")
    if recording.outside:
        suite.note(f"the recording is damaged outside of its entries: {recording.outside}")
    found = _entries(suite, recording)
    entries = of_the_api(suite, found)
    suite.evidence.problems = any(is_problem(entry.exchange.response) for entry in entries)
    suite.evidence.answering |= {e.exchange.operation for e in entries if e.exchange.response.succeeded}
    for done, entry in enumerate(entries):
        progress("recording", done, len(entries))
        suite.consider(entry.exchange)
    progress("recording", len(entries), len(entries))
    judged = suite.evidence.judged
    if not entries and not suite.reasons:  # a reason says already that nobody knows which address it is
        suite.reasons.append("the recording holds no exchange with an operation of the API description")
    elif not suite.reasons and not sum(suite.successes.values()):
        suite.reasons.append("the recording holds no success that could be judged")
    recorded = {entry.exchange.operation for entry in (entries or found)}
    scenarios = [rule.id for rule in RULES.values() if rule.kind == "scenario"]
    suite.skip(scenarios, ("*",), "needs a target that answers, not a recording")
    suite.skip([rule for rule in RULES if rule.startswith("token-")], ("*",), "tokens are not read")
    suite.skip(("*",), sorted(suite.api.operations.keys() - recorded), "not in the recording")
    suite.skip(
        ("*",), sorted(recorded - judged.keys()), "in the recording, and nothing of it could be judged"
    )
    suite.note(f"checked: {counted(judged.total(), 'exchange')} of {counted(len(judged), 'operation')}")
    if any(entry.exchange.response.hidden and not entry.not_judged for entry in entries):
        suite.note("headers are kept back in the recording: rules over those were not checked")


def _entries(suite: ConformanceSuite, recording: Recording) -> list[HarEntry]:
    """The exchanges with described operations; what cannot be read is counted with its index."""
    entries = []
    for index, entry in enumerate(recording.entries):
        name = f"log.entries[{index}]"
        if index in recording.damaged:
            suite.evidence.leave(NotJudged("damaged", recording.damaged[index]), name)
            continue
        called = _called(entry, suite.api)
        if lack := _lack(entry, called is not None):
            suite.evidence.leave(NotJudged("unreadable" if called else "unreadable-elsewhere", lack), name)
        elif called:
            entries.append(_entry(entry, name, *called, suite.api, recording))
    return entries


def _called(entry: JsonValue, api: ApiDescription) -> tuple[str, SplitResult] | None:
    """The operation that an entry calls, and its address; None for any other."""
    address = _address(entry)
    if address is None or address[1].scheme not in ("http", "https", ""):  # a WebSocket, part of an extension
        return None
    method, parts = address
    # What is in front of the path of an operation may be anything.
    ends = [
        operation
        for operation in api.operations.values()
        if operation.method == method.upper() and parts.path.endswith(operation.path)
    ]
    return (max(ends, key=lambda operation: len(operation.path)).id, parts) if ends else None


def _address(entry: JsonValue) -> tuple[str, SplitResult] | None:
    """The method and address of an entry; None where they cannot be read."""
    sent = _object(_object(entry).get("request"))
    method, url = sent.get("method"), sent.get("url")
    if not isinstance(method, str) or not isinstance(url, str):
        return None
    try:
        return method, urlsplit(url.strip())
    except ValueError:  # brackets that are no IPv6 address, some characters in a host
        return None


def _lack(entry: JsonValue, of_the_api: bool) -> str:
    """What an entry lacks of what HAR 1.2 requires; empty for nothing.

    of_the_api: whether headers may be missing, or their values: they count as kept back.
    """
    for side in ("request", "response"):
        message = _object(entry).get(side)
        if not isinstance(message, dict):
            return f"no {side}"
        if side == "request" and _address(entry) is None:
            return "its address"
        headers = message.get("headers")
        if headers is None and of_the_api:
            continue
        if not isinstance(headers, list | dict):
            return f"no headers of the {side}"
        for row in headers if isinstance(headers, list) else _listed(headers):
            if not isinstance(row, dict) or not isinstance(row.get("name"), str):
                return f"a header of the {side} without a name"
            value = row.get("value")
            if isinstance(value, dict | list) or (value is None and not of_the_api):
                return f"the header {shorten(row['name'], 40)} of the {side} without a value"
    return "no status" if _status(entry["response"]) is None else ""


def _listed(headers: JsonObject) -> list[JsonValue]:
    """Headers that some write as an object, as HAR 1.2 lists them."""
    return [{"name": name, "value": value} for name, value in headers.items()]


def _status(received: JsonObject) -> int | None:
    """The status of a response; None where there is none. Some write it as a text."""
    status = received.get("status")
    if isinstance(status, str) and re.fullmatch(r"-?[0-9]{1,4}", status):
        return int(status)
    return int(status) if isinstance(status, int | float) and math.isfinite(status) else None


def _entry(
    entry: JsonObject,
    name: str,
    operation: str,
    parts: SplitResult,
    api: ApiDescription,
    recording: Recording,
) -> HarEntry:
    """One exchange of an entry that lacks nothing."""
    sent, received = entry["request"], entry["response"]
    described, posted = api.operations[operation], _object(sent.get("postData"))
    headers = _headers(sent, posted)
    front = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else ""
    base = front + parts.path.removesuffix(described.path)
    request = Request(
        described.method,
        described.path,
        parts.query,
        tuple(pair for pair in headers if pair[0].lower() in SHOWN),
        _posted(sent, posted, recording),
        "unknown",
        "recorded",
        base=base,
    )
    content, hidden = _object(received.get("content")), _hidden(received)
    shown = _headers(received, content)
    status, seconds = _status(received) or 0, _number(entry.get("time")) / 1000
    body, not_judged = _body(entry, shown, recording)
    not_judged = (
        _not_judged(entry, status) or _page(entry, headers, shown, parts) or _cached(entry) or not_judged
    )
    response = Response(status, shown, body, seconds, hidden=hidden, recorded=True, not_judged=not_judged)
    return HarEntry(Exchange(request, response, operation, name), base)


def _not_judged(entry: JsonObject, status: int) -> NotJudged | None:
    """Whether the request got no answer, or one that somebody else made."""
    response = entry["response"]
    # Chrome and Safari write `_error`, Playwright `_failureText` and `_wasAborted`, Charles `_charlesStatus`.
    charles = str(response.get("_charlesStatus") or "COMPLETE").upper()
    failure = response.get("_error") or response.get("_failureText")
    if charles != "COMPLETE":
        failure = failure or charles.lower()
    if entry.get("_wasAborted"):
        failure = failure or "aborted"
    if failure or status < 100:
        return NotJudged("unanswered", shorten(str(failure), 80) if failure else f"status {status}")
    return NotJudged("substituted") if entry.get("_wasFulfilled") else None


def _page(entry: JsonObject, headers: Headers, shown: Headers, parts: SplitResult) -> NotJudged | None:
    """Whether a page was fetched, or a part of one: it may have the path of an operation."""
    sent = {name.lower(): value.lower() for name, value in headers}
    kind = str(entry.get("_resourceType") or "").lower()
    if kind in PAGE_TYPES:
        return NotJudged("page", kind)
    if sent.get("sec-fetch-dest") in PAGE_DESTINATIONS or sent.get("accept", "").startswith("text/html"):
        return NotJudged("page", "navigation")
    media = next((value for name, value in shown if name.lower() == "content-type"), "").lower()
    fetched = [name for name in PAGE_HEADERS if name in sent]
    if fetched or "_rsc=" in parts.query or media.startswith("text/x-component"):
        return NotJudged("page", f"{parts.scheme}://{parts.netloc}{parts.path}")
    return None


def _cached(entry: JsonObject) -> NotJudged | None:
    """Whether the browser answered by itself."""
    response = entry["response"]
    if entry.get("_fromCache"):
        return NotJudged("cached", f"{shorten(entry['_fromCache'], 20)} cache")
    if str(entry.get("_fetchType")).lower() in CACHES:
        return NotJudged("cached", str(entry["_fetchType"]).lower())
    from_network = response.get("_serviceWorkerResponseSource") == "network"
    if response.get("_fetchedViaServiceWorker") is True and not from_network:
        return NotJudged("cached", "service worker")
    return None


def _headers(message: JsonObject, part: JsonObject) -> Headers:
    """The headers whose values are there; part: where the recorder noted the media type beside them."""
    visible = tuple(
        (name, value)
        for name, value in _rows(message)
        # HTTP/2 writes the method, the address and the status as headers that begin with a colon.
        if value is not None and not name.startswith(":") and not REDACTED.search(value)
    )
    media = str(part.get("mimeType") or "")
    types = [value for name, value in visible if name.lower() == "content-type" and value.strip()]
    others = tuple(pair for pair in visible if pair[0].lower() != "content-type")
    if not types:
        kept_back = _hidden(message) & {"content-type", "*"}
        noted = MEDIA.match(media) and (kept_back or not media.startswith(GUESSED))
        return (*others, ("content-type", media)) if noted else visible
    return visible


def _rows(message: JsonObject) -> list[tuple[str, str | None]]:
    """The headers as they are recorded; the value is None where it was left out."""
    headers = message.get("headers") or []
    rows = _listed(headers) if isinstance(headers, dict) else headers
    return [(row["name"], None if row.get("value") is None else str(row["value"])) for row in rows]


def _hidden(message: JsonObject) -> frozenset[str]:
    """The names of the headers whose values are kept back; `*` where no header is recorded: any may be."""
    rows = _rows(message)
    names = {name.lower() for name, value in rows if value is None or REDACTED.search(value)}
    return frozenset(names if rows else {"*"})


def _object(value: JsonValue) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _posted(sent: JsonObject, posted: JsonObject, recording: Recording) -> bytes | None:
    """The body of a request; None where it was not recorded, or not all of it."""
    body, not_judged = _recorded(posted, recording)
    size = sent.get("bodySize")
    cut = isinstance(size, int) and body is not None and size > len(body)
    return None if not_judged or cut else body


def _body(entry: JsonObject, headers: Headers, recording: Recording) -> tuple[bytes, NotJudged | None]:
    """The body of a response, and why it is not what was sent, if it is not."""
    received = entry["response"]
    content, status = _object(received.get("content")), _status(received) or 0
    raw, not_judged = _recorded(content, recording)
    size = content.get("size")
    size = int(size) if isinstance(size, int | float) and math.isfinite(size) and size >= 0 else None
    if raw is None:
        empty = status in (204, 205, 304) or (
            not_judged is None and size == 0 and _is_known_empty(received, headers)
        )
        return b"", None if empty else not_judged or NotJudged("body-missing")
    if not raw and status not in (204, 205, 304) and (said := _sign_of_body(received, headers)):
        return b"", NotJudged("body-missing", f"empty, with {said}")
    codings = Response(status, headers).codings
    try:
        body = _without_codings(raw, codings)
    except CodingError as error:
        is_cut = error.reason in ("cut", "too-long")
        return b"", NotJudged("body-cut" if is_cut else "body-encoded", str(error))
    if size is None or not is_json(body):  # who cuts a text may write its new size
        came = (
            _received_bytes(received, headers, len(body)) if not codings and not content.get("_file") else 0
        )
        size = max(size or 0, came)
        if CUT.search(str(content.get("comment") or "")) and not is_json(body):
            return b"", NotJudged("body-cut", shorten(content["comment"], 60))
    if size > max(len(body), len(raw)) and not _is_whole(body, content, size):
        return b"", NotJudged("body-cut", f"{len(body):,} of {size:,} bytes")
    return body, None


def _without_codings(raw: bytes, codings: list[str]) -> bytes:
    """A body without content codings that the recorder has left; raises `CodingError`.

    Most recorders undo them and keep the header, some keep what came without it. So a text stays as it is,
    and so does what is in a coding that cannot be undone.
    """
    begun = [name for name, magic in content_codings.MAGIC.items() if raw.startswith(magic)][:1]
    is_left = begun or (not is_json(raw) and BINARY.search(raw.decode("utf-8", "replace")))
    left = codings if is_left and codings and content_codings.can_be_undone(codings) else begun
    if not left or not content_codings.can_be_undone(left):
        return raw
    return content_codings.decoded(raw, left, har_reader.MAX_BYTES)


def _sign_of_body(received: JsonObject, headers: Headers) -> str:
    """Which member of the entry says that the body was not empty; empty where none does.

    Chrome counts the headers into `_transferSize`.
    """
    if _length(headers):
        return "a Content-Length"
    names = {name.lower() for name, _ in headers}
    least = CODED_NOTHING if names & {"content-encoding", "transfer-encoding"} else 0
    if _number(received.get("bodySize")) > least:
        return "a bodySize"
    own = _number(received.get("headersSize"))
    listed = sum(len(name) + len(value) + 4 for name, value in headers) + UNLISTED
    if _number(received.get("_transferSize")) > max(own, listed) + least:
        return "a _transferSize"
    return ""


def _received_bytes(received: JsonObject, headers: Headers, body_bytes: int) -> int:
    """How many bytes of a body came that is not encoded; 0 where nothing says more than the body has.

    Chrome counts the headers into `_transferSize`, and most count what frames and chunks add.
    """
    own = _number(received.get("headersSize"))
    listed = sum(len(name) + len(value) + 4 for name, value in headers) + UNLISTED
    counted = max(
        _number(received.get("bodySize")), _number(received.get("_transferSize")) - max(own, listed)
    )
    framed = body_bytes + body_bytes // 20 + CODED_NOTHING
    return max(_length(headers), int(counted) if counted > framed else 0)


def _is_known_empty(received: JsonObject, headers: Headers) -> bool:
    """Whether something says that the body was empty, and nothing that it was not."""
    lengths = [value.strip() for name, value in headers if name.lower() == "content-length"]
    return not _sign_of_body(received, headers) and (received.get("bodySize") == 0 or lengths[:1] == ["0"])


def _number(value: JsonValue) -> float:
    return value if isinstance(value, int | float) and math.isfinite(value) else 0


def _is_whole(body: bytes, content: JsonObject, size: int) -> bool:
    """Whether a body that is shorter than its size is whole all the same.

    mitmproxy writes the size of what was transferred, and as `compression` what decoding added to it.
    Browsers drop a byte order mark of three bytes. Some count the characters of base64.
    """
    saved, text = content.get("compression"), content.get("text")
    decoded = isinstance(saved, int) and saved < 0 and size + saved == len(body)
    marked = size == len(body) + 3 and is_json(body)
    return decoded or marked or (content.get("encoding") == "base64" and size == len(str(text)))


def _length(headers: Headers) -> int:
    """The Content-Length of a response; 0 where there is none."""
    text = next((value for name, value in headers if name.lower() == "content-length"), "").strip()
    return int(text) if re.fullmatch(r"[0-9]{1,15}", text) else 0


def _recorded(content: JsonObject, recording: Recording) -> tuple[bytes | None, NotJudged | None]:
    """A body as it was recorded; None where it was not, with the reason where there is one."""
    name, text = content.get("_file"), content.get("text")
    if isinstance(name, str) and name:  # Playwright writes the name of a file beside the recording
        try:
            body = recording.file(name)
        except UnreadableError as error:
            return None, NotJudged("body-unreadable", f"{shorten(name, 60)}: {error}")
        missing = NotJudged("body-missing", f"no file {shorten(name, 60)} beside the recording")
        return body, missing if body is None else None
    if text is None:
        return None, None
    if not isinstance(text, str):
        return None, NotJudged("body-unreadable", "no text")
    if REDACTED.fullmatch(text.strip()):
        return None, NotJudged("body-missing", "kept back")
    encoding = str(content.get("encoding") or "").lower()
    if encoding == "base64":
        try:
            return base64.b64decode("".join(text.split()), validate=True), None
        except (binascii.Error, ValueError):
            return None, NotJudged("body-unreadable", "not base64")
    if encoding not in ("", "utf-8", "utf8", "text", "identity"):
        return None, NotJudged("body-unreadable", f"encoding {shorten(encoding, 30)}")
    if not encoding and (decoded := _unnamed_base64(text)):
        return decoded, None
    # mitmproxy writes a byte that is not UTF-8 as half of a surrogate pair.
    text = text.removeprefix(BYTE_ORDER_MARK)  # recorders that decode leave it, or write it themselves
    bytes_kept = not LONE_SURROGATE.search(text)
    return text.encode("utf-8", "surrogateescape" if bytes_kept else "surrogatepass"), None


def _unnamed_base64(text: str) -> bytes | None:
    """The JSON that a recorder has written as base64, and does not say so; None for any other text."""
    if not text.startswith(BASE64_JSON):
        return None
    try:
        decoded = base64.b64decode(text, validate=True)
    except binascii.Error:
        return None
    return decoded if is_json(decoded) else None
