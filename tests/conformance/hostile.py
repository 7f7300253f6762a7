"""Answers that no sound server gives: bodies, headers, statuses, and a server that gives them."""

from __future__ import annotations

import contextlib
import http.server
import random
import threading
from collections.abc import Iterator

PROFILE = b'{"creditBalance": %s}'
BODIES = (
    b"",
    b"null",
    b"[1,2",
    b"\x00" * 100,
    b"\xff\xfe{}",
    b"\xef\xbb\xbf{}",
    b"caf\xe9",
    b'{"a":1,"a":2}',
    b'{"a":"\x00"}',
    b'{"\\u0000\\u001b[31m": 1}',
    b'"\\u202e"',
    b'{"\\ud83d": "\\udc00", "eventPrices": {"\\ud83d": -1}}',
    b'{"currency": "\\ud800", "$schema": "http://[::1/schemas/x.json"}',
    b'{"$schema": 5, "title": {"a": "\\udfff"}, "errors": [5, null, {"location": {}}]}',
    PROFILE % (b"9" * 5001),
    PROFILE % b"NaN",
    PROFILE % b"-Infinity",
    PROFILE % b"1e999",
    PROFILE % b"-1e-999",
    PROFILE % (b"[" * 10_000 + b"]" * 10_000),
    PROFILE % (b"[" * 900 + b"]" * 900),
    b"[" * 100_000,
    b'{"eventPrices":' + b'{"a":' * 300 + b"1" + b"}" * 300 + b"}",
    b'{"' + b"k" * 100_000 + b'": "' + b"x " * 1_000_000 + b'"}',
    b"[" + b"{}," * 20_000 + b"{}]",
    b'{"a": "' + b"eyJ" * 700_000 + b'"}',
    b'{"a": "' + b"://a:" * 400_000 + b'"}',
    b"\n" * 1_000_000 + b"<" * 1_000_000,
    b'[{"entryType": "\\ud800", "createdAt": "9999-12-31T23:59:60+23:59", "tokens": -1e400}]',
    b'{"updatedAt": "0001-01-01T00:00:00Z", "createdAt": "9999-12-31T23:59:60-23:59"}',
    b'{"updatedAt": "2026-02-30T99:99:99Z", "startDate": "2026-06-30T23:59:60Z", "endDate": "x"}',
)
"""Bodies of any operation; some have members of a profile or of ledger rows."""

HEADERS = (
    {},
    {"X-Name": "caf\xe9"},
    {"Link": '<http://[::1/schemas/x.json>; rel="describedBy"'},
    {"Location": "http://["},
    {"Access-Control-Allow-Origin": "http://[", "Access-Control-Allow-Credentials": "true"},
    {"Content-Encoding": "br"},
    {"Content-Encoding": "gzip"},
    {"ETag": "\xff\x01"},
    {"Cache-Control": "public, \x7f", "Date": "x", "X-Long": "a" * 60_000},
    {"Retry-After": "0", "WWW-Authenticate": "\xa0"},
)
STATUSES = (200, 200, 200, 200, 299, 302, 304, 400, 401, 404, 422, 429, 500, 503, 599, 600, 999)
MEDIA = ("application/json", "application/problem+json", "\xe9/\xe9", "application/json; charset=\x01", "")


@contextlib.contextmanager
def server(seed: int) -> Iterator[str]:
    """A server on this machine that answers everything with something odd; the address of its API."""
    chance, lock = random.Random(seed), threading.Lock()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            with lock:
                status, body = chance.choice(STATUSES), chance.choice(BODIES)
                headers, media = chance.choice(HEADERS), chance.choice(MEDIA[:2] * 4 + MEDIA)
            self.send_response_only(status, "caf\xe9")
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", media)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(OSError):  # the client may have gone
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing: there is nobody to read it."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.daemon_threads = True
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{running.server_port}/api/v1"
        finally:
            running.shutdown()
            thread.join()
