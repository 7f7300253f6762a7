"""Host names and web origins, parsed and compared by one rule (RFC 6454, RFC 9110).

Two texts name the same host, or origin, when their parts are equal. Case does not count, neither does
a dot at the end of a name, a port that is the default of the scheme, or the spelling of an IPv6 address:
`HTTPS://App.Example.:443` and `https://app.example` are one origin.
"""

from __future__ import annotations

import re
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple

DEFAULT_PORTS = {"http": 80, "https": 443}
LONGEST = 300
"""A longer text names no host and no origin."""

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,255})(?::([0-9]{0,5}))?")
_ORIGIN = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,63})://(.+)")


class Host(NamedTuple):
    """The host of an address. name: lower case; an IPv6 address without brackets. port: None if not given."""

    name: str
    port: int | None

    @property
    def is_local(self) -> bool:
        """Whether it names this machine."""
        return is_local(self.name)

    @property
    def authority(self) -> str:
        """Name and port as they stand in a URL."""
        name = f"[{self.name}]" if ":" in self.name else self.name
        return name if self.port is None else f"{name}:{self.port}"


class Origin(NamedTuple):
    """A web origin; the port of its host is None where it is the default of the scheme."""

    scheme: str
    host: Host

    def is_at(self, host: Host) -> bool:
        """Whether it is the origin of a server that is asked under this `Host`, by http or https.

        A proxy that ends TLS may not say so: the scheme does not count, but its default port does.
        """
        port = DEFAULT_PORTS.get(self.scheme)
        return (
            port is not None
            and self.host.name == host.name
            and (self.host.port or port) == (host.port or port)
        )


def is_local(name: str) -> bool:
    """Whether a host name or address means this machine: `localhost`, a name below it, a loopback address."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


def is_address(name: str) -> bool:
    """Whether a host name is an IP address."""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def parse_host(text: str) -> Host | None:
    """A host with or without a port, as in `Host`; None for any other text."""
    match = _HOST.fullmatch(text) if len(text) <= LONGEST else None
    if match is None:
        return None
    port = int(match[2]) if match[2] else None
    if port is not None and port > 65_535:
        return None
    if not match[1].startswith("["):
        name = match[1].lower().removesuffix(".")
        return Host(name, port) if name else None
    try:
        return Host(str(IPv6Address(match[1][1:-1])), port)
    except ValueError:
        return None


def parse_origin(text: str) -> Origin | None:
    """A web origin of any scheme, as in `Origin`; None for any other text, such as `null`."""
    match = _ORIGIN.fullmatch(text) if len(text) <= LONGEST else None
    host = None if match is None else parse_host(match[2])
    if match is None or host is None:
        return None
    scheme = match[1].lower()
    if host.port == DEFAULT_PORTS.get(scheme):
        host = Host(host.name, None)
    return Origin(scheme, host)
