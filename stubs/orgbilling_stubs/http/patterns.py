"""A text that matches a regular expression, for schemas with a `pattern`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

# The standard library's own reader of patterns; type stubs know it on some releases only.
code: Any = import_module("re._constants")
parser: Any = import_module("re._parser")

CATEGORIES = {code.CATEGORY_DIGIT: "0123456789", code.CATEGORY_WORD: "abcdefgh", code.CATEGORY_SPACE: " "}
PLAIN = "abcdefghijklmnopqrstuvwxyz0123456789"


def text(pattern: str, pick: Callable[[int], int]) -> str:
    """A text that matches; `pick(n)` chooses a number below n.

    Raises `ValueError` for what is not supported (look-around, back references, negated categories).
    """
    try:
        return "".join(_parts(parser.parse(pattern), pick))
    except (KeyError, TypeError, parser.error) as problem:
        raise ValueError(f"no text can be made for the pattern {pattern!r}") from problem


def _parts(tree: Iterable[Any], pick: Callable[[int], int]) -> Iterable[str]:
    for kind, given in tree:
        if kind is code.LITERAL:
            yield chr(given)
        elif kind is code.ANY:
            yield PLAIN[pick(len(PLAIN))]
        elif kind is code.NOT_LITERAL:
            yield next(letter for letter in PLAIN if ord(letter) != given)
        elif kind is code.IN:
            letters = _letters(given)
            yield letters[pick(len(letters))]
        elif kind in (code.MAX_REPEAT, code.MIN_REPEAT):
            least, most, inner = given
            for _ in range(least + pick(min(most, least + 4) - least + 1)):
                yield from _parts(inner, pick)
        elif kind is code.SUBPATTERN:
            yield from _parts(given[-1], pick)
        elif kind is code.BRANCH:
            yield from _parts(given[1][pick(len(given[1]))], pick)
        elif kind is not code.AT:
            raise ValueError(f"{kind} is not supported")


def _letters(choices: list[Any]) -> str:
    negated = choices[0][0] is code.NEGATE
    letters = ""
    for kind, given in choices[1:] if negated else choices:
        if kind is code.LITERAL:
            letters += chr(given)
        elif kind is code.RANGE:
            letters += "".join(chr(each) for each in range(given[0], min(given[1], given[0] + 63) + 1))
        else:
            letters += CATEGORIES[given]
    return "".join(each for each in PLAIN if each not in letters) if negated else letters
