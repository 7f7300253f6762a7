"""Addresses as people give them to commands: of a server, of its API, or of the control API beside it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

API_PATH = "/api/v1"
"""The path of the described server."""
BESIDE_PATHS = ("/_mock/v1", "/_mock")
"""What a stub serves beside the API, below the same root."""


@dataclass(frozen=True, slots=True)
class ApiAddress:
    """One server.

    host: its name; origin: scheme, host and port; root: the URL of the server; base: that of its API.
    """

    host: str
    origin: str
    root: str
    base: str


def parse(text: str) -> ApiAddress:
    """The server that an address means; `http://` may be left out before a host with a dot or a port.

    An address without a path gets ``/api/v1``; any other path is taken to be that of the API.

    Raises `ValueError` for what is no address, or has a query, a fragment or a password.
    """
    parts = urlsplit(text if "://" in text else f"http://{text}")
    host = parts.hostname or ""
    complete = "://" in text or parts.port is not None or "." in host or host == "localhost"
    if not (complete and host and parts.scheme in ("http", "https") and parts.port != 0):
        raise ValueError("not an address")
    if parts.query or parts.fragment or parts.username or parts.password or any(map(str.isspace, text)):
        raise ValueError("not the address of a server")
    origin = f"{parts.scheme}://{parts.netloc}"
    path = parts.path.rstrip("/")
    for suffix in BESIDE_PATHS:
        if path.endswith(suffix):
            root = origin + path.removesuffix(suffix)
            return ApiAddress(host, origin, root, root + API_PATH)
    return ApiAddress(host, origin, origin + path.removesuffix(API_PATH), origin + (path or API_PATH))
