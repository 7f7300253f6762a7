"""One thing that is checked in an export."""

from __future__ import annotations

from typing import NamedTuple


class Check(NamedTuple):
    """One thing that was checked; `problem` is empty when it holds, and a note says what is no problem."""

    name: str
    statement: str
    problem: str
    is_note: bool = False
