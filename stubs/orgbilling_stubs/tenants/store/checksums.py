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

json_text = json.encoder.encode_basestring_ascii
"""The JSON text of a text."""

StoredValue: TypeAlias = int | str | None

_EMPTY_DIGEST = blake2b(digest_size=DIGEST_BYTES)
"""Copied for each checksum, which takes half the time of making one."""


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
    # The text of `compact_json([organization, generation, *record])`, put together by hand, because opening a
    # long log takes one for each record.
    sequence, at_ms, event, batch, key, fingerprint = record
    numbers = f"{generation:d},{sequence:d},{at_ms:d}"
    keys = f"{_text_or_null(key)},{_text_or_null(fingerprint)}"
    text = f"[{json_text(organization)},{numbers},{json_text(event)},{batch:d},{keys}]"
    digest = _EMPTY_DIGEST.copy()
    digest.update(previous + text.encode())
    return digest.digest()


def _text_or_null(value: str | None) -> str:
    return "null" if value is None else json_text(value)
