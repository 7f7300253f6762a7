"""The file of this user's signing key: one private JWK, which nobody else may read."""

from __future__ import annotations

import errno
import json
import os
import secrets
import stat
import sys
from pathlib import Path

from orgbilling_stubs.auth.decoding import decode_object
from orgbilling_stubs.auth.keys import SigningKey, generate_key, signing_key

HOME_VARIABLE = "ORGBILLING_HOME"
FOLDER = "keys"
NAME = "signing.jwk"
MAX_BYTES = 16_384

_LINKS_UNSUPPORTED = {errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}


class KeyFileError(Exception):
    """The signing key cannot be read or created. problem: what is wrong, and what to do about it."""

    def __init__(self, path: Path, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"{path}: {problem}")


class HomeError(KeyFileError):
    """There is no key yet, and no folder that a new one can be written to."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(path, f"{problem}; set {HOME_VARIABLE} to a folder that can be written to")


def data_folder() -> Path:
    """Return the folder for the user's own data: $ORGBILLING_HOME, or where the platform keeps such data.

    Raises HomeError when the user has no home folder, or one that is not an absolute path.
    """
    chosen = os.environ.get(HOME_VARIABLE)
    try:
        if chosen:
            return Path(chosen).expanduser()  # a file of variables is read by no shell
        user = Path.home()
    except RuntimeError:
        raise HomeError(Path(chosen or "~"), "no home folder") from None
    if not user.is_absolute():  # a private key must not end up in whatever folder this is started in
        raise HomeError(user, "the home folder is not an absolute path")
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or user / "AppData" / "Local") / "orgbilling"
    if sys.platform == "darwin":
        return user / "Library" / "Application Support" / "orgbilling"
    # The XDG Base Directory Specification says to ignore a relative path.
    data = Path(os.environ.get("XDG_DATA_HOME", ""))
    return (data if data.is_absolute() else user / ".local" / "share") / "orgbilling"


def load_signing_key(folder: Path | None = None) -> SigningKey:
    """Return this user's signing key, which the first call creates; `folder` replaces `data_folder()`.

    Two processes that start at the same time get the same key. Raises KeyFileError; it is HomeError when
    there is no key and none can be written.
    """
    path = (folder or data_folder()) / FOLDER / NAME
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_access(path.parent, path.parent.stat(), 0o700)
        if not os.path.lexists(path):
            _create(path, generate_key())
        return _read(path)
    except OSError as error:
        problem = (error.strerror or type(error).__name__).lower()
        if not os.path.lexists(path):
            raise HomeError(path, problem) from None
        raise KeyFileError(path, problem) from None


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
    """Give the finished draft its name. A link, unlike a rename, never replaces another process's key."""
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    except OSError as error:
        if error.errno not in _LINKS_UNSUPPORTED:
            raise
        draft.rename(path)


def _read(path: Path) -> SigningKey:
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise KeyFileError(path, "not a regular file")
        _check_access(path, status, 0o600)
        data = file.read(MAX_BYTES + 1)
    document = decode_object(data) if len(data) <= MAX_BYTES else None
    key = signing_key(document) if document is not None else None
    if key is None:
        raise KeyFileError(path, "not a whole RSA-2048 key; delete the file and a new one is made")
    return key


def _check_access(path: Path, status: os.stat_result, mode: int) -> None:
    """Raise KeyFileError unless the path belongs to this user alone; mode: what to set otherwise."""
    if os.name == "nt":
        return
    if status.st_uid != os.geteuid():
        raise KeyFileError(path, "belongs to another user")
    actual = stat.S_IMODE(status.st_mode)
    if actual & 0o077:
        raise KeyFileError(path, f"mode {actual:03o} lets others in; run: chmod {mode:03o} '{path}'")
