"""The files that recorders write: HAR as text, compressed (`.zhar`, `.har.gz`), or in a zip file with bodies.

Everything is bounded: what a file may hold, also after decompression, and the digits of a number in it.
"""

from __future__ import annotations

import json
import math
import posixpath
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from orgbilling_openapi.strict_json import JsonValue

from orgbilling_conformance.options import UsageError

MAX_BYTES = 512 << 20
"""The longest recording, and the longest body beside one, that is read."""

DIGITS = 400
"""An integer of more digits is read as a number without end: no member of HAR has so many."""

ZIP, GZIP = b"PK\x03\x04", b"\x1f\x8b"
ZLIB = tuple(bytes((0x78, level)) for level in (0x01, 0x5E, 0x9C, 0xDA))


class UnreadableError(Exception):
    """A file beside a recording that is there, and cannot be read; the text says why."""


@dataclass(frozen=True, slots=True)
class Recording:
    """The entries of a recording, as they stand there; repaired: whether bytes were not UTF-8.

    file: the content of a file beside the entries by its name, None where there is none; raises
    `UnreadableError`.
    """

    entries: list[JsonValue]
    file: Callable[[str], bytes | None]
    repaired: bool = False


def read(path: Path) -> Recording:
    """Read a recording; raises `UsageError`."""
    try:
        data = _bounded(path)
        if data.startswith(ZIP):
            return _zipped(path)
        if data.startswith((GZIP, *ZLIB)):
            data = inflate(data)
        return _parsed(data, lambda name: _beside(path.parent, name))
    except OSError as error:
        raise UsageError(f"--har: {path}: {(error.strerror or 'unreadable').lower()}") from None
    except UnreadableError as error:
        raise UsageError(f"--har: {path}: {error}") from None


def inflate(data: bytes) -> bytes:
    """What gzip or zlib has compressed; raises `UnreadableError`."""
    engine = zlib.decompressobj(wbits=47)  # either header
    try:
        content = engine.decompress(data, MAX_BYTES)
    except zlib.error:
        raise UnreadableError("compressed, and damaged") from None
    if not engine.eof:
        too_long = len(content) >= MAX_BYTES
        raise UnreadableError(_too_long() if too_long else "compressed, and cut off")
    return content


def _too_long() -> str:
    return f"longer than {MAX_BYTES >> 20} MiB"


def _bounded(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise UnreadableError(_too_long())
    return data


def _beside(folder: Path, name: str) -> bytes | None:
    """A file in the folder of the recording, or below; a name that leads out of it is not followed."""
    try:
        file = (folder / name).resolve()
        inside = file.is_relative_to(folder.resolve()) and file.is_file()
        return _bounded(file) if inside else None
    except (OSError, ValueError) as error:  # a NUL in a name, a name that is too long
        raise UnreadableError(str(getattr(error, "strerror", None) or error).lower()) from None


def _zipped(path: Path) -> Recording:
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.lower().endswith(".har")]
            if len(names) != 1:
                raise UnreadableError(f"a zip file with {len(names)} files .har in it, not one")
            data = _member(archive, names[0])
    except zipfile.BadZipFile:
        raise UnreadableError("a zip file that is damaged") from None
    folder = posixpath.dirname(names[0])

    def file(name: str) -> bytes | None:
        inner = posixpath.normpath(posixpath.join(folder, name))
        with zipfile.ZipFile(path) as archive:
            return _member(archive, inner) if inner in archive.namelist() else None

    return _parsed(data, file)


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        with archive.open(name) as member:
            data = member.read(MAX_BYTES + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, OSError):
        raise UnreadableError(f"{name} in the zip file is damaged or encrypted") from None
    if len(data) > MAX_BYTES:
        raise UnreadableError(f"{name}: {_too_long()}")
    return data


def _parsed(data: bytes, file: Callable[[str], bytes | None]) -> Recording:
    """The entries of a HAR text in any encoding of JSON; raises `UnreadableError`."""
    encoding, repaired = json.detect_encoding(data), False
    try:
        text = data.decode(encoding, "surrogatepass")
    except UnicodeDecodeError:
        text, repaired = data.decode(encoding, "replace"), True
    try:
        entries = json.loads(text, parse_int=_integer)["log"]["entries"]
    except json.JSONDecodeError as error:
        cut = ", where the file ends: was it cut off?" if error.pos >= len(text.rstrip()) - 1 else ""
        raise UnreadableError(f"not a HAR file: {error.msg} at character {error.pos}{cut}") from None
    except RecursionError:
        raise UnreadableError("not a HAR file: nested too deeply") from None
    except (KeyError, TypeError):
        raise UnreadableError("not a HAR file: it has no log.entries") from None
    if not isinstance(entries, list):
        raise UnreadableError("not a HAR file: log.entries is no list")
    return Recording(entries, file, repaired)


def _integer(digits: str) -> float:
    return int(digits) if len(digits) <= DIGITS else math.inf
