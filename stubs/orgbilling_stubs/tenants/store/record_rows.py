"""Records as the rows of a table, which SQLite and PostgreSQL keep alike."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import orjson

from orgbilling_stubs.billing.events import (
    Event,
    Idempotency,
    Record,
    UnknownEventError,
    decode,
    encode,
)
from orgbilling_stubs.tenants.store.checksums import BEGINNING, RecordRow, checksum, compact_json
from orgbilling_stubs.tenants.store.errors import LogDamageError

LONG_LOG = 10_000
"""Records; one that is shorter is read in less time than the garbage collector takes in between."""


def stored(record: Record) -> RecordRow:
    """The row of a record."""
    event = compact_json(encode(record.event))
    key = record.idempotency
    pair = (None, None) if key is None else (key.key, key.fingerprint)
    return RecordRow(record.sequence, record.at_ms, event, record.batch, *pair)


def restored(row: RecordRow) -> Record:
    """The record of a row. Raises TypeError, ValueError or UnknownEventError when it is none."""
    sequence, at_ms, text, batch, key, fingerprint = row
    idempotency = None if key is None or fingerprint is None else Idempotency(key, fingerprint)
    try:
        document = orjson.loads(text)
    except ValueError:  # characters that are none, which only the standard library reads
        document = json.loads(text)
    return Record(sequence, at_ms, decode(document), batch, idempotency)


def verified_records(organization: str, after: int, rows: Sequence[tuple[object, ...]]) -> list[Record]:
    """The records of rows that begin with the one numbered `after`, or with the first.

    Each row has generation, last sequence number and last checksum of the log, then checksum and columns of a
    record. Raises LogDamageError when one of them is not what was written, or missing.
    """
    with collector_paused(len(rows)):
        return _verified_records(organization, after, rows)


@contextmanager
def collector_paused(count: int) -> Iterator[None]:
    """Keep Python's garbage collector from looking again and again through many objects that all stay.

    It took a seventh of the time in which a log of 100,000 records was read. count: how many there are.
    """
    if count < LONG_LOG or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _verified_records(organization: str, after: int, rows: Sequence[tuple[object, ...]]) -> list[Record]:
    records: list[Record] = []
    generation, last, last_checksum = rows[0][:3]
    assert isinstance(generation, int)
    previous, expected = BEGINNING, max(after, 1)
    for row in rows:
        written, values = row[3], RecordRow(*row[4:])  # type: ignore[arg-type]
        if values.sequence != expected:
            break  # it is missing
        if expected > after:
            try:
                if written != checksum(previous, organization, generation, values):
                    raise LogDamageError(f"record {expected} is not what was written")
                records.append(restored(values))
            except (TypeError, ValueError, UnknownEventError) as error:
                raise LogDamageError(f"record {expected}: {error}") from error
        assert isinstance(written, bytes)
        previous = written
        expected += 1
    if (expected - 1, previous) != (last, last_checksum):
        raise LogDamageError(f"record {expected} is missing, or not the last")
    return records


def first_event(row: Sequence[object]) -> Event | None:
    """The event of a row of organization, generation, checksum and the columns of a first record.

    None when it is not what was written.
    """
    organization, generation, written, *values = row
    try:
        record = RecordRow(*values)  # type: ignore[arg-type]
        if written == checksum(BEGINNING, organization, generation, record):  # type: ignore[arg-type]
            return restored(record).event
    except (TypeError, ValueError, UnknownEventError):
        return None
    return None
