"""What one request may consist of, so that a server reads it as this one request and no other."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

from orgbilling_conformance.exchange import Request

HEADERS = frozenset(
    {
        "accept", "accept-encoding", "accept-language", "access-control-request-headers",
        "access-control-request-method", "content-type", "cookie", "forwarded", "idempotency-key",
        "if-modified-since", "if-none-match", "origin", "prefer", "range", "x-forwarded-for",
        "x-org-id", "x-organization-id", "x-tenant-id",
    }
)  # fmt: skip
"""Every header that the judge has a use for. None says where a request ends, whom it is for, which method or
path is meant, or who asks: Host, Content-Length and Authorization are the client's to write."""

METHOD = "_method"
"""A parameter that some frameworks take for the method."""

QUERY = re.compile(r'[!"$-~]{0,60000}')
VALUE = re.compile(r"[!-~](?:[ -~]*[!-~])?|")


def problem(request: Request) -> str:
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
