"""Answers of the pages, and the headers that keep them to themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from orgbilling_stubs.http.errors import TITLES

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
ALWAYS = {
    "content-security-policy": POLICY,
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer; `headers` come on top of those that every answer has."""

    status: int
    body: bytes = b""
    media: str = HTML
    headers: Mapping[str, str] = field(default_factory=dict)

    def head(self) -> list[tuple[bytes, bytes]]:
        """The headers as they are sent."""
        named = {**ALWAYS, "content-length": str(len(self.body)), **self.headers}
        if self.body:
            named["content-type"] = self.media
        return [(name.encode("latin-1"), text.encode("latin-1")) for name, text in named.items()]


def see_other(path: str) -> Reply:
    """Go on with a GET: a reload then repeats nothing."""
    return Reply(303, headers={"location": path})


def json(value: Any, status: int = 200) -> Reply:
    """A JSON document."""
    return Reply(status, orjson.dumps(value), "application/json")


def problem(error: Any, origin: str, headers: Mapping[str, str] | None = None) -> Reply:
    """A refusal as a problem document (RFC 9457), like those of the control API at the same origin."""
    body = {
        "$schema": f"{origin}/_mock/v1/schemas/ErrorModel.json",
        "title": TITLES.get(error.status, "Error"),
        "status": error.status,
        "detail": error.detail,
    }
    if error.errors:
        body["errors"] = error.errors
    return Reply(error.status, orjson.dumps(body), "application/problem+json", headers or {})
