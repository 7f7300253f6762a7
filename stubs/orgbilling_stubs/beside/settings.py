"""What a user chose about the real API beside the stub, and the checks of it."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final
from urllib.parse import urlsplit

from orgbilling_openapi.http_client import is_loopback
from orgbilling_openapi.suggestions import not_one_of

PREFIX: Final = "/api/v1"
WRITES: Final = {
    "redeem": "redeemOrgVoucher",
    "checkout": "createOrgBillingCheckout",
    "portal": "createOrgBillingPortal",
    "subscribe": "subscribeToOrgContract",
}
"""The names of the documented writes, as `orgbilling conform --allow-write` has them."""
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
READ_METHODS = ("GET", "HEAD", "OPTIONS")

_PATTERN = re.compile(r"(?:(?P<method>[A-Z]+) )?(?P<path>/[^\s?#]*)")
_TOKEN = re.compile(r"[!-~]+")


class BesideError(ValueError):
    """A choice that cannot be used: the option that it is of, and why."""


class BesideMode(StrEnum):
    """Who answers: the real API, or the stub, or each of them some operations."""

    OBSERVE = "observe"
    COMPARE = "compare"
    HYBRID = "hybrid"


@dataclass(frozen=True, slots=True)
class RequestPattern:
    """Which requests are meant: of an operation by its id, or by method and path below the prefix.

    path: `*` stands for any text; empty for an operation. method: empty for any.
    """

    operation: str = ""
    method: str = ""
    path: str = ""

    def matches(self, operation: str, method: str, path: str) -> bool:
        """Whether a request is meant; path: below the prefix. A HEAD counts as the GET that it asks about."""
        if self.operation:
            return operation == self.operation
        asked = "GET" if method == "HEAD" else method
        return (not self.method or asked == self.method) and fnmatchcase(path, self.path)


@dataclass(frozen=True, slots=True)
class BesideSettings:
    """The options of `orgbilling beside`.

    url: of the real API; without a path it gets `/api/v1`. real: what the real API answers in hybrid mode.
    allow_write: writes that may reach it. host_confirmed: its host, typed again for writes on another
    machine. token: in place of the client's own credentials. timeout_s: for connecting, and for each wait for
    bytes. rate: comparisons a second; None for 5 beyond loopback and any number on it.
    """

    url: str
    mode: BesideMode = BesideMode.OBSERVE
    real: tuple[str, ...] = ()
    allow_write: tuple[str, ...] = ()
    host_confirmed: str | None = None
    token: str | None = None
    timeout_s: float = 30.0
    rate: float | None = None

    @property
    def base(self) -> str:
        """The address of the real API below which the described paths are, without a slash at its end."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/') or PREFIX}"

    @property
    def host(self) -> str:
        """The host of the real API."""
        return urlsplit(self.url).hostname or ""

    @property
    def lines(self) -> list[tuple[str, str]]:
        """What a person is told about it: names and texts."""
        answers = {
            BesideMode.OBSERVE: "it answers, and each answer is checked",
            BesideMode.COMPARE: "the stub answers, and documented GETs are asked of it, too",
            BesideMode.HYBRID: f"it answers {', '.join(self.real)}, and the stub all others",
        }
        writes = ", ".join(self.allow_write) or "none reach it"
        return [("Real API", f"{self.base} ({answers[self.mode]})"), ("Writes", writes)]

    def check(self, operations: Collection[str]) -> None:
        """Raise BesideError for what can be seen to be wrong; operations: the ids that are described."""
        _check_url(self.url)
        if (self.mode is BesideMode.HYBRID) != bool(self.real):
            why = "needs --real" if self.mode is BesideMode.HYBRID else "is for --mode hybrid"
            raise BesideError(f"--mode hybrid {why}" if self.mode is BesideMode.HYBRID else f"--real {why}")
        if self.allow_write and self.mode is BesideMode.COMPARE:
            raise BesideError("--allow-write: comparing asks the real API for documented GETs alone")
        for text in self.real:
            parse_pattern("--real", text, operations)
        writes = [parse_write(text) for text in self.allow_write]
        unconfirmed = [text for text in self.allow_write if text != "redeem"]
        if writes and unconfirmed and not is_loopback(self.host) and self.host_confirmed != self.host:
            needed = f"--host-confirmed {self.host}"
            raise BesideError(f"--allow-write {unconfirmed[0]} on another machine needs {needed}")
        if self.token is not None and not _TOKEN.fullmatch(self.token):
            raise BesideError("--token is not one word of ASCII characters")
        if not 0 < self.timeout_s <= 3600:
            raise BesideError(f"--timeout: '{self.timeout_s}' is not a number of seconds up to 3600")


def parse_pattern(option: str, text: str, operations: Collection[str] = ()) -> RequestPattern:
    """The pattern of an operationId, `/path/*` or `METHOD /path/*`; raises BesideError."""
    match = _PATTERN.fullmatch(text)
    if match is not None:
        method = match["method"] or ""
        if method and method not in METHODS:
            raise BesideError(f"{option}: {not_one_of(method, METHODS)}")
        return RequestPattern("", method, match["path"])
    if operations and text not in operations:
        named = not_one_of(text, operations)
        raise BesideError(f"{option}: {named}; or a path such as /org/ledger or /characters/*")
    return RequestPattern(text)


def parse_write(text: str) -> RequestPattern:
    """The pattern of a write: the name of a documented one, or `METHOD /path`; raises BesideError."""
    if text in WRITES:
        return RequestPattern(WRITES[text])
    pattern = parse_pattern("--allow-write", text) if " " in text else None
    if pattern is None or pattern.method in ("", *READ_METHODS):
        raise BesideError(f"--allow-write: {not_one_of(text, WRITES)}; or a write such as 'POST /characters'")
    return pattern


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        valid = valid and not (parts.query or parts.fragment or "@" in parts.netloc) and url.isprintable()
    except ValueError:
        valid = False
    if not valid or " " in url:
        raise BesideError(f"{url!r}: an address like https://api.example.com/api/v1")


def matches_any(patterns: Sequence[RequestPattern], operation: str, method: str, path: str) -> bool:
    """Whether one of several patterns means a request."""
    return any(pattern.matches(operation, method, path) for pattern in patterns)
