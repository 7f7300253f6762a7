"""One request and what came back."""

from __future__ import annotations

import base64
import json
import re
import shlex
from codecs import BOM_UTF8
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from html.parser import HTMLParser
from urllib.parse import SplitResult, parse_qsl, urlsplit

from orgbilling_openapi.redaction import redact
from orgbilling_openapi.strict_json import JsonObject, JsonValue, StrictJsonError, loads

Headers = tuple[tuple[str, str], ...]

UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that steer a terminal, turn text around, or cannot be written."""


LOOKED_THROUGH = 20_000
"""How many characters of a text are looked through for secrets, to show the beginning of it."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent. path: below the base (``/org/billing``); query: as on the wire, without ``?``.

    auth: what the Authorization header is made of: ``first``, ``second``, ``none``, a way to be bad, or
    ``unknown`` where a recording does not show it; purpose: why it was sent; rooted: the path is below the
    host, whatever the base; base: the address in front of the path, where it is not that of the run.
    """

    method: str
    path: str
    query: str = ""
    headers: Headers = ()
    body: bytes | None = None
    auth: str = "first"
    purpose: str = ""
    rooted: bool = False
    base: str = ""

    @property
    def line(self) -> str:
        """Method, path and query."""
        return f"{self.method} {self.path}" + (f"?{self.query}" if self.query else "")

    def header(self, name: str) -> str | None:
        """A header, whatever its case."""
        return next((value for key, value in self.headers if key.lower() == name), None)

    def values(self, name: str) -> list[str]:
        """All values of a query parameter, decoded."""
        pairs = parse_qsl(self.query, keep_blank_values=True, errors="replace")
        return [value for key, value in pairs if key == name]

    def curl(self, base: str) -> str:
        """A command that repeats it; tokens stand there as shell variables."""
        query = f"?{self.query}" if self.query else ""
        base = self.base or base
        base = base.removesuffix(address_parts(base).path) if self.rooted else base
        parts = ["curl -sS"] + ([] if self.method == "GET" else [f"-X {self.method}"])
        parts.append(shlex.quote(f"{base}{self.path}{query}"))
        if self.auth not in ("none", "unknown"):
            suffix = "" if self.auth == "first" else "_" + self.auth.upper().replace("-", "_")
            parts.append(f'-H "Authorization: Bearer $TOKEN{suffix}"')
        parts += [f"-H {shlex.quote(f'{key}: {value}')}" for key, value in self.headers]
        if self.body is not None:
            excerpt = self.body if len(self.body) <= 300 else self.body[:280] + b"..."
            parts.append(f"--data-binary {shlex.quote(excerpt.decode('utf-8', 'backslashreplace'))}")
        return " ".join(parts)

    def redacted(self, secrets: Collection[str] = ()) -> Request:
        """The request with a mask for every secret.

        secrets: those that cannot be recognized by their form.
        """
        body = self.body
        if body is not None:
            body = redact(body.decode("utf-8", "surrogateescape"), secrets).encode("utf-8", "surrogateescape")
        return replace(
            self,
            path=redact(self.path, secrets),
            query=redact(self.query, secrets),
            headers=tuple(
                (redact(key, secrets), _header_value(key, value, secrets)) for key, value in self.headers
            ),
            body=body,
            base=redact(self.base, secrets),
        )

    def to_json(self) -> JsonObject:
        """The request as `from_json` reads it."""
        document = {"method": self.method, "path": self.path, "query": self.query, "auth": self.auth}
        headers = [list(pair) for pair in self.headers]
        body = None if self.body is None else base64.b64encode(self.body[:65_536]).decode()
        return {**document, "headers": headers, "body": body, "purpose": self.purpose}

    @staticmethod
    def from_json(document: JsonObject) -> Request:
        """The request of `to_json`; raises `KeyError` or `ValueError`."""
        body = None if document["body"] is None else base64.b64decode(document["body"])
        headers = tuple((str(key), str(value)) for key, value in document["headers"])
        method, path, query, auth, purpose = (
            str(document[name]) for name in ("method", "path", "query", "auth", "purpose")
        )
        return Request(method, path, query, headers, body, auth, purpose)


@dataclass(frozen=True, slots=True)
class NotJudged:
    """Why an exchange is not judged. reason: a key of `evidence.REASONS`; detail: what was seen, if any."""

    reason: str
    detail: str = ""


@dataclass(frozen=True)
class Response:
    """What came back. failure: ``timeout`` or ``broken`` where no whole answer did (status 0 then).

    hidden: the names of headers, in lower case, that a recording keeps back; ``*`` for all of them;
    recorded: whether it is from a recording; not_judged: why a recording does not show what the API answered.
    """

    status: int
    headers: Headers = ()
    body: bytes = b""
    seconds: float = 0.0
    failure: str = ""
    hidden: frozenset[str] = frozenset()
    recorded: bool = False
    not_judged: NotJudged | None = None

    @property
    def codings(self) -> list[str]:
        """The content codings, in lower case, without those that change nothing."""
        names = (name.strip().lower() for name in (self.header("content-encoding") or "").split(","))
        return [name for name in names if name not in ("", "identity")]

    def hides(self, name: str) -> bool:
        """Whether a header (its name in lower case) may have been there, and is kept back."""
        return self.header(name) is None and bool(self.hidden & {name, "*"})

    def header(self, name: str) -> str | None:
        """A header by its name in lower case; several are joined by a comma."""
        values = [value for key, value in self.headers if key.lower() == name]
        return ", ".join(values) if values else None

    @property
    def media(self) -> str:
        """The media type without parameters, in lower case; what is sent twice alike counts once."""
        joined = self.header("content-type") or ""
        types = {part.partition(";")[0].strip().lower() for part in joined.split(",")}
        return types.pop() if len(types) == 1 else joined.partition(";")[0].strip().lower()

    @cached_property
    def parsed(self) -> JsonValue:
        """The body as JSON, or a `StrictJsonError` (returned, not raised) that says why it is none.

        A byte order mark is left out, as most clients do; the rule `json` says that it is there.
        """
        try:
            return loads(self.body.removeprefix(BOM_UTF8))
        except StrictJsonError as error:
            return error

    @property
    def json(self) -> JsonValue:
        """The body as JSON; None where it is none."""
        return None if isinstance(self.parsed, StrictJsonError) else self.parsed

    @property
    def succeeded(self) -> bool:
        """Whether it is a 200 with JSON."""
        return self.status == 200 and not isinstance(self.parsed, StrictJsonError)


@dataclass(frozen=True)
class Exchange:
    """A request and its response; operation: the id of what was asked, empty for anything else.

    name: where it is in a recording, for remarks.
    """

    request: Request
    response: Response
    operation: str = ""
    name: str = ""


def _header_value(name: str, value: str, secrets: Collection[str]) -> str:
    """The value of a header without secrets; some are secrets because of the header's name."""
    begin = f"{name}: "
    clean = redact(begin + value, secrets)
    return clean.removeprefix(begin) if clean.startswith(begin) else redact(value, secrets)


