"""Which hosts and origins may do what: one policy for the API, the control API and the hosted pages.

A browser sends the origin of the page that makes a request, and a page cannot change that. A program sends no
origin, and may do everything that its token allows. A page of another site can have its own name resolve to
127.0.0.1 (DNS rebinding): then the browser takes it for a page of ours, but sends its name as `Host`.

| request | allowed `Host` | allowed `Origin` |
| --- | --- | --- |
| read a response of the API | any | the origins of `--cors`, `*` for any; without `--cors`, this machine |
| use the control API | this machine; the bound host; beyond loopback any address and any name without dots | none, our own, this machine, the origins of `--cors` except `*` |
| submit a form of a hosted page | on loopback: this machine, the hosts of `--cors` | none, or our own |
| complete a session with JSON | as for a form | none, our own, this machine, the origins of `--cors` except `*` |

This machine: `localhost`, names under `.localhost`, 127.0.0.1 and ::1, with any port; for the control API any
loopback address. `--cors *` allows reading alone: no page of any site may change something.
"""  # noqa: E501 -- a table

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

_LOCAL = re.compile(rb"https?://(?:localhost|[a-z0-9-]+\.localhost|127\.0\.0\.1|\[::1\])(?::[0-9]{1,5})?")
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?", re.IGNORECASE)


class OriginPolicy:
    """Decides by `Host` and `Origin` what a request may do.

    origins: those given with `--cors`, perhaps `*`. loopback: whether the server listens to this machine
    alone. bound_host: the name or address that it listens on.
    """

    def __init__(
        self, origins: Sequence[str] = (), loopback: bool = True, bound_host: str = "127.0.0.1"
    ) -> None:
        self.any_origin = "*" in origins
        self.listed = frozenset(origin.rstrip("/").encode("latin-1") for origin in origins if origin != "*")
        self._listed_hosts = frozenset(urlsplit(origin).netloc for origin in self.listed)
        self._loopback = loopback
        self._bound_host = bound_host.lower()

    def may_read(self, origin: bytes) -> bool:
        """Whether pages of an origin may read responses of the API."""
        if self.listed or self.any_origin:
            return self.any_origin or origin in self.listed
        return _LOCAL.fullmatch(origin) is not None

    def is_control_host(self, host: bytes) -> bool:
        """Whether the control API answers under this `Host`."""
        match = _HOST.fullmatch(host.decode("latin-1"))
        if match is None:
            return False
        name = match[1].lower().removeprefix("[").removesuffix("]")
        if name == "localhost" or name.endswith(".localhost") or name == self._bound_host:
            return True
        try:
            return ip_address(name).is_loopback or not self._loopback
        except ValueError:
            return not self._loopback and "." not in name

    def may_control(self, origin: bytes, host: bytes) -> bool:
        """Whether pages of an origin may use the control API, which they reach under `host`."""
        return self._is_known(origin) or origin in (b"http://" + host, b"https://" + host)

    def is_page_host(self, host: bytes) -> bool:
        """Whether the hosted pages accept changes under this `Host`."""
        local = _LOCAL.fullmatch(b"http://" + host) is not None
        return local or not self._loopback or host in self._listed_hosts

    def may_submit_form(self, headers: Mapping[bytes, bytes], own_origin: str) -> bool:
        """Whether the sender may submit a form of a hosted page, whose origin is `own_origin`.

        Where a browser sends `Sec-Fetch-Site` it decides: it stays right behind a proxy. Else `Origin` does.
        """
        site = headers.get(b"sec-fetch-site")
        if site is not None:
            return site in (b"same-origin", b"none")
        origin = headers.get(b"origin")
        return origin is None or origin == own_origin.encode("latin-1", "replace")

    def may_send_json(self, headers: Mapping[bytes, bytes], own_origin: str) -> bool:
        """Whether the sender may complete a session with JSON; `own_origin` is that of the hosted pages."""
        origin = headers.get(b"origin")
        return origin is None or origin == own_origin.encode("latin-1", "replace") or self._is_known(origin)

    def _is_known(self, origin: bytes) -> bool:
        return origin in self.listed or _LOCAL.fullmatch(origin) is not None
