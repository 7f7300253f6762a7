"""How log lines are written."""

from __future__ import annotations

import logging

from orgbilling_openapi.redaction import redact


class RedactingFormatter(logging.Formatter):
    """Redacts the whole log line, with its traceback: a filter would see the message alone."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the formatted record without secrets."""
        return redact(super().format(record))
