"""Files that appear under their final name only when they are whole, with their digest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from io import RawIOBase
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from orgbilling_stubs.export.errors import from_os

PARTIAL = ".partial"


class Entry(NamedTuple):
    """A file of an export as its manifest lists it; `path` is relative to the folder."""

    path: str
    table: str | None
    rows: int
    bytes: int
    sha256: str


class Hashing(RawIOBase):
    """A file being written that knows its digest so far."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._file: BinaryIO = path.open("wb")
        self._digest = sha256()
        self.size = 0

    def write(self, data: Any) -> int:
        """Append bytes; what comes after the end (a footer of a writer that was given up) is forgotten."""
        view = memoryview(data)
        if self._file.closed:
            return view.nbytes
        self._digest.update(view)
        self._file.write(view)
        self.size += view.nbytes
        return view.nbytes

    def writable(self) -> bool:
        """It is."""
        return True

    def flush(self) -> None:
        """Hand everything to the operating system."""
        if not self._file.closed:
            self._file.flush()

    def tell(self) -> int:
        """How many bytes there are."""
        return self.size

    def close(self) -> None:
        """Close the file; the digest stays."""
        self._file.close()
        super().close()

    def hexdigest(self) -> str:
        """SHA-256 of what was written."""
        return self._digest.hexdigest()


class Draft:
    """A file under its partial name: `keep` gives it its final name, `drop` removes it.

    mark: part of the partial name, where several processes write the same file: each has its own draft.
    Raises ExportError `file-error` for what the file system refuses.
    """

    def __init__(self, folder: Path, path: str, mark: str = "") -> None:
        self.path = path
        self.final = folder / path
        self.partial = self.final.with_name(self.final.name + mark + PARTIAL)
        try:
            self.final.parent.mkdir(parents=True, exist_ok=True)
            self.file = Hashing(self.partial)
        except OSError as error:
            raise from_os(error, self.partial) from error

    def keep(self, table: str | None, rows: int) -> Entry:
        """Close the file and give it its final name."""
        try:
            self.file.close()
            self.partial.replace(self.final)
        except OSError as error:
            raise from_os(error, self.final) from error
        return Entry(self.path, table, rows, self.file.size, self.file.hexdigest())

    def drop(self) -> None:
        """Close the file and remove it."""
        with suppress(OSError):
            self.file.close()
        self.partial.unlink(missing_ok=True)


@contextmanager
def draft(folder: Path, path: str, mark: str = "") -> Iterator[Draft]:
    """A draft that is dropped unless it was kept, whatever happens."""
    made = Draft(folder, path, mark)
    try:
        yield made
    except OSError as error:
        raise from_os(error, made.partial) from error
    finally:
        made.drop()


def written(folder: Path, path: str, data: bytes, mark: str = "") -> Entry:
    """Write a whole file at once."""
    with draft(folder, path, mark) as made:
        made.file.write(data)
        return made.keep(None, 0)


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    made = sha256()
    with path.open("rb") as file:
        while data := file.read(1 << 20):
            made.update(data)
    return made.hexdigest()


def database(file: Path, path: str, rows: Mapping[str, int]) -> list[Entry]:
    """A finished database under its path, listed once for each table in it."""
    size, sha = file.stat().st_size, digest(file)
    return [Entry(path, table, count, size, sha) for table, count in rows.items()]
