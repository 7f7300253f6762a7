"""Who looks at a page: what its links begin with, and how it writes amounts."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from orgbilling_stubs.checkout.amounts import DEFAULT_LOCALE, accepted_locale
from orgbilling_stubs.http.page_middleware import public_url


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who looks at a page.

    base_path: the path in the public URL, which paths of this server begin with. locale: how amounts are
    written.
    """

    base_path: str = ""
    locale: str = DEFAULT_LOCALE


def visitor_of(request: Request) -> Visitor:
    """Who asks for a page."""
    return Visitor(public_url(request).path, accepted_locale(request.headers.get("accept-language", "")))
