"""The stream of `orgbilling_fixtures.random_stream`, a column of counters at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orgbilling_fixtures import random_stream

from orgbilling_stubs.export.errors import need

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
else:
    np = need("numpy")

_GOLDEN = np.uint64(random_stream.GOLDEN)
_MIX_1 = np.uint64(random_stream.MIX_1)
_MIX_2 = np.uint64(random_stream.MIX_2)
_30, _27, _31 = np.uint64(30), np.uint64(27), np.uint64(31)


def draws(key: int, counters: NDArray[np.int64]) -> NDArray[np.uint64]:
    """`stream.draw(key, counter)` for every counter; uint64 arithmetic wraps as the stream's mask does."""
    z = (counters + 1).astype(np.uint64)
    z *= _GOLDEN
    z += np.uint64(key)
    z ^= z >> _30
    z *= _MIX_1
    z ^= z >> _27
    z *= _MIX_2
    z ^= z >> _31
    return z


def bits(words: NDArray[np.uint64], shift: int, mask: int = 255) -> NDArray[np.int64]:
    """Some bits of each word, as signed integers to calculate with."""
    return ((words >> np.uint64(shift)) & np.uint64(mask)).view(np.int64)
