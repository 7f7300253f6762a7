"""Connections to one origin through a proxy of the environment, with httpx."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator

import httpx

from orgbilling_stubs.beside.direct_connections import PoolLimits, TimeLimits
from orgbilling_stubs.http.context import Headers


class ProxiedConnections:
    """A pool of connections to an origin, with the methods of `DirectConnections`.

    verify: how certificates are checked. proxy: its address.
    """

    def __init__(
        self, origin: str, verify: ssl.SSLContext | bool, proxy: str, limits: PoolLimits, times: TimeLimits
    ) -> None:
        """Raises ValueError or ImportError for a proxy that cannot be used."""
        self._origin = origin
        self._times = times
        self._transport = httpx.AsyncHTTPTransport(
            verify=verify,
            limits=httpx.Limits(
                max_connections=limits.open,
                max_keepalive_connections=limits.idle,
                keepalive_expiry=limits.idle_s,
            ),
            proxy=proxy,
        )

    async def send(
        self, method: str, target: bytes, headers: Headers, body: bytes | AsyncIterator[bytes] | None
    ) -> ProxiedResponse:
        """Send a request; the response has its head, and its body is still to be read.

        Raises `httpx.TransportError`, and others for a proxy that cannot be spoken with.
        """
        times = self._times
        timeouts: dict[str, float | None] = {
            "connect": times.connect_s,
            "read": times.bytes_s,
            "write": times.bytes_s,
            "pool": times.pool_s,
        }
        extensions = {"timeout": timeouts}
        request = httpx.Request(method, self._origin, headers=headers, content=body, extensions=extensions)
        request.url = _ExactUrl(self._origin, target)  # given to the request, it would be copied as any other
        return ProxiedResponse(await self._transport.handle_async_request(request), timeouts)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()


class ProxiedResponse:
    """The response to one request; iterating over it gives its body as it comes, still encoded."""

    def __init__(self, response: httpx.Response, timeouts: dict[str, float | None]) -> None:
        self._response = response
        self._timeouts = timeouts
        self.status = response.status_code
        self.headers: Headers = response.headers.raw

    def header(self, name: bytes) -> str:
        """The first value of a header, whose name is in lower case; empty where there is none."""
        return next((value for key, value in self.headers if key.lower() == name), b"").decode("latin-1")

    def wait_without_limit(self) -> None:
        """Let the body come as slowly as it likes."""
        self._timeouts["read"] = None

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._response.aiter_raw()

    async def aclose(self) -> None:
        """Give the connection back."""
        await self._response.aclose()


class _ExactUrl(httpx.URL):
    """An address whose path and query are sent as they are.

    httpx would take out dots and encode some characters. Its extension `target` keeps them, but is sent to
    the proxy, too, in place of the host to which a tunnel is asked for.
    """

    def __init__(self, origin: str, target: bytes) -> None:
        super().__init__(origin)
        self._target = target

    @property
    def raw_path(self) -> bytes:
        """Path and query."""
        return self._target
