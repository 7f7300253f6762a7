"""A folder in object storage (`s3://bucket/demo`): an export is written, merged and verified there, too.

The file systems are pyarrow's. Credentials, region and endpoint come from where the storage's own tools take
them: for S3 `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_ENDPOINT_URL`, profiles, roles of the machine.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from orgbilling_openapi.suggestions import not_one_of

from orgbilling_stubs.export import manifest
from orgbilling_stubs.export.errors import ExportError, require
from orgbilling_stubs.export.manifest import Manifest
from orgbilling_stubs.export.request import ExportRequest, Part
from orgbilling_stubs.export.writers.files import ManifestEntry

if TYPE_CHECKING:
    from pyarrow import fs

    from orgbilling_stubs.export.verify.scope import Scope

SCHEMES = ("s3", "gs", "abfss")
"""What an address in object storage begins with: Amazon S3 and what speaks like it, Google, Azure."""

_COPIED_BYTES = 1 << 20


def is_address(text: str) -> bool:
    """Whether a text is an address, and not a path on this machine."""
    return "://" in text


class ObjectStorage:
    """A folder in object storage. It can be pickled; a copy connects anew.

    Raises ExportError `unknown_storage` for an address that no file system is for, `credentials_in_address`
    for one with a password.
    """

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        if parts.username is not None or parts.password is not None:
            problem = f"{parts.scheme}://…: credentials do not belong in an address; set AWS_ACCESS_KEY_ID, …"
            raise ExportError("credentials_in_address", problem)
        if parts.scheme not in SCHEMES or not parts.netloc:
            expected = [f"{scheme}://…" for scheme in SCHEMES]
            raise ExportError("unknown_storage", not_one_of(f"{parts.scheme}://{parts.netloc}", expected))
        self.address = address

    def __reduce__(self) -> tuple[type[ObjectStorage], tuple[str]]:
        return type(self), (self.address,)

    def __str__(self) -> str:
        return self.address.partition("?")[0].rstrip("/")

    @cached_property
    def _connected(self) -> tuple[fs.FileSystem, str]:
        """The file system, and the folder's path in it."""
        pyarrow_fs = require("pyarrow.fs", str(self))
        with self._errors():
            file_system, path = pyarrow_fs.FileSystem.from_uri(self.address)
        return file_system, path.rstrip("/")

    def names(self) -> list[str]:
        """The files in the folder, as paths relative to it; none where there is no folder."""
        file_system, path = self._connected
        selector = require("pyarrow.fs").FileSelector(path, allow_not_found=True, recursive=True)
        with self._errors():
            found = file_system.get_file_info(selector)
        return sorted(each.path[len(path) + 1 :] for each in found if each.is_file)

    def upload(self, local: Path, name: str) -> None:
        """Store a file. It appears when it is whole."""
        file_system, path = self._connected
        with self._errors():
            if not file_system.type_name.startswith(("s3", "gcs")):  # which have no folders to create
                file_system.create_dir(f"{path}/{name}".rpartition("/")[0], recursive=True)
            with local.open("rb") as file, file_system.open_output_stream(f"{path}/{name}") as target:
                shutil.copyfileobj(file, target, _COPIED_BYTES)

    def download(self, name: str, local: Path) -> None:
        """Fetch a file into one on this machine."""
        file_system, path = self._connected
        local.parent.mkdir(parents=True, exist_ok=True)
        with (
            self._errors(),
            file_system.open_input_stream(f"{path}/{name}") as source,
            local.open("wb") as file,
        ):
            shutil.copyfileobj(source, file, _COPIED_BYTES)

    def manifest(self, name: str, scratch: Path) -> Manifest:
        """A manifest, read by way of a folder on this machine."""
        self.download(name, scratch / name)
        contents = manifest.read(scratch, name)
        (scratch / name).unlink()
        return contents

    def delete(self, name: str) -> None:
        """Remove a file."""
        file_system, path = self._connected
        with self._errors():
            file_system.delete_file(f"{path}/{name}")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn what the storage says into one line."""
        try:
            yield
        except (OSError, ValueError) as error:
            said = str(error).strip().partition("\n")[0].partition(" (Request ID")[0]
            raise ExportError("storage_error", f"{self}: {said}") from error


def merge(storage: ObjectStorage) -> Manifest:
    """Put the shards' manifests of a folder together, as `manifest.merge` does; raises what that raises."""
    names = [name for name in storage.names() if manifest.is_manifest(name)]
    with TemporaryDirectory(prefix="orgbilling-") as scratch, _named(scratch, storage):
        for name in names:
            storage.download(name, Path(scratch, name))
        merged = manifest.merge(Path(scratch))
        storage.upload(Path(scratch, manifest.NAME), manifest.NAME)
    for name in names:
        if name != manifest.NAME:
            storage.delete(name)
    return merged


@contextmanager
def local_copy(storage: ObjectStorage, scope: Scope) -> Iterator[Path]:
    """A copy of an export on this machine, of the files that a verification reads; removed afterwards."""
    with TemporaryDirectory(prefix="orgbilling-") as scratch, _named(scratch, storage):
        folder, names = Path(scratch), {*storage.names()}
        for name in names:
            if manifest.is_manifest(name):
                storage.download(name, folder / name)
        for path in scope.paths(manifest.read(folder)):
            if path in names:
                storage.download(path, folder / path)
        yield folder


@contextmanager
def _named(scratch: str, storage: ObjectStorage) -> Iterator[None]:
    """Let errors about a copy name the original."""
    try:
        yield
    except ExportError as error:
        raise ExportError(error.code, str(error).replace(scratch, str(storage))) from error


class UploadedPart:
    """Writes a part as another function does, and moves its files into object storage one after the other.

    So no more than one part of each process is on this machine's disk.
    """

    def __init__(
        self,
        write_part: Callable[[ExportRequest, Part, Callable[[int], None]], list[ManifestEntry]],
        storage: ObjectStorage,
    ) -> None:
        self._write_part = write_part
        self._storage = storage

    def __call__(
        self, request: ExportRequest, part: Part, tick: Callable[[int], None]
    ) -> list[ManifestEntry]:
        """Write and move a part."""
        entries = self._write_part(request, part, tick)
        for path in dict.fromkeys(entry.path for entry in entries):
            self._storage.upload(request.folder / path, path)
            (request.folder / path).unlink()
        return entries
