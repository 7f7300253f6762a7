"""Reads the forms that browsers submit to pages."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs

from starlette.requests import Request

from orgbilling_stubs.http.errors import BODY_MALFORMED, MEDIA_WRONG, Problem
from orgbilling_stubs.http.request_body import receive_body

FORM_TYPE = b"application/x-www-form-urlencoded"
MOST_FIELDS = 40


async def read_form(request: Request, headers: Mapping[bytes, bytes]) -> dict[str, str]:
    """The fields of a submitted form, the last of several equal names; headers: the first value of each.

    Raises Problem for a body that is not a form, is too large or too slow, or has too many fields.
    """
    values = await read_form_values(request, headers, MOST_FIELDS)
    return {name: texts[-1] for name, texts in values.items()}


async def read_form_values(
    request: Request, headers: Mapping[bytes, bytes], most_fields: int
) -> dict[str, list[str]]:
    """All values of each field of a submitted form. Raises Problem as `read_form` does."""
    if media_type(headers).lower() != FORM_TYPE:
        raise Problem(MEDIA_WRONG)
    return form_values(await receive_body(headers, request.receive), most_fields)


def form_values(body: bytes, most_fields: int) -> dict[str, list[str]]:
    """All values of each name of a form. Raises Problem for too many fields."""
    try:
        return parse_qs(
            body.decode("latin-1"), keep_blank_values=True, errors="replace", max_num_fields=most_fields
        )
    except ValueError:
        raise Problem(BODY_MALFORMED, detail=f"at most {most_fields} fields") from None


def media_type(headers: Mapping[bytes, bytes]) -> bytes:
    """The media type of a body, without parameters."""
    return headers.get(b"content-type", b"").partition(b";")[0].strip()
