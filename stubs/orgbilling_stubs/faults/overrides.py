"""Overrides of one request: read from `Prefer` (RFC 7240), the query, or a cookie.

A header beats the query, and the query beats the cookie, preference by preference. As in Prism, `code` and
`example` choose the response. Unknown preferences are ignored, as RFC 7240 asks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote

from orgbilling_openapi.redaction import redact

from orgbilling_stubs.faults import COOKIE, errors
from orgbilling_stubs.faults.effects.effect import LONGEST_MS
from orgbilling_stubs.http.errors import Problem

LONGEST_SHOWN = 100
NAMES = ("code", "example", "delay", "scenario", "force")

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105
_LEXEME = re.compile(r'"(?:[^"\\]|\\.)*+"|[,;"]|[^",;]+', re.DOTALL)
# A quoted string, a separator, a quotation mark that is never closed, or the text between them.
_PAIR = re.compile(rf'({_TOKEN})(?:[ \t]*=[ \t]*({_TOKEN}|"(?:[^"\\]|\\.)*")?)?')
_DELAY = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,3}))?(ms|s)?")


@dataclass(frozen=True, slots=True)
class Override:
    """What a request asks for itself.

    code: a status. force: allow a status that the API description does not list. example: the name of a
    documented example. scenario: name or number of one. applied: the preferences as `Preference-Applied`
    names them.
    """

    code: int | None = None
    example: str | None = None
    delay_ms: int = 0
    scenario: str | None = None
    force: bool = False
    applied: str = ""

    @property
    def chooses_response(self) -> bool:
        """Whether the response is chosen by its status or by the name of an example."""
        return self.code is not None or self.example is not None


def read(headers: Sequence[tuple[bytes, bytes]], query: bytes) -> Override | None:
    """The overrides of a request, or None when there are none. Raises Problem for those that are wrong."""
    preferences: dict[str, str] = {}
    for carrier in (_header(headers), _query(query), _cookie(headers)):
        for name, value in carrier:
            if name in NAMES:
                preferences.setdefault(name, value)
    if not preferences.keys() - {"force"}:
        return None
    return Override(
        code=_code(preferences["code"]) if "code" in preferences else None,
        example=preferences.get("example"),
        delay_ms=_delay(preferences["delay"]) if "delay" in preferences else 0,
        scenario=preferences.get("scenario"),
        force=preferences.get("force", "false").lower() not in ("false", "0"),
        applied=", ".join(_applied(name, preferences[name]) for name in NAMES if name in preferences),
    )


def parse(text: str) -> list[tuple[str, str]]:
    """The preferences of one `Prefer` value, names in lower case, quotes taken off.

    Raises Problem when it does not follow RFC 7240.
    """
    preferences: list[tuple[str, str]] = []
    for first, *parameters in _split(text):
        parts = [first, *(parameter for parameter in parameters if parameter)]
        if not first and not parameters:
            continue
        pairs = [_PAIR.fullmatch(part) for part in parts]
        pair = pairs[0]
        if pair is None or not all(pairs):
            raise Problem(errors.PREFERENCE_MALFORMED)
        preferences.append((pair[1].lower(), _unquoted(pair[2] or "")))
    return preferences


def _split(text: str) -> list[list[str]]:
    """The preferences between commas, each with its parameters between semicolons, without outer blanks.

    Separators in quotes do not count. The work grows with the length of the text, because the first quotation
    mark that is never closed ends it. Raises Problem there.
    """
    preferences, lexemes = [[""]], []
    for match in _LEXEME.finditer(text):
        lexeme = match[0]
        if lexeme == '"':
            raise Problem(errors.PREFERENCE_MALFORMED)
        if lexeme not in (",", ";"):
            lexemes.append(lexeme)
            continue
        preferences[-1][-1] = "".join(lexemes).strip()
        lexemes.clear()
        if lexeme == ",":
            preferences.append([""])
        else:
            preferences[-1].append("")
    preferences[-1][-1] = "".join(lexemes).strip()
    return preferences


def _header(headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    values = [value.decode("latin-1") for name, value in headers if name == b"prefer"]
    return [preference for value in values for preference in parse(value)]


def _query(query: bytes) -> list[tuple[str, str]]:
    if b"__" not in query:
        return []
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, errors="replace")
    return [(name[2:].lower(), value) for name, value in pairs if name.startswith("__")]


def _cookie(headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    """A cookie holds what `Prefer` would, percent-encoded; `&` may stand for the comma."""
    cookies = "; ".join(value.decode("latin-1") for name, value in headers if name == b"cookie")
    for pair in cookies.split(";"):
        name, _, value = pair.partition("=")
        if name.strip() == COOKIE:
            return parse(unquote(value.strip().strip('"')).replace("&", ","))
    return []


def _code(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) == 3 and 200 <= int(text) <= 599):
        raise Problem(errors.CODE_INVALID)
    return int(text)


def _delay(text: str) -> int:
    """Milliseconds of `250`, `250ms` or `1.5s`."""
    match = _DELAY.fullmatch(text.strip())
    if match is None or (match[2] and match[3] != "s"):
        raise Problem(errors.DELAY_INVALID)
    delay_ms = int(match[1])
    if match[3] == "s":
        delay_ms = delay_ms * 1000 + int((match[2] or "0").ljust(3, "0"))
    if delay_ms > LONGEST_MS:
        raise Problem(errors.DELAY_INVALID)
    return delay_ms


def _unquoted(word: str) -> str:
    return re.sub(r"\\(.)", r"\1", word[1:-1]) if word.startswith('"') else word


def _applied(name: str, value: str) -> str:
    """One member of `Preference-Applied`."""
    if not value:
        return name
    if len(value) <= LONGEST_SHOWN and re.fullmatch(_TOKEN, value) and redact(value) == value:
        return f"{name}={value}"
    printable = "".join(letter if " " <= letter <= "~" else "?" for letter in redact(value)[:LONGEST_SHOWN])
    escaped = printable.replace("\\", "\\\\").replace('"', '\\"')
    return f'{name}="{escaped}"'
