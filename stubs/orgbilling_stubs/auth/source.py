"""Where verification keys come from: one key, a JWKS file, or a JWKS address."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from orgbilling_stubs.auth.errors import refusal
from orgbilling_stubs.auth.jwks import MAX_BYTES, KeySourceError, parse, parse_pem
from orgbilling_stubs.auth.rsa import PublicKey

INTERVAL_MS = 10_000
MAX_AGE_MS = 3_600_000
TIMEOUT_S = 2.0


class Source(Protocol):
    """Finds the key that a token names."""

    def find(self, kid: str | None, now_ms: int) -> PublicKey:
        """Return the key; raises Unauthorized `unknown-kid` or Unavailable `keys-unavailable`."""


class Single:
    """One key. With `named`, a token must name it; Clerk's SDKs do not ask that of a PEM."""

    def __init__(self, key: PublicKey, named: bool) -> None:
        self._key = key
        self._named = named

    def find(self, kid: str | None, now_ms: int) -> PublicKey:
        """Return the key, unless the token names another one; raises Unauthorized `unknown-kid`."""
        if self._named and kid != self._key.kid:
            raise refusal("unknown-kid")
        return self._key


class Keyset:
    """A JWKS, loaded when first needed, and again when a token names an unknown key or an hour is over.

    Loads are at least ten seconds apart, run beside the server, and nobody waits longer than `wait_s`.
    """

    def __init__(self, load: Callable[[], bytes], wait_s: float = TIMEOUT_S) -> None:
        self._load = load
        self._wait_s = wait_s
        self._keys: dict[str, PublicKey] = {}
        self._tried_ms: int | None = None
        self._loaded_ms: int | None = None
        self._worker: threading.Thread | None = None

    def find(self, kid: str | None, now_ms: int) -> PublicKey:
        """Return the key; raises Unauthorized `unknown-kid` or Unavailable `keys-unavailable`.

        Unavailable only while no key was ever loaded: later on, a wrong kid is the client's mistake.
        """
        stale = self._loaded_ms is not None and abs(now_ms - self._loaded_ms) >= MAX_AGE_MS
        if (stale or kid not in self._keys) and self._due(now_ms):
            self._refresh(now_ms)
        if not self._keys:
            raise refusal("keys-unavailable", retry_after_s=INTERVAL_MS // 1000)
        key = self._keys.get(kid) if kid is not None else None
        if key is None:
            raise refusal("unknown-kid")
        return key

    def _due(self, now_ms: int) -> bool:
        running = self._worker is not None and self._worker.is_alive()
        return not running and (self._tried_ms is None or abs(now_ms - self._tried_ms) >= INTERVAL_MS)

    def _refresh(self, now_ms: int) -> None:
        self._tried_ms = now_ms
        # A socket timeout counts each read alone, so a server that drips could hold the stub for ever.
        self._worker = threading.Thread(target=self._take, args=(now_ms,), daemon=True)
        self._worker.start()
        self._worker.join(self._wait_s)

    def _take(self, now_ms: int) -> None:
        try:
            self._keys = parse(self._load())
        except (OSError, HTTPException, ValueError):
            return  # the old keys stay; `find` says what that means for the request
        self._loaded_ms = now_ms


def read_file(path: Path) -> bytes:
    """Return a file's bytes, 256 kB at most; raises KeySourceError that names the file."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise KeySourceError(f"{path}: {reason}") from None


def fetch(url: str) -> bytes:
    """Return what is at an http(s) address, without following redirects.

    Raises OSError, HTTPException or ValueError.
    """
    from urllib.request import HTTPRedirectHandler, Request, build_opener

    class Stay(HTTPRedirectHandler):
        def redirect_request(self, *_args: object, **_keywords: object) -> None:
            return None

    request = Request(url, headers={"Accept": "application/json"})  # noqa: S310 - open_jwks admits http(s) only
    with build_opener(Stay).open(request, timeout=TIMEOUT_S) as response:
        body: bytes = response.read(MAX_BYTES + 1)
    return body


def open_pem(path: Path) -> Single:
    """Return the source for `--clerk-pem`; raises KeySourceError that names the file."""
    try:
        return Single(parse_pem(read_file(path)), named=False)
    except KeySourceError as error:
        raise KeySourceError(_named(path, error)) from None


def open_jwks(location: str) -> Keyset:
    """Return the source for `--clerk-jwks`: a file, read at once, or an address, fetched when first needed.

    Raises KeySourceError that names the file or the address.
    """
    if location.lower().startswith(("http://", "https://")):
        if not _is_address(location):
            raise KeySourceError(f"{location}: not a usable address")
        return Keyset(lambda: fetch(location))
    path = Path(location)
    try:
        parse(read_file(path))
    except KeySourceError as error:
        raise KeySourceError(_named(path, error)) from None
    return Keyset(lambda: read_file(path))


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0 and url.isprintable() and " " not in url
    except ValueError:
        return False


def _named(path: Path, error: KeySourceError) -> str:
    problem = str(error)
    return problem if problem.startswith(str(path)) else f"{path}: {problem}"