class _VisibleText(HTMLParser):
    """Collects the text of a page, without what a browser does not show."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._hidden = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "style", "title"):
            self._hidden = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self._hidden:
            self._hidden = ""

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words += data.split()


def html_text(text: str) -> str:
    """What a page says, in one line; a page that cannot be read says what came before."""
    parser = _VisibleText()
    with suppress(AssertionError, ValueError):
        parser.feed(text)
        parser.close()
    return " ".join(parser.words)


def strings(value: JsonValue) -> Iterator[str]:
    """All strings in a JSON value, the names of members apart."""
    stack = [value]
    while stack:
        node = stack.pop()
        if isinstance(node, str):
            yield node
        elif isinstance(node, dict):
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)


def address_parts(text: str) -> SplitResult:
    """The parts of an address; all empty for what is none."""
    try:
        return urlsplit(text)
    except ValueError:  # brackets that are no IPv6 address, some characters in a host
        return SplitResult("", "", "", "", "")


def visible(text: str) -> str:
    """A text with its `UNSEEN` characters escaped: ``\\u202e``, ``\\x1b``."""
    return UNSEEN.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def _dumped(value: JsonValue) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (RecursionError, ValueError):  # lists in lists in lists; a number of too many digits
        return f"{type(value).__name__} that is too deep or too long to be shown"


def shorten(value: JsonValue, limit: int = 120) -> str:
    """A value in one short line, without tokens."""
    text = value if isinstance(value, str) else _dumped(value)
    text = text[:LOOKED_THROUGH]  # an answer may have 50 MB
    text = visible(redact(" ".join(text.split()) or repr(text)))
    return text if len(text) <= limit else text[: limit - 1] + "…"
