"""Who may drive the stub: no page of another origin, no rebound name, nobody without the token.

A request passes when each of these holds, in this order:

1. `Host` names this machine, or what the server listens on; beyond loopback also any address, and any name
   without dots. A page that had its name rebound to 127.0.0.1 sends its own name.
2. `Origin` is absent (no page), of this machine, our own, or one given with `--cors`. `*` counts for the API
   alone. Preflights of other origins are refused too.
3. Beyond loopback, the control token is there.
4. A body that changes something is JSON: the content types that a form or a beacon can send are not.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from ipaddress import ip_address
from typing import Any

from orgbilling_stubs.control.errors import (
    HOST_REFUSED,
    MEDIA_REFUSED,
    ORIGIN_REFUSED,
    TOKEN_MISSING,
    TOKEN_WRONG,
)
from orgbilling_stubs.control.token import same
from orgbilling_stubs.http.connection import Send
from orgbilling_stubs.http.cors import LOCAL
from orgbilling_stubs.http.errors import Problem
from orgbilling_stubs.http.responses import Responder
from orgbilling_stubs.http.routing import refuse

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Asgi = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
JSON = re.compile(rb"application/(?:json|x-ndjson)\s*(?:;.*)?", re.IGNORECASE | re.DOTALL)
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?", re.IGNORECASE)


class Guard:
    """Lets a request through to the control API, or refuses it.

    origins: those given with `--cors`. token: asked for when given, as it must be beyond loopback.
    host: the name or address that the server listens on.
    """

    def __init__(
        self,
        inner: Asgi,
        responder: Responder,
        origins: Sequence[str] = (),
        token: str | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self._inner = inner
        self._responder = responder
        self._host = host.lower()
        self._listed = frozenset(each.rstrip("/").encode("latin-1") for each in origins if each != "*")
        self._token = token

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Serve one request, if it may be."""
        try:
            self.check(scope["method"], scope["headers"])
        except Problem as problem:
            await refuse(self._responder, scope, send, problem)
            return
        await self._inner(scope, receive, send)

    def check(self, method: str, raw: Sequence[tuple[bytes, bytes]]) -> None:
        """Raise Problem for a request that may not pass."""
        headers = dict(reversed(raw))
        host = headers.get(b"host", b"")
        if sum(name == b"host" for name, _ in raw) > 1 or not self._names_us(host):
            raise Problem(HOST_REFUSED)
        if any(not self._allows(value, host) for name, value in raw if name == b"origin"):
            raise Problem(ORIGIN_REFUSED)
        if method == "OPTIONS":
            return  # A preflight carries no token; it changes and tells nothing.
        if self._token is not None:
            self._check_token(headers, self._token)
        if (
            method not in SAFE
            and _has_body(headers)
            and not JSON.fullmatch(headers.get(b"content-type", b""))
        ):
            raise Problem(MEDIA_REFUSED)

    def _names_us(self, host: bytes) -> bool:
        found = _HOST.fullmatch(host.decode("latin-1"))
        if found is None:
            return False
        name = found[1].lower().removeprefix("[").removesuffix("]")
        if name == "localhost" or name.endswith(".localhost") or name == self._host:
            return True
        try:
            return ip_address(name).is_loopback or self._token is not None
        except ValueError:
            return self._token is not None and "." not in name

    def _allows(self, origin: bytes, host: bytes) -> bool:
        if origin in self._listed or LOCAL.fullmatch(origin) is not None:
            return True
        return origin in (b"http://" + host, b"https://" + host)

    @staticmethod
    def _check_token(headers: Mapping[bytes, bytes], token: str) -> None:
        given = headers.get(b"x-control-token")
        if given is None:
            scheme, _, rest = headers.get(b"authorization", b"").partition(b" ")
            given = rest.strip() if scheme.lower() == b"bearer" else None
        if given is None:
            raise Problem(TOKEN_MISSING)
        if not same(given.decode("latin-1"), token):
            raise Problem(TOKEN_WRONG)


def _has_body(headers: Mapping[bytes, bytes]) -> bool:
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0").strip() != b"0"
