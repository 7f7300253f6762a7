"""Where verification keys come from: one key, a JWKS file, or a JWKS address."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from orgbilling_stubs.auth.errors import AuthError
from orgbilling_stubs.auth.keys import MAX_KEY_BYTES, KeySourceError, PublicKey, parse_jwks, parse_pem

MIN_LOAD_INTERVAL_MS = 10_000
MAX_AGE_MS = 3_600_000
FETCH_TIMEOUT_S = 2.0


class KeySource(Protocol):
    """Finds the key that a token names."""

    def find(self, kid: str | None, now_ms: int) -> PublicKey:
        """Return the key; raises AuthError `key_unknown` or `keys_unavailable`."""


class SingleKey:
    """One key. With `kid_required` a token must name it. Clerk's SDKs do not require that for a PEM."""

    def __init__(self, key: PublicKey, kid_required: bool) -> None:
        self._key = key
        self._kid_required = kid_required

    def find(self, kid: str | None, now_ms: int) -> PublicKey:
        """Return the key, unless the token names another one; raises AuthError `key_unknown`."""
        if self._kid_required and kid != self._key.kid:
            raise AuthError("key_unknown")
        return self._key


class KeySet:
    """A JWKS. It is loaded when it is first needed, when a token names an unknown key, and after an hour.

    Loads are at least ten seconds apart. Each runs in a thread of its own, for which a request waits `wait_s`
    seconds at most. Own code, because PyJWT's `PyJWKClient` reads no files and any number of bytes, waits for
    as long as a slow server keeps sending, and asks an address that does not answer again for every request.
    """

    def __init__(self, load: Callable[[], bytes], wait_s: float = FETCH_TIMEOUT_S) -> None:
        self._load = load
        self._wait_s = wait_s
        self._keys: dict[str, PublicKey] = {}
        self._load_started_ms: int | None = None
        self._loaded_ms: int | None = None
        self._worker: threading.Thread | None = None

    def find(self, kid: str | None, now_ms: int) -> PublicKey:
        """Return the key; raises AuthError `key_unknown` or `keys_unavailable`.

        `keys_unavailable` only until keys have been loaded once. After that an unknown kid is the client's
        mistake.
        """
        stale = self._loaded_ms is not None and abs(now_ms - self._loaded_ms) >= MAX_AGE_MS
        if (stale or kid not in self._keys) and self._may_load(now_ms):
            self._start_load(now_ms)
        if not self._keys:
            raise AuthError("keys_unavailable", retry_after_s=MIN_LOAD_INTERVAL_MS // 1000)
        key = self._keys.get(kid) if kid is not None else None
        if key is None:
            raise AuthError("key_unknown")
        return key

    def _may_load(self, now_ms: int) -> bool:
        running = self._worker is not None and self._worker.is_alive()
        return not running and (
            self._load_started_ms is None or abs(now_ms - self._load_started_ms) >= MIN_LOAD_INTERVAL_MS
        )

    def _start_load(self, now_ms: int) -> None:
        self._load_started_ms = now_ms
        # A socket timeout applies to each read, so a server that sends byte by byte could hold a request for
        # ever.
        self._worker = threading.Thread(target=self._load_keys, args=(now_ms,), daemon=True)
        self._worker.start()
        self._worker.join(self._wait_s)

    def _load_keys(self, now_ms: int) -> None:
        try:
            self._keys = parse_jwks(self._load())
        except (OSError, HTTPException, ValueError):
            return  # The keys of the last load stay.
        self._loaded_ms = now_ms


def read_file(path: Path) -> bytes:
    """Return a file's bytes, 256 kB at most; raises KeySourceError, which names the file."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_KEY_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise KeySourceError(f"{path}: {reason}") from None


def fetch(url: str) -> bytes:
    """Return what is at an http(s) address, without following redirects.

    Raises OSError, HTTPException or ValueError.
    """
    from urllib.request import HTTPRedirectHandler, Request, build_opener

    class NoRedirects(HTTPRedirectHandler):
        def redirect_request(self, *_args: object, **_keywords: object) -> None:
            return None

    request = Request(url, headers={"Accept": "application/json"})  # noqa: S310 - open_jwks admits http(s) only
    with build_opener(NoRedirects).open(request, timeout=FETCH_TIMEOUT_S) as response:
        body: bytes = response.read(MAX_KEY_BYTES + 1)
    return body


def open_pem(path: Path) -> SingleKey:
    """Return the source for `--clerk-pem`; raises KeySourceError, which names the file."""
    try:
        return SingleKey(parse_pem(read_file(path)), kid_required=False)
    except KeySourceError as error:
        raise KeySourceError(_with_path(path, error)) from None


def open_jwks(location: str) -> KeySet:
    """Return the source for `--clerk-jwks`: a file, read at once, or an address, fetched when first needed.

    Raises KeySourceError, which names the file or the address.
    """
    if location.lower().startswith(("http://", "https://")):
        if not _is_url(location):
            raise KeySourceError(f"{location}: not a usable address")
        return KeySet(lambda: fetch(location))
    path = Path(location)
    try:
        parse_jwks(read_file(path))
    except KeySourceError as error:
        raise KeySourceError(_with_path(path, error)) from None
    return KeySet(lambda: read_file(path))


def _is_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0 and url.isprintable() and " " not in url
    except ValueError:
        return False


def _with_path(path: Path, error: KeySourceError) -> str:
    problem = str(error)
    return problem if problem.startswith(str(path)) else f"{path}: {problem}"
