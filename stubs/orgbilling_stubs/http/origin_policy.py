"""Under which names the server answers, and which pages may do what: one policy for everything that it serves.

A browser sends the origin of the page that makes a request, and a page cannot change that. A program sends no
origin, and may do everything that its token allows. A page of another site can have its own name resolve to
127.0.0.1 (DNS rebinding): then the browser takes it for a page of ours, but sends its name as `Host`.

| request | allowed |
| --- | --- |
| any, by `Host` | this machine, `--host`, `--allowed-host`, `--public-url`; beyond loopback also addresses and names without dots |
| reading a response of the API | pages of the origins of `--cors`, `*` for all; without `--cors`, pages of this machine |
| a write, anything of the control API | programs; our own pages, pages of this machine, of the origins of `--cors` without `*` |
| submitting a form of a hosted page | programs; our own pages |

This machine: `localhost`, names below it, and loopback addresses, with any port and any scheme: the origin of an
app may be `capacitor://localhost`. `--cors *` opens reading alone: pages of any site may not change something.
"""  # noqa: E501 -- a table

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from orgbilling_stubs.http.origin import DEFAULT_PORTS, Host, is_address, is_local, parse_host, parse_origin

LOOPBACK_NETWORKS = ("127.0.0.0/8", "::1")
RawHeaders: TypeAlias = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """How the server is reached.

    host: the name or address that it listens on. cors: origins that may call from a browser, perhaps `*`.
    allowed_hosts: further names that it answers under, `*.example.com` for all below one, `*` for any.
    public_url: the URL that clients see in place of where they connect to.
    trusted_proxies: addresses and networks whose forwarding headers count, `*` for any.
    """

    host: str = "127.0.0.1"
    cors: Sequence[str] = ()
    allowed_hosts: Sequence[str] = ()
    public_url: str | None = None
    trusted_proxies: Sequence[str] = LOOPBACK_NETWORKS

    @property
    def loopback(self) -> bool:
        """Whether the server listens to this machine alone."""
        return is_local(self.host.lower())


class OriginPolicy:
    """Decides by `Host` and `Origin` what a request may do."""

    def __init__(self, network: NetworkSettings | None = None) -> None:
        network = network or NetworkSettings()
        listed = (parse_origin(origin.rstrip("/")) for origin in network.cors if origin != "*")
        self.any_origin = "*" in network.cors
        self.listed = frozenset(origin for origin in listed if origin is not None)
        self._loopback = network.loopback
        self._any_host = "*" in network.allowed_hosts
        patterns = [text.lower().removesuffix(".") for text in network.allowed_hosts]
        self._parents = tuple(pattern[1:] for pattern in patterns if pattern.startswith("*."))
        own_names = [network.host.lower()]
        public_origin = parse_origin("/".join((network.public_url or "").split("/", 3)[:3]))
        if public_origin is not None:
            own_names.append(public_origin.host.name)
        self._names = frozenset([*patterns, *own_names])

    def is_allowed_host(self, host: Host) -> bool:
        """Whether the server answers under this name."""
        name = host.name
        if host.is_local or name in self._names or self._any_host or name.endswith(self._parents):
            return True
        return not self._loopback and (is_address(name) or "." not in name)

    def may_read(self, origin: bytes) -> bool:
        """Whether pages of an origin may read responses of the API."""
        if self.any_origin:
            return True
        parsed = parse_origin(origin.decode("latin-1"))
        if parsed is None:
            return False
        return parsed in self.listed if self.listed else parsed.host.is_local

    def is_listed(self, origin: bytes) -> bool:
        """Whether an origin was given with `--cors`."""
        return parse_origin(origin.decode("latin-1")) in self.listed

    def is_own_or_known(self, origin: bytes, hosts: Sequence[Host]) -> bool:
        """Whether a page of an origin may change something on a server that is asked under these hosts."""
        parsed = parse_origin(origin.decode("latin-1"))
        if parsed is None:
            return False
        return parsed.host.is_local or parsed in self.listed or any(map(parsed.is_at, hosts))

    def return_origin(self, headers: Mapping[bytes, bytes]) -> str | None:
        """The origin of the app whose page makes a request, if hosted pages may lead back to it.

        Browsers send `Origin` with every POST; an older one, or a proxy, may leave `Referer` alone.
        """
        origin = headers.get(b"origin")
        if origin is None:
            referer = headers.get(b"referer")
            if referer is None:
                return None
            origin = b"/".join(referer.split(b"/", 3)[:3])
        text = origin.decode("latin-1")
        parsed = parse_origin(text)
        if parsed is None or not self.may_lead_to(text):
            return None
        return f"{parsed.scheme}://{parsed.host.authority}"

    def may_lead_to(self, origin: str) -> bool:
        """Whether hosted pages may lead to an app: by http(s), of this machine or given with `--cors`."""
        parsed = parse_origin(origin)
        if parsed is None or parsed.scheme not in DEFAULT_PORTS:
            return False
        return parsed.host.is_local or parsed in self.listed

    def may_write(
        self, headers: Mapping[bytes, bytes], raw_headers: RawHeaders, hosts: Sequence[Host]
    ) -> bool:
        """Whether the sender of a request may change something.

        headers: the first value of each. hosts: those that the server is asked under.
        A browser that sends no `Origin` says with `Sec-Fetch-Site` that a page of another site asks.
        """
        if b"origin" not in headers:
            return headers.get(b"sec-fetch-site") != b"cross-site"
        origins = (value for name, value in raw_headers if name == b"origin")
        return all(self.is_own_or_known(origin, hosts) for origin in origins)

    def may_submit_form(self, headers: Mapping[bytes, bytes], hosts: Sequence[Host]) -> bool:
        """Whether the sender may submit a form of a hosted page, on a server that is asked under these hosts.

        Where a browser sends `Sec-Fetch-Site` it decides: it stays right behind a proxy. Else `Origin` does.
        """
        site = headers.get(b"sec-fetch-site")
        if site is not None:
            return site in (b"same-origin", b"none")
        origin = headers.get(b"origin")
        if origin is None:
            return True
        parsed = parse_origin(origin.decode("latin-1"))
        return parsed is not None and any(map(parsed.is_at, hosts))


def is_host_pattern(text: str) -> bool:
    """Whether a text can be given as an allowed host: a name, `*.example.com` or `*`."""
    host = parse_host(text.removeprefix("*."))
    return text == "*" or (host is not None and host.port is None)
