"""A second independent server on sockets, with the edges of the vendor's framework on Go's net/http.

A pair of the query that cannot be decoded, or that holds a semicolon, is dropped; the first `days` counts,
and an empty one is the default. Names of members match whatever their case, the last of two counts, null is
absence for an optional one, and invalid UTF-8 is replaced. 404 and 405 are plain text; `Link` and `$schema`
lead to schemas; who asks for CBOR gets it.

What documents leave open is drawn: see `Choices`. It shares nothing with the other servers but the tokens,
and it runs on the threads of the standard library's server.
"""

from __future__ import annotations

import gzip
import itertools
import json
import random
import re
import struct
import threading
import time
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import jwt

from . import session_tokens
from .net_http_account import Books, Posting, usd

PREFIX = "/api/v1"
READS = {
    "billing": ("TenantBillingProfile", False),
    "characters": ("ActiveCharacterSummary", True),
    "contract": ("EnterpriseContract", False),
    "events": ("ContextEngineEventSummary", True),
    "ledger": ("", True),
    "model-pricing": ("", False),
    "service-agreements": ("", False),
    "service-usage": ("ServiceUsageSummary", True),
    "usage-summary": ("OrgUsageSummaryBody", True),
}
"""Path, name of the schema (none for a list), and whether it takes a window."""

WRITES: dict[str, dict[str, tuple[type, bool]]] = {
    "billing/checkout": {"amount": (int, True), "currency": (str, False)},
    "billing/portal": {},
    "contract/subscribe": {"contractId": (str, True)},
    "vouchers/redeem": {"code": (str, True)},
}
"""Path, and the members of the body: type, and whether it is required."""

VOUCHERS = {"TWENTY": 20_000_000, "FIVE": 5_000_000}
LIMIT = 1 << 20
PROBLEM, JSON, CBOR = "application/problem+json", "application/json", "application/cbor"
TITLES = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 409: "Conflict"}
TITLES |= {413: "Request Entity Too Large", 415: "Unsupported Media Type", 422: "Unprocessable Entity"}


@dataclass(frozen=True)
class Choices:
    """What the documents leave open, one way each. slow: a path, and the seconds that it takes."""

    schema: str = "absolute"
    link: bool = True
    ours: bool = True
    optional: bool = True
    contract: bool = True
    empty_list: bool = False
    shuffled: bool = False
    chunked: bool = False
    compressed: bool = False
    closing: bool = False
    http_1_0: bool = False
    upper_case: bool = False
    tagged: bool = False
    cors: bool = False
    challenge: bool = True
    problem_404: bool = False
    keys: bool = False
    sparse_problems: bool = False
    unknown_status: int = 404
    idempotent: bool = True
    slow: tuple[str, float] | None = None


def choices(seed: int) -> Choices:
    """One way through everything that is left open."""
    draw = random.Random(seed)
    flags = {
        name: draw.random() < 0.5
        for name, kind in Choices.__annotations__.items()
        if kind == "bool" and name not in ("ours", "idempotent")
    }
    schema = draw.choice(("absolute", "relative", "none"))
    return Choices(
        schema=schema, ours=seed % 2 == 0, unknown_status=draw.choice((404, 409, 410, 422)), **flags
    )


class Refusal(Exception):  # noqa: N818
    """A request that is refused; errors as (location, message, value)."""

    def __init__(self, status: int, detail: str, *errors: tuple[str, str, Any], **headers: str) -> None:
        super().__init__(detail)
        self.status, self.detail, self.errors, self.headers = status, detail, errors, headers


def unescape(text: str) -> str | None:
    """As url.QueryUnescape does it; None for a malformed escape."""
    if re.search(r"%(?![0-9A-Fa-f]{2})", text):
        return None
    plain = text.replace("+", " ").encode("latin-1", "replace")
    return re.sub(rb"%(..)", lambda match: bytes([int(match[1], 16)]), plain).decode("utf-8", "replace")


def parse_query(raw: str) -> dict[str, list[str]]:
    """As url.ParseQuery does it: what it cannot decode is dropped."""
    values: dict[str, list[str]] = {}
    for pair in raw.split("&"):
        name, _, value = pair.partition("=")
        decoded = unescape(name), unescape(value)
        if pair and ";" not in pair and decoded[0] is not None and decoded[1] is not None:
            values.setdefault(decoded[0], []).append(decoded[1])
    return values


