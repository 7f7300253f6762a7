"""What a user can get wrong; the text is one line."""

from __future__ import annotations


class UsageError(ValueError):
    """A call or an option that cannot be used (exit status 2)."""
