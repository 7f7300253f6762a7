"""Recordings in the shape in which each recorder writes them: fields, sizes and names as in its exporter.

A function writes a recording of one answer of the API, with the given body, beside what this recorder adds:
entries from a cache, without an answer, of pages. It returns the file, and what is not judged in it.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import zipfile
import zlib
from pathlib import Path
from typing import Any

import brotli
from backports import zstd

API = "https://api.example.com/api/v1/org/model-pricing"
PAGE = "https://app.example.com/org/model-pricing"
Written = tuple[Path, dict[str, int]]
JsonDocument = dict[str, Any]

PSEUDO = [
    {"name": ":method", "value": "GET"},
    {"name": ":authority", "value": "api.example.com"},
    {"name": ":scheme", "value": "https"},
    {"name": ":path", "value": "/api/v1/org/model-pricing"},
]
CHROME_SENT = [
    *PSEUDO,
    {"name": "accept", "value": "application/json"},
    {"name": "accept-encoding", "value": "gzip, deflate, br, zstd"},
    {"name": "origin", "value": "https://app.example.com"},
    {"name": "referer", "value": "https://app.example.com/"},
    {"name": "sec-fetch-dest", "value": "empty"},
]
CHROME_TIMINGS = {"blocked": 1.2, "dns": -1, "ssl": -1, "connect": -1, "send": 0.1, "wait": 40, "receive": 1}


def named(**headers: str) -> list[dict[str, str]]:
    return [{"name": name.replace("_", "-"), "value": value} for name, value in headers.items()]


def log(path: Path, creator: JsonDocument, entries: list[Any], **more: Any) -> Path:
    document = {"log": {"version": "1.2", "creator": creator, **more, "entries": entries}}
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False), "utf-8")
    return path


def chrome(folder: Path, body: bytes) -> Written:
    """Chrome: decoded text beside `content-encoding: br`; cached answers, pages and preflights among it."""

    def entry(kind: str, url: str, status: int, content: JsonDocument, **more: Any) -> JsonDocument:
        response = {
            "status": status, "statusText": "", "httpVersion": "h2" if status else "",
            "headers": named(content_type="application/json", content_encoding="br") if status else [],
            "cookies": [], "content": content, "redirectURL": "", "headersSize": -1, "bodySize": -1,
            "_transferSize": 412, "_error": None, "_fetchedViaServiceWorker": False,
        }  # fmt: skip
        method = "OPTIONS" if kind == "preflight" else "GET"
        request = {
            "method": method, "url": url, "httpVersion": "h2", "headers": CHROME_SENT, "queryString": [],
            "cookies": [{"name": "__session", "value": "", "path": "/", "domain": "", "httpOnly": True,
                         "secure": True, "expires": "2026-11-29T03:20:00.000Z", "sameSite": "Lax"}],
            "headersSize": -1, "bodySize": 0,
        }  # fmt: skip
        entry = {
            "_connectionId": "88", "_initiator": {"type": "script", "stack": {"callFrames": []}},
            "_priority": "High", "_resourceType": kind, "cache": {}, "connection": "443", "pageref": "page_1",
            "request": request, "response": response | more.pop("response", {}),
            "serverIPAddress": "[::1]", "startedDateTime": "2026-11-28T03:20:00.123Z", "time": 42.3,
            "timings": CHROME_TIMINGS,
        }  # fmt: skip
        return entry | more

    whole = {"size": len(body), "mimeType": "application/json", "compression": 311, "text": body.decode()}
    evicted = {"size": len(body), "mimeType": "application/json"}
    cached = entry("fetch", API, 200, whole, _fromCache="disk", response={"bodySize": 0, "_transferSize": 0})
    worker = entry("fetch", API, 200, whole, response={
        "_fetchedViaServiceWorker": True, "_serviceWorkerResponseSource": "cache-storage",
        "_responseCacheStorageCacheName": "v1"})  # fmt: skip
    blocked = {"_error": "net::ERR_BLOCKED_BY_CLIENT", "httpVersion": "", "_transferSize": 0}
    none = {"size": 0, "mimeType": "x-unknown"}
    entries = [
        entry("document", PAGE, 200, {"size": 4, "mimeType": "text/html", "text": "<h1>"}),
        entry("preflight", API, 204, none),
        entry("fetch", API, 200, whole),
        entry("fetch", API + "?a=1", 200, evicted),
        cached,
        worker,
        entry("xhr", API, 0, none, response=blocked),
    ]
    page = {"startedDateTime": "2026-11-28T03:20:00.000Z", "id": "page_1", "title": PAGE, "pageTimings": {}}
    path = log(folder / "a.har", {"name": "WebInspector", "version": "537.36"}, entries, pages=[page])
    return path, {"body-missing": 1, "cached": 2, "page": 1, "unanswered": 1}


def firefox(folder: Path, body: bytes) -> Written:
    """Firefox: sizes -1, a local time zone, an answer from its cache as 304, bodies that were discarded."""

    def entry(status: int, content: JsonDocument, cache: JsonDocument | None = None) -> JsonDocument:
        return {
            "startedDateTime": "2026-11-28T04:20:00.123+01:00",
            "request": {
                "bodySize": 0, "method": "GET", "url": API, "httpVersion": "HTTP/2",
                "headers": named(Host="api.example.com", Accept="*/*", Origin="https://app.example.com",
                                 Sec_Fetch_Dest="empty"),
                "cookies": [], "queryString": [], "headersSize": 412,
            },
            "response": {
                "status": status, "statusText": "", "httpVersion": "HTTP/2",
                "headers": named(content_type="application/json"), "cookies": [],
                "content": content, "redirectURL": "", "headersSize": 380, "bodySize": -1,
            },
            "cache": cache or {}, "timings": {"blocked": 0, "dns": 0, "connect": 0, "ssl": 0, "send": 0,
                                              "wait": 41, "receive": 0},
            "time": 41, "_securityState": "secure", "serverIPAddress": "::1", "connection": "443",
            "pageref": "page_1",
        }  # fmt: skip

    whole = {"mimeType": "application/json", "size": len(body), "text": body.decode()}
    discarded = {
        "mimeType": "application/json",
        "size": len(body),
        "comment": "Response bodies are not included.",
    }
    encoded = whole | {"encoding": "base64", "text": base64.b64encode(body).decode()}
    after = {"afterRequest": {"expires": "", "lastAccess": "", "eTag": "", "hitCount": 1}}
    entries = [
        entry(200, whole),
        entry(200, encoded),
        entry(200, discarded),
        entry(304, discarded, after),
    ]
    creator = {"name": "Firefox", "version": "131.0"}
    path = log(folder / "a.har", creator, entries, browser=creator, pages=[])
    return path, {"body-missing": 1, "cached": 1}


def safari(folder: Path, body: bytes) -> Written:
    """Safari: joined headers, `_fetchType`, and no text where there is none; dates may be empty."""

    def entry(content: JsonDocument, kind: str, **response: Any) -> JsonDocument:
        return {
            "pageref": "page_0", "startedDateTime": "", "time": 0,
            "request": {
                "method": "GET", "url": API, "httpVersion": "HTTP/2", "cookies": [],
                "headers": named(Accept="application/json", Origin="https://app.example.com"),
                "queryString": [], "headersSize": -1, "bodySize": -1,
            },
            "response": {
                "status": 200, "statusText": "", "httpVersion": "HTTP/2", "cookies": [],
                "headers": named(Content_Type="application/json"), "content": content, "redirectURL": "",
                "headersSize": -1, "bodySize": -1, "_transferSize": 300,
            } | response,
            "cache": {}, "timings": {"blocked": -1, "dns": -1, "connect": -1, "ssl": -1, "send": 0, "wait": 0,
                                     "receive": 0},
            "_fetchType": kind,
        }  # fmt: skip

    whole = {"size": len(body), "compression": 0, "mimeType": "application/json", "text": body.decode()}
    nothing = {"size": 0, "compression": 0, "mimeType": "x-unknown"}
    entries = [
        entry(whole, "Network Load"),
        entry(whole, "Memory Cache"),
        entry(whole, "Service Worker"),
        entry(nothing, "Network Load", status=0, _error="cancelled"),
    ]
    path = log(folder / "a.har", {"name": "WebKit Web Inspector", "version": "20.1"}, entries, pages=[])
    return path, {"cached": 2, "unanswered": 1}


def playwright_entry(content: JsonDocument, **more: Any) -> JsonDocument:
    response = {
        "status": 200, "statusText": "OK", "httpVersion": "HTTP/1.1", "cookies": [],
        "headers": named(content_type="application/json", content_encoding="gzip"),
        "content": {"size": -1, "mimeType": "application/json"} | content,
        "headersSize": -1, "bodySize": -1, "redirectURL": "",
    }  # fmt: skip
    entry = {
        "startedDateTime": "2026-11-28T03:20:00.123Z", "time": -1,
        "request": {
            "method": "GET", "url": API, "httpVersion": "HTTP/1.1", "cookies": [],
            "headers": named(accept="*/*", referer="https://app.example.com/"), "queryString": [],
            "headersSize": -1, "bodySize": -1,
        },
        "response": response | more.pop("response", {}), "cache": {},
        "timings": {"send": -1, "wait": -1, "receive": -1}, "pageref": "page@1", "_frameref": "frame@1",
        "_monotonicTime": 123.4,
    }  # fmt: skip
    return entry | more


PLAYWRIGHT = {"name": "Playwright", "version": "1.55.0"}


def playwright_embed(folder: Path, body: bytes) -> Written:
    """Playwright, `content: embed`: text, or base64; what a test fulfilled or aborted is marked."""
    whole = {"size": len(body), "text": body.decode()}
    failed = {"status": -1, "headers": [], "_failureText": "net::ERR_ABORTED"}
    entries = [
        playwright_entry(whole),
        playwright_entry({"text": base64.b64encode(body).decode(), "encoding": "base64"}),
        playwright_entry(whole | {"text": "{}", "size": 2}, _wasFulfilled=True),
        playwright_entry({}, response=failed),
        playwright_entry({}, _wasAborted=True, response={"status": -1, "headers": []}),
        playwright_entry({"size": 0}, _resourceType="document", request={"method": "GET", "url": PAGE}),
    ]
    return log(folder / "a.har", PLAYWRIGHT, entries, browser=PLAYWRIGHT, pages=[]), {
        "substituted": 1,
        "unanswered": 2,
        "page": 1,
    }


def playwright_attach(folder: Path, body: bytes) -> Written:
    """Playwright, `content: attach`: bodies in files that are named by their hash."""
    name = hashlib.sha1(body, usedforsecurity=False).hexdigest() + ".json"
    (folder / name).write_bytes(body)
    entries = [playwright_entry({"_file": name}), playwright_entry({"_file": "lost.json"})]
    return log(folder / "a.har", PLAYWRIGHT, entries), {"body-missing": 1}


def playwright_zip(folder: Path, body: bytes) -> Written:
    """Playwright, a path that ends with `.zip`: the same in one file."""
    path, left = playwright_attach(folder, body)
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in folder.glob("*.json"):
            archive.write(file, file.name)
            file.unlink()
        archive.write(path, "har.har")
    return folder / "a.zip", left


def playwright_minimal(folder: Path, body: bytes) -> Written:
    """Playwright, `mode: minimal`: no sizes, no timings, no cookies, no pages."""
    return log(folder / "a.har", PLAYWRIGHT, [playwright_entry({"text": body.decode()})]), {}


def mitmproxy_entry(body: bytes, raw: bytes, **more: Any) -> JsonDocument:
    content = {
        "size": len(raw),
        "compression": len(body) - len(raw),
        "mimeType": "application/json",
        "text": body.decode(),
    }
    return {
        "startedDateTime": "2026-11-28T03:20:00.123456+00:00", "time": 41.234567,
        "request": {
            "method": "GET", "url": API, "httpVersion": "HTTP/2.0", "cookies": [],
            "headers": named(accept="application/json"), "queryString": [], "headersSize": 99, "bodySize": 0,
        },
        "response": {
            "status": 200, "statusText": "", "httpVersion": "HTTP/2.0", "cookies": [],
            "headers": named(content_type="application/json", content_encoding="gzip",
                             content_length=str(len(raw))),
            "content": content, "redirectURL": "", "headersSize": 120, "bodySize": len(raw),
        } | more,
        "cache": {}, "timings": {"connect": None, "ssl": None, "send": 1.0, "receive": 2.0, "wait": 3.0},
        "serverIPAddress": "192.0.2.1",
    }  # fmt: skip


def mitmproxy(folder: Path, body: bytes) -> Written:
    """mitmproxy: `size` is that of what was transferred, also where compression made it longer."""
    failed = {"status": 0, "headers": [], "content": {}, "headersSize": -1, "bodySize": -1, "_error": "reset"}
    entries = [
        mitmproxy_entry(body, gzip.compress(body, mtime=0)),
        mitmproxy_entry(body, body + b" " * 40),
        mitmproxy_entry(b"", b"", **failed),
    ]
    creator = {"name": "mitmproxy", "version": "12.1", "comment": ""}
    return log(folder / "a.har", creator, entries, pages=[]), {"unanswered": 1}


def mitmproxy_zhar(folder: Path, body: bytes) -> Written:
    """mitmproxy, a path that ends with `.zhar`: the same, compressed with zlib."""
    path, left = mitmproxy(folder, body)
    (folder / "a.zhar").write_bytes(zlib.compress(path.read_bytes(), 9))
    return folder / "a.zhar", left


def charles(folder: Path, body: bytes) -> Written:
    """Charles: pseudo headers, null for no reason phrase, its own status; what was cut off is `EXCEPTION`."""

    def entry(state: str, **content: Any) -> JsonDocument:
        return {
            "startedDateTime": "2026-11-28T04:20:00.123+01:00", "time": 41,
            "request": {
                "method": "GET", "url": API, "httpVersion": "HTTP/2.0", "cookies": [],
                "headers": PSEUDO + named(accept="*/*"), "queryString": [], "headersSize": 286, "bodySize": 0,
            },
            "response": {
                "_charlesStatus": state, "status": 200, "statusText": None, "httpVersion": "HTTP/2.0",
                "cookies": [], "headers": [{"name": ":status", "value": "200"},
                                           *named(content_type="application/json")],
                "content": {"size": len(body), "compression": 0, "mimeType": "application/json"} | content,
                "redirectURL": None, "headersSize": 300, "bodySize": len(body),
            },
            "serverIPAddress": "192.0.2.1", "cache": {},
            "timings": {"dns": -1, "connect": -1, "ssl": -1, "send": 0, "wait": 40, "receive": 1},
        }  # fmt: skip

    encoded = gzip.compress(body, mtime=0)
    entries = [
        entry("COMPLETE", text=body.decode()),
        entry("COMPLETE", text=base64.b64encode(encoded).decode(), encoding="base64"),
        entry("EXCEPTION", text=body.decode()[:20]),
    ]
    path = log(folder / "a.har", {"name": "Charles Proxy", "version": "5.0"}, entries)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    return path, {"unanswered": 1}


def proxyman(folder: Path, body: bytes) -> Written:
    """Proxyman: its own members and comments; what it did not decode stands there in base64."""

    def entry(coding: str, **content: Any) -> JsonDocument:
        return {
            "_id": "17", "_name": "", "_isHTTPS": True, "_isIntercepted": True, "comment": "checked",
            "_clientName": "Safari", "startedDateTime": "2026-11-28T03:20:00.123Z", "time": 41.2,
            "request": {"method": "GET", "url": API, "httpVersion": "HTTP/1.1", "cookies": [],
                        "headers": named(Accept="*/*"), "queryString": [], "headersSize": 80, "bodySize": 0,
                        "postData": {"mimeType": "", "text": "", "params": []}},
            "response": {"status": 200, "statusText": "OK", "httpVersion": "HTTP/1.1", "cookies": [],
                         "headers": named(Content_Type="application/json", Content_Encoding=coding),
                         "content": {"mimeType": "application/json"} | content, "redirectURL": "",
                         "headersSize": 200, "bodySize": len(body)},
            "cache": {}, "timings": {"send": 0, "wait": 41, "receive": 0}, "serverIPAddress": "192.0.2.1",
        }  # fmt: skip

    entries = [entry("identity", size=len(body), text=body.decode())]
    left = {"br": brotli.compress(body), "zstd": zstd.compress(body), "dcb": b"\xff" * 40}
    for coding, coded in left.items():
        text = base64.b64encode(coded).decode()
        entries.append(entry(coding, size=len(coded), text=text, encoding="base64"))
    return log(folder / "a.har", {"name": "Proxyman", "version": "5.20.0"}, entries), {"body-encoded": 1}


def insomnia(folder: Path, body: bytes) -> Written:
    """Insomnia: no pages, one time for all, a name as the comment; what was never sent has status 0."""

    def entry(**response: Any) -> JsonDocument:
        content = {"size": len(body), "mimeType": "application/json", "text": body.decode()}
        return {
            "startedDateTime": "2026-11-28T03:20:00.123Z", "time": 41.2, "comment": "Prices",
            "request": {"method": "GET", "url": API, "httpVersion": "HTTP/1.1", "cookies": [],
                        "headers": named(User_Agent="insomnia/11.0"), "queryString": [],
                        "postData": {"mimeType": "", "text": ""}, "headersSize": -1, "bodySize": -1},
            "response": {"status": 200, "statusText": "OK", "httpVersion": "HTTP/1.1", "cookies": [],
                         "headers": named(Content_Type="application/json"), "content": content,
                         "redirectURL": "", "headersSize": -1, "bodySize": -1} | response,
            "cache": {}, "timings": {"blocked": -1, "dns": -1, "connect": -1, "send": 0, "wait": 41.2,
                                     "receive": 0, "ssl": -1},
        }  # fmt: skip

    unsent = {"status": 0, "statusText": "", "headers": [], "content": {"size": 0, "mimeType": ""}}
    creator = {"name": "Insomnia REST Client", "version": "insomnia.desktop.app:v11.0.0"}
    return log(folder / "a.har", creator, [entry(), entry(**unsent)]), {"unanswered": 1}


RECORDERS = (
    chrome, firefox, safari, playwright_embed, playwright_attach, playwright_zip, playwright_minimal,
    mitmproxy, mitmproxy_zhar, charles, proxyman, insomnia,
)  # fmt: skip
