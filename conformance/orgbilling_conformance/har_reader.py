"""The files that recorders write: HAR as text, compressed (`.zhar`, `.har.gz`), or in a zip file with bodies.

Everything is bounded: what a file may hold, also after decompression, and the digits of a number in it. Of a
recording that is damaged or cut off, those entries are read that can be.
"""

from __future__ import annotations

import json
import lzma
import math
import posixpath
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from orgbilling_openapi.strict_json import JsonValue

from orgbilling_conformance.content_codings import CodingError, Decoder
from orgbilling_conformance.options import UsageError

MAX_BYTES = 512 << 20
"""The longest recording, and the longest body beside one, that is read."""

DIGITS = 300
"""An integer of more digits is read as a number without end; one of fewer can be a float."""

ZIP, GZIP = b"PK\x03\x04", b"\x1f\x8b"
ZLIB = tuple(bytes((0x78, level)) for level in (0x01, 0x5E, 0x9C, 0xDA))
ZIP_ERRORS = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, RuntimeError, OSError, ValueError,
)  # fmt: skip
"""What zipfile raises where a file is damaged, cut off, encrypted, or compressed as it does not know."""
PIECE_BYTES = 65_536
"""How many compressed bytes are decoded at once; of a piece with an error in it, nothing is read."""

NOT_READ = "neither it nor what follows is read"
MOST_DAMAGED = 100
"""After so many damaged entries no more is read: the text of each error looks at everything before it."""

ENTRIES = re.compile(r'(?<!\\)"entries"\s*:\s*\[')
SPACE = re.compile(r"[ \t\r\n]*")
TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"|["{}\[\]]', re.DOTALL)
"""A text or a bracket; a quotation mark alone begins a text that does not end."""


class UnreadableError(Exception):
    """A file beside a recording that is there, and cannot be read; the text says why."""


@dataclass(frozen=True, slots=True)
class Recording:
    """The entries of a recording, as they stand there; repaired: whether bytes were not UTF-8.

    file: the content of a file beside the entries by its name, None where there is none; raises
    `UnreadableError`. damaged: why an entry cannot be read, by its index; it is None among the entries. The
    last one is where the file ends, if it was cut off. outside: what is damaged around the entries.
    """

    entries: list[JsonValue]
    file: Callable[[str], bytes | None]
    repaired: bool = False
    damaged: dict[int, str] = field(default_factory=dict)
    outside: str = ""


def read(path: Path) -> Recording:
    """Read a recording; raises `UsageError`."""
    try:
        data = _bounded(path)
        if data.startswith(ZIP):
            return _zipped(path)
        if data.startswith((GZIP, *ZLIB)):
            data = _inflated(data)
        return _parsed(data, lambda name: _beside(path.parent, name))
    except OSError as error:
        raise UsageError(f"--har: {path}: {(error.strerror or 'unreadable').lower()}") from None
    except UnreadableError as error:
        raise UsageError(f"--har: {path}: {error}") from None


def _inflated(data: bytes) -> bytes:
    """What gzip or zlib has compressed, up to where it is damaged or cut off; raises `UnreadableError`."""
    decoder, content = Decoder(("gzip" if data.startswith(GZIP) else "deflate",)), bytearray()
    try:
        for begin in range(0, len(data), PIECE_BYTES):
            content += decoder.decode(data[begin : begin + PIECE_BYTES], MAX_BYTES + 1 - len(content))
            if len(content) > MAX_BYTES:
                raise UnreadableError(_too_long())
    except CodingError:
        if not content:
            raise UnreadableError("compressed, and damaged") from None
    return bytes(content)


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
    names = _names(path)
    # macOS writes a file with attributes beside each.
    recordings = [name for name in names if name.lower().endswith(".har") and "__MACOSX" not in name]
    if len(recordings) != 1:
        raise UnreadableError(f"a zip file with {len(recordings)} files .har in it, not one")
    folder = posixpath.dirname(recordings[0])

    def file(name: str) -> bytes | None:
        inner = posixpath.normpath(posixpath.join(folder, name))
        return _member(path, inner) if inner in names else None

    return _parsed(_member(path, recordings[0]), file)


