"""The guard, through which every request goes: it sends what is allowed, counts it, paces it and logs it."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl

from orgbilling_openapi.redaction import redact

from orgbilling_conformance import clock
from orgbilling_conformance.exchange import Request, Response, shorten
from orgbilling_conformance.options import REMOTE_RATE, REMOTE_REQUESTS, WRITES, Options, UsageError
from orgbilling_conformance.reports.report import counted
from orgbilling_conformance.target import Target

UNDOCUMENTED = ("HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "POST")
DOCUMENTS = re.compile(r"/openapi\.json|/schemas/[A-Za-z0-9]+\.json")
KEYS = ("/.well-known/jwks.json", "/v1/jwks")
"""Where a target may publish its public keys, below its host."""


class ForbiddenError(Exception):
    """A request that was not allowed, and why. It was not sent. Outside a replay, that is a bug of ours."""


class BudgetError(Exception):
    """The requests or the time of the run are spent; the text says which."""


@dataclass(frozen=True, slots=True)
class SentRequest:
    """One line of `TargetGuard.sent_requests`; secrets are redacted."""

    line: str
    status: int
    milliseconds: int


@dataclass(frozen=True, slots=True)
class AllowedRequests:
    """What may be sent: methods and whole paths; documents: what the target publishes about itself.

    bodies: the methods and paths that take a body; whoever reads none takes it for the next request.
    """

    pairs: frozenset[tuple[str, str]]
    documents: bool
    bodies: frozenset[tuple[str, str]] = frozenset()

    def permits(self, request: Request) -> bool:
        """Whether the request may be sent."""
        return not self.refusal(request)

    def refusal(self, request: Request) -> str:
        """Why the request may not be sent; empty where it may."""
        pair = (request.method, request.path)
        if (request.rooted or pair not in self.pairs) and not self._published(request):
            return "its method and path"
        if request.body and (request.rooted or pair not in self.bodies):
            return f"a body with {request.method}"
        return content_refusal(request)

    def _published(self, request: Request) -> bool:
        """Whether it asks for what a target publishes about itself, without a token."""
        if not self.documents or request.method != "GET" or request.auth != "none":
            return False
        return request.path in KEYS if request.rooted else DOCUMENTS.fullmatch(request.path) is not None


def allowed(operations: Iterable[tuple[str, str, str]], options: Options, target: Target) -> AllowedRequests:
    """What the options allow of the operations (id, method, path): documented GETs, and what was named.

    Raises `UsageError` where a write beyond loopback needs the host typed.
    """
    host_bound_writes = [name for name in options.allow_write if name != "redeem"]
    if host_bound_writes and not target.local and options.host_confirmed != target.host:
        needed = f"--host-confirmed {target.host}"
        raise UsageError(f"--allow-write {host_bound_writes[0]} on another machine needs {needed}")
    opened = {WRITES[name] for name in options.allow_write}
    rows = list(operations)
    pairs = {(method, path) for name, method, path in rows if method == "GET" or name in opened}
    if "methods" in options.allow_write:
        taken = {(method, path) for _, method, path in rows}
        paths = {path for _, path in taken}
        pairs |= {(method, path) for path in paths for method in UNDOCUMENTED} - taken
        pairs |= {(method, path) for method, path in taken if method == "GET"}
        pairs.add(("GET", "/org/no-such-operation"))
    bodies = {(method, path) for name, method, path in rows if method != "GET" and name in opened}
    return AllowedRequests(frozenset(pairs), options.documents, frozenset(bodies))


class TargetGuard:
    """Sends what is allowed, at the rate and within the budget; safe to use from several threads."""

    def __init__(self, target: Target, permitted: AllowedRequests, options: Options) -> None:
        self.target, self.permitted = target, permitted
        rate = options.rate if options.rate is not None else (0.0 if target.local else REMOTE_RATE)
        self.gap = 1 / rate if rate else 0.0
        most = options.max_requests
        self.most = most if most is not None or target.local else REMOTE_REQUESTS
        self._seconds = options.seconds
        self._until = clock.seconds() + options.seconds
        self._next = 0.0
        self._lock = threading.Lock()
        self.sent = 0
        self.sent_requests: list[SentRequest] = []

    def send(self, request: Request, authorization: str | None) -> Response:
        """Send one request; raises `ForbiddenError`, `BudgetError` and `UnreachableError`."""
        if refusal := self.permitted.refusal(request):
            raise ForbiddenError(f"{shorten(request.line)} ({shorten(refusal)})")
        with self._lock:
            self._spend()
            wait = self._next - clock.seconds()
            self._next = max(self._next, clock.seconds()) + self.gap
        if wait > 0:
            clock.pause(wait)
        response = self.target.send(request, authorization)
        line = redact(request.line)
        self.sent_requests.append(SentRequest(line, response.status, round(response.seconds * 1000)))
        return response

    @property
    def left(self) -> int | None:
        """How many requests may still be sent; None without a limit."""
        return None if self.most is None else max(0, self.most - self.sent)

    @property
    def expired(self) -> bool:
        """Whether the time is over."""
        return clock.seconds() >= self._until

    def _spend(self) -> None:
        if self.left == 0:
            raise BudgetError(f"the budget of {counted(self.most or 0, 'request')} is spent")
        if self.expired:
            raise BudgetError(f"the time is over ({self._seconds:g} s; --max-time)")
        self.sent += 1


HEADERS = frozenset(
    {
        "accept", "accept-encoding", "accept-language", "access-control-request-headers",
        "access-control-request-method", "content-type", "cookie", "forwarded", "idempotency-key",
        "if-modified-since", "if-none-match", "origin", "prefer", "range", "x-forwarded-for",
        "x-org-id", "x-organization-id", "x-tenant-id",
    }
)  # fmt: skip
"""Every header that the suite has a use for. None says where a request ends, whom it is for, which method or
path is meant, or who asks: Host, Content-Length and Authorization are the client's to write."""

METHOD = "_method"
"""A parameter that some frameworks take for the method."""

QUERY = re.compile(r'[!"$-~]{0,60000}')
VALUE = re.compile(r"[!-~](?:[ -~]*[!-~])?|")


def content_refusal(request: Request) -> str:
    """Why a request may not be sent, whatever its method and path; empty where it may."""
    if not QUERY.fullmatch(request.query):
        return "its query"
    names = (name for name, _ in parse_qsl(request.query, keep_blank_values=True, errors="replace"))
    if any(name.strip().lower() == METHOD for name in names):
        return f"the parameter {METHOD}"
    for name, value in request.headers:
        if name.lower() not in HEADERS or not VALUE.fullmatch(value):
            return f"the header {name}"
    return ""
