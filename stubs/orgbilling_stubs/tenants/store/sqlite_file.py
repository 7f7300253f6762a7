"""Opens the file of a SQLite store, or says in one line why it cannot be used."""

from __future__ import annotations

import logging
import os
import sqlite3
import stat
from contextlib import ExitStack
from pathlib import Path

from orgbilling_stubs.tenants.clock import wall_ms
from orgbilling_stubs.tenants.store import errors
from orgbilling_stubs.tenants.store.errors import StoreError

LOG = logging.getLogger("orgbilling")

FORMAT = 3
APPLICATION_ID = 0x6F726762
"""`orgb`: says, in the header of a file, whose database it is."""
OPEN_TIMEOUT_S = 2.0
"""How long opening waits for a lock of another program."""
SWITCH_ATTEMPTS = 50
"""How often opening tries to switch to the write-ahead log while other processes do so."""
QUICK_CHECK_MS = 2_000
"""How long the check of a file's structure may take. A larger file is used without the rest of it."""
_SHARED_PAGES = ("reference to page", "reelist")
"""In what the check finds: one page is used for two things, so writing would damage more."""

SCHEMA = """
CREATE TABLE log (
    generation INTEGER PRIMARY KEY AUTOINCREMENT,
    organization TEXT NOT NULL UNIQUE,
    sequence INTEGER NOT NULL,
    checksum BLOB NOT NULL
) STRICT;
CREATE TABLE record (
    organization TEXT NOT NULL,
    generation INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    event TEXT NOT NULL,
    batch INTEGER NOT NULL,
    idempotency_key TEXT,
    fingerprint TEXT,
    checksum BLOB NOT NULL,
    PRIMARY KEY (organization, generation, sequence)
) STRICT;
"""
"""`log` has the head of each log. With AUTOINCREMENT a generation is never given twice."""


def open_database(path: Path) -> sqlite3.Connection:
    """Open the file, or create it where there is none or an empty one.

    The connection never waits for a lock. Raises StoreError when the file cannot be read and written, or is
    not a database of ours; then it is left as it was.
    """
    path = path.absolute()  # SQLite has names of its own, such as `:memory:` and `file:x?mode=ro`
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        mode = stat.S_IFREG
    except OSError as error:
        problem = (error.strerror or type(error).__name__).lower()
        raise StoreError(f"cannot use {path} as a database: {problem}") from error
    if not stat.S_ISREG(mode):
        raise StoreError(f"cannot use {path} as a database: it is not a file")
    with ExitStack() as undone:
        try:
            db = sqlite3.connect(path, isolation_level=None, timeout=OPEN_TIMEOUT_S, check_same_thread=False)
            undone.callback(db.close)
            _check_owner(db, path)
            _use_write_ahead_log(db)
            db.execute("PRAGMA synchronous=FULL")
            _prepare(db)
            _check_structure(db, path)
            db.execute("PRAGMA busy_timeout=0")
        except sqlite3.Error as error:
            if _is_busy(error):
                raise StoreError(f"{path} is locked by another program", errors.LOCKED) from error
            raise StoreError(f"cannot use {path} as a database: {_cause(path) or error}") from error
        undone.pop_all()
    return db


def _use_write_ahead_log(db: sqlite3.Connection) -> None:
    """Switch the file to its write-ahead log, after other processes that do so at the same time.

    Where two switch at once, SQLite does not wait but tells one of them at once that the file is locked. An
    empty transaction waits for the other one.
    """
    for _ in range(SWITCH_ATTEMPTS):
        try:
            db.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if not _is_busy(error):
                raise
        db.execute("BEGIN IMMEDIATE")
        db.execute("COMMIT")
    db.execute("PRAGMA journal_mode=WAL")


def _is_busy(error: sqlite3.Error) -> bool:
    """Whether an error says that another connection holds a lock."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def _cause(path: Path) -> str | None:
    """Why a file cannot be opened, where SQLite only says that it cannot; None when it is something else."""
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}"
    for needed in (path.parent, path):  # SQLite writes files beside the database
        if needed.exists() and not os.access(needed, os.W_OK):
            return f"{needed} cannot be written to"
    return None


def _check_owner(db: sqlite3.Connection, path: Path) -> None:
    """Raise StoreError for a database of another program, or of another version."""
    db.execute("BEGIN")  # one view of all three: another process may be creating the tables right now
    found, application = _pragma(db, "user_version"), _pragma(db, "application_id")
    schema = _schema(db)
    names = {name for _, name, _ in schema}
    db.execute("COMMIT")
    ours = application == APPLICATION_ID or (application == 0 and found in (1, 2) and "record" in names)
    if not ours and (names or found or application):
        raise StoreError(f"{path} is a database of something else")
    if ours and found != FORMAT:
        raise StoreError(
            f"{path} was written by another version (format {found}; this one reads format {FORMAT}):"
            " use another file, or that version"
        )
    if ours and schema != _expected_schema():
        raise StoreError(f"{path} is a database of something else: its tables are not ours")


def _prepare(db: sqlite3.Connection) -> None:
    """Create the tables in a new file, and prove that the file can be written."""
    db.execute("BEGIN IMMEDIATE")
    if not _schema(db):  # another process may have been faster
        for statement in SCHEMA.split(";")[:-1]:
            db.execute(statement)
        db.execute(f"PRAGMA application_id={APPLICATION_ID}")
        db.execute(f"PRAGMA user_version={FORMAT}")
    db.execute("COMMIT")


def _check_structure(db: sqlite3.Connection, path: Path) -> None:
    """Look for damage of the file's structure; what each log says is checked when it is read.

    A line in the log names what was found. Raises StoreError where writing would damage more.
    """
    deadline_ms = wall_ms() + QUICK_CHECK_MS
    db.set_progress_handler(lambda: wall_ms() > deadline_ms, 10_000)
    try:
        findings = [text for (text,) in db.execute("PRAGMA quick_check(20)") if text != "ok"]
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        findings = []
    finally:
        db.set_progress_handler(None, 0)
    if any(words in text for text in findings for words in _SHARED_PAGES):
        raise StoreError(f"{path} is damaged, restore it from a copy: {' '.join(findings[0].split())}")
    if findings:
        LOG.warning(
            "%s is damaged, organizations with damaged records answer log_damaged: %s",
            path,
            " ".join(findings[0].split()),
        )


def _pragma(db: sqlite3.Connection, name: str) -> int:
    return int(db.execute(f"PRAGMA {name}").fetchone()[0])


def _schema(db: sqlite3.Connection) -> list[tuple[str, str, str | None]]:
    return db.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name").fetchall()


def _expected_schema() -> list[tuple[str, str, str | None]]:
    """What SQLite keeps of our tables, and of the indexes and the table that it makes for them."""
    db = sqlite3.connect(":memory:")
    try:
        db.executescript(SCHEMA)
        return _schema(db)
    finally:
        db.close()
