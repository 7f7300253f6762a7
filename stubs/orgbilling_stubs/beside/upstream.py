"""The client of the real API: one pool of connections, nothing decoded, nothing followed, nothing remembered.

It follows the network policy of `orgbilling_openapi.http_client`. Without a proxy on the way, the connections
are our own (`direct_connections`); httpx speaks with a proxy (`proxied_connections`).
No credential outlives its request.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from orgbilling_openapi.http_client import CertificateOptions, client_options, failure_cause, proxy_of

from orgbilling_stubs.beside.errors import (
    UPSTREAM_BROKEN,
    UPSTREAM_BUSY,
    UPSTREAM_TIMEOUT,
    UPSTREAM_UNREACHABLE,
)
from orgbilling_stubs.beside.settings import BesideSettings
from orgbilling_stubs.http.context import Headers
from orgbilling_stubs.http.errors import Problem, ProblemType

if TYPE_CHECKING:
    from orgbilling_stubs.beside.direct_connections import DirectConnections
    from orgbilling_stubs.beside.proxied_connections import ProxiedConnections

MOST_CONNECTIONS = 100
IDLE_CONNECTIONS = 20
IDLE_SECONDS = 30.0
CONNECT_TIMEOUT_S = 10.0
POOL_TIMEOUT_S = 10.0
REPEATED = ("GET", "HEAD")
"""Methods that are sent once more when a connection of the pool turns out to be closed."""


class UpstreamResponse(Protocol):
    """A response of the real API; iterating over it gives its body as it comes, still encoded."""

    status: int
    headers: Headers

    def header(self, name: bytes) -> str:
        """The first value of a header, whose name is in lower case; empty where there is none."""

    def wait_without_limit(self) -> None:
        """Let the body come as slowly as it likes: an event stream is silent while nothing happens."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def aclose(self) -> None:
        """Give the connection back."""


class Upstream:
    """Sends requests to the real API."""

    def __init__(self, settings: BesideSettings, certificates: CertificateOptions) -> None:
        """Raises `http_client.NetworkError` for certificates that cannot be read."""
        self.base = settings.base
        self.host = self.base.partition("://")[2].partition("/")[0].encode("latin-1")
        self._path = urlsplit(self.base).path
        self._timeout_s = settings.timeout_s
        self._connect_s = min(settings.timeout_s, CONNECT_TIMEOUT_S)
        self._pool_s = min(settings.timeout_s, POOL_TIMEOUT_S)
        self._options = client_options(self.base, settings.timeout_s, certificates)
        self._pool: DirectConnections | ProxiedConnections | None = None

    async def send(
        self,
        method: str,
        target: str,
        headers: Headers,
        body: bytes | AsyncIterator[bytes] | None = None,
    ) -> UpstreamResponse:
        """Send a request; the response has its head, and its body is still to be read.

        target: path and query below the base, encoded as the client has sent them. Raises Problem.
        """
        import httpx

        wire_target = f"{self._path}{target}".encode("latin-1")
        try:
            try:
                return await self._send(method, wire_target, headers, body)
            except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
                if method not in REPEATED:
                    raise
                return await self._send(method, wire_target, headers, body)
        except (httpx.HTTPError, OSError, ValueError, ImportError, ExceptionGroup) as error:
            raise upstream_problem(error, self.base) from None

    async def close(self) -> None:
        """Close all connections."""
        if self._pool is not None:
            pool, self._pool = self._pool, None
            with suppress(RuntimeError):  # the loop of its connections may have ended
                await pool.aclose()

    async def _send(
        self, method: str, target: bytes, headers: Headers, body: bytes | AsyncIterator[bytes] | None
    ) -> UpstreamResponse:
        return await self._connected().send(method, target, headers, body)

    def _connected(self) -> DirectConnections | ProxiedConnections:
        """The connections, through a proxy where the environment names one."""
        if self._pool is None:
            import httpx

            from orgbilling_stubs.beside.direct_connections import DirectConnections, PoolLimits, TimeLimits
            from orgbilling_stubs.beside.proxied_connections import ProxiedConnections

            limits = PoolLimits(MOST_CONNECTIONS, IDLE_CONNECTIONS, IDLE_SECONDS)
            times = TimeLimits(self._pool_s, self._connect_s, self._timeout_s)
            verify = self._options["verify"]
            proxy = proxy_of(self.base) if self._options["trust_env"] else None
            if proxy is not None:
                self._pool = ProxiedConnections(self.base, verify, proxy, limits, times)
                return self._pool
            url, tls = httpx.URL(self.base), None
            if url.scheme == "https":
                tls = verify if isinstance(verify, ssl.SSLContext) else httpx.create_ssl_context(verify=False)
            port = url.port or (80 if tls is None else 443)
            self._pool = DirectConnections(url.raw_host.decode("ascii"), port, tls, limits, times)
        return self._pool


def upstream_problem(error: Exception, url: str) -> Problem:
    """The problem that the client gets when the real API gives no answer."""
    name = type(error).__name__
    row: ProblemType = UPSTREAM_UNREACHABLE
    if name == "PoolTimeout":
        row = UPSTREAM_BUSY
    elif name in ("ReadTimeout", "WriteTimeout"):
        row = UPSTREAM_TIMEOUT
    elif name in ("RemoteProtocolError", "LocalProtocolError", "ReadError", "WriteError", "DecodingError"):
        row = UPSTREAM_BROKEN
    if row in (UPSTREAM_BUSY, UPSTREAM_TIMEOUT):
        return Problem(row)
    return Problem(row, detail=f"{row.detail}: {failure_cause(error, url)}")
