"""Redaction: everything in a text that looks like a session token is masked, also in log lines."""

from __future__ import annotations

import logging
import re

MASK = "[redacted]"

_SECRETS = re.compile(
    r"(?P<keep>(?:bearer|basic)(?:\s|%20|\+)+['\"]?|__session\w*['\"]?\s*(?:[=:]|%3D|%3A)\s*['\"]?)[^\s;,'\"]+"
    r"|eyJ[A-Za-z0-9_=-]*(?:(?:\.|%2E|\\u002E)[A-Za-z0-9_=-]*)*",
    re.IGNORECASE,
)


def redact(text: str) -> str:
    """Return `text` with bearer credentials, `__session` cookies and anything JWT-like replaced by a mask."""
    return _SECRETS.sub(lambda match: (match["keep"] or "") + MASK, text)


class RedactingFormatter(logging.Formatter):
    """Redacts the whole log line, with its traceback: a filter would see the message alone."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the formatted record without secrets."""
        return redact(super().format(record))