def window(raw: str) -> int:
    """The days of a query; raises Refusal."""
    text = parse_query(raw).get("days", [""])[0]
    if text == "":
        return 30
    if not re.fullmatch(r"[+-]?[0-9]{1,4000}", text) or not -(2**63) <= int(text) < 2**63:
        raise Refusal(422, "validation failed", ("query.days", "invalid integer", text))
    days = int(text)
    if not 1 <= days <= 365:
        word = "expected number >= 1" if days < 1 else "expected number <= 365"
        raise Refusal(422, "validation failed", ("query.days", word, days))
    return days


def parse_json(body: bytes) -> Any:
    """As encoding/json does it: invalid UTF-8 and halves of surrogate pairs are replaced; raises Refusal."""

    def wrong(text: str) -> Any:
        raise ValueError(text)

    try:
        document = json.loads(body.decode("utf-8", "replace"), parse_constant=wrong)
    except (ValueError, RecursionError):
        raise Refusal(400, "validation failed", ("body", "invalid JSON", None)) from None
    return document


def members(name: str, body: bytes) -> dict[str, Any]:
    """The members of a body; raises Refusal with everything that is wrong."""
    document = parse_json(body)
    if not isinstance(document, dict):
        raise Refusal(422, "validation failed", ("body", "expected object", None))
    known = {member.casefold(): member for member in (*WRITES[name], "$schema")}
    given = {known.get(member.casefold(), member): value for member, value in document.items()}
    errors: list[tuple[str, str, Any]] = []
    for member, (kind, required) in WRITES[name].items():
        if member not in given and required:
            errors.append(("body", f"expected required property {member} to be present", None))
        elif member in given and not (given[member] is None and not required):
            fits = type(given[member]) is kind and (kind is str or -(2**63) <= given[member] < 2**63)
            word = "expected integer" if kind is int else "expected string"
            errors += [] if fits else [(f"body.{member}", word, None)]
    extra = given.keys() - WRITES[name].keys() - {"$schema"}
    errors += [(f"body.{member}", "unexpected property", None) for member in sorted(extra)]
    if errors:
        raise Refusal(422, "validation failed", *errors)
    return {member: value for member, value in given.items() if member in WRITES[name] and value is not None}


def cbor(value: Any) -> bytes:
    """A JSON value as CBOR (RFC 8949)."""

    def head(major: int, number: int) -> bytes:
        if number < 24:
            return bytes([major << 5 | number])
        return bytes([major << 5 | 27]) + struct.pack(">Q", number)

    if isinstance(value, bool) or value is None:
        return {False: b"\xf4", True: b"\xf5", None: b"\xf6"}[value]
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, float):
        return b"\xfb" + struct.pack(">d", value)
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(cbor, value))
    return head(5, len(value)) + b"".join(cbor(part) for pair in value.items() for part in pair)


def wants_cbor(accept: str) -> bool:
    """Whether CBOR is preferred to JSON."""
    weights = {JSON: 0.0, CBOR: 0.0}
    for part in accept.lower().split(","):
        media, _, weight = part.partition(";")
        if media.strip() in weights:
            found = re.search(r"q=([0-9.]+)", weight)
            weights[media.strip()] = float(found[1]) if found else 1.0
    return weights[CBOR] > weights[JSON]


