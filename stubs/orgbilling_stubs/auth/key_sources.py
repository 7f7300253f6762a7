"""Where verification keys come from: one key, a JWKS file, or a JWKS address."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from orgbilling_openapi.http_client import DEFAULT_TLS, CertificateOptions, NetworkError, fetch

from orgbilling_stubs.auth.errors import AuthError
from orgbilling_stubs.auth.keys import MAX_KEY_BYTES, KeySourceError, PublicKey, parse_jwks, parse_pem

LOG = logging.getLogger("orgbilling")

MIN_LOAD_INTERVAL_MS = 10_000
MAX_AGE_MS = 3_600_000
FETCH_DEADLINE_S = 5.0
LOG_INTERVAL_MS = 60_000


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


class KeysPendingError(AuthError):
    """The keys are being loaded: asked again when `load` is done, the source gives another answer."""

    def __init__(self, load: Future[None]) -> None:
        super().__init__("keys_unavailable", retry_after_s=MIN_LOAD_INTERVAL_MS // 1000)
        self.load = load


class KeySet:
    """A JWKS. It is loaded when it is first needed, when a token names an unknown key, and after an hour.

    Loads are at least ten seconds apart, one at a time, each in a thread of its own. Whoever needs what it
    brings gets `KeysPendingError`, and may wait for it. Nobody else waits. The keys of the last good load
    stay. location: how the log names it when it cannot be loaded, once a minute.

    Own code, because PyJWT's `PyJWKClient` reads no files and any number of bytes, waits for as long as a
    slow server keeps sending, and asks an address that does not answer again for every request.
    """

    def __init__(self, load: Callable[[], bytes], location: str = "JWKS") -> None:
        self._read = load
        self._location = location
        self._keys: dict[str, PublicKey] = {}
        self._load_started_ms: int | None = None
        self._loaded_ms: int | None = None
        self._logged_ms: int | None = None
        self._load: Future[None] | None = None

    def find(self, kid: str | None, now_ms: int) -> PublicKey:
        """Return the key; raises AuthError `key_unknown` or `keys_unavailable`, or KeysPendingError.

        `keys_unavailable` only until keys have been loaded once. After that an unknown kid is the client's
        mistake.
        """
        stale = self._loaded_ms is not None and abs(now_ms - self._loaded_ms) >= MAX_AGE_MS
        key = self._keys.get(kid) if kid is not None else None
        if (stale or key is None) and self._may_load(now_ms):
            raise KeysPendingError(self._start_load(now_ms))
        if key is None and self._load is not None and not self._load.done():
            raise KeysPendingError(self._load)
        if not self._keys:
            raise AuthError("keys_unavailable", retry_after_s=MIN_LOAD_INTERVAL_MS // 1000)
        if key is None:
            raise AuthError("key_unknown")
        return key

    def _may_load(self, now_ms: int) -> bool:
        running = self._load is not None and not self._load.done()
        return not running and (
            self._load_started_ms is None or abs(now_ms - self._load_started_ms) >= MIN_LOAD_INTERVAL_MS
        )

    def _start_load(self, now_ms: int) -> Future[None]:
        self._load_started_ms = now_ms
        load = self._load = Future()
        threading.Thread(target=self._load_keys, args=(load, now_ms), daemon=True).start()
        return load

    def _load_keys(self, load: Future[None], now_ms: int) -> None:
        try:
            self._keys = parse_jwks(self._read())
            self._loaded_ms = now_ms
        except (NetworkError, OSError, ValueError) as error:
            self._log(str(error), now_ms)
        except Exception as error:  # the thread must not end without an answer
            self._log(f"{type(error).__name__}: {error}", now_ms)
        finally:
            load.set_result(None)

    def _log(self, problem: str, now_ms: int) -> None:
        if self._logged_ms is not None and abs(now_ms - self._logged_ms) < LOG_INTERVAL_MS:
            return
        self._logged_ms = now_ms
        text = problem if problem.startswith(self._location) else f"{self._location}: {problem}"
        LOG.warning("no keys of --clerk-jwks: %s", text)


def read_file(path: Path) -> bytes:
    """Return a file's bytes, 256 kB at most; raises KeySourceError, which names the file."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_KEY_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise KeySourceError(f"{path}: {reason}") from None


def open_pem(path: Path) -> SingleKey:
    """Return the source for `--clerk-pem`; raises KeySourceError, which names the file."""
    try:
        return SingleKey(parse_pem(read_file(path)), kid_required=False)
    except KeySourceError as error:
        raise KeySourceError(_with_path(path, error)) from None


def open_jwks(location: str, tls: CertificateOptions = DEFAULT_TLS) -> KeySet:
    """Return the source for `--clerk-jwks`: a file, read at once, or an address, fetched when first needed.

    Raises KeySourceError, which names the file or the address.
    """
    if location.lower().startswith(("http://", "https://")):
        if not _is_url(location):
            raise KeySourceError(f"{location}: not a usable address")
        return KeySet(lambda: fetch(location, MAX_KEY_BYTES, FETCH_DEADLINE_S, tls), location)
    path = Path(location)
    try:
        parse_jwks(read_file(path))
    except KeySourceError as error:
        raise KeySourceError(_with_path(path, error)) from None
    return KeySet(lambda: read_file(path), str(path))


def _is_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0 and url.isprintable() and " " not in url
    except ValueError:
        return False


def _with_path(path: Path, error: KeySourceError) -> str:
    problem = str(error)
    return problem if problem.startswith(str(path)) else f"{path}: {problem}"
