"""Recordings: the response rules over what a browser or a proxy has seen (HAR 1.2)."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from orgbilling_openapi.strict_json import JsonObject

from orgbilling_conformance.api_description import ApiDescription
from orgbilling_conformance.exchange import Exchange, Headers, Request, Response
from orgbilling_conformance.options import UsageError
from orgbilling_conformance.reports.report import counted
from orgbilling_conformance.rules.registry import RULES
from orgbilling_conformance.suite import ConformanceSuite
from orgbilling_conformance.target import PREFIX

SHOWN = ("content-type", "content-length", "origin", "accept")
"""Headers of a request that are kept; a recording holds secrets in the others."""

PAGES = ("document", "iframe", "frame", "fencedframe", "embed", "object")
"""What a browser fetches to show it: values of Sec-Fetch-Dest."""

REDACTED = re.compile(
    r"^[*•x]{3,}$|^[\[(<{]?[\w -]*(?:redacted|removed|masked|hidden|sanitized|filtered)[\])>}]?$",
    re.IGNORECASE,
)
"""What people and tools put where a secret was."""

MEDIA = re.compile(r"(?!x-unknown)[\w.+-]+/[\w.+-]+")


@dataclass(frozen=True, slots=True)
class HarEntry:
    """An exchange of a recording.

    base: the address in front of the described path; whole: whether all of the response's body was recorded.
    """

    exchange: Exchange
    base: str
    whole: bool

    @property
    def may_be_json(self) -> bool:
        """Whether the response calls itself JSON, or what it calls itself is kept back."""
        response = self.exchange.response
        return "json" in response.media or response.hides("content-type")


def consider(suite: ConformanceSuite, path: Path, progress: Callable[[str, int, int], None]) -> None:
    """Apply the response rules to every exchange of a described operation; raises `UsageError`."""
    entries = _of_the_api(suite, list(exchanges(suite, path)))
    complete = [entry for entry in entries if entry.whole]
    for done, entry in enumerate(complete):
        progress("recording", done, len(complete))
        suite.consider(entry.exchange)
    progress("recording", len(complete), len(complete))
    if not entries:
        suite.reasons.append("the recording holds no exchange with an operation of the API description")
    elif not sum(suite.successes.values()):
        suite.reasons.append("the recording holds no success")
    if incomplete := len(entries) - len(complete):
        suite.note(
            "not checked, for the body of the response was not recorded, or not all of it: "
            + counted(incomplete, "exchange")
        )
    recorded = {entry.exchange.operation for entry in entries}
    scenarios = [rule.id for rule in RULES.values() if rule.kind == "scenario"]
    suite.skip(scenarios, ("*",), "needs a target that answers, not a recording")
    suite.skip([rule for rule in RULES if rule.startswith("token-")], ("*",), "tokens are not read")
    suite.skip(("*",), sorted(suite.api.operations.keys() - recorded), "not in the recording")
    suite.note(f"checked: {counted(len(complete), 'exchange')} of {counted(len(recorded), 'operation')}")
    if any(entry.exchange.response.hidden for entry in complete):
        suite.note("headers are kept back in the recording: rules over those were not checked")


def _of_the_api(suite: ConformanceSuite, entries: list[HarEntry]) -> list[HarEntry]:
    """Without what only looks like the API.

    Where some of it is at /api/v1, the like elsewhere is not the API. Where none is, an address that never
    answers with JSON is not the API beside one that does: frameworks fetch parts of a page below its path.
    """
    json_bases = {entry.base for entry in entries if entry.may_be_json}
    usual_bases = {entry.base for entry in entries if entry.base.endswith(PREFIX)}
    bases = usual_bases or json_bases or {entry.base for entry in entries}
    others = sorted({entry.base or "/" for entry in entries if entry.base not in bases})
    if others:
        why = f"it is at {PREFIX} elsewhere" if usual_bases else "no answer there is JSON"
        suite.note(f"not taken for the API, for {why}: {', '.join(others)}")
    return [entry for entry in entries if entry.base in bases]


def read(path: Path) -> list[JsonObject]:
    """The entries of a HAR file; raises `UsageError`."""
    try:
        document = json.loads(path.read_bytes())
        entries = document["log"]["entries"]
    except OSError as error:
        raise UsageError(f"--har: {path}: {(error.strerror or 'unreadable').lower()}") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UsageError(f"--har: {path}: not a HAR file") from None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise UsageError(f"--har: {path}: not a HAR file")
    return entries


def exchanges(suite: ConformanceSuite, path: Path) -> Iterator[HarEntry]:
    """The exchanges with described operations that got a response; a malformed entry becomes a remark."""
    for index, entry in enumerate(read(path)):
        try:
            exchange = _exchange(entry, suite.api, path.parent)
        except (KeyError, TypeError, ValueError, AttributeError, binascii.Error):
            suite.note(f"not read, for it lacks what HAR 1.2 requires: log.entries[{index}]")
            continue
        if exchange is not None:
            yield exchange


def _exchange(entry: JsonObject, api: ApiDescription, folder: Path) -> HarEntry | None:
    sent, received = entry["request"], entry["response"]
    parts = urlsplit(sent["url"])
    method, posted = str(sent["method"]).upper(), sent.get("postData") or {}
    headers = _headers(sent, posted)
    operation = _operation(method, parts.path, api)
    # 0 or -1: the browser gave up, or was not let.
    if not operation or int(received["status"]) < 100 or _navigated(headers):
        return None
    path = api.operations[operation].path
    base = f"{parts.scheme}://{parts.netloc}{parts.path.removesuffix(path)}"
    request = Request(
        method,
        path,
        parts.query,
        tuple(pair for pair in headers if pair[0].lower() in SHOWN),
        _recorded(posted, folder),
        "unknown",
        "recorded",
        base=base,
    )
    content = received.get("content") or {}
    body, hidden = _recorded(content, folder), _hidden(received)
    size = content.get("size")
    if body is None and size == 0:
        body = b""
    cut = isinstance(size, int) and len(body or b"") < size
    whole = (body is not None and not cut) or received["status"] in (204, 304)
    seconds = float(entry.get("time") or 0) / 1000
    response = Response(
        int(received["status"]), _headers(received, content), body or b"", seconds, hidden=hidden
    )
    return HarEntry(Exchange(request, response, operation), base, whole)


def _navigated(headers: Headers) -> bool:
    """Whether a person went there: a page may have the path of an operation."""
    sent = {name.lower(): value.lower() for name, value in headers}
    return sent.get("sec-fetch-dest") in PAGES or sent.get("accept", "").startswith("text/html")


def _operation(method: str, path: str, api: ApiDescription) -> str:
    """The operation whose path is the end of an address's path: what is in front of it may be anything."""
    ends = [
        operation
        for operation in api.operations.values()
        if operation.method == method and path.endswith(operation.path)
    ]
    return max(ends, key=lambda operation: len(operation.path)).id if ends else ""


