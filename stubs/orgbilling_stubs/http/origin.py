"""The client-visible origin of this server: scheme and host of the URLs in responses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from starlette.types import Scope

HOST = re.compile(rb"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
CACHED_ORIGINS = 256
LONGEST_HEADER = 256
"""A longer header is parsed with every request, and not remembered."""

Address: TypeAlias = tuple[str, int | None]
"""IP address or name, and port, of the socket that a request arrived at."""


class Origin(NamedTuple):
    """base_url: of this server's URLs. schema_url: the origin in `$schema`, as the real framework guesses it.

    The framework takes `http` for a local host and `https` for any other, whatever the request came by.
    """

    base_url: str
    schema_url: str


class Origins:
    """Reads `Host`, `X-Forwarded-Host` and `X-Forwarded-Proto`, and remembers the origins."""

    def __init__(self) -> None:
        self._cache: dict[tuple[bytes | None, bytes | None, str], Origin] = {}

    def of(self, scope: Scope, headers: Mapping[bytes, bytes]) -> Origin:
        """The origin of one request; scope: of ASGI."""
        return self.of_request(headers, scope.get("scheme", "http"), scope.get("server"))

    def of_request(self, headers: Mapping[bytes, bytes], scheme: str, server: Address | None) -> Origin:
        """The origin of one request; scheme and server: where it arrived."""
        host = headers.get(b"x-forwarded-host") or headers.get(b"host")
        forwarded_scheme = headers.get(b"x-forwarded-proto")
        key = host, forwarded_scheme, scheme
        origin = self._cache.get(key)
        if origin is None:
            origin = _origin(host, forwarded_scheme, scheme, server)
            if len(self._cache) >= CACHED_ORIGINS:
                self._cache.clear()
            if len(host or b"") <= LONGEST_HEADER and len(forwarded_scheme or b"") <= LONGEST_HEADER:
                self._cache[key] = origin
        return origin


def _origin(
    host: bytes | None, forwarded_scheme: bytes | None, scheme: str, server: Address | None
) -> Origin:
    name = (host or b"").partition(b",")[0].strip()
    if HOST.fullmatch(name) is None:
        ip, port = server or ("127.0.0.1", None)
        address = f"[{ip}]" if ":" in ip else ip
        authority = address if port is None else f"{address}:{port}"
    else:
        authority = name.decode("ascii")
    named = (forwarded_scheme or b"").partition(b",")[0].strip().lower().decode("latin-1")
    if named in ("http", "https"):
        scheme = named
    local = authority.startswith(("localhost", "127.0.0.1", "[::1]"))
    return Origin(f"{scheme}://{authority}", f"{'http' if local else 'https'}://{authority}")
