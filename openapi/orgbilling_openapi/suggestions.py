"""What an error says of a name that does not exist: those that do, and the one that was probably meant."""

from __future__ import annotations

from collections.abc import Iterable

SHORTEST_BEGINNING = 3
"""A word of so many letters stands for the one name that begins with it."""


def nearest(word: str, words: Iterable[str], similarity: float = 0.7) -> str:
    """A hint such as `; did you mean "balance"?`, or nothing.

    A name is near when it shares most letters with the word, or when it alone begins with the word.
    similarity: the least share of equal letters, from 0 to 1.
    """
    from difflib import get_close_matches  # late: only mistakes need it

    names = list(words)
    close = get_close_matches(word, names, n=1, cutoff=similarity)
    if not close and len(word) >= SHORTEST_BEGINNING:
        longer = [name for name in names if name.startswith(word)]
        close = longer if len(longer) == 1 else []
    return f'; did you mean "{close[0]}"?' if close else ""


def not_one_of(word: str, words: Iterable[str]) -> str:
    """What is wrong with a name. Example: `'tust' is not one of trust, off; did you mean "trust"?`."""
    names = list(words)
    return f"{word!r} is not one of {', '.join(names)}{nearest(word, names)}"
