from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Callable
from contextlib import suppress

import brotli
import pytest
from backports import zstd
from orgbilling_conformance import content_codings
from orgbilling_conformance.content_codings import CodingError, Decoder, decoded

BODY = b'[{"model": "a"}]' * 50
MOST_BYTES = 1 << 20


def raw_deflate(body: bytes) -> bytes:
    engine = zlib.compressobj(wbits=-15)
    return engine.compress(body) + engine.flush()


ENCODE: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", lambda body: gzip.compress(body, mtime=0)),
    "gzip in two members": ("x-gzip", lambda body: gzip.compress(body[:99]) + gzip.compress(body[99:])),
    "gzip with padding": ("gzip", lambda body: gzip.compress(body) + b"\x00" * 9),
    "deflate": ("deflate", zlib.compress),
    "deflate without a header": ("deflate", raw_deflate),
    "Brotli": ("br", brotli.compress),
    "Zstandard": ("zstd", zstd.compress),
    "Zstandard in two frames": ("zstd", lambda body: zstd.compress(body[:99]) + zstd.compress(body[99:])),
}
CODED = {name: (coding, encode(BODY)) for name, (coding, encode) in ENCODE.items()}


def in_pieces(data: bytes, size: int, *codings: str) -> bytes:
    decoder = Decoder(codings)
    content = b"".join(
        decoder.decode(data[begin : begin + size], MOST_BYTES) for begin in range(0, len(data), size)
    )
    decoder.finish()
    return content


@pytest.mark.parametrize("name", CODED)
def test_a_body_is_decoded_in_pieces_of_any_size(name: str) -> None:
    coding, data = CODED[name]
    assert decoded(data, [coding], MOST_BYTES) == BODY
    for size in (1, 2, 3, 5, 64):
        assert in_pieces(data, size, coding) == BODY


@pytest.mark.parametrize("name", CODED)
def test_what_ends_early_is_cut(name: str) -> None:
    coding, data = CODED[name]
    cut = data.rstrip(b"\x00")[:-5]
    for length in (1, 3, 20, len(cut)):
        with pytest.raises(CodingError) as caught:
            decoded(cut[:length], [coding], MOST_BYTES)
        assert (caught.value.reason, str(caught.value)) == ("cut", f"called {coding}, and ends early")


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_what_is_not_in_its_coding_is_damaged(coding: str) -> None:
    for data in (BODY, b"\xff" * 40):
        with pytest.raises(CodingError, match=f"called {coding}, and ") as caught:
            decoded(data, [coding], MOST_BYTES)
        assert caught.value.reason in ("damaged", "cut")


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_nothing_needs_no_decoding(coding: str) -> None:
    assert decoded(b"", [coding], MOST_BYTES) == b""


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize("name", CODED)
def test_no_more_is_decoded_than_may_be(name: str) -> None:
    coding, encode = ENCODE[name]
    data = encode(b" " * 3 * MOST_BYTES)
    with pytest.raises(CodingError, match="more than 1 MiB") as caught:
        decoded(data, [coding], MOST_BYTES)
    assert caught.value.reason == "too-long"
    assert len(Decoder([coding]).decode(data, 1000)) == 1000
    assert decoded(encode(b" " * MOST_BYTES), [coding], MOST_BYTES) == b" " * MOST_BYTES


def test_several_codings_are_undone_from_the_last_one() -> None:
    data = brotli.compress(gzip.compress(BODY))
    assert decoded(data, ["gzip", "br"], MOST_BYTES) == BODY
    assert in_pieces(data, 7, "gzip", "br") == BODY


@pytest.mark.parametrize("codings", [["compress"], ["gzip", "aes128gcm"], ["gzip"] * 4])
def test_what_cannot_be_undone_is_said_so(codings: list[str]) -> None:
    assert not content_codings.can_be_undone(codings)
    with pytest.raises(CodingError) as caught:
        decoded(BODY, codings, MOST_BYTES)
    assert (caught.value.reason, str(caught.value)) == ("unknown", ", ".join(codings))


def test_random_bytes_after_any_beginning_never_end_in_another_error() -> None:
    for coding, data in CODED.values():
        for length in range(0, 40, 3):
            with suppress(CodingError):
                decoded(data[:length] + os.urandom(60), [coding], MOST_BYTES)


def test_without_the_libraries_two_codings_remain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "brotli", None)
    monkeypatch.setattr(content_codings, "_zstandard", lambda: None)
    assert set(content_codings.known.__wrapped__()) == {"gzip", "x-gzip", "deflate"}


def test_a_library_that_cannot_stop_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brotli, "Decompressor", object)
    assert "br" not in content_codings.known.__wrapped__()
