"""Short ways to write a mutation: which responses it changes, and how."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from orgbilling_openapi import description
from orgbilling_openapi.operations import operations_by_id

from .defect import MutationFactory
from .proxy import Forward, Mutation, Request, Response
from .sound_server import SoundServer

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

Change = Callable[[Response], Response]
Condition = Callable[[Request, Response], bool]


def operation(request: Request) -> str | None:
    """Which operation a request asks for; HEAD, which has no body to change, asks for none."""
    return BY_ROUTE.get((request.method, request.path))


def stateless(mutate: Mutation) -> MutationFactory:
    """A defect without memory."""
    return lambda server: mutate


def when(test: Condition, change: Change) -> MutationFactory:
    """Change the answers that pass a test."""

    async def mutate(request: Request, forward: Forward) -> Response:
        response = await forward(request)
        return change(response) if test(request, response) else response

    return stateless(mutate)


def ok(*operations: str) -> Condition:
    """An operation's success; any operation's when none is named."""
    return lambda request, response: response.status == 200 and operation(request) in (operations or ROUTES)


def failed(*statuses: int) -> Condition:
    """A refusal; with one of the statuses, when some are named."""
    return lambda request, response: (
        operation(request) is not None
        and (response.status in statuses if statuses else response.status >= 400)
    )


def altered(named: str, change: Callable[[Any], Any]) -> MutationFactory:
    """Change the document of an operation's success; a change that does not fit changes nothing."""

    def change_response(response: Response) -> Response:
        document = response.document()
        try:
            changed = change(copy.deepcopy(document))
        except (LookupError, TypeError, AttributeError):
            return response
        return (
            response
            if changed == document and repr(changed) == repr(document)
            else response.with_document(changed)
        )

    return when(ok(named), change_response)


def put(named: str, *path: str | int, to: Any) -> MutationFactory:
    """Replace a member; `to` is a value, or a function of the old one."""

    def change(document: Any) -> Any:
        *outer, last = path
        holder = document
        for step in outer:
            holder = holder[step]
        holder[last] = to(holder[last]) if callable(to) else to
        return document

    return altered(named, change)


def without(named: str, *path: str | int) -> MutationFactory:
    """Leave a member out."""

    def change(document: Any) -> Any:
        *outer, last = path
        holder = document
        for step in outer:
            holder = holder[step]
        del holder[last]
        return document

    return altered(named, change)


def written(named: str, change: Callable[[bytes], bytes]) -> MutationFactory:
    """Change the bytes of an operation's success."""
    return when(ok(named), lambda response: response.with_body(change(response.body)))


def headed(test: Condition, name: str, value: str | None) -> MutationFactory:
    """Replace a header, or remove it."""
    return when(test, lambda response: response.with_header(name, value))


def problem(test: Condition, change: Callable[[dict[str, Any]], Any]) -> MutationFactory:
    """Change the problem document of a refusal."""

    def change_response(response: Response) -> Response:
        document = response.document()
        return response.with_document(change(document)) if isinstance(document, dict) else response

    return when(test, change_response)


def asked(test: Callable[[Request], bool], change: Callable[[Request], Request]) -> MutationFactory:
    """Change the requests that pass a test, before the sound server sees them."""

    async def mutate(request: Request, forward: Forward) -> Response:
        return await forward(change(request) if test(request) else request)

    return stateless(mutate)


def instead(test: Callable[[Request], bool], response: Response) -> MutationFactory:
    """Answer without asking the sound server."""

    async def mutate(request: Request, forward: Forward) -> Response:
        return response if test(request) else await forward(request)

    return stateless(mutate)


def asks_for(*operations: str) -> Callable[[Request], bool]:
    return lambda request: operation(request) in (operations or ROUTES)


def days(request: Request) -> str | None:
    """The text of the window; None when there is none."""
    pairs = (pair.partition("=") for pair in request.query.split("&"))
    return next((value for name, _, value in pairs if name == "days"), None)


def for_days(request: Request, value: int | str | None) -> Request:
    """The same request over another window; None leaves it out."""
    kept = [pair for pair in request.query.split("&") if pair and pair.partition("=")[0] != "days"]
    return replace(request, query="&".join(kept if value is None else [*kept, f"days={value}"]))


def number(text: str | None) -> int | None:
    """A window as an integer; None when it is none."""
    try:
        return int(text) if text is not None else None
    except ValueError:
        return None


def page(status: int, media: str, body: str) -> Response:
    """An answer that the sound server never gave."""
    data = body.encode()
    return Response(status, (("content-type", media), ("content-length", str(len(data)))), data)


def refused(status: int, title: str, detail: str, **more: Any) -> Response:
    """A well-formed problem."""
    document = {"title": title, "status": status, "detail": detail, **more}
    return page(status, "application/problem+json", json.dumps(document))


def with_good_token(server: SoundServer, request: Request) -> Request:
    """The same request with a good token: of the organization its own token names, or the first one."""
    sent = (request.header("authorization") or "").removeprefix("Bearer ")
    return request.with_header("authorization", f"Bearer {server.good_token_for(sent)}")
