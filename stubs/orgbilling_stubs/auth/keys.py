"""The signing key of this user: one private JWK in one file that nobody else may read."""

from __future__ import annotations

import errno
import json
import os
import secrets
import stat
import sys
from pathlib import Path

from orgbilling_stubs.auth.jws import decode_object
from orgbilling_stubs.auth.rsa import SigningKey, from_jwk, generate

VARIABLE = "ORGBILLING_HOME"
FOLDER = "keys"
NAME = "signing.jwk"
MAX_BYTES = 16_384

_NO_LINKS = {errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}


class KeyFileError(Exception):
    """The signing key cannot be read or made: `path`, and `problem` with what to do about it."""

    def __init__(self, path: Path, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"{path}: {problem}")


def home() -> Path:
    """Return the folder for the user's own data: $ORGBILLING_HOME, or where the platform wants it.

    Raises KeyFileError when the user has no home folder.
    """
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return Path(chosen)
    try:
        user = Path.home()
    except RuntimeError:
        raise KeyFileError(Path("~"), f"no home folder; set {VARIABLE}") from None
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or user / "AppData" / "Local") / "orgbilling"
    if sys.platform == "darwin":
        return user / "Library" / "Application Support" / "orgbilling"
    return Path(os.environ.get("XDG_DATA_HOME") or user / ".local" / "share") / "orgbilling"


def load(folder: Path | None = None) -> SigningKey:
    """Return this user's signing key, made on first use; `folder` stands in for `home()`.

    Two processes that start together end up with one key. Raises KeyFileError.
    """
    path = (folder or home()) / FOLDER / NAME
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _guard(path.parent, path.parent.stat(), 0o700)
        if not os.path.lexists(path):
            _create(path, generate())
        return _read(path)
    except OSError as error:
        raise KeyFileError(path, (error.strerror or type(error).__name__).lower()) from None


def _create(path: Path, key: SigningKey) -> None:
    draft = path.with_name(f"{NAME}.{secrets.token_hex(8)}.tmp")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            json.dump(key.jwk(), file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        _publish(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _publish(draft: Path, path: Path) -> None:
    """Give the finished draft its name; a link, unlike a rename, never replaces another process's key."""
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        draft.rename(path)


def _read(path: Path) -> SigningKey:
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise KeyFileError(path, "not a regular file")
        _guard(path, status, 0o600)
        data = file.read(MAX_BYTES + 1)
    document = decode_object(data) if len(data) <= MAX_BYTES else None
    key = from_jwk(document) if document is not None else None
    if key is None:
        raise KeyFileError(path, "not a whole RSA-2048 key; delete the file and a new one is made")
    return key


def _guard(path: Path, status: os.stat_result, mode: int) -> None:
    if os.name == "nt":
        return
    if status.st_uid != os.geteuid():
        raise KeyFileError(path, "belongs to another user")
    found = stat.S_IMODE(status.st_mode)
    if found & 0o077:
        raise KeyFileError(path, f"mode {found:03o} lets others in; run: chmod {mode:03o} '{path}'")
