"""Requests that should be refused and are not, or are refused in the wrong way, or should not be refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from ..defect import Defect, MutationFactory
from ..mutations import (
    CHARACTERS,
    CHECKOUT,
    EVENTS,
    LEDGER,
    REDEEM,
    SERVICES,
    SUBSCRIBE,
    SUMMARY,
    WINDOWED,
    asked,
    asks_for,
    days,
    failed,
    for_days,
    instead,
    number,
    operation,
    page,
    problem,
    refused,
    stateless,
    when,
)
from ..proxy import Forward, Request, Response

Documented = partial(Defect, area="validation", basis="documented")
Published = partial(Defect, area="validation", basis="published")
Assumed = partial(Defect, area="validation", basis="assumed")

CRASH = refused(500, "Internal Server Error", "unexpected error occurred")
FINE = {CHECKOUT: {"amount": 5000}, SUBSCRIBE: {"contractId": "0" * 8 + "-0000-4000-8000-" + "0" * 12}}


def window(named: str | None, test: Callable[[str], bool], become: str | int | None) -> MutationFactory:
    """Read some windows as another one."""
    matches = asks_for(*((named,) if named else WINDOWED))
    return asked(
        lambda request: matches(request) and days(request) is not None and test(days(request) or ""),
        lambda request: for_days(request, become),
    )


def _below(text: str) -> bool:
    return (found := number(text)) is not None and found < 1


def _is(value: int) -> Callable[[str], bool]:
    return lambda text: number(text) == value


def _fraction(text: str) -> bool:
    return "." in text and text.replace(".", "").isdigit()


def _huge(text: str) -> bool:
    return (found := number(text)) is not None and abs(found) >= 2**63


def _word(text: str) -> bool:
    return text != "" and number(text) is None and not _fraction(text)


def on_days(named: str | None, test: Callable[[str], bool], response: Response) -> MutationFactory:
    """Answer some windows without asking, once the token was accepted."""
    matches = asks_for(*((named,) if named else WINDOWED))

    async def mutate(request: Request, forward: Forward) -> Response:
        found = await forward(request)
        text = days(request)
        applies = matches(request) and text is not None and test(text) and found.status not in (401, 403, 405)
        return response if applies else found

    return stateless(mutate)


def body(named: str, test: Callable[[Request, Any], bool], become: Callable[[Any], Any]) -> MutationFactory:
    """Read some bodies as others: what the check should have refused reaches the service."""
    return asked(
        lambda request: operation(request) == named and test(request, request.document()),
        lambda request: request.with_header("content-type", "application/json").with_document(
            become(request.document())
        ),
    )


def member(
    named: str, name: str, test: Callable[[Any], bool], become: Callable[[Any], Any]
) -> MutationFactory:
    """Read some values of a member of the body as others."""
    return body(
        named,
        lambda request, found: isinstance(found, dict) and name in found and test(found[name]),
        lambda found: {**found, name: become(found[name])},
    )


def crash(named: str, test: Callable[[Request, Any], bool]) -> MutationFactory:
    """Answer 500 to some bodies, once the token was accepted."""

    async def mutate(request: Request, forward: Forward) -> Response:
        response = await forward(request)
        applies = (
            operation(request) == named
            and test(request, request.document())
            and response.status not in (401, 403)
        )
        return CRASH if applies else response

    return stateless(mutate)


def _broken(request: Request, document: Any) -> bool:
    return bool(request.body) and document is None and request.body.strip() != b"null"


def _known(named: str) -> Callable[[Any], dict[str, Any]]:
    members = {CHECKOUT: ("amount", "currency"), SUBSCRIBE: ("contractId",), REDEEM: ("code",)}[named]
    return lambda found: {name: found[name] for name in members if name in found}


def _unknown(named: str) -> Callable[[Request, Any], bool]:
    return lambda request, found: isinstance(found, dict) and _known(named)(found) != found


def _bad_utf8(request: Request) -> bool:
    try:
        request.body.decode()
    except UnicodeDecodeError:
        return True
    return False


def _first_difference(document: dict[str, Any]) -> dict[str, Any]:
    return (
        {**document, "errors": document["errors"][:1]} if len(document.get("errors") or []) > 1 else document
    )


def _not_integer(value: Any) -> bool:
    return isinstance(value, float) and value != int(value)


PARAMETERS = (
    Documented("days-0-accepted", says="the ledger takes days=0", make=window(LEDGER, _is(0), 1)),
    Documented("days-366-accepted", says="the summary takes days=366", make=window(SUMMARY, _is(366), 365)),
    Documented(
        "days-negative-accepted",
        says="events take negative days",
        make=window(EVENTS, lambda t: _below(t) and t != "0", 1),
    ),
    Documented(
        "days-clamped",
        says="characters read any days above 365 as 365",
        make=window(CHARACTERS, lambda text: (number(text) or 0) > 365, 365),
    ),
    Documented(
        "days-word-accepted",
        says="service usage reads days=abc as the default",
        make=window(SERVICES, _word, None),
    ),
    Documented(
        "days-fraction-accepted", says="the ledger reads days=1.5 as 1", make=window(LEDGER, _fraction, 1)
    ),
    Documented(
        "days-unchecked",
        says="no operation checks days",
        make=window(None, lambda text: _below(text) or _word(text) or (number(text) or 0) > 365, 30),
    ),
    Documented(
        "days-1-refused",
        says="the ledger refuses days=1",
        make=on_days(LEDGER, _is(1), refused(422, "Unprocessable Entity", "validation failed")),
    ),
    Documented(
        "days-365-refused",
        says="the summary refuses days=365",
        make=on_days(SUMMARY, _is(365), refused(422, "Unprocessable Entity", "validation failed")),
    ),
    Documented(
        "days-huge-crash", says="days beyond 64 bits crash events", make=on_days(EVENTS, _huge, CRASH)
    ),
    Documented("days-word-crash", says="days=abc crashes every operation", make=on_days(None, _word, CRASH)),
    Documented(
        "days-negative-crash", says="days=-1 crashes the ledger", make=on_days(LEDGER, _is(-1), CRASH)
    ),
    Documented("days-365-crash", says="days=365 crashes the ledger", make=on_days(LEDGER, _is(365), CRASH)),
    Documented(
        "days-middle-crash",
        says="events crash for windows from 200 to 299 days",
        make=on_days(EVENTS, lambda text: 200 <= (number(text) or 0) < 300, CRASH),
    ),
    Assumed(
        "days-400",
        says="a window out of range is 400, well-formed, rather than 422",
        make=when(
            lambda request, response: response.status == 422 and operation(request) in WINDOWED,
            lambda response: refused(400, "Bad Request", "validation failed"),
        ),
    ),
)

BODIES = (
    Published(
        "code-missing-accepted",
        says="redeem without a code answers 200",
        make=instead(
            lambda request: (
                operation(request) == REDEEM
                and request.document() == {}
                and request.header("authorization") is not None
            ),
            page(
                200,
                "application/json",
                json.dumps({"voucherCode": "", "creditAmountUsd": 0.0, "newBalance": 0.0, "message": ""}),
            ),
        ),
        writes=("redeem",),
    ),
    Assumed(
        "code-number-accepted",
        says="redeem reads a code that is a number as text, and does not find it",
        make=member(REDEEM, "code", lambda value: isinstance(value, int | float), str),
        writes=("redeem",),
    ),
    Published(
        "amount-string-accepted",
        says="checkout takes an amount in quotes",
        make=member(CHECKOUT, "amount", lambda value: isinstance(value, str), lambda value: 5000),
        writes=("checkout",),
    ),
    Published(
        "amount-boolean-accepted",
        says="checkout takes true for an amount",
        make=member(CHECKOUT, "amount", lambda value: isinstance(value, bool), lambda value: 5000),
        writes=("checkout",),
    ),
    Published(
        "amount-null-accepted",
        says="checkout takes null for an amount",
        make=member(CHECKOUT, "amount", lambda value: value is None, lambda value: 5000),
        writes=("checkout",),
    ),
    Published(
        "amount-fraction-accepted",
        says="checkout takes an amount of 10.5",
        make=member(CHECKOUT, "amount", _not_integer, lambda value: 5000),
        writes=("checkout",),
    ),
    Published(
        "amount-missing-accepted",
        says="checkout without an amount opens one over 50 USD",
        make=body(
            CHECKOUT,
            lambda request, found: isinstance(found, dict) and "amount" not in found,
            lambda found: FINE[CHECKOUT],
        ),
        writes=("checkout",),
    ),
    Assumed(
        "amount-negative-accepted",
        says="checkout takes a negative amount",
        make=member(
            CHECKOUT, "amount", lambda value: isinstance(value, int) and value < 0, lambda value: 5000
        ),
        writes=("checkout",),
    ),
    Assumed(
        "amount-zero-accepted",
        says="checkout takes an amount of zero",
        make=member(CHECKOUT, "amount", lambda value: value == 0 and value is not False, lambda value: 5000),
        writes=("checkout",),
    ),
    Published(
        "amount-huge-crash",
        says="an amount beyond 64 bits crashes checkout",
        make=crash(
            CHECKOUT,
            lambda request, found: (
                isinstance(found, dict)
                and isinstance(found.get("amount"), int)
                and abs(found["amount"]) >= 2**63
            ),
        ),
        writes=("checkout",),
    ),
    Published(
        "currency-number-accepted",
        says="checkout takes a number for a currency",
        make=member(CHECKOUT, "currency", lambda value: isinstance(value, int), lambda value: "USD"),
        writes=("checkout",),
    ),
    Published(
        "checkout-member-accepted",
        says="checkout takes members that are not described",
        make=body(CHECKOUT, _unknown(CHECKOUT), _known(CHECKOUT)),
        writes=("checkout",),
    ),
    Published(
        "redeem-member-accepted",
        says="redeem takes members that are not described",
        make=body(REDEEM, _unknown(REDEEM), _known(REDEEM)),
        writes=("redeem",),
    ),
    Documented(
        "body-missing-accepted",
        says="checkout without a body opens one over 50 USD",
        make=body(CHECKOUT, lambda request, found: not request.body, lambda found: FINE[CHECKOUT]),
        writes=("checkout",),
    ),
    Documented(
        "body-null-accepted",
        says="checkout takes null for a body",
        make=body(
            CHECKOUT, lambda request, found: request.body.strip() == b"null", lambda found: FINE[CHECKOUT]
        ),
        writes=("checkout",),
    ),
    Documented(
        "malformed-accepted",
        says="checkout takes JSON that breaks off",
        make=body(CHECKOUT, _broken, lambda found: FINE[CHECKOUT]),
        writes=("checkout",),
    ),
    Documented(
        "malformed-crash",
        says="malformed JSON crashes redeem",
        make=crash(REDEEM, _broken),
        writes=("redeem",),
    ),
    Documented(
        "array-crash",
        says="an array for a body crashes redeem",
        make=crash(REDEEM, lambda request, found: isinstance(found, list)),
        writes=("redeem",),
    ),
    Documented(
        "utf8-crash",
        says="a body that is no UTF-8 crashes subscribe",
        make=crash(SUBSCRIBE, lambda request, found: _bad_utf8(request)),
        writes=("subscribe",),
    ),
    Documented(
        "uuid-crash",
        says="a contractId that is no UUID crashes subscribe",
        make=crash(
            SUBSCRIBE,
            lambda request, found: (
                isinstance(found, dict)
                and isinstance(found.get("contractId"), str)
                and len(found["contractId"]) != 36
            ),
        ),
        writes=("subscribe",),
    ),
    Published(
        "long-code-crash",
        says="a code of more than 255 characters crashes redeem",
        make=crash(
            REDEEM,
            lambda request, found: (
                isinstance(found, dict) and isinstance(found.get("code"), str) and len(found["code"]) > 255
            ),
        ),
        writes=("redeem",),
    ),
    Assumed(
        "text-accepted",
        says="redeem takes text/plain for JSON",
        make=asked(
            lambda request: (
                operation(request) == REDEEM and (request.header("content-type") or "").startswith("text/")
            ),
            lambda request: request.with_header("content-type", "application/json"),
        ),
        writes=("redeem",),
    ),
    Assumed(
        "large-accepted",
        says="redeem takes bodies of more than a megabyte",
        make=asked(
            lambda request: operation(request) == REDEEM and len(request.body) >= 2**20,
            lambda request: request.with_document({"code": "NO-SUCH-CODE"}),
        ),
        writes=("redeem",),
    ),
    Assumed(
        "first-error-only",
        says="of several mistakes only the first is reported",
        make=problem(failed(422), _first_difference),
        writes=("checkout",),
    ),
)

DEFECTS = (*PARAMETERS, *BODIES)