def _headers(message: JsonObject, part: JsonObject) -> Headers:
    """The headers whose values are there; part: where the recorder noted the media type beside them."""
    rows = [(str(row["name"]), str(row["value"])) for row in message.get("headers") or []]
    visible = tuple(row for row in rows if not row[0].startswith(":") and not REDACTED.search(row[1]))
    media = str(part.get("mimeType") or "")
    lost = _hidden(message) & {"content-type", "*"} and MEDIA.match(media)
    return (*visible, ("content-type", media)) if lost else visible


def _hidden(message: JsonObject) -> frozenset[str]:
    """The names of headers that are kept back; all, where there are none."""
    rows = message.get("headers") or []
    names = {str(row["name"]).lower() for row in rows if REDACTED.search(str(row["value"]))}
    return frozenset(names if rows else {"*"})


def _recorded(content: JsonObject, folder: Path) -> bytes | None:
    """A body that was recorded; None where it was not, or is kept back.

    Playwright writes a body into a file beside the recording and its name into `_file`; a name that leads out
    of the folder is not followed.
    """
    name, text = content.get("_file"), content.get("text")
    if isinstance(name, str) and name:
        file = (folder / name).resolve()
        return file.read_bytes() if file.is_relative_to(folder.resolve()) and file.is_file() else None
    if not isinstance(text, str) or REDACTED.fullmatch(text.strip()):
        return None
    is_base64 = content.get("encoding") == "base64"
    return base64.b64decode(text) if is_base64 else text.encode("utf-8", "surrogatepass")
