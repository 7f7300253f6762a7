"""Files that get their final name only when they are whole, with their SHA-256."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import file_digest, sha256
from io import RawIOBase
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from orgbilling_stubs.export.errors import from_os

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

PARTIAL = ".partial"


class ManifestEntry(NamedTuple):
    """A file of an export as its manifest lists it; `path` is relative to the folder."""

    path: str
    table: str | None
    rows: int
    bytes: int
    sha256: str


class HashingFile(RawIOBase):
    """A file being written that knows its digest so far, so that nothing is read again to hash it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._file: BinaryIO = path.open("wb")
        self._digest = sha256()
        self.size = 0

    def write(self, data: ReadableBuffer) -> int:
        """Append bytes.

        What comes after the file was closed is ignored: the footer of a Parquet writer that was given up.
        """
        view = memoryview(data)
        if self._file.closed:
            return view.nbytes
        self._digest.update(view)
        self._file.write(view)
        self.size += view.nbytes
        return view.nbytes

    def writable(self) -> bool:
        """True; pyarrow asks."""
        return True

    def flush(self) -> None:
        """Hand everything to the operating system."""
        if not self._file.closed:
            self._file.flush()

    def tell(self) -> int:
        """How many bytes were written."""
        return self.size

    def close(self) -> None:
        """Close the file; the digest stays."""
        self._file.close()
        super().close()

    def hexdigest(self) -> str:
        """SHA-256 of what was written."""
        return self._digest.hexdigest()


class PartialFile:
    """A file under its partial name: `keep` gives it its final name, `drop` removes it.

    suffix: part of the partial name, where several processes write the same file, each one its own.
    Raises ExportError `file_error` for what the file system refuses.
    """

    def __init__(self, folder: Path, path: str, suffix: str = "") -> None:
        self.path = path
        self.final = folder / path
        self.partial = self.final.with_name(self.final.name + suffix + PARTIAL)
        try:
            self.final.parent.mkdir(parents=True, exist_ok=True)
            self.file = HashingFile(self.partial)
        except OSError as error:
            raise from_os(error, self.partial) from error

    def keep(self, table: str | None, rows: int) -> ManifestEntry:
        """Close the file and give it its final name."""
        try:
            self.file.close()
            self.partial.replace(self.final)
        except OSError as error:
            raise from_os(error, self.final) from error
        return ManifestEntry(self.path, table, rows, self.file.size, self.file.hexdigest())

    def drop(self) -> None:
        """Close the file and remove it."""
        with suppress(OSError):
            self.file.close()
        self.partial.unlink(missing_ok=True)


@contextmanager
def partial_file(folder: Path, path: str, suffix: str = "") -> Iterator[PartialFile]:
    """A partial file that is dropped unless it was kept, whatever happens."""
    partial = PartialFile(folder, path, suffix)
    try:
        yield partial
    except OSError as error:
        raise from_os(error, partial.partial) from error
    finally:
        partial.drop()


def write_file(folder: Path, path: str, data: bytes, suffix: str = "") -> ManifestEntry:
    """Write a whole file at once."""
    with partial_file(folder, path, suffix) as partial:
        partial.file.write(data)
        return partial.keep(None, 0)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def database_entries(file: Path, path: str, rows: Mapping[str, int]) -> list[ManifestEntry]:
    """A finished database under its path, listed once for each table in it."""
    size, digest = file.stat().st_size, sha256_of(file)
    return [ManifestEntry(path, table, count, size, digest) for table, count in rows.items()]
