"""What an export refuses, in one line each, and what it needs that may not be installed."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class ExportError(Exception):
    """An export cannot go on; `name` is stable, the text is for the user."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(problem)
        self.name = name

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.name, str(self))


class Stopped(Exception):  # noqa: N818 -- not an error: the user pressed Ctrl-C
    """The user stopped the export."""


EXTRA = "pip install 'orgbilling[export]'"


def need(module: str, purpose: str = "") -> Any:
    """A module of the extra `export`; raises ExportError `extra-missing`, which says how to install it."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        what = f"{purpose} needs" if purpose else "this needs"
        raise ExportError(
            "extra-missing", f"{what} {module.partition('.')[0]}, which is not installed: {EXTRA}"
        ) from error


def has(module: str) -> bool:
    """Whether a module of the extra `export` can be imported."""
    try:
        import_module(module)
    except ModuleNotFoundError:
        return False
    return True


def from_os(error: OSError, path: object) -> ExportError:
    """One line for what the file system refused."""
    where = error.filename or path
    return ExportError("file-error", f"{where}: {(error.strerror or str(error)).lower()}")
