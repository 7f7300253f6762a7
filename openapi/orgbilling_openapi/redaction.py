"""Redaction: tokens, keys and passwords in a text are masked, however they are encoded.

What may hold a secret goes through `redact` before it is kept, and everything before it is shown: the
journal, log lines, problem documents, reports of the conformance suite, and errors of the command line. A
secret is found after decoding, because a client may send `%65yJ…` or `"\\u0065yJ…"` where it means `eyJ…`.
What is masked is the encoded text.

Example: `?code=%65yJhbGciOiJSUzI1NiJ9.e30.c2ln&days=7` decodes to a text with `eyJhbGciOiJSUzI1NiJ9.e30.c2ln`
in it. This token begins where `%65` stands in the original. The result is `?code=[redacted]&days=7`.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Collection, Iterator, Sequence

from orgbilling_openapi.strict_json import JsonValue

MASK = "[redacted]"

SHORTEST_SECRET = 44
"""The length of the shortest key of Stripe in base64. A shorter plain key is found by its underscores."""

# As numbers, because a byte is found faster by its number than by a pattern.
_UNDERSCORE, _PERCENT, _BACKSLASH, _CAPITAL_K = b"_%\\K"

_DECODINGS = 4
"""How many encodings around each other are undone. Repeated percent-encoding (`%2525…`) counts once."""

_ESCAPE = re.compile(
    r"%(?:25)*(?P<percent>[0-9A-Fa-f]{2})"
    r"|%(?:25)*u(?P<unicode>[0-9A-Fa-f]{4})"
    r"|(?<!\\)\\+(?:u(?P<json>[0-9A-Fa-f]{4})|x(?P<hex>[0-9A-Fa-f]{2}))"
    r"|&\#(?:x(?P<entity>[0-9A-Fa-f]{1,6})|(?P<decimal>[0-9]{1,7}));"
    r"|\x00"  # every second character of ASCII in UTF-16
)

_VALUE = r"(?P<secret>(?!\$|\[redacted\])[^\s;,&'\"<>\\]+)"
_NO_CREDENTIALS = r"(?!(?:tokens?|auth\w*|credentials?|schemes?|realm|error\w*|scope|charset)\b)"
_NAME = r"(?:token|secret|password|passwd|api[_-]?key)"

# Quantifiers that a name may begin with are bounded: else a long text of names would take quadratic time.
_SECRETS = (
    # A JSON Web Token, or the beginning of one; an equals sign where it was split into names and values.
    re.compile(r"(?P<secret>eyJ[\w-]{6,}=*(?:[.=][\w-]*)*)", re.ASCII),
    re.compile(r"(?<![\w-])(?P<secret>eyj[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?)", re.ASCII | re.IGNORECASE),
    # Keys of Stripe and Clerk, secrets of webhooks, and our control token.
    re.compile(r"(?P<secret>(?:[sr]k_(?:test|live)_|whsec_|oct_)[\w+/=-]{6,})", re.ASCII | re.IGNORECASE),
    # Tokens of GitHub, and ids of keys of AWS.
    re.compile(r"(?P<secret>(?:gh[oprsu]|github_pat)_\w{16,})", re.ASCII | re.IGNORECASE),
    re.compile(r"(?<![A-Za-z0-9])(?P<secret>AKIA[0-9A-Z]{16})(?![A-Za-z0-9])"),
    re.compile(r"(?P<secret>-----BEGIN [A-Z ]*PRIVATE KEY-----(?:[^-]|-(?!----END))*)"),
    # Credentials by their scheme, cookies of Clerk, and members and parameters by their names.
    re.compile(rf"\b(?:bearer|basic)(?:\s|\+)+['\"]?{_NO_CREDENTIALS}{_VALUE}", re.IGNORECASE),
    re.compile(rf"__(?:session|client)\w{{0,64}}\\?['\"]?\s*[=:]\s*\\?['\"]?{_VALUE}", re.IGNORECASE),
    re.compile(
        rf"(?<![A-Za-z0-9])(?:\w{{0,32}}[_-])?{_NAME}(?:=|\\?['\"]\s*:\s*\\?['\"]){_VALUE}", re.IGNORECASE
    ),
    re.compile(rf"(?<![A-Za-z0-9])\w{{1,32}}[_-]{_NAME}:\s*{_VALUE}", re.IGNORECASE),
    # A password in an address.
    re.compile(r"://(?P<secret>[^\s/?#@:]*:[^\s/?#@]+)@"),
)

_BASE64 = re.compile(r"[\w+/-]{40,}={0,2}", re.ASCII)
_HEX = re.compile(r"[0-9A-Fa-f]{40,}")
_BARE = _SECRETS[:6]
"""What may stand in the base64 of credentials or of a part of a multipart body, or in hexadecimal digits."""
_NESTED = 2
"""How many times a text in base64 or hexadecimal digits may be encoded in either again."""

_SIGNS = re.compile(
    r"eyj|k_(?:test|live)_|whsec_|oct_|gh[oprsu]_|github_pat_|akia|-----begin|bearer|basic|__(?:session|client)"
    r"|token|secret|passw|api[_-]?key|://"
)
"""One of these, in lower case, is in every text that a pattern of `_SECRETS` matches."""


def redact(text: str, known: Collection[str] = ()) -> str:
    """The text with every secret in it replaced by a mask.

    known: secrets that cannot be recognized by their form, such as an opaque token that a user gave.
    """
    masked = _merged(_secret_spans(text, [secret for secret in known if secret]))
    if not masked:
        return text
    pieces, end = [], 0
    for begin, stop in masked:
        pieces += [text[end:begin], MASK]
        end = stop
    return "".join([*pieces, text[end:]])


def redact_bytes(content: bytes) -> bytes:
    """The same for text in UTF-8; bytes that are none stay."""
    text = content.decode("utf-8", "surrogateescape")
    clean = redact(text)
    return content if clean == text else clean.encode("utf-8", "surrogateescape")


def redact_json(value: JsonValue) -> JsonValue:
    """The value with the secrets in its texts, and in the names of its members, masked."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {redact(name): _redact_member(name, member) for name, member in value.items()}
    if isinstance(value, list):
        return [redact_json(item) for item in value]
    return value


