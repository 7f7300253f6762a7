"""Reads what is submitted to the hosted pages, after checking who submits it.

Forms may come from our own pages and from programs, JSON also from pages of this machine and of the origins
given with `--cors`: see `http.origin_policy`. The session id in the path says which session may be changed.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request

from orgbilling_stubs.http.errors import MEDIA_WRONG, ORIGIN_REFUSED, Problem
from orgbilling_stubs.http.forms import media_type, read_form
from orgbilling_stubs.http.origin_policy import OriginPolicy
from orgbilling_stubs.http.page_middleware import public_url
from orgbilling_stubs.http.request_body import JSON_TYPE, receive_body
from orgbilling_stubs.http.request_head import first_values


class SubmissionReader:
    """Decides who may submit what, by the origin policy of the server."""

    def __init__(self, policy: OriginPolicy) -> None:
        self._policy = policy

    async def read_form(self, request: Request) -> Mapping[str, str]:
        """The fields of a form.

        Raises Problem for a form that a page of another origin submits, and for a body that is not a form.
        """
        headers = self._checked_headers(request)
        if not self._policy.may_submit_form(headers, public_url(request).hosts):
            raise Problem(ORIGIN_REFUSED)
        return await read_form(request, headers)

    async def read_json(self, request: Request) -> bytes:
        """The body of a request that must be JSON; it is not parsed yet.

        Raises Problem for an origin that is neither ours, of this machine nor listed, for another media type,
        and for a body that is too large or too slow.
        """
        headers = self._checked_headers(request)
        if JSON_TYPE.fullmatch(media_type(headers)) is None:
            raise Problem(MEDIA_WRONG, detail="the body must be application/json")
        return await receive_body(headers, request.receive)

    def _checked_headers(self, request: Request) -> Mapping[bytes, bytes]:
        """The first value of each header; raises Problem for a page that may not change anything."""
        raw_headers = request.scope["headers"]
        headers = first_values(raw_headers)
        if not self._policy.may_write(headers, raw_headers, public_url(request).hosts):
            raise Problem(ORIGIN_REFUSED)
        return headers
