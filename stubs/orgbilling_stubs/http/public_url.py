"""The URL of this server as its clients see it: what the URLs in responses begin with.

It is `--public-url`, or follows from `Host`, or from what a trusted proxy says: `Forwarded` (RFC 7239), else
`X-Forwarded-Proto`, `-Host`, `-Port` and `-Prefix`. Of several values, the first counts: it is from the proxy
next to the client. The same headers of any other client are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from orgbilling_stubs.http.origin import DEFAULT_PORTS, Host, parse_host, parse_origin
from orgbilling_stubs.http.origin_policy import NetworkSettings, OriginPolicy

if TYPE_CHECKING:
    from starlette.types import Scope

CACHED_URLS = 256
LONGEST_CACHED = 256
"""What follows from longer headers is worked out with every request, and not remembered."""
LONGEST_PREFIX = 256

_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@%-]+)+")
_FORWARDED_PAIR = re.compile(r'([A-Za-z]{1,20})=(?:"([^"\\]*)"|([^",;\s]*))')

Address: TypeAlias = tuple[str, int | None]
"""IP address or name, and port, of one end of a connection."""


class PublicUrl(NamedTuple):
    """Where a client sees the server.

    base_url: of this server's URLs, without a slash at its end. path: the path in it, as a proxy adds it.
    schema_url: the base URL in `$schema`. Its scheme is that of `--public-url` or of a proxy, else what the
    real framework guesses: `http` for a local host and `https` for any other, whatever the request came by.
    hosts: the names under which the request asks for the server. is_allowed: whether it answers under them.
    """

    base_url: str
    schema_url: str
    path: str
    hosts: tuple[Host, ...]
    is_allowed: bool = True


class PublicUrls:
    """Reads the URL of the server from a request, and remembers it."""

    def __init__(self, network: NetworkSettings | None = None) -> None:
        network = network or NetworkSettings()
        self.policy = OriginPolicy(network)
        self._trusted_proxies = TrustedProxies(network.trusted_proxies)
        self._fixed_url = None if network.public_url is None else network.public_url.rstrip("/")
        self._cache: dict[tuple[bytes | str | None, ...], PublicUrl] = {}

    def of(self, scope: Scope, headers: Mapping[bytes, bytes]) -> PublicUrl:
        """The URL for one request; scope: of ASGI."""
        scheme, server, client = scope.get("scheme", "http"), scope.get("server"), scope.get("client")
        return self.of_request(headers, scheme, server, client)

    def of_request(
        self, headers: Mapping[bytes, bytes], scheme: str, server: Address | None, client: Address | None
    ) -> PublicUrl:
        """The URL for one request; scheme, server and client: of its connection."""
        key: tuple[bytes | str | None, ...] = (headers.get(b"host"), scheme)
        forwarding: dict[bytes, bytes] = {}
        if not headers.keys().isdisjoint(FORWARDING_HEADERS) and self._trusted_proxies.include(client):
            forwarding = {name: headers[name] for name in FORWARDING_HEADERS if name in headers}
            key += tuple(map(headers.get, FORWARDING_HEADERS))
        public_url = self._cache.get(key)
        if public_url is None:
            public_url = self._read(headers.get(b"host"), scheme, server, read_forwarding(forwarding))
            if len(self._cache) >= CACHED_URLS:
                self._cache.clear()
            if all(len(value or "") <= LONGEST_CACHED for value in key):
                self._cache[key] = public_url
        return public_url

    def _read(
        self, host_header: bytes | None, scheme: str, server: Address | None, forwarding: Forwarding
    ) -> PublicUrl:
        """Where the client sees the server: at the fixed URL, else the proxy's host, else `Host`.

        host_header: None without a `Host`; then the address that the server listens on. Every host that is
        named has to be allowed.
        """
        ip, port = server or ("127.0.0.1", None)
        bound = Host(ip.strip("[]"), port)
        host = bound if host_header is None else parse_host(host_header.decode("latin-1"))
        if forwarding.host is None:  # the proxy kept `Host`
            host = _at_port(host, forwarding)
        hosts = [host] if forwarding.host is None else [forwarding.host, host]
        asked = [name for name in hosts if name is not None]
        is_allowed = len(asked) == len(hosts) and (
            host_header is None or all(map(self.policy.is_allowed_host, asked))
        )
        if not is_allowed:  # the answer that says so must not name the host
            asked, forwarding = [bound], Forwarding(None, None, "", "")
        if self._fixed_url is not None:
            parts = urlsplit(self._fixed_url)
            asked += filter(None, [parse_host(parts.netloc)])
            return PublicUrl(self._fixed_url, self._fixed_url, parts.path, tuple(asked), is_allowed)
        authority = asked[0].authority
        local = authority.startswith(("localhost", "127.0.0.1", "[::1]"))
        schema_scheme = forwarding.scheme or ("http" if local else "https")
        return PublicUrl(
            f"{forwarding.scheme or scheme}://{authority}{forwarding.path}",
            f"{schema_scheme}://{authority}{forwarding.path}",
            forwarding.path,
            tuple(asked),
            is_allowed,
        )


def is_base_url(text: str) -> bool:
    """Whether a text is an http or https URL of a host, perhaps with a port and a path, and nothing else."""
    parts = text.split("/", 3)
    origin = parse_origin("/".join(parts[:3]))
    path = "/".join(["", *parts[3:]]).rstrip("/")
    return (
        origin is not None
        and origin.scheme in DEFAULT_PORTS
        and (not path or _PREFIX.fullmatch(path) is not None)
    )


class Forwarding(NamedTuple):
    """What a proxy says of the request that it was sent: None and empty texts where it says nothing."""

    scheme: str | None
    host: Host | None
    path: str
    port: str


FORWARDING_HEADERS = (
    b"forwarded",
    b"x-forwarded-proto",
    b"x-forwarded-host",
    b"x-forwarded-port",
    b"x-forwarded-prefix",
)


def read_forwarding(headers: Mapping[bytes, bytes]) -> Forwarding:
    """What the forwarding headers of a trusted proxy say. A part that cannot be read is ignored."""
    standard = _forwarded_pairs(headers.get(b"forwarded", b"").decode("latin-1"))
    scheme = (standard.get("proto") or _first(headers, b"x-forwarded-proto")).lower()
    host = parse_host(standard.get("host") or _first(headers, b"x-forwarded-host"))
    port = _first(headers, b"x-forwarded-port")
    if not (port.isascii() and port.isdigit() and len(port) <= 5):
        port = ""
    path = _first(headers, b"x-forwarded-prefix").rstrip("/")
    if len(path) > LONGEST_PREFIX or _PREFIX.fullmatch(path) is None:
        path = ""
    forwarding = Forwarding(scheme if scheme in DEFAULT_PORTS else None, host, path, port)
    return forwarding._replace(host=_at_port(host, forwarding))


def _at_port(host: Host | None, forwarding: Forwarding) -> Host | None:
    """A host with the port that a proxy names, unless it has one; without that of the proxy's scheme."""
    if host is not None and host.port is None and forwarding.port:
        host = parse_host(f"{host.authority}:{forwarding.port}") or host
    if host is not None and forwarding.scheme and host.port == DEFAULT_PORTS[forwarding.scheme]:
        host = Host(host.name, None)
    return host


