"""Where the pages lead when they are done: the organisation's URLs, or else the server's."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

PLACEHOLDER = "{CHECKOUT_SESSION_ID}"
_KEPT = ":/?#[]@!$&()*+,;=%~"


def safe(url: str | None) -> bool:
    """Whether a browser may be sent there: an absolute http or https URL without control characters."""
    if url is None or any(character <= " " or character == "\x7f" for character in url):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def choose(own: str | None, default: str | None, session_id: str = "") -> str | None:
    """The organisation's URL or the server's with the session filled in; None when neither can be used."""
    for url in (own, default):
        if url is not None and safe(url):
            return quote(url.replace(PLACEHOLDER, session_id), safe=_KEPT)
    return None


def host(url: str) -> str:
    """The host to name in a link."""
    return urlsplit(url).hostname or ""
