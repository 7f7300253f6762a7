"""Files that get their final name only when they are whole, with their SHA-256."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import file_digest, sha256
from io import RawIOBase
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

PARTIAL = ".partial"
PART_PATH = re.compile(r"/part-(\d+)\.\w+$")
"""How the path of a part of a table ends, with its number (see `parts.table_path`)."""

_SPOOLED_BYTES = 1 << 22


class ManifestEntry(NamedTuple):
    """A file of an export as its manifest lists it; `path` is relative to the folder."""

    path: str
    table: str | None
    rows: int
    bytes: int
    sha256: str


class PartialFile(RawIOBase):
    """A file being written under a partial name; `keep` gives it its final name, else `close` removes it.

    It knows its digest so far, so that nothing is read again to hash it.
    """

    def __init__(self, folder: Path, path: str) -> None:
        super().__init__()
        self._path = path
        self._final = folder / path
        self._partial = self._final.with_name(self._final.name + PARTIAL)
        try:
            self._final.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._partial.open("wb")
        except OSError:
            super().close()  # or the finalizer would call `close`, which needs the file
            raise
        self._digest = sha256()
        self._size = 0
        self._spooled: list[SpooledTemporaryFile[bytes]] = []

    def write(self, data: ReadableBuffer) -> int:
        """Append bytes.

        What comes after the file was closed is ignored: the footer of a Parquet writer that was given up.
        """
        view = memoryview(data)
        if not self._file.closed:
            self._file.write(view)
            self._digest.update(view)
            self._size += view.nbytes
        return view.nbytes

    def spool(self) -> SpooledTemporaryFile[bytes]:
        """A nameless file for what has to be written later, in the same folder if it does not fit in memory.

        It is closed with this one.
        """
        spooled = SpooledTemporaryFile(max_size=_SPOOLED_BYTES, dir=str(self._final.parent))  # noqa: SIM115 -- see `close`
        self._spooled.append(spooled)
        return spooled

    def writable(self) -> bool:
        """True; pyarrow asks."""
        return True

    def tell(self) -> int:
        """How many bytes were written; pyarrow asks."""
        return self._size

    def keep(self, table: str | None = None, rows: int = 0) -> ManifestEntry:
        """Give the whole file its final name."""
        self._file.close()
        self._partial.replace(self._final)
        return ManifestEntry(self._path, table, rows, self._size, self._digest.hexdigest())

    def close(self) -> None:
        """Remove the file unless it was kept."""
        for file in (self._file, *self._spooled):
            with suppress(OSError):
                file.close()
        self._partial.unlink(missing_ok=True)
        super().close()


def write_file(folder: Path, path: str, data: bytes) -> ManifestEntry:
    """Write a whole file at once."""
    with PartialFile(folder, path) as file:
        file.write(data)
        return file.keep()


def sha256_of(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def write_database(folder: Path, path: str, fill: Callable[[Path], Mapping[str, int]]) -> list[ManifestEntry]:
    """Write a database file, which is listed once for each table in it.

    fill: writes the file under its partial name, and returns the rows of each table.
    """
    partial = folder / (path + PARTIAL)
    partial.unlink(missing_ok=True)
    try:
        rows = fill(partial)
        size, digest = partial.stat().st_size, sha256_of(partial)
        partial.replace(folder / path)
    finally:
        # DuckDB has a log and a folder beside the file.
        for leftover in folder.glob(f"{partial.name}*"):
            if leftover.is_dir():
                shutil.rmtree(leftover, ignore_errors=True)
            else:
                leftover.unlink()
    return [ManifestEntry(path, table, count, size, digest) for table, count in rows.items()]
