"""Content codings of bodies, undone piece by piece and within a number of bytes.

The standard library undoes gzip and deflate. Brotli and Zstandard need libraries that the extra `conformance`
installs; without them a body in such a coding stays as it is. httpx decodes, too, but not within bounds, and
takes compressed data that ends early for whole.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from functools import cache
from typing import Literal, Protocol

MOST_CODINGS = 3
"""Nobody encodes a body more often; who says so is not believed."""

MAGIC = {"gzip": b"\x1f\x8b", "x-gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd"}
"""How a part begins of what may have several in a row: members of gzip, frames of Zstandard."""


class CodingError(Exception):
    """A body that cannot be decoded.

    reason: its coding is `unknown`, what it holds is `too-long`, it is `cut` off, or is not in its coding.
    """

    def __init__(self, text: str, reason: Literal["unknown", "too-long", "cut", "damaged"]) -> None:
        super().__init__(text)
        self.reason = reason


class _Engine(Protocol):
    """Undoes one part of a coding; `decompress` gives so many bytes at most."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _Coding:
    """Undoes one coding."""

    def __init__(self, name: str, engine: Callable[[bytes], _Engine]) -> None:
        self.name = name
        self._new_engine = engine
        self._magic = MAGIC.get(name, b"")
        self._least_bytes = 2 if name == "deflate" else 1
        self._engine: _Engine | None = None
        self._waiting = b""

    @property
    def is_whole(self) -> bool:
        """Whether what came has an end; nothing at all has one, too."""
        return self._engine.eof if self._engine is not None else not self._waiting

    def decode(self, data: bytes, most_bytes: int) -> bytes:
        """What the next bytes say; raises anything for bytes that are not in this coding."""
        content = bytearray()
        data, self._waiting = self._waiting + data, b""
        while data and len(content) < most_bytes:
            if self._engine is None or self._engine.eof:
                is_part = bool(self._magic) and data.startswith(self._magic[: len(data)])
                if self._engine is not None and not is_part:
                    break  # padding
                if len(data) < (len(self._magic) if is_part else self._least_bytes):
                    self._waiting = data
                    break
                self._engine = self._new_engine(data)
            content += self._engine.decompress(data, most_bytes - len(content))
            data = self._engine.unused_data if self._engine.eof else b""
        return bytes(content)


class Decoder:
    """Undoes the codings of a body, which are in the order in which they were applied."""

    def __init__(self, codings: Sequence[str]) -> None:
        """Raises CodingError unless they `can_be_undone`."""
        if not can_be_undone(codings):
            raise CodingError(", ".join(codings), "unknown")
        self._codings = [_Coding(name, known()[name]) for name in reversed(codings)]

    def decode(self, data: bytes, most_bytes: int) -> bytes:
        """What the next bytes say, so many bytes at most, which is more than none; raises CodingError."""
        for coding in self._codings:
            try:
                data = coding.decode(data, most_bytes)
            except Exception:  # each library has an error of its own
                raise CodingError(f"called {coding.name}, and is not", "damaged") from None
        return data

    def finish(self) -> None:
        """Raises CodingError when the body ends early."""
        for coding in self._codings:
            if not coding.is_whole:
                raise CodingError(f"called {coding.name}, and ends early", "cut")


def decoded(body: bytes, codings: Sequence[str], most_bytes: int) -> bytes:
    """A whole body without its codings; raises CodingError."""
    decoder = Decoder(codings)
    content = decoder.decode(body, most_bytes + 1)
    if len(content) > most_bytes:
        raise CodingError(f"more than {most_bytes >> 20} MiB", "too-long")
    decoder.finish()
    return content


def can_be_undone(codings: Sequence[str]) -> bool:
    """Whether all codings of a body are `known`."""
    return set(codings) <= known().keys() and len(codings) <= MOST_CODINGS


@cache
def known() -> dict[str, Callable[[bytes], _Engine]]:
    """The codings that can be undone, in lower case, each with what makes an engine from the first bytes."""
    engines: dict[str, Callable[[bytes], _Engine]] = {
        "gzip": lambda _: zlib.decompressobj(31),
        "x-gzip": lambda _: zlib.decompressobj(31),
        "deflate": _inflater,
    }
    if (brotli := _brotli()) is not None:
        engines["br"] = brotli
    if (zstandard := _zstandard()) is not None:
        engines["zstd"] = zstandard
    return engines


def _inflater(first: bytes) -> _Engine:
    """An engine for deflate, which some send without the header of zlib."""
    has_header = first[0] & 15 == 8 and int.from_bytes(first[:2], "big") % 31 == 0
    return zlib.decompressobj(15 if has_header else -15)


def _brotli() -> Callable[[bytes], _Engine] | None:
    """An engine for Brotli; None where its library is missing, or too old to stop at a number of bytes."""
    try:
        import brotli
    except ImportError:
        return None
    if not hasattr(brotli.Decompressor, "can_accept_more_data"):
        return None

    class Engine:
        unused_data = b""

        def __init__(self) -> None:
            self._engine = brotli.Decompressor()

        @property
        def eof(self) -> bool:
            return bool(self._engine.is_finished())

        def decompress(self, data: bytes, max_length: int, /) -> bytes:
            content = bytes(self._engine.process(data, output_buffer_limit=max_length))
            return content[:max_length]  # its buffer grows by blocks

    return lambda _: Engine()


def _zstandard() -> Callable[[bytes], _Engine] | None:
    """An engine for Zstandard; None where its library is missing."""
    try:
        from backports import zstd
    except ImportError:
        return None
    return lambda _: zstd.ZstdDecompressor()
