"""Response rules over what no response may show: the traces of programs, and secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable

from orgbilling_openapi.strict_json import StrictJsonError

from orgbilling_conformance.exchange import Exchange, shorten, strings
from orgbilling_conformance.rules.rule import ResponseCheck, RuleContext, RuleViolation

SHORT = 16
"""A token of fewer characters could be in any text."""

TRACE = re.compile(
    r"Traceback \(most recent call last\)|File \"[^\"]+\", line \d+|goroutine \d+ \[|\bpanic: |\.go:\d+\b"
    r"|\n[ \t]+at [\w.$<>]+ ?\(|\(\w+\.(?:java|kt|scala):\d+\)|\.(?:js|ts|py|rb):\d+(?::\d+)?\b"
    r"|Exception in thread|SQLSTATE\[|pq: |syntax error at or near"
    r"|/usr/(?:local|lib)/|/home/\w+/|/site-packages/"
)
MARKS = ("sk_", "rk_", "whsec_", "-----BEGIN", "AKIA", "://", "eyJ")
"""What every secret has; looking for these alone is quick."""

SECRET = re.compile(
    r"\b(?:sk|rk)_(?:live|test)_\w{8,}|\bwhsec_\w{8,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY|\bAKIA[0-9A-Z]{16}\b"
    r"|\b\w+://[^/\s:@]+:[^/\s:@]+@|(?<![\w-])eyJ[\w-]{10,}\.eyJ[\w-]{10,}"
)


def leak_trace(exchange: Exchange, context: RuleContext) -> Iterable[RuleViolation] | None:
    """Traces, in errors: what people write about themselves may look like anything."""
    if exchange.response.status < 400:
        return None
    sent = (exchange.request.body or b"").decode("utf-8", "replace") + " ".join(
        value for name in ("days", "limit", "cursor") for value in exchange.request.values(name)
    )
    for text in _texts(exchange):
        match = TRACE.search(text)
        if match and match[0] not in sent:
            return [RuleViolation("leak-trace", "", "no internals", shorten(text[match.start() :]))]
    return []


def leak_secret(exchange: Exchange, context: RuleContext) -> Iterable[RuleViolation] | None:
    """Secrets, in any answer; what was sent must not come back either."""
    response = exchange.response
    text = response.body.decode("utf-8", "replace") + "\n" + "\n".join(value for _, value in response.headers)
    if any(len(secret) >= SHORT and secret in text for secret in context.secrets):
        return [RuleViolation("leak-secret", "", "no token", "the token that was sent")]
    match = SECRET.search(text) if any(mark in text for mark in MARKS) else None
    return [RuleViolation("leak-secret", "", "no secret", f"{match[0][:8]}…")] if match else []


def _texts(exchange: Exchange) -> Iterable[str]:
    body = exchange.response.parsed
    if isinstance(body, StrictJsonError):
        return [exchange.response.body.decode("utf-8", "replace")]
    return strings(body)


RESPONSE_CHECKS: tuple[tuple[tuple[str, ...], ResponseCheck], ...] = (
    (("leak-trace",), leak_trace),
    (("leak-secret",), leak_secret),
)
