"""Where the client thinks we are: scheme and host of the URLs in responses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

HOST = re.compile(rb"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
REMEMBERED = 256


class Origin(NamedTuple):
    """base_url: where our own URLs lead. schema_url: the origin in `$schema`, which the framework guesses."""

    base_url: str
    schema_url: str


class Origins:
    """Reads `Host`, `X-Forwarded-Host` and `X-Forwarded-Proto`, and remembers the answers."""

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], Origin] = {}

    def of(self, scope: Mapping[str, Any], headers: Mapping[bytes, bytes]) -> Origin:
        """The origin of one request."""
        key = (
            headers.get(b"x-forwarded-host") or headers.get(b"host"),
            headers.get(b"x-forwarded-proto"),
            scope.get("scheme"),
        )
        found = self._known.get(key)
        if found is None:
            found = _origin(key[0], key[1], scope)
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            if len(key[0] or b"") <= REMEMBERED and len(key[1] or b"") <= REMEMBERED:
                self._known[key] = found
        return found


def _origin(host: bytes | None, proto: bytes | None, scope: Mapping[str, Any]) -> Origin:
    name = (host or b"").partition(b",")[0].strip()
    if HOST.fullmatch(name) is None:
        server = scope.get("server") or ("127.0.0.1", None)
        address = f"[{server[0]}]" if ":" in str(server[0]) else str(server[0])
        text = address if server[1] is None else f"{address}:{server[1]}"
    else:
        text = name.decode("ascii")
    scheme = (proto or b"").partition(b",")[0].strip().lower().decode("latin-1")
    if scheme not in ("http", "https"):
        scheme = str(scope.get("scheme") or "http")
    local = text.startswith(("localhost", "127.0.0.1", "[::1]"))
    return Origin(f"{scheme}://{text}", f"{'http' if local else 'https'}://{text}")
