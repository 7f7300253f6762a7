"""One request to the pages, read from its ASGI scope."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote, unquote

from orgbilling_stubs.http.body import receive_body
from orgbilling_stubs.http.errors import BODY_MALFORMED, MEDIA_WRONG, Problem
from orgbilling_stubs.http.origin import Origins

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
FORM = b"application/x-www-form-urlencoded"
_MOST_FIELDS = 40


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked.

    area: `checkout` or `portal`; organization and session_id: the next two segments; rest: those that follow.
    origin: scheme and authority as the client sees them.
    """

    method: str
    area: str
    organization: str
    session_id: str
    rest: tuple[str, ...]
    query: Mapping[str, str]
    headers: Mapping[bytes, bytes]
    origin: str
    receive: Receive

    @property
    def base(self) -> str:
        """The path of the session's own page."""
        return f"/_mock/{self.area}/{quote(self.organization, safe='')}/{quote(self.session_id, safe='')}"

    async def body(self) -> bytes:
        """The body; raises Problem if it is too large or too slow."""
        return await receive_body(self.headers, self.receive)

    async def form(self) -> Mapping[str, str]:
        """The fields of a submitted form; raises Problem for anything else."""
        media = self.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if media != FORM:
            raise Problem(MEDIA_WRONG)
        return fields(await self.body())


def fields(raw: bytes) -> dict[str, str]:
    """Names and values of a query or form, the last of several equal names; raises Problem for too many."""
    try:
        parsed = parse_qs(
            raw.decode("latin-1"), keep_blank_values=True, errors="replace", max_num_fields=_MOST_FIELDS
        )
    except ValueError:
        raise Problem(BODY_MALFORMED, detail=f"at most {_MOST_FIELDS} fields") from None
    return {name: values[-1] for name, values in parsed.items()}


def read(scope: Mapping[str, Any], receive: Receive, origins: Origins) -> Request | None:
    """The request, or None when its path is not that of a session.

    Segments are split before they are decoded: an organization may have a slash in its id.
    """
    raw = scope.get("raw_path") or quote(scope["path"]).encode()
    segments = raw.partition(b"?")[0].decode("latin-1").split("/")
    if len(segments) < 5 or segments[1] != "_mock":
        return None
    area, organization, session_id, *rest = (unquote(each, errors="replace") for each in segments[2:])
    if not organization or not session_id:
        return None
    headers = dict(reversed(scope["headers"]))
    return Request(
        "GET" if scope["method"] == "HEAD" else scope["method"],
        area,
        organization,
        session_id,
        tuple(rest),
        fields(scope.get("query_string", b"")),
        headers,
        origins.of(scope, headers).base_url,
        receive,
    )
