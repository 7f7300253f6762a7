"""Strict JSON (RFC 8259 plus I-JSON, RFC 7493): UTF-8, no member twice, no NaN or Infinity.

The parser of the standard library takes more than JSON: it keeps the last of two members with one name,
and it reads ``NaN``. Two programs that read such a text differently disagree about what was said. All JSON
that comes from outside is therefore read here.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any, NoReturn

JsonValue = Any
"""Any JSON value: null, a boolean, a number, a text, a list or a dictionary.

It is `Any` because a recursive type needs a check at each step into a nested document: about 1,500 places,
most of them in code that catches what a malformed document raises. Where a value is only passed on, `object`
says more.
"""

JsonObject = dict[str, JsonValue]

MAX_NESTING = 100
"""How many levels of a request body and of an object in a parameter are read.

Serializers stop at about 250 levels, and what one client has sent is part of what others read: the journal
shows a body some levels down in its own response.
"""

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]|NaN|-?Infinity')
COLON = re.compile(r"\s*:")


class StrictJsonError(ValueError):
    """A text that is not strict JSON; the message says why, in a few words."""


class DuplicateMemberError(StrictJsonError):
    """An object that has two members with one name, `name`."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the member {name!r} occurs twice")
        self.name = name


def loads(data: bytes | str) -> JsonValue:
    """The value of a JSON text; bytes are UTF-8 without a byte order mark. Raises `StrictJsonError`."""
    try:
        return decoder().decode(data.decode("utf-8") if isinstance(data, bytes) else data)
    except StrictJsonError:
        raise
    except UnicodeDecodeError as error:
        raise StrictJsonError(f"not UTF-8: {error.reason} at byte {error.start}") from None
    except RecursionError:
        raise StrictJsonError("nested too deeply") from None
    except json.JSONDecodeError as error:
        raise StrictJsonError(f"not JSON: {error.msg} at character {error.pos}") from None
    except ValueError:  # Python converts integers of at most 4300 digits
        raise StrictJsonError("a number of too many digits") from None


def decoder() -> json.JSONDecoder:
    """A decoder for texts in which JSON is only a part (`raw_decode`).

    Besides `StrictJsonError` it raises what `json` raises: `json.JSONDecodeError`, `RecursionError`, and
    `ValueError` for a number of too many digits.
    """
    return json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)


def error_position(text: str, start: int) -> int:
    """Where the value that begins at `start` first repeats a member or has a word that is not JSON.

    `json` tells the position of a syntax error, but not of these two. Without such an error the result is
    `start`.
    """
    members_of_open: list[set[str]] = []
    for token in TOKEN.finditer(text, start):
        word = token[0]
        if word in "{[":
            members_of_open.append(set())
        elif word in "}]":
            members_of_open.pop()
            if not members_of_open:
                break
        elif word[0] != '"':
            return token.start()
        elif COLON.match(text, token.end()):
            name = json.loads(word, strict=False)
            if name in members_of_open[-1]:
                return token.start()
            members_of_open[-1].add(name)
    return start


def is_too_deep(value: JsonValue) -> bool:
    """Whether lists and objects stand inside each other in more than `MAX_NESTING` levels."""
    level = [value]
    for _ in range(MAX_NESTING):
        level = [
            item
            for container in level
            if isinstance(container, (dict, list))
            for item in (container.values() if isinstance(container, dict) else container)
        ]
    return any(isinstance(item, (dict, list)) for item in level)


def _object(pairs: list[tuple[str, JsonValue]]) -> JsonObject:
    members = dict(pairs)
    if len(members) != len(pairs):
        counts = Counter(name for name, _ in pairs)
        raise DuplicateMemberError(next(name for name, count in counts.items() if count > 1))
    return members


def _constant(word: str) -> NoReturn:
    raise StrictJsonError(f"{word} is not JSON")