def _first(headers: Mapping[bytes, bytes], name: bytes) -> str:
    """The first value of a header that lists the values of several proxies."""
    return headers.get(name, b"").partition(b",")[0].strip().decode("latin-1")


def _forwarded_pairs(value: str) -> dict[str, str]:
    """The pairs of the first element of `Forwarded`, which the proxy next to the client has written."""
    pairs = {}
    position = 0
    while match := _FORWARDED_PAIR.match(value, position):
        pairs[match[1].lower()] = match[3] if match[2] is None else match[2]
        rest = value[match.end() : match.end() + 4].lstrip(" \t")
        if not rest.startswith(";"):
            break
        position = value.index(";", match.end()) + 1
        while value[position : position + 1] in (" ", "\t"):
            position += 1
    return pairs


class TrustedProxies:
    """The peers whose forwarding headers count.

    trusted: addresses and networks; `*` for all. A peer without an address (a Unix socket, an application in
    the same process) counts as loopback. Raises ValueError for what is neither.
    """

    def __init__(self, trusted: Sequence[str]) -> None:
        self._all = "*" in trusted
        self._networks = [ip_network(text) for text in trusted if text != "*"]
        self.include = lru_cache(CACHED_URLS)(self._include)

    def _include(self, client: Address | None) -> bool:
        """Whether a peer is trusted."""
        if self._all:
            return True
        try:
            address = ip_address(client[0] if client is not None else "127.0.0.1")
        except ValueError:
            address = ip_address("127.0.0.1")
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self._networks)