def may_hold_secret(content: bytes) -> bool:
    """Whether a text needs to be looked through before it is kept. It takes a tenth of a microsecond.

    False for most requests: a short text that has no escapes, no underscore as the keys of Stripe have, and
    no K as the ids of keys of AWS have.
    """
    return (
        len(content) >= SHORTEST_SECRET
        or _UNDERSCORE in content
        or _PERCENT in content
        or _BACKSLASH in content
        or _CAPITAL_K in content
    )


def _redact_member(name: str, value: JsonValue) -> JsonValue:
    """A member's value; a text may be a secret because of the member's name."""
    if not isinstance(value, str):
        return redact_json(value)
    begin = f'"{name}":"'
    clean = redact(begin + value)
    return clean.removeprefix(begin) if clean.startswith(begin) else redact(value)


def _secret_spans(text: str, known: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Where secrets stand in the text: begin and end of each, in no order, possibly overlapping."""
    decoded: str = text
    begins: Sequence[int] = range(len(text))
    ends: Sequence[int] = range(1, len(text) + 1)
    for _ in range(_DECODINGS):
        for begin, end in _plain_spans(decoded, known):
            yield begins[begin], ends[end - 1]
        if not _has_escape(decoded):
            return
        decoded, begins, ends = _decoded(decoded, begins, ends)
    for begin, end in _plain_spans(decoded, known):
        yield begins[begin], ends[end - 1]


def _plain_spans(text: str, known: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Where secrets stand in a text without escapes."""
    for pattern in _SECRETS if _has_sign(text) else ():
        for match in pattern.finditer(text):
            if match["secret"] != MASK:
                yield match.span("secret")
    for secret in known:
        begin = text.find(secret)
        while begin >= 0:
            yield begin, begin + len(secret)
            begin = text.find(secret, begin + len(secret))
    for match in _BASE64.finditer(text):
        if _encodes_secret(match[0], known, _NESTED):
            yield match.span()


def _encodes_secret(text: str, known: Sequence[str], nested: int) -> bool:
    """Whether there is a secret in what a text of the letters of base64 stands for.

    nested: how many times it may be encoded again.
    """
    for inside in (_from_base64(text), *map(_from_hex, _HEX.findall(text))):
        if _has_sign(inside) and any(pattern.search(inside) for pattern in _BARE):
            return True
        if any(secret in inside for secret in known):
            return True
        if nested and any(_encodes_secret(run, known, nested - 1) for run in _BASE64.findall(inside)):
            return True
    return False


def _has_sign(text: str) -> bool:
    """Whether a text without escapes may hold a secret that is not in base64."""
    return _SIGNS.search(text.casefold()) is not None


def _has_escape(text: str) -> bool:
    """Whether a text may have something to decode: what each alternative of `_ESCAPE` has."""
    return "%" in text or "\\" in text or "&#" in text or "\x00" in text


def _from_base64(text: str) -> str:
    """What a text in base64, or in base64url, stands for, if it begins at one of its first four letters.

    Four letters stand for three bytes, and letters may stand in front: `https://dXNlcjpzZWNyZXQ` has two.
    The result has a line for each of the four.
    """
    letters = text.rstrip("=").replace("-", "+").replace("_", "/")
    lines = []
    for start in range(4):
        end = len(letters) - (len(letters) - start) % 4
        lines.append(binascii.a2b_base64(letters[start:end]))
    return b"\n".join(lines).decode("latin-1")


def _from_hex(digits: str) -> str:
    """What hexadecimal digits stand for, if it begins at one of the first two: a line for each."""
    lines = [binascii.unhexlify(digits[start : start + (len(digits) - start) // 2 * 2]) for start in range(2)]
    return b"\n".join(lines).decode("latin-1")


def _decoded(
    text: str, begins: Sequence[int], ends: Sequence[int]
) -> tuple[str, Sequence[int], Sequence[int]]:
    """The text with its escapes decoded once, and where each of its characters stands in the original."""
    pieces: list[str] = []
    new_begins: list[int] = []
    new_ends: list[int] = []
    after = 0
    for match in _ESCAPE.finditer(text):
        start, stop = match.span()
        pieces.append(text[after:start])
        new_begins += begins[after:start]
        new_ends += ends[after:start]
        after = stop
        if character := _character(match):
            pieces.append(character)
            new_begins.append(begins[start])
            new_ends.append(ends[stop - 1])
    pieces.append(text[after:])
    return "".join(pieces), [*new_begins, *begins[after:]], [*new_ends, *ends[after:]]


def _character(match: re.Match[str]) -> str:
    """The character that an escape stands for; empty for a NUL and for what is no character."""
    if match.lastgroup is None:
        return ""
    number = int(match[match.lastgroup], 10 if match.lastgroup == "decimal" else 16)
    return chr(number) if number < 0x110000 else ""


def _merged(spans: Iterator[tuple[int, int]]) -> list[tuple[int, int]]:
    """The spans in order; those that overlap or touch become one."""
    merged: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if merged and begin <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((begin, end))
    return merged
