"""Where the pages lead when they are done: the organization's URLs, or else the server's."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from orgbilling_stubs.billing.urls import is_safe_redirect

PLACEHOLDER = "{CHECKOUT_SESSION_ID}"
_KEPT = ":/?#[]@!$&()*+,;=%~"


def redirect_url(own: str | None, default: str | None, session_id: str = "") -> str | None:
    """The organization's URL or the server's with the session filled in; None when neither can be used."""
    for url in (own, default):
        if url is not None and is_safe_redirect(url):
            return quote(url.replace(PLACEHOLDER, session_id), safe=_KEPT)
    return None


def host_of(url: str) -> str:
    """The host to name in a link."""
    return urlsplit(url).hostname or ""
