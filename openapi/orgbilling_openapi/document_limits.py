"""The limits of documents that come from outside: their length, nesting, values and numbers.

Reading is bounded before anything is built of a document, so that none of them costs much time or memory,
however it is written. `docs/limits.md` lists the limits.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from orgbilling_openapi.json_pointer import Path, children, text
from orgbilling_openapi.strict_json import JsonValue

MAX_NUMBER_CHARACTERS = 100
"""The longest number in a document; no number in use has more than 40 characters."""
MAX_EXPONENT_DIGITS = 3
LONG_EXPONENT = re.compile(rf"^[-+]?[0-9._]+[eE][-+]?[0-9_]{{{MAX_EXPONENT_DIGITS + 1},}}$")


class DocumentLimitError(ValueError):
    """A document beyond a limit: what it is, and the line if it is known."""

    def __init__(self, problem: str, line: int | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.line = line


@dataclass(frozen=True, slots=True)
class DocumentLimits:
    """What a kind of document may hold at most.

    values: mappings, lists and scalars, a YAML alias counting as all that it repeats. depth: how many lists
    and mappings stand inside each other.
    """

    max_bytes: int
    max_values: int
    max_depth: int

    def check_length(self, size_bytes: int) -> None:
        """Raise `DocumentLimitError` for a text that is too long."""
        if size_bytes > self.max_bytes:
            raise DocumentLimitError(f"is larger than {self.max_bytes // 1_000_000} MB")

    def check_depth(self, depth: int, line: int | None = None) -> None:
        """Raise `DocumentLimitError` for a value inside too many others."""
        if depth > self.max_depth:
            raise DocumentLimitError(f"nested too deeply (the limit is {self.max_depth} levels)", line)

    def check_count(self, values: int, line: int | None = None) -> None:
        """Raise `DocumentLimitError` for too many values."""
        if values > self.max_values:
            raise DocumentLimitError(f"has too many values (the limit is {self.max_values})", line)

    def check_value(self, document: JsonValue) -> None:
        """Raise `DocumentLimitError` for a parsed document that is too deep or has too many values."""
        count = 0
        waiting: list[tuple[JsonValue, Path]] = [(document, ())]
        while waiting:
            node, path = waiting.pop()
            count += 1
            self.check_count(count)
            if len(path) > self.max_depth:
                raise DocumentLimitError(
                    f"{text(path[:3])}: nested too deeply (the limit is {self.max_depth} levels)"
                )
            waiting += [(child, (*path, key)) for key, child in children(node)]


OPENAPI_LIMITS = DocumentLimits(max_bytes=16_000_000, max_values=400_000, max_depth=100)
PERSONA_LIMITS = DocumentLimits(max_bytes=1_000_000, max_values=20_000, max_depth=30)


def bounded_int(digits: str) -> int:
    """A JSON integer; `DocumentLimitError` if it is too long (for `parse_int` of the `json` module)."""
    return int(bounded_number(digits))


def bounded_float(digits: str) -> float:
    """A JSON number with a fraction or exponent; `DocumentLimitError` if it is too long or too large."""
    number = float(bounded_number(digits))
    if not math.isfinite(number):
        raise DocumentLimitError(f"the number {digits} is too large")
    return number


def bounded_number(digits: str, line: int | None = None) -> str:
    """The text of a number; `DocumentLimitError` if it is too long, or its exponent is.

    A short text such as 1E-10000000 stands for ten million digits, and exact arithmetic would write them.
    """
    if len(digits) > MAX_NUMBER_CHARACTERS:
        raise DocumentLimitError(
            f"has a number of more than {MAX_NUMBER_CHARACTERS} characters ({digits[:20]}...)", line
        )
    if LONG_EXPONENT.search(digits):
        raise DocumentLimitError(
            f"has a number with an exponent of more than {MAX_EXPONENT_DIGITS} digits ({digits})", line
        )
    return digits