class Service:
    """The API: organizations, each behind a lock, and the answers that were given under a key."""

    def __init__(self, made: Choices, seed: int) -> None:
        self.choices, self.seed = made, seed
        self._books: dict[str, Books] = {}
        self._kept: dict[tuple[str, str, str], tuple[bytes, Any]] = {}
        self._lock = threading.RLock()
        self._numbers = itertools.count(1)

    def books(self, organization: str) -> Books:
        with self._lock:
            made = self.choices
            if organization not in self._books:
                self._books[organization] = Books(organization, self.seed, made.ours, made.optional)
            return self._books[organization]

    def read(self, name: str, query: str, organization: str) -> Any:
        days = window(query) if READS[name][1] else 30
        books = self.books(organization)
        if name == "service-agreements":
            return [] if self.choices.empty_list else None
        if name == "contract" and not self.choices.contract:
            raise Refusal(404, "no contract")
        with self._lock:
            return getattr(books, name.replace("-", "_"))(days)

    def write(self, name: str, given: dict[str, Any], organization: str, key: str) -> Any:
        place, sent = (organization, name, key), json.dumps(given).encode()
        with self._lock:
            if self.choices.idempotent and key and place in self._kept:
                before, result = self._kept[place]
                if before != sent:
                    raise Refusal(
                        422 if self.choices.unknown_status == 409 else 409, "key used for another body"
                    )
                if isinstance(result, Refusal):
                    raise result
                return result
            try:
                result = self._take(name, given, self.books(organization))
            except Refusal as refusal:
                self._kept[place] = (sent, refusal)
                raise
            self._kept[place] = (sent, result)
            return result

    def _take(self, name: str, given: dict[str, Any], books: Books) -> Any:
        if name == "billing/portal":
            return {"url": f"https://pay.example.com/portal/{next(self._numbers)}"}
        if name == "billing/checkout":
            if not 50 <= given["amount"] <= 10**8:
                raise Refusal(422, "validation failed", ("body.amount", "expected number in range", None))
            return {"url": f"https://pay.example.com/session/{next(self._numbers)}"}
        if name == "contract/subscribe":
            if not self.choices.contract or given["contractId"] != books.contract_id:
                raise Refusal(self.choices.unknown_status, "contract not found")
            return {"url": f"https://pay.example.com/contract/{next(self._numbers)}"}
        code = given["code"]
        if code not in VOUCHERS or code in books.used:
            raise Refusal(self.choices.unknown_status, "voucher not found or used")
        books.used.add(code)
        at = max(books.opened, *(row.at for row in books.rows))
        books.rows.append(Posting(at, books.word("voucher"), VOUCHERS[code]))
        money = {"creditAmountUsd": usd(VOUCHERS[code]), "newBalance": usd(books.balance)}
        return {"voucherCode": code, "message": "", **money}


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    timeout = 30
    disable_nagle_algorithm = True

    def handle_any(self) -> None:
        """Answer a request, whatever its method."""
        made, parts = self.server.service.choices, urlsplit(self.path.replace("[", "%5B"))
        query = self.path.partition("?")[2]
        if made.closing:
            self.close_connection = True
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        name = parts.path.removeprefix(f"{PREFIX}/org/") if parts.path.startswith(f"{PREFIX}/org/") else ""
        if made.keys and parts.path == "/.well-known/jwks.json" and self.command == "GET":
            self.send(200, json.dumps(self.server.jwks()).encode(), JSON, {})
            return
        if name not in READS and name not in WRITES:
            self._routed(404, "404 page not found\n")
            return
        allowed = ("GET", "HEAD") if name in READS else ("POST",)
        if self.command == "OPTIONS" and made.cors:
            allow = {"Access-Control-Allow-Headers": "authorization", "Access-Control-Allow-Origin": "*"}
            self.send(204, b"", "", allow)
            return
        if self.command not in allowed:
            self._routed(405, "Method Not Allowed\n", Allow=", ".join(allowed))
            return
        if made.slow and made.slow[0] == name:
            time.sleep(made.slow[1])
        try:
            self._answer(name, query, body)
        except Refusal as refusal:
            self._refuse(refusal)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = handle_any  # noqa: N815

    def _routed(self, status: int, text: str, **headers: str) -> None:
        if self.server.service.choices.problem_404:
            self._refuse(Refusal(status, text.strip(), **headers))
        else:
            more = {"X-Content-Type-Options": "nosniff", **headers}
            self.send(status, text.encode(), "text/plain; charset=utf-8", more)

    def _answer(self, name: str, query: str, body: bytes) -> None:
        service, organization = self.server.service, self._organization()
        if name in READS:
            self._succeed(service.read(name, query, organization), READS[name][0])
            return
        if len(body) >= LIMIT:
            raise Refusal(413, f"request body is too large limit={LIMIT} bytes")
        if not body and WRITES[name]:
            raise Refusal(400, "request body is required")
        media = self.headers.get("Content-Type") or JSON
        if body and not re.match(r"application/(json|[\w.-]+\+json)\s*(;|$)", media, re.IGNORECASE):
            raise Refusal(415, f"unknown content type: {media}")
        given = members(name, body) if WRITES[name] else {}
        result = service.write(name, given, organization, self.headers.get("Idempotency-Key") or "")
        self._succeed(result, "RedeemVoucherResponse" if "code" in given else "OrgBillingURLBody")

    def _organization(self) -> str:
        made = self.server.service.choices
        challenge = {"WWW-Authenticate": 'Bearer realm="api"'} if made.challenge else {}
        scheme, _, token = (self.headers.get("Authorization") or "").partition(" ")
        if scheme != "Bearer":
            raise Refusal(401, "missing bearer token", **challenge)
        try:
            public = session_tokens.key().public_key()
            claims = jwt.decode(token, public, algorithms=["RS256"], options={"require": ["exp", "sub"]})
        except jwt.PyJWTError as error:
            raise Refusal(401, f"unverified token: {error}", **challenge) from None
        organization = (claims.get("o") or {}).get("id")
        if not organization:
            raise Refusal(403, "no active organization")
        return str(organization)

    def _schema(self, name: str) -> tuple[dict[str, str], dict[str, str]]:
        """The member and the header that lead to a schema."""
        made, path = self.server.service.choices, f"{PREFIX}/schemas/{name}.json"
        address = (
            f"http://{self.headers.get('Host', 'localhost')}{path}" if made.schema == "absolute" else path
        )
        member = {} if made.schema == "none" or not name else {"$schema": address}
        return member, {"Link": f'<{path}>; rel="describedBy"'} if made.link and name else {}

    def _succeed(self, document: Any, name: str) -> None:
        member, headers = self._schema(name)
        whole = {**member, **document} if isinstance(document, dict) else document
        self._send_document(200, whole, JSON, CBOR, headers)

    def _refuse(self, refusal: Refusal) -> None:
        sparse = self.server.service.choices.sparse_problems
        member, headers = self._schema("ErrorModel")
        rows = [
            {"location": where, "message": message, **({} if value is None else {"value": value})}
            for where, message, value in refusal.errors
        ]
        title = TITLES.get(refusal.status, "Error")
        document = {**member, "title": title, "status": refusal.status, "detail": refusal.detail}
        document |= {"errors": rows} if rows and not sparse else {}
        headers |= refusal.headers
        self._send_document(refusal.status, document, PROBLEM, "application/problem+cbor", headers)

    def _send_document(
        self, status: int, document: Any, media: str, other: str, headers: dict[str, str]
    ) -> None:
        made = self.server.service.choices
        if made.shuffled and isinstance(document, dict):
            names = list(document)
            random.Random(len(names) + self.server.service.seed).shuffle(names)
            document = {name: document[name] for name in names}
        if wants_cbor(self.headers.get("Accept") or ""):
            self.send(status, cbor(document), other, headers)
            return
        spaces = (", ", ": ") if made.shuffled else (",", ":")
        content = json.dumps(document, ensure_ascii=made.shuffled, separators=spaces).encode()
        charset = "; charset=utf-8" if made.upper_case else ""
        self.send(status, content + b"\n" * made.link, media + charset, headers)

    def send(self, status: int, content: bytes, media: str, headers: dict[str, str]) -> None:
        """Write a response."""
        made, more = self.server.service.choices, dict(headers)
        more |= {"Content-Type": media} if media else {}
        more |= {"Access-Control-Allow-Origin": "*"} if made.cors else {}
        if made.tagged and status == 200 and self.command in ("GET", "HEAD"):
            more["ETag"] = f'W/"{zlib.crc32(content):x}"'
            if self.headers.get("If-None-Match") == more["ETag"]:
                status, content = 304, b""
        if made.compressed and content and "gzip" in (self.headers.get("Accept-Encoding") or ""):
            content, more = (
                gzip.compress(content),
                {**more, "Content-Encoding": "gzip", "Vary": "Accept-Encoding"},
            )
        chunked = made.chunked and bool(content) and self.protocol_version == "HTTP/1.1"
        if chunked:
            more["Transfer-Encoding"] = "chunked"
        elif status not in (204, 304) and not (made.http_1_0 and self.command != "HEAD"):
            more["Content-Length"] = str(len(content))
        if self.close_connection:
            more["Connection"] = "close"
        self.send_response_only(status)
        for name, value in more.items():
            self.send_header(name.upper() if made.upper_case else name, value)
        self.end_headers()
        if self.command == "HEAD" or not content:
            self.wfile.write(b"0\r\n\r\n" if chunked and self.command != "HEAD" else b"")
        elif chunked:
            half = len(content) // 2
            pieces = [piece for piece in (content[:half], content[half:]) if piece]
            self.wfile.write(
                b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
            )
        else:
            self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


class Server(ThreadingHTTPServer):
    """A server on a free port of this machine."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, made: Choices, seed: int) -> None:
        self.service = Service(made, seed)
        version = "HTTP/1.0" if made.http_1_0 else "HTTP/1.1"
        super().__init__(("127.0.0.1", 0), type("Handler", (Handler,), {"protocol_version": version}))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{PREFIX}"

    @staticmethod
    def jwks() -> dict[str, Any]:
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(session_tokens.key().public_key()))
        return {"keys": [{**public, "kid": session_tokens.KID, "use": "sig", "alg": "RS256"}]}

    def handle_error(self, *_: Any) -> None:
        """A client that went away is none of our business."""


@contextmanager
def serving(made: Choices, seed: int = 0) -> Any:
    """A running server; its vouchers are TWENTY and FIVE."""
    server = Server(made, seed)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
