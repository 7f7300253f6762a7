"""The work of every parser of client input grows with the length of the input, whatever the input is."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from orgbilling_openapi import strict_json
from orgbilling_openapi.redaction import redact
from orgbilling_stubs.app import build
from orgbilling_stubs.billing import instants, urls
from orgbilling_stubs.billing.vouchers import voucher_of_test_code
from orgbilling_stubs.checkout import cards, webhook_timing
from orgbilling_stubs.checkout.amounts import accepted_locale
from orgbilling_stubs.control import duration
from orgbilling_stubs.faults import COOKIE, overrides
from orgbilling_stubs.http.forms import MOST_FIELDS, form_values
from orgbilling_stubs.http.parameters import integer, number
from orgbilling_stubs.http.routing import Router
from orgbilling_stubs.settings import Settings

pytestmark = pytest.mark.slow

LENGTH = 12_000
NEGLIGIBLE_S = 0.1
MOST_GROWTH = 8
"""Four times the length takes four times as long; a parser that is not linear takes sixteen times as long."""
MOST_CPU_S = 300.0
"""The slowest linear parser here takes 25 s on an idle machine; one that is exponential never ends."""
QUOTE = '"'

PIECES = (
    '"', '\\"', "\\", ",", ";", " ", "\t", "=", "&", "%", "%2", ".", "-", "/", ":", "[", "(", "a", "0", "+",
    '"a', 'a="', 'a;b="', "a=b,", "a=b;", "; ", '"\\', "*/*,", 'W/"a",', 'W/"', "en;q=0.1,", "for=a;", "::",
    "1-", "T", "P1Y", "__session", "__session=", "bearer ", "eyJ.", "__code=1&", "Bearer", '","', "{", "$",
)  # fmt: skip
"""What a hostile input repeats."""
STARTS = (
    "",
    '"',
    "a",
    "a=",
    "P",
    "2026-",
    "1",
    "__session",
    "Bearer ",
    "application/json",
    "for=",
    "http://",
)
FEW_STARTS = ("", '"', "a=")
HEADERS = (
    "accept", "accept-language", "accept-encoding", "authorization", "content-type", "cookie", "forwarded",
    "host", "idempotency-key", "if-none-match", "last-event-id", "origin", "prefer", "sec-fetch-site",
    "traceparent", "x-control-token", "x-forwarded-for", "x-forwarded-host", "x-forwarded-port",
    "x-forwarded-prefix", "x-forwarded-proto", "access-control-request-headers", "content-length",
)  # fmt: skip
"""Every request header that the server reads."""


class TooSlowError(Exception):
    """The parser took more processor time than any linear one."""


@contextmanager
def bounded() -> Iterator[None]:
    """End what takes more than MOST_CPU_S of processor time."""

    def stop(*_: object) -> None:
        raise TooSlowError

    previous = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, MOST_CPU_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, previous)


def cpu_s(parse: Callable[[str], object], text: str) -> float:
    shortest = float("inf")
    for _ in range(3):
        start_s = time.process_time()
        try:
            parse(text)
        except TooSlowError:
            raise
        except Exception:
            pass  # most of these texts are errors: that is the point
        shortest = min(shortest, time.process_time() - start_s)
        if shortest < NEGLIGIBLE_S:
            break
    return shortest


def assert_linear(parse: Callable[[str], object], name: str, starts: Sequence[str] = STARTS) -> None:
    with bounded():
        for start in starts:
            for piece in PIECES:
                text = start + piece * (LENGTH // len(piece))
                longer = start + piece * (4 * LENGTH // len(piece))
                for end in ("", "x"):
                    long_s = cpu_s(parse, longer + end)
                    if long_s >= NEGLIGIBLE_S:
                        growth = long_s / cpu_s(parse, text + end)
                        if growth > MOST_GROWTH:  # a busy machine may have slowed the long text alone
                            growth = cpu_s(parse, longer + end) / cpu_s(parse, text + end)
                        assert growth <= MOST_GROWTH, (name, start, piece, end, long_s, growth)


def route(text: str) -> object:
    router = Router()
    for template in ("/{a}", "/{a}-{b}.json", "/x{a}.{b}/{c}-{d}", "/{a}{b}"):
        router.route(template)
    return router.match("/nothing", f"/{text}".encode("latin-1"))


PARSERS: dict[str, Callable[[str], object]] = {
    "Prefer": overrides.parse,
    "overrides in the query": lambda text: overrides.read([], f"__code={text}&{text}".encode()),
    "overrides in a cookie": lambda text: overrides.read(
        [(b"cookie", f"{COOKIE}={text};{text}".encode())], b""
    ),
    "redaction": redact,
    "instant": instants.parse,
    "duration": duration.parse,
    "redirect": urls.is_safe_redirect,
    "voucher code": voucher_of_test_code,
    "form": lambda text: form_values(text.encode(), MOST_FIELDS),
    "form field": lambda text: form_values(f"name={text}".encode(), MOST_FIELDS),
    "card form": lambda text: cards.card_form_errors(
        cards.read_card_form(dict.fromkeys(("number", "expiry", "cvc", "name"), text)), 0
    ),
    "Accept-Language": accepted_locale.__wrapped__,
    "webhook timing": webhook_timing.parse_timing,
    "integer": integer,
    "number": number,
    "path": route,
    "JSON": lambda text: strict_json.loads(text.encode()),
    "JSON text": lambda text: strict_json.loads(f'{{"a":"{text.replace(QUOTE, "")}","a":0}}'.encode()),
}


@pytest.mark.parametrize("name", PARSERS)
def test_the_work_of_a_parser_grows_with_the_length(name: str) -> None:
    assert_linear(PARSERS[name], name)


def test_the_work_of_strict_json_grows_with_the_number_of_members() -> None:
    def repeated(text: str) -> object:
        members = ",".join(f'"{index}":0' for index in range(len(text)))
        return strict_json.loads(f'{{{members},"z":0,"z":0}}'.encode())

    with bounded():
        few, many = (min(cpu_s(repeated, "x" * count) for _ in range(3)) for count in (10_000, 40_000))
        assert many / few <= MOST_GROWTH


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ORGBILLING_HOME", str(tmp_path_factory.mktemp("home")))
        return build(Settings(clock="2026-03-10T12:00:00Z", auth="off")).asgi


def request(stub: Any, path: str, method: str, header: str, value: str, query: str = "") -> None:
    headers = {"host": "localhost:4010", header: value}
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.encode(), text.encode("latin-1")) for name, text in headers.items()],
        "scheme": "http",
        "server": ("127.0.0.1", 4010),
        "client": ("127.0.0.1", 50_000),
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        pass

    with suppress(ConnectionResetError):
        asyncio.run(stub(scope, receive, send))


ADDRESSES = {
    "operation": ("GET", "/api/v1/org/billing"),
    "write": ("POST", "/api/v1/org/vouchers/redeem"),
    "document": ("GET", "/api/v1/openapi.json"),
    "control API": ("GET", "/_mock/v1/organizations"),
    "hosted page": ("GET", "/_mock/checkout/org_a/cs_test_a"),
    "preflight": ("OPTIONS", "/api/v1/org/billing"),
}


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("header", HEADERS)
def test_the_work_of_a_request_grows_with_the_length_of_a_header(
    stub: Any, address: str, header: str
) -> None:
    method, path = ADDRESSES[address]
    assert_linear(
        lambda text: request(stub, path, method, header, text), f"{header} of {method} {path}", FEW_STARTS
    )


@pytest.mark.parametrize("address", ADDRESSES)
def test_the_work_of_a_request_grows_with_the_length_of_its_query(stub: Any, address: str) -> None:
    method, path = ADDRESSES[address]
    assert_linear(
        lambda text: request(stub, path, method, "accept", "*/*", text), f"query of {method} {path}"
    )
