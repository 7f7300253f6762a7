"""HTTP requests to other machines: one policy for all commands.

- Loopback is asked directly, whatever proxy the environment names. Everything else goes through the proxy of
  `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`.
- Certificates are checked with `--ca-file`, else with `SSL_CERT_FILE` or `SSL_CERT_DIR`, else with the
  authorities that Mozilla trusts. They are not checked with `--insecure`, which is for loopback alone.
- Redirects are not followed: an error names where they lead.
- A failure is one line with its cause: the name, the connection, TLS, the time, or the proxy.

httpx takes 80 ms to import, so it is imported when the first request is made.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict
from urllib.parse import urlsplit

from orgbilling_openapi.redaction import redact

if TYPE_CHECKING:
    import httpx

CONFORMANCE_USER_AGENT = "orgbilling-conformance"
"""The `User-Agent` of the conformance suite, by which a server tells its requests from those of a client."""


class NetworkError(Exception):
    """No usable response; the text says at which address and why, in one line."""


class StatusError(NetworkError):
    """A response that is no success. status, body: of the response, whose body is read up to the limit."""

    def __init__(self, text: str, status: int, body: bytes = b"") -> None:
        super().__init__(text)
        self.status = status
        self.body = body


@dataclass(frozen=True, slots=True)
class CertificateOptions:
    """What a user chose. ca_file: certificates to trust. insecure: whether to check none, on loopback."""

    ca_file: Path | None = None
    insecure: bool = False


DEFAULT_TLS = CertificateOptions()


class ClientOptions(TypedDict):
    """How a client of httpx is made."""

    trust_env: bool
    verify: ssl.SSLContext | bool
    follow_redirects: bool
    timeout: float


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def client_options(url: str, timeout_s: float, tls: CertificateOptions = DEFAULT_TLS) -> ClientOptions:
    """How a client for an address is made; timeout_s: for the connection, and for each read and write.

    Raises NetworkError for certificates that cannot be read, and for `insecure` beyond loopback.
    """
    parts = urlsplit(url)
    if parts.port == 0:  # asking for the port raises ValueError for one that is none
        raise NetworkError(f"{_shown(url)}: there is no port 0")
    local = is_loopback(parts.hostname or "")
    if tls.insecure and not local:
        raise NetworkError(f"{_shown(url)}: --insecure is for this machine alone; use --ca-file")
    verify = _tls_context(tls) if parts.scheme == "https" else False
    return {"trust_env": not local, "verify": verify, "follow_redirects": False, "timeout": timeout_s}


def http_client(url: str, timeout_s: float, tls: CertificateOptions = DEFAULT_TLS) -> httpx.Client:
    """A client for an address, by the policy of this module; raises NetworkError as `client_options`."""
    import httpx

    try:
        return httpx.Client(**client_options(url, timeout_s, tls))
    except (ImportError, ValueError) as error:  # a proxy of the environment that cannot be used
        raise NetworkError(f"{_shown(url)}: {failure_cause(error, url)}") from None


def fetch(
    url: str,
    max_bytes: int,
    deadline_s: float,
    tls: CertificateOptions = DEFAULT_TLS,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> bytes:
    """The body of a successful response, of which at most `max_bytes` + 1 bytes are read.

    deadline_s: for everything together, however slowly the server sends. Must not be called from a coroutine.
    Raises NetworkError, and StatusError for a response that is no success.
    """
    import httpx

    try:
        options = client_options(url, deadline_s, tls)
        return asyncio.run(_fetch(url, max_bytes, deadline_s, options, method, headers or {}, body))
    except TimeoutError:
        raise NetworkError(f"{_shown(url)}: no whole answer within {deadline_s:g} seconds") from None
    except (ImportError, OSError, ValueError, ExceptionGroup, httpx.HTTPError, httpx.InvalidURL) as error:
        raise NetworkError(f"{_shown(url)}: {failure_cause(error, url)}") from None


async def _fetch(
    url: str,
    max_bytes: int,
    deadline_s: float,
    options: ClientOptions,
    method: str,
    headers: Mapping[str, str],
    body: bytes | None,
) -> bytes:
    import httpx

    async with (
        asyncio.timeout(deadline_s),
        httpx.AsyncClient(**options) as client,
        client.stream(method, url, headers=headers, content=body) as response,
    ):
        content = b""
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > max_bytes:
                break
        if not response.is_success:
            raise StatusError(f"{_shown(url)}: {_refusal(response)}", response.status_code, content)
        return content[: max_bytes + 1]


def failure_cause(error: Exception, url: str) -> str:
    """Why a request failed, in a few words: from the innermost error that says something."""
    host = urlsplit(url).hostname or ""
    proxy = redact(proxy_of(url) or "")
    through = f" (through the proxy {proxy})" if proxy else ""
    for cause in _causes(error):
        if isinstance(cause, socket.gaierror):
            name = "the proxy's name" if proxy else f"the name {host}"
            return f"{name} cannot be resolved{through}"
        if isinstance(cause, ConnectionRefusedError):
            return f"connection refused: nothing listens there{through}"
        if isinstance(cause, ssl.SSLCertVerificationError):
            return (
                f"TLS: the certificate is not trusted ({cause.verify_message or cause.reason}); "
                f"name its authority with --ca-file or SSL_CERT_FILE{through}"
            )
        if isinstance(cause, ssl.SSLError):
            hint = "; is it http://?" if cause.reason == "WRONG_VERSION_NUMBER" else ""
            return f"TLS: {(cause.reason or str(cause)).lower().replace('_', ' ')}{hint}{through}"
    name = type(error).__name__
    if "Timeout" in name:
        return f"no answer in time{through}"
    if name == "ProxyError":
        return f"the proxy {proxy} refuses it: {_one_line(error)}"
    return f"{_one_line(error) or name}{through}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what it came from, the innermost last; of a group all members."""
    seen: set[int] = set()
    waiting: list[BaseException] = [error]
    while waiting:
        cause = waiting.pop(0)
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        if isinstance(cause, BaseExceptionGroup):
            waiting += cause.exceptions
        waiting += [inner for inner in (cause.__cause__, cause.__context__) if inner is not None]


def _tls_context(tls: CertificateOptions) -> ssl.SSLContext | bool:
    """What certificates are checked with; False checks none. Raises NetworkError."""
    import httpx

    if tls.insecure:
        return False
    named = tls.ca_file or os.environ.get("SSL_CERT_FILE")
    try:
        if named:
            return ssl.create_default_context(cafile=str(named))
        return httpx.create_ssl_context()
    except OSError as error:  # ssl.SSLError is one, for a file that holds no certificate
        source = "--ca-file" if tls.ca_file else "SSL_CERT_FILE"
        problem = "no certificates in it" if isinstance(error, ssl.SSLError) else _one_line(error.strerror)
        raise NetworkError(f"{source} {named}: {problem.lower()}") from None


def proxy_of(url: str) -> str | None:
    """The proxy of the environment that a request goes through; None for none. It may hold a password."""
    from urllib.request import getproxies, proxy_bypass  # late: 10 ms, and most servers ask nobody

    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_loopback(host) or proxy_bypass(host):
        return None
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return proxy if not proxy or "://" in proxy else f"http://{proxy}"


def _refusal(response: httpx.Response) -> str:
    """What a response says that is no success; a redirect with where it leads."""
    if response.is_redirect:
        return f"answers {response.status_code}, a redirect to {redact(response.headers['location'])[:200]}"
    return f"answers {response.status_code}"


def _shown(url: str) -> str:
    return redact(url)


def _one_line(value: object) -> str:
    return " ".join(str(value).split())
