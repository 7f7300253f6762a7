"""Where the server's log goes: warnings and worse to standard error, without tokens."""

from __future__ import annotations

import logging

from orgbilling_stubs.auth.redaction import RedactingFormatter


def to_stderr() -> None:
    """Let every logger of this process write its warnings, redacted, to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(RedactingFormatter("%(levelname)s %(message)s"))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
