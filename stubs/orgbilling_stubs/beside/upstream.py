"""The client of the real API: one pool of connections, nothing decoded, nothing followed, nothing remembered.

httpx gives the bytes as they came (`aiter_raw`), by the network policy of `orgbilling_openapi.http_client`.
Its cookie jar takes none, so no credential outlives its request.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from orgbilling_openapi.http_client import CertificateOptions, client_options, failure_cause

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
    import httpx

MOST_CONNECTIONS = 100
IDLE_CONNECTIONS = 20
IDLE_SECONDS = 30.0
CONNECT_TIMEOUT_S = 10.0
POOL_TIMEOUT_S = 10.0
REPEATED = ("GET", "HEAD")
"""Methods that are sent once more when a connection of the pool turns out to be closed."""


class Upstream:
    """Sends requests to the real API."""

    def __init__(self, settings: BesideSettings, certificates: CertificateOptions) -> None:
        """Raises `http_client.NetworkError` for certificates that cannot be read."""
        self.base = settings.base
        self.host = self.base.partition("://")[2].partition("/")[0].encode("latin-1")
        self._path = urlsplit(self.base).path
        self._timeout_s = settings.timeout_s
        self._options = client_options(self.base, settings.timeout_s, certificates)
        self._client: httpx.AsyncClient | None = None

    async def send(
        self,
        method: str,
        target: str,
        headers: Headers,
        body: bytes | AsyncIterator[bytes] | None = None,
    ) -> httpx.Response:
        """Send a request; the response has its head, and its body is still to be read.

        target: path and query below the base, encoded as the client has sent them. Raises Problem.
        """
        import httpx

        client = self._connected()
        # httpx would write a path anew: dots, and characters that it encodes otherwise.
        wire_target = f"{self._path}{target}".encode("latin-1")
        try:
            request = httpx.Request(
                method,
                self.base,
                headers=headers,
                content=body,
                extensions={"timeout": self._timeouts(), "target": wire_target},
            )
            try:
                return await client.send(request, stream=True)
            except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
                if method not in REPEATED:
                    raise
                return await client.send(request, stream=True)
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError, ExceptionGroup) as error:
            raise upstream_problem(error, self.base) from None

    def wait_without_limit(self, response: httpx.Response) -> None:
        """Let a body come as slowly as it likes: an event stream is silent while nothing happens."""
        response.request.extensions["timeout"]["read"] = None

    async def close(self) -> None:
        """Close all connections."""
        if self._client is not None:
            client, self._client = self._client, None
            with suppress(RuntimeError):  # the loop of its connections may have ended
                await client.aclose()

    def _timeouts(self) -> dict[str, float | None]:
        seconds = self._timeout_s
        connect = min(seconds, CONNECT_TIMEOUT_S)
        return {"connect": connect, "read": seconds, "write": seconds, "pool": min(seconds, POOL_TIMEOUT_S)}

    def _connected(self) -> httpx.AsyncClient:
        if self._client is None:
            import httpx

            limits = httpx.Limits(
                max_connections=MOST_CONNECTIONS,
                max_keepalive_connections=IDLE_CONNECTIONS,
                keepalive_expiry=IDLE_SECONDS,
            )
            jar = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
            self._client = httpx.AsyncClient(**self._options, limits=limits, cookies=jar)
        return self._client


def upstream_problem(error: Exception, url: str) -> Problem:
    """What the client is told when the real API gives no answer."""
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
