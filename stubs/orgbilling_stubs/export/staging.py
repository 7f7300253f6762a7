"""The folder in which an export is written until it is whole, so that nothing of it is mixed with others.

`export.partial` stands inside the folder of the export. It gets a manifest when all files are written; then
they are moved to their places, the manifest last. Whatever stops an export, even SIGKILL, leaves that folder,
and the next export removes it: without a manifest nothing had been moved; with one, what it lists and what is
no longer in the folder had been.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from orgbilling_stubs.export import companions, manifest
from orgbilling_stubs.export.errors import ExportError
from orgbilling_stubs.export.manifest import Manifest
from orgbilling_stubs.export.schema import NAMES
from orgbilling_stubs.export.writers.files import PART_PATH, PARTIAL, sha256_of

_LOCK = "lock"


@contextmanager
def staged(
    folder: Path, planned: Sequence[str], shard: tuple[int, int] | None = None, *, force: bool = False
) -> Iterator[tuple[Path, Callable[[Manifest], None]]]:
    """A folder to write an export into, and what moves the files of a manifest to their places in `folder`.

    Unless they are moved, nothing has changed in `folder` afterwards.

    planned: the paths that will be written, in `folder`; shard: the i-th of n that write into it; force:
    replace what is there. Raises ExportError `not_empty` for files that would be overwritten or mixed in,
    `busy` while another export writes into the folder.
    """
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"export{'' if shard is None else '-{}-of-{}'.format(*shard)}{PARTIAL}"
    if partial.is_symlink():
        raise ExportError("not_empty", f"{partial} is a link, and would be emptied; remove it")
    partial.mkdir(exist_ok=True)
    with (partial / _LOCK).open("a") as lock:
        if not _locked(lock):
            raise ExportError("busy", f"{folder}: another export is writing into it")
        try:
            _remove_leftovers(folder, partial)
            if not force:
                _refuse_overwriting(folder, planned, shard)
            yield partial, lambda contents: _move(folder, partial, contents, shard, force=force)
        finally:
            _remove_leftovers(folder, partial)
            shutil.rmtree(partial, ignore_errors=True)
            if is_new:
                with suppress(OSError):
                    folder.rmdir()


def _locked(file: IO[str]) -> bool:
    """Whether this process alone has the file from now on, until it closes it or ends."""
    try:
        from fcntl import LOCK_EX, LOCK_NB, flock
    except ImportError:  # Windows has no such lock
        return True
    try:
        flock(file, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _remove_leftovers(folder: Path, partial: Path) -> None:
    """Remove what an export left that was stopped: its files, where they have been moved, and all others."""
    if (partial / manifest.NAME).exists():
        for entry in manifest.read(partial)["files"]:
            if not (partial / entry["path"]).exists():
                _unlink(folder, [entry["path"]])
    for path in partial.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != _LOCK:
            path.unlink()


def _refuse_overwriting(folder: Path, planned: Sequence[str], shard: tuple[int, int] | None) -> None:
    """Refuse if anything that is there would be overwritten, or found among the parts of a table."""
    advice = "choose another folder, or --force"
    manifests = [folder / manifest.NAME, *_shard_manifests(folder, shard)]
    if any(path.exists() for path in manifests):
        raise ExportError("not_empty", f"{folder} holds an export; {advice}")
    # Shards have some files in common.
    common = () if shard is None else companions.NAMES
    paths = set(planned)
    for path in planned:
        if path not in common and os.path.lexists(folder / path):
            raise ExportError("not_empty", f"{folder / path} exists; {advice}")
    if shard is None:
        for path in _parts(folder, {path.partition("/")[0] for path in planned if "/" in path}):
            if path not in paths:
                raise ExportError("not_empty", f"{folder / path} would be mixed in; {advice}")


def _shard_manifests(folder: Path, shard: tuple[int, int] | None) -> list[Path]:
    """The manifests of shards in a folder that are not those of another shard of the same export."""
    found = manifest.shards(folder)
    return [path for key, path in found.items() if shard is None or key == shard or key[1] != shard[1]]


def _parts(folder: Path, tables: Iterable[str]) -> list[str]:
    """The files in the folders of tables, as paths in `folder`."""
    return sorted(
        path.relative_to(folder).as_posix()
        for table in tables
        for path in (folder / table).rglob("*")
        if not path.is_dir()
    )


def _move(
    folder: Path, partial: Path, contents: Manifest, shard: tuple[int, int] | None, *, force: bool
) -> None:
    """Move the files of a manifest from `partial` to their places, the manifest last."""
    paths = {entry["path"]: entry["sha256"] for entry in contents["files"]}
    if not force:
        _refuse_overwriting(folder, [*paths], shard)
    manifest.save(partial, contents)
    if force:
        _remove_earlier(folder, shard)
    for path, sha256 in paths.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if shard is not None and path in companions.NAMES and not force and place.exists():
            if sha256_of(place) != sha256:
                raise ExportError("shards_differ", f"{place}: a shard of another export has written it")
            continue
        (partial / path).replace(place)
    (partial / manifest.NAME).replace(folder / manifest.file_name(shard))


def _remove_earlier(folder: Path, shard: tuple[int, int] | None) -> None:
    """Remove the earlier export: what its manifests list, and what is called as its parts are."""
    for path in (folder / manifest.NAME, *_shard_manifests(folder, shard)):
        if path.exists():
            _unlink(folder, [entry["path"] for entry in manifest.read(folder, path.name)["files"]])
            path.unlink()
    if shard is None:
        _unlink(folder, [path for path in _parts(folder, NAMES) if PART_PATH.search(path)])


def _unlink(folder: Path, paths: Iterable[str]) -> None:
    """Remove files of a folder, nothing outside it, and the folders inside it that are empty then."""
    inside = folder.resolve()
    for path in paths:
        file = (folder / path).parent.resolve() / Path(path).name
        if not file.is_relative_to(inside):
            continue
        file.unlink(missing_ok=True)
        parent = file.parent
        with suppress(OSError):
            while parent != inside:
                parent.rmdir()
                parent = parent.parent
