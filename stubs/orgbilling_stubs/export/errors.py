"""The error of an export, its codes, and the modules that may not be installed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

CODES = {
    "bad_bundle": "the bundle is none, or replays differently",
    "bad_instant": "the instant is none, or billing does not support its year",
    "bad_manifest": "the folder's manifest is not that of an export",
    "bad_shard": "the shard is not i/n with 1 ≤ i ≤ n",
    "busy": "another export is writing into the folder",
    "conflicting_options": "the options name organizations in more than one way",
    "credentials_in_address": "an address has a password, which would end up in logs",
    "database_error": "PostgreSQL refused something; nothing has changed in it",
    "extra_missing": "a library of the extra `export` is not installed",
    "file_error": "a file cannot be read or written, or the disk is full",
    "no_manifest": "the folder has no manifest, so it is not a whole export",
    "not_empty": "the folder holds what would be overwritten or mixed in, and `--force` is not given",
    "no_responses": "the format has what the API answers, which a population has none of",
    "number_too_large": "an amount does not fit in 64 bits",
    "not_since": "the database is not at the instant of `--since`, or holds other organizations",
    "one_file": "the format is one file and has no shards",
    "out_of_range": "a number is too small or too large",
    "shards_differ": "the shards are not those of one export",
    "shards_missing": "a shard's manifest is not in the folder",
    "storage_error": "object storage refused something, or cannot be reached",
    "unknown_database": "the address is not `postgresql://…`",
    "unknown_format": "there is no such format",
    "unknown_money": "amounts are written as `number` or `text`",
    "unknown_partition": "tables are divided by `date` or `month`",
    "unknown_persona": "there is no such persona, or its file cannot be used",
    "unknown_storage": "there is no file system for such an address",
    "unknown_table": "there is no such table",
    "unreachable": "no stub answers at the address",
    "unreadable": "the files of an export cannot be read",
    "worker_lost": "a process of the export ended, perhaps for lack of memory",
}
"""Every code with its meaning."""

EXTRA = "pip install 'orgbilling[export]'"


class ExportError(Exception):
    """An export cannot go on; `code` is one of CODES, the text is for the user."""

    def __init__(self, code: str, problem: str) -> None:
        super().__init__(problem)
        self.code = code

    def __reduce__(self) -> tuple[type[ExportError], tuple[str, str]]:
        # Worker processes send their errors to the parent.
        return type(self), (self.code, str(self))


class ExportStopped(Exception):  # noqa: N818 -- not an error: the user pressed Ctrl-C
    """The user stopped the export."""


def require(module: str, purpose: str = "") -> Any:
    """A module of the extra `export`, untyped because it may not be there.

    Raises ExportError `extra_missing`, which names the purpose and says how to install it.
    """
    try:
        return import_module(module)
    except ImportError as error:
        subject = f"{purpose} needs" if purpose else "this needs"
        library = module.partition(".")[0]
        what = "is not installed" if isinstance(error, ModuleNotFoundError) else "cannot be loaded"
        raise ExportError("extra_missing", f"{subject} {library}, which {what}: {EXTRA}") from error


def from_os(error: OSError, path: object) -> ExportError:
    """One line for what the file system refused."""
    return ExportError("file_error", f"{error.filename or path}: {(error.strerror or str(error)).lower()}")
