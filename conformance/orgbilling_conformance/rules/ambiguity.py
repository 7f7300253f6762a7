"""Requests that sound servers may read in different ways. They prove robustness only: an answer below 500.

No document says what becomes of them, because none says how an address or a JSON text is parsed: Go drops a
pair with a malformed escape or a semicolon, Java refuses the request before the API sees it, others keep it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from decimal import Decimal
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from orgbilling_openapi.strict_json import JsonValue

from orgbilling_conformance.exchange import Request

LONG_QUERY = 2000
"""Characters of a query; some servers and gateways refuse a longer one before they parse it."""

MALFORMED_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
NOT_OF_A_QUERY = re.compile(r"[^A-Za-z0-9\-._~!$&'()*+,;=:@/?%]")
"""Characters that RFC 3986 (section 3.4) does not allow in a query; Tomcat, for one, refuses them."""

CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
SURROGATE = re.compile(r"[\ud800-\udfff]")
LARGEST_EXACT = 2**53 - 1
"""Beyond it not every parser of JSON keeps an integer (RFC 8259, section 6)."""

READINGS = 64
"""Characters of a parameter: no notation of a number needs more."""


def ambiguity(request: Request, parameters: Collection[str] = ()) -> str:
    """Why sound servers may read a request differently, in a few words; empty where they may not.

    parameters: the names of those that the description knows.
    """
    return query_ambiguity(request.query, frozenset(parameters)) or body_ambiguity(request.body)


@lru_cache(maxsize=4096)
def query_ambiguity(query: str, parameters: frozenset[str] = frozenset()) -> str:
    """Why parsers of a query may read it differently; empty where they may not."""
    if len(query) > LONG_QUERY:
        return f"a query of more than {LONG_QUERY} characters"
    if MALFORMED_ESCAPE.search(query):
        return "a malformed escape"
    if ";" in query:
        return "a semicolon, which separates pairs for some"
    if NOT_OF_A_QUERY.search(query):
        return "a character that has to be escaped"
    decoded = unquote_to_bytes(query)
    if CONTROL.search(decoded):
        return "a control character"
    try:
        decoded.decode("utf-8")
    except UnicodeDecodeError:
        return "escapes that are not UTF-8"
    return _pairs(query, parameters)


def _pairs(query: str, parameters: frozenset[str]) -> str:
    seen = []
    for pair in query.split("&") if query else ():
        name, equals, value = pair.partition("=")
        known = _parameter_of(unquote_to_bytes(name).decode().replace("+", " "), parameters)
        if not name:
            return "a pair without a name"
        if known is None:
            continue
        if name != known:
            return f"a name that some take for {known}"
        if known in seen:
            return f"{known} more than once"
        if not equals or not value:
            return f"{known} without a value"
        if "+" in value:
            return "a plus sign, which is a space for some"
        seen.append(known)
    return ""


def _parameter_of(name: str, parameters: frozenset[str]) -> str | None:
    """The parameter that a name may be meant for: whatever its case, and with brackets or dots after it."""
    plain = re.split(r"[\[.]", name, maxsplit=1)[0].strip().casefold()
    return next((known for known in parameters if known.casefold() == plain), None)


def integer_readings(text: str) -> set[int]:
    """The integers that common notations read in a text; empty for none.

    Decimal digits, with a sign or spaces; those of other scripts (Java, Python); `0x`, `0o` and `0b`
    (JavaScript); underscores (Python); a fraction of zeros or an exponent (JSON Schema's integers).
    """
    text = text.strip()
    found: set[int] = set()
    if not text or len(text) > READINGS:
        return found
    for base in (10, 0):
        try:
            found.add(int(text, base))
        except ValueError:
            continue
    try:
        number = Decimal(text)
    except ArithmeticError:
        return found
    if number.is_finite() and number.adjusted() > READINGS:
        found.add(10**READINGS if number > 0 else -(10**READINGS))  # beyond every bound, and cheap to make
    elif number.is_finite() and number.adjusted() > -READINGS and number == number.to_integral_value():
        found.add(int(number))
    return found


@lru_cache(maxsize=1024)
def body_ambiguity(body: bytes | None) -> str:
    """Why parsers of JSON may read a body differently; empty where they may not, or where it is none at all.

    RFC 8259, section 9, lets a parser take more than JSON, and set limits of its own.
    """
    if not body:
        return ""
    if body.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        return "a byte order mark"
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return "bytes that are not UTF-8"
    repeated: list[str] = []

    def pairs(found: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
        members = dict(found)
        repeated.extend(["a member twice"] if len(members) != len(found) else [])
        return members

    start = len(text) - len(text.lstrip(" \t\r\n"))
    try:
        value, end = json.JSONDecoder(object_pairs_hook=pairs).raw_decode(text, start)
    except RecursionError:
        return "deep nesting"
    except json.JSONDecodeError as error:
        # What breaks off or does not begin is JSON for nobody; what errs in between is an extension for some.
        return "" if error.pos in (start, len(text)) or _unterminated(error) else "an extension of JSON"
    except ValueError:  # Python converts integers of at most 4300 digits
        return "a number of too many digits"
    if text[end:].strip(" \t\r\n"):
        return "something after the JSON value"
    return repeated[0] if repeated else next(_odd_values(value), "")


def _unterminated(error: json.JSONDecodeError) -> bool:
    """Whether a text is a string that breaks off: Python says where it begins."""
    return error.msg.startswith("Unterminated string")


def _odd_values(value: JsonValue) -> Iterator[str]:
    stack = [value]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            stack += [*node, *node.values()]
        elif isinstance(node, list):
            stack += node
        elif isinstance(node, str) and SURROGATE.search(node):
            yield "half of a surrogate pair"
        elif isinstance(node, str) and "\0" in node:
            yield "a zero character"
        elif isinstance(node, int | float) and not abs(node) <= LARGEST_EXACT:
            yield "a number that not every parser keeps"
