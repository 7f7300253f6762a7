"""Reads what is submitted to the hosted pages, after checking who submits it.

Forms may come from our own pages and from programs, JSON also from pages of this machine and of the origins
given with `--cors`: see `http.origin_policy`. The session id in the path says which session may be changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs

from starlette.requests import Request

from orgbilling_stubs.checkout.errors import FOREIGN_ORIGIN
from orgbilling_stubs.checkout.settings import HostedPageSettings
from orgbilling_stubs.http.errors import BODY_MALFORMED, MEDIA_WRONG, Problem
from orgbilling_stubs.http.origin import Origins
from orgbilling_stubs.http.origin_policy import OriginPolicy
from orgbilling_stubs.http.request_body import JSON_TYPE, receive_body

FORM_TYPE = b"application/x-www-form-urlencoded"
MOST_FIELDS = 40

_ORIGINS = Origins()


def own_origin(request: Request) -> str:
    """Scheme and authority of the server, as the client sees them."""
    return _ORIGINS.of(request.scope, _headers(request)).base_url


class RequestGuard:
    """Decides who may submit what, by the settings of the server."""

    def __init__(self, settings: HostedPageSettings) -> None:
        self._policy = OriginPolicy(settings.cors, settings.loopback)

    async def read_form(self, request: Request) -> Mapping[str, str]:
        """The fields of a form.

        Raises Problem for a form that a page of another origin submits, and for a body that is not a form.
        """
        headers = self._checked_headers(request)
        if not self._policy.may_submit_form(headers, own_origin(request)):
            raise Problem(FOREIGN_ORIGIN)
        if _media_type(headers).lower() != FORM_TYPE:
            raise Problem(MEDIA_WRONG)
        return form_fields(await receive_body(headers, request.receive))

    async def read_json(self, request: Request) -> bytes:
        """The body of a request that must be JSON; it is not parsed yet.

        Raises Problem for an origin that is neither ours, of this machine nor listed, for another media type,
        and for a body that is too large or too slow.
        """
        headers = self._checked_headers(request)
        if not self._policy.may_send_json(headers, own_origin(request)):
            raise Problem(FOREIGN_ORIGIN)
        if JSON_TYPE.fullmatch(_media_type(headers)) is None:
            raise Problem(MEDIA_WRONG, detail="the body must be application/json")
        return await receive_body(headers, request.receive)

    def _checked_headers(self, request: Request) -> Mapping[bytes, bytes]:
        """The headers; raises Problem for a request under another server's name."""
        headers = _headers(request)
        if not self._policy.is_page_host(headers.get(b"host", b"localhost")):
            raise Problem(FOREIGN_ORIGIN)
        return headers


def form_fields(body: bytes) -> dict[str, str]:
    """Names and values of a form, the last of several equal names. Raises Problem for too many fields."""
    try:
        values = parse_qs(
            body.decode("latin-1"), keep_blank_values=True, errors="replace", max_num_fields=MOST_FIELDS
        )
    except ValueError:
        raise Problem(BODY_MALFORMED, detail=f"at most {MOST_FIELDS} fields") from None
    return {name: texts[-1] for name, texts in values.items()}


def _headers(request: Request) -> Mapping[bytes, bytes]:
    """The first value of each header."""
    return dict(reversed(request.scope["headers"]))


def _media_type(headers: Mapping[bytes, bytes]) -> bytes:
    return headers.get(b"content-type", b"").partition(b";")[0].strip()
