"""Where in a JSON text a member occurs twice, or a word stands that is no JSON.

`json` tells the place of a syntax error, but not of these two.
"""

from __future__ import annotations

import json
import re

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]|NaN|-?Infinity')
COLON = re.compile(r"\s*:")


def flaw(text: str, start: int) -> int:
    """The place of the first such member or word of the value that begins at `start`, or else `start`."""
    open_: list[set[str]] = []
    for token in TOKEN.finditer(text, start):
        word = token[0]
        if word in "{[":
            open_.append(set())
        elif word in "}]":
            open_.pop()
            if not open_:
                break
        elif word[0] != '"':
            return token.start()
        elif COLON.match(text, token.end()):
            name = json.loads(word, strict=False)
            if name in open_[-1]:
                return token.start()
            open_[-1].add(name)
    return start
