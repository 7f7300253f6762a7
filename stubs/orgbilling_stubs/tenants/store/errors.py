"""Every error of a store: one table, one row for each error code. A client gets them as they are."""

from __future__ import annotations

from typing import NamedTuple


class StoreErrorKind(NamedTuple):
    """code: the error code. detail: the text for the client. retry_after_s: the value of `Retry-After`."""

    code: str
    status: int
    detail: str
    retry_after_s: int | None = None


LOCKED = StoreErrorKind("database_locked", 503, "the database is locked by another program", 1)
CONFLICT = StoreErrorKind("write_conflict", 409, "other servers keep changing this organization", 1)
FULL = StoreErrorKind("database_full", 503, "the disk of the database is full", 30)
READ_ONLY = StoreErrorKind("database_read_only", 503, "the database cannot be written to", 30)
MISSING = StoreErrorKind("database_missing", 503, "the file of the database was deleted or replaced", 30)
UNREACHABLE = StoreErrorKind("database_unreachable", 503, "the database cannot be reached", 2)
POOL_EXHAUSTED = StoreErrorKind(
    "database_pool_exhausted", 503, "all connections to the database are in use", 1
)
TIMEOUT = StoreErrorKind("database_timeout", 503, "the database took too long; nothing was changed", 2)
OUTCOME_UNKNOWN = StoreErrorKind(
    "database_outcome_unknown",
    503,
    "the database did not confirm the whole command, which may have been carried out: look, or repeat it "
    "with the same Idempotency-Key",
    2,
)
FAILED = StoreErrorKind("database_failed", 503, "the database cannot be read or written", 30)
LOG_DAMAGED = StoreErrorKind(
    "log_damaged", 500, "the stored log is damaged: delete the organization, or restore the database"
)

TABLE = (
    LOCKED,
    CONFLICT,
    FULL,
    READ_ONLY,
    MISSING,
    UNREACHABLE,
    POOL_EXHAUSTED,
    TIMEOUT,
    OUTCOME_UNKNOWN,
    FAILED,
    LOG_DAMAGED,
)


class StoreError(Exception):
    """The store cannot be opened, read or written.

    The text says why in one line, for the log of the server and the command line; it may name files. What the
    client gets of it is its kind.
    """

    def __init__(self, text: str, kind: StoreErrorKind = FAILED) -> None:
        super().__init__(text)
        self.code = kind.code
        self.status = kind.status
        self.detail = kind.detail
        self.retry_after_s = kind.retry_after_s


class StoreLockError(StoreError):
    """Another program holds a lock. Nothing was written, and it is worth trying again soon."""

    def __init__(self, text: str) -> None:
        super().__init__(text, LOCKED)


class ConflictError(StoreError):
    """Somebody else wrote first: the sequence number is taken, or the log is of another generation."""

    def __init__(self, text: str) -> None:
        super().__init__(text, CONFLICT)


class LogDamageError(StoreError):
    """The records of one log are not what was written. All other logs can be used."""

    def __init__(self, text: str) -> None:
        super().__init__(text, LOG_DAMAGED)
