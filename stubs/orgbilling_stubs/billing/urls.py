"""URLs that a browser may be sent to."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

_LABEL = re.compile(r"\w(?:[\w-]{0,61}\w)?")
_BRACKETED = re.compile(r"\[[^\[\]]+\](:[0-9]*)?")
_LONGEST = 253


def is_safe_redirect(url: str | None) -> bool:
    """Whether a browser may be sent there: an absolute http or https URL with a host and port that can be.

    Control characters and blanks are refused wherever they are.
    """
    if url is None or any(character <= " " or character == "\x7f" for character in url):
        return False
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or not host or port == 0:
        return False
    # Browsers read a backslash as the end of the host.
    host_and_port = parts.netloc.rpartition("@")[2]
    bracketed = _BRACKETED.fullmatch(host_and_port) is not None
    return "\\" not in parts.netloc and _is_host(host, bracketed=bracketed)


def _is_host(host: str, *, bracketed: bool) -> bool:
    if bracketed:
        return _is_address(host, ipaddress.IPv6Address)
    labels = host.removesuffix(".").split(".")
    if len(host) > _LONGEST or not all(map(_LABEL.fullmatch, labels)):
        return False
    return not labels[-1].isdecimal() or _is_address(host.removesuffix("."), ipaddress.IPv4Address)


def _is_address(host: str, kind: type[ipaddress.IPv4Address | ipaddress.IPv6Address]) -> bool:
    try:
        kind(host)
    except ValueError:
        return False
    return True