def _names(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except ZIP_ERRORS:
        raise UnreadableError("a zip file that is damaged or cut off") from None


def _member(path: Path, name: str) -> bytes:
    try:
        with zipfile.ZipFile(path) as archive, archive.open(name) as member:
            data = member.read(MAX_BYTES + 1)
    except ZIP_ERRORS:
        raise UnreadableError(f"{name} in the zip file is damaged, cut off or encrypted") from None
    if len(data) > MAX_BYTES:
        raise UnreadableError(f"{name}: {_too_long()}")
    return data


def _parsed(data: bytes, file: Callable[[str], bytes | None]) -> Recording:
    """The entries of a HAR text in any encoding of JSON; raises `UnreadableError`."""
    text, repaired = _text(data)
    try:
        entries = json.loads(text, parse_int=_integer, strict=False)["log"]["entries"]
    except (json.JSONDecodeError, RecursionError) as error:
        return _salvaged(text, error, Recording([], file, repaired))
    except (KeyError, TypeError):
        raise UnreadableError("not a HAR file: it has no log.entries") from None
    if not isinstance(entries, list):
        raise UnreadableError("not a HAR file: log.entries is no list")
    return Recording(entries, file, repaired)


def _text(data: bytes) -> tuple[str, bool]:
    """The text of a file, without half a character at its end, and whether some of it had to be replaced."""
    encoding = json.detect_encoding(data)
    try:
        return data.decode(encoding, "surrogatepass"), False
    except UnicodeDecodeError as error:
        if error.end == len(data):
            return data[: error.start].decode(encoding, "surrogatepass"), False
        return data.decode(encoding, "replace"), True


def _salvaged(text: str, error: json.JSONDecodeError | RecursionError, empty: Recording) -> Recording:
    """The entries that can be read in a text that is no JSON; raises `UnreadableError` where none can."""
    start = ENTRIES.search(text)
    end = _read_entries(text, start.end(), empty.entries, empty.damaged) if start else 0
    if len(empty.damaged) == len(empty.entries):
        cut = ", where the file ends: was it cut off?" if _ends(text, error) else ""
        raise UnreadableError(f"not a HAR file: {_syntax_problem(error)}{cut}") from None
    is_inside = isinstance(error, RecursionError) or (start is not None and start.end() <= error.pos < end)
    return replace(empty, outside="" if is_inside else _syntax_problem(error))


def _read_entries(text: str, position: int, entries: list[JsonValue], damaged: dict[int, str]) -> int:
    """Read a list from behind its bracket on; where it ends: with the text, if it was cut off."""
    decoder = json.JSONDecoder(parse_int=_integer, strict=False)
    while True:
        position = _after_space(text, position)
        if text.startswith("]", position):
            return position
        entry: JsonValue = None
        end: int | None
        try:
            entry, end = decoder.raw_decode(text, position)
        except (json.JSONDecodeError, RecursionError) as error:
            end = _end_of_value(text, position)
            damaged[len(entries)] = _syntax_problem(error) if end else f"{NOT_READ}: {_syntax_problem(error)}"
        entries.append(entry)
        if not end:
            return len(text)
        if len(damaged) >= MOST_DAMAGED:
            damaged[len(entries) - 1] = f"{NOT_READ}: the {MOST_DAMAGED}th that is damaged"
            return len(text)
        position = _after_space(text, end)
        if text.startswith(",", position):
            position += 1
        elif not text.startswith("]", position):
            entries.append(None)
            why = "no comma" if position < len(text) else "the file ends"
            damaged[len(entries) - 1] = f"{NOT_READ}: {why} at character {position}"
            return len(text)


def _after_space(text: str, position: int) -> int:
    space = SPACE.match(text, position)
    return space.end() if space else position


def _end_of_value(text: str, position: int) -> int | None:
    """Where an object or a list ends that is no JSON otherwise; None where its brackets do not say."""
    depth = 0
    for token in TOKEN.finditer(text, position):
        if token[0] == '"' or (not depth and token.start() != position):
            return None
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(token[0], 0)
        if depth <= 0:
            return token.end() if token[0] in "]}" else None
    return None


def _ends(text: str, error: json.JSONDecodeError | RecursionError) -> bool:
    """Whether there is nothing behind an error."""
    return isinstance(error, json.JSONDecodeError) and not text[error.pos + 1 :].strip()


def _syntax_problem(error: json.JSONDecodeError | RecursionError) -> str:
    """What is wrong with a JSON text, and where."""
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return f"{error.msg.removesuffix(' at')} at character {error.pos}"


def _integer(digits: str) -> float:
    return int(digits) if len(digits) <= DIGITS else math.inf
