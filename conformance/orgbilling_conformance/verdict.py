"""The verdict of a run, and the exit status of `orgbilling conform` that follows from it.

A run that cannot begin has no verdict: the command ends with 2 (`orgbilling_stubs.cli.errors`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

EXIT_STATUSES = {"conforms": 0, "violated": 1, "inconclusive": 3}


def verdict(severities: Iterable[str], reasons: Collection[str]) -> str:
    """Violated if any error was seen, else inconclusive if there is a reason, else conforms.

    severities: of the findings. reasons: why the run says nothing, or not enough.
    """
    if "error" in severities:
        return "violated"
    return "inconclusive" if reasons else "conforms"


def exit_status(verdict: str, reasons: Collection[str], new_errors: int | None) -> int:
    """The exit status: 0 conforms, 1 violated, 3 inconclusive.

    new_errors: where the run was compared with an earlier report, how many errors that does not have. Then
    only these make the status 1.
    """
    if verdict == "violated" and new_errors == 0:
        return EXIT_STATUSES["inconclusive" if reasons else "conforms"]
    return EXIT_STATUSES[verdict]
