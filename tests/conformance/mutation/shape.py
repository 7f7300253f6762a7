"""Short ways to write a spoil: which answers, and what becomes of them."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from orgbilling_openapi import description
from orgbilling_openapi.operations import operations_by_id

from .defect import Make
from .proxy import Answer, Ask, Forward, Spoil
from .world import World

BASE = "/api/v1/org"
PROFILE, CHARACTERS, CONTRACT = "getOrgBilling", "listOrgActiveCharacters", "getOrgContract"
EVENTS, SERVICES, SUMMARY = "getOrgContextEngineEvents", "getOrgServiceUsage", "getOrgUsageSummary"
LEDGER, PRICING, AGREEMENTS = "getOrgLedger", "getOrgModelPricing", "listOrgServiceAgreements"
CHECKOUT, PORTAL = "createOrgBillingCheckout", "createOrgBillingPortal"
SUBSCRIBE, REDEEM = "subscribeToOrgContract", "redeemOrgVoucher"

ROUTES = {
    name: (operation.method.upper(), f"/api/v1{operation.path}")
    for name, operation in operations_by_id(description.load()).items()
}
WINDOWED = (CHARACTERS, EVENTS, LEDGER, SERVICES, SUMMARY)
WITH_BODY = (CHECKOUT, SUBSCRIBE, REDEEM)
BY_ROUTE = {route: operation for operation, route in ROUTES.items()}

Change = Callable[[Answer], Answer]
Test = Callable[[Ask, Answer], bool]


def operation(ask: Ask) -> str | None:
    """Which operation a request asks for; HEAD, which has no body to spoil, asks for none."""
    return BY_ROUTE.get((ask.method, ask.path))


def always(spoil: Spoil) -> Make:
    """A defect without memory."""
    return lambda world: spoil


def when(test: Test, change: Change) -> Make:
    """Change the answers that pass a test."""

    async def spoil(ask: Ask, forward: Forward) -> Answer:
        answer = await forward(ask)
        return change(answer) if test(ask, answer) else answer

    return always(spoil)


def ok(*operations: str) -> Test:
    """An operation's success; any operation's when none is named."""
    return lambda ask, answer: answer.status == 200 and operation(ask) in (operations or ROUTES)


def failed(*statuses: int) -> Test:
    """A refusal; with one of the statuses, when some are named."""
    return lambda ask, answer: (
        operation(ask) is not None and (answer.status in statuses if statuses else answer.status >= 400)
    )


def altered(named: str, change: Callable[[Any], Any]) -> Make:
    """Change the document of an operation's success; a change that does not fit changes nothing."""

    def shape(answer: Answer) -> Answer:
        document = answer.document()
        try:
            changed = change(copy.deepcopy(document))
        except (LookupError, TypeError, AttributeError):
            return answer
        return answer if changed == document and repr(changed) == repr(document) else answer.carrying(changed)

    return when(ok(named), shape)


def put(named: str, *path: str | int, to: Any) -> Make:
    """Replace a member; `to` is a value, or a function of the old one."""

    def change(document: Any) -> Any:
        *outer, last = path
        holder = document
        for step in outer:
            holder = holder[step]
        holder[last] = to(holder[last]) if callable(to) else to
        return document

    return altered(named, change)


def without(named: str, *path: str | int) -> Make:
    """Leave a member out."""

    def change(document: Any) -> Any:
        *outer, last = path
        holder = document
        for step in outer:
            holder = holder[step]
        del holder[last]
        return document

    return altered(named, change)


def written(named: str, change: Callable[[bytes], bytes]) -> Make:
    """Change the bytes of an operation's success."""
    return when(ok(named), lambda answer: answer.bearing(change(answer.body)))


def headed(test: Test, name: str, value: str | None) -> Make:
    """Replace a header, or remove it."""
    return when(test, lambda answer: answer.having(name, value))


def problem(test: Test, change: Callable[[dict[str, Any]], Any]) -> Make:
    """Change the problem document of a refusal."""

    def shape(answer: Answer) -> Answer:
        document = answer.document()
        return answer.carrying(change(document)) if isinstance(document, dict) else answer

    return when(test, shape)


def asked(test: Callable[[Ask], bool], change: Callable[[Ask], Ask]) -> Make:
    """Change the requests that pass a test, before the sound server sees them."""

    async def spoil(ask: Ask, forward: Forward) -> Answer:
        return await forward(change(ask) if test(ask) else ask)

    return always(spoil)


def instead(test: Callable[[Ask], bool], answer: Answer) -> Make:
    """Answer without asking the sound server."""

    async def spoil(ask: Ask, forward: Forward) -> Answer:
        return answer if test(ask) else await forward(ask)

    return always(spoil)


def is_for(*operations: str) -> Callable[[Ask], bool]:
    return lambda ask: operation(ask) in (operations or ROUTES)


def days(ask: Ask) -> str | None:
    """The text of the window; None when there is none."""
    pairs = (pair.partition("=") for pair in ask.query.split("&"))
    return next((value for name, _, value in pairs if name == "days"), None)


def for_days(ask: Ask, value: int | str | None) -> Ask:
    """The same request over another window; None leaves it out."""
    kept = [pair for pair in ask.query.split("&") if pair and pair.partition("=")[0] != "days"]
    return replace(ask, query="&".join(kept if value is None else [*kept, f"days={value}"]))


def number(text: str | None) -> int | None:
    """A window as an integer; None when it is none."""
    try:
        return int(text) if text is not None else None
    except ValueError:
        return None


def page(status: int, media: str, body: str) -> Answer:
    """An answer that the sound server never gave."""
    data = body.encode()
    return Answer(status, (("content-type", media), ("content-length", str(len(data)))), data)


def refused(status: int, title: str, detail: str, **more: Any) -> Answer:
    """A well-formed problem."""
    document = {"title": title, "status": status, "detail": detail, **more}
    return page(status, "application/problem+json", json.dumps(document))


def as_owner(world: World, ask: Ask) -> Ask:
    """The same request with a good token: of the organization its own token names, or the first one."""
    sent = (ask.header("authorization") or "").removeprefix("Bearer ")
    return ask.having("authorization", f"Bearer {world.remint(sent)}")
