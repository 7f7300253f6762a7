"""Headers of a gateway: which of a request and of a response pass, and which are about one connection.

Hop-by-hop fields and those that `Connection` names end here, in both directions (RFC 9110, 7.6.1). `Host` is
that of the real API. `Via` says that a gateway was on the way (7.6.3). What the client's own proxy has said
about the client (`Forwarded`, `X-Forwarded-*`) is between that proxy and the stub. Cross-origin headers of
the real API are for its own origins: the browser sees the stub, which has its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from orgbilling_conformance.content_codings import known

from orgbilling_stubs.http.context import Headers

VIA = b"1.1 orgbilling"
HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-authentication-info",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
ESSENTIAL = frozenset({b"host", b"authorization", b"content-length", b"content-type", b"cache-control"})
"""Headers that a `Connection` header cannot take away: they are for the recipient, whatever it says."""
FORWARDING = frozenset({b"forwarded", b"x-real-ip"})
REPLACED = frozenset({b"date", b"server", b"x-content-type-options"})
"""Response headers that the stub writes itself."""
METHOD_OVERRIDES = frozenset({b"x-http-method-override", b"x-http-method", b"x-method-override"})

_COOKIE_DROPPED = re.compile(r";\s*(?:domain=[^;]*|partitioned)(?=;|$)", re.IGNORECASE)
_COOKIE_SECURE = re.compile(r";\s*(?:secure|samesite=none)(?=;|\s*$)", re.IGNORECASE)
_COOKIE_PATH = re.compile(r"(;\s*path=)([^;]*)", re.IGNORECASE)
_PREFIXED = ("__host-", "__secure-")


def request_headers(
    received: Sequence[tuple[bytes, bytes]], host: bytes, *, has_body: bool, token: str | None = None
) -> Headers:
    """What is sent to the real API of a client's request headers, whose names are in lower case.

    host: of the real API. token: in place of the client's own credentials. Of the content codings those are
    asked for that can be undone again, so that what comes back can be judged.
    """
    dropped = HOP_BY_HOP | _named_by_connection(received) | FORWARDING | {b"host", b"expect"}
    if not has_body:
        dropped |= {b"content-length", b"content-type", b"content-encoding"}
    if token is not None:
        dropped |= {b"authorization", b"cookie"}
    headers: Headers = [(b"host", host)]
    vias = []
    for name, value in received:
        if name == b"via":
            vias.append(value)
        elif name == b"accept-encoding":
            codings = _codings(value)
            headers += [(name, codings)] if codings else []
        elif name not in dropped and not name.startswith(b"x-forwarded-"):
            headers.append((name, value))
    if token is not None:
        headers.append((b"authorization", b"Bearer " + token.encode("ascii")))
    headers.append((b"via", b", ".join([*vias, VIA])))
    return headers


def response_headers(
    received: Iterable[tuple[bytes, bytes]], upstream: str, public: str, *, prefix: str
) -> Headers:
    """What a client gets of the real API's response headers.

    upstream: the address of the real API below which the described paths are. public: the same of the stub,
    as the client sees it. prefix: the path of `public`. Cookies become those of the stub, and a redirect
    within the real API leads back to the stub.
    """
    pairs = [(name.lower(), value) for name, value in received]
    dropped = HOP_BY_HOP | _named_by_connection(pairs)
    secure = public.startswith("https:")
    headers: Headers = []
    vias = []
    for name, value in pairs:
        if name in dropped or name in REPLACED or name.startswith(b"access-control-"):
            continue
        if name == b"via":
            vias.append(value)
        elif name == b"set-cookie":
            headers.append((name, _cookie(value, urlsplit(upstream).path, prefix, secure=secure)))
        elif name in (b"location", b"content-location"):
            headers.append((name, _located(value, upstream, public)))
        elif name == b"x-trace-id":
            headers.append((b"x-upstream-trace-id", value))
        else:
            headers.append((name, value))
    headers.append((b"via", b", ".join([*vias, VIA])))
    return headers


def is_overridden(headers: Iterable[tuple[bytes, bytes]], query: bytes) -> bool:
    """Whether a request asks to be taken for one of another method."""
    names = {pair.partition(b"=")[0].lower() for pair in query.split(b"&")} if b"_" in query else ()
    return any(name in METHOD_OVERRIDES for name, _ in headers) or bool({b"_method", b"%5fmethod"} & {*names})


def _named_by_connection(headers: Iterable[tuple[bytes, bytes]]) -> frozenset[bytes]:
    named = (
        option.strip().lower()
        for name, value in headers
        if name == b"connection"
        for option in value.split(b",")
    )
    return frozenset(named) - ESSENTIAL


def _codings(value: bytes) -> bytes:
    """Of the codings that a client accepts those that can be undone; empty for none."""
    undone = {"identity", *known()}
    accepted = (item.strip() for item in value.split(b","))
    return b", ".join(item for item in accepted if _name(item) in undone)


def _name(item: bytes) -> str:
    """The name of a list's item, without its parameters."""
    return item.partition(b";")[0].strip().lower().decode("latin-1")


def _cookie(value: bytes, upstream_path: str, prefix: str, *, secure: bool) -> bytes:
    """A cookie for the stub's own host and path; over plain HTTP, one that a browser keeps."""
    text = _COOKIE_DROPPED.sub("", value.decode("latin-1"))
    if not secure and not text.lstrip().lower().startswith(_PREFIXED):
        text = _COOKIE_SECURE.sub("", text)
    found = _COOKIE_PATH.search(text)
    if found is not None and upstream_path and found[2].strip().startswith(upstream_path):
        path = prefix + found[2].strip().removeprefix(upstream_path)
        text = f"{text[: found.start()]}{found[1]}{path}{text[found.end() :]}"
    return text.encode("latin-1")


def _located(value: bytes, upstream: str, public: str) -> bytes:
    """Where a redirect leads: within the real API back to the stub, elsewhere as it is."""
    text = value.decode("latin-1")
    rest = text.removeprefix(upstream)
    if rest != text and (not rest or rest[0] in "/?#"):
        return f"{public}{rest}".encode("latin-1")
    if text.startswith("/") and not text.startswith("//"):
        rest = text.removeprefix(urlsplit(upstream).path)
        if rest != text or not urlsplit(upstream).path:
            return f"{urlsplit(public).path}{rest}".encode("latin-1")
    return value
