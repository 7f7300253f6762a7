"""The checksums of a log. Each covers its record and, through the checksum before it, all earlier records.

    checksum 1 = BLAKE2b(record 1)
    checksum 2 = BLAKE2b(checksum 1, record 2)
    …

The head of the log has the last one. So a record that was changed, lost, doubled or moved is noticed, and so
is a log whose end is missing: `store.sqlite` compares them whenever it reads a log. This is against damage,
not against somebody who computes the checksums anew.
"""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import NamedTuple, TypeAlias

DIGEST_BYTES = 16
BEGINNING = b""
"""In place of the checksum before the first record."""

compact_json = json.JSONEncoder(separators=(",", ":")).encode
"""The JSON text of a value, without spaces. Made once: `json.dumps` makes an encoder for each text."""

StoredValue: TypeAlias = int | str | None


class RecordRow(NamedTuple):
    """A record as a store keeps it. event: the JSON text of the event."""

    sequence: int
    at_ms: int
    event: str
    batch: int
    idempotency_key: str | None
    fingerprint: str | None


def checksum(previous: bytes, organization: str, generation: int, record: RecordRow) -> bytes:
    """The checksum of a record that follows the record with the checksum `previous`.

    Raises TypeError or ValueError for values that no record has.
    """
    text = compact_json([organization, generation, *record])
    return blake2b(previous + text.encode(), digest_size=DIGEST_BYTES).digest()
