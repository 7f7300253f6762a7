"""Mutations that remember: what was asked before, by whom, and what was answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from .defect import MutationFactory
from .mutations import BASE, LEDGER, PROFILE, REDEEM, ROUTES, SUMMARY, operation
from .proxy import Forward, Mutation, Request, Response
from .sound_server import FIRST, SECOND, SoundServer, organization


def token_organization(request: Request) -> str:
    """The organization that a request's token names."""
    return organization((request.header("authorization") or "").removeprefix("Bearer "))


def on_behalf_of(server: SoundServer, request: Request, owner: str) -> Request:
    """The same request on behalf of another organization."""
    return request.with_header("authorization", f"Bearer {server.token(owner)}")


def other_organization(request: Request) -> str:
    """The organization that a request should not see."""
    return FIRST if token_organization(request) != FIRST else SECOND


def cached(*operations: str, by: Callable[[Request], object]) -> MutationFactory:
    """Answer a success again to whoever asks with the same key, once the token was accepted."""

    def make(server: SoundServer) -> Mutation:
        kept: dict[object, Response] = {}

        async def mutate(request: Request, forward: Forward) -> Response:
            response = await forward(request)
            if operation(request) not in operations or response.status != 200:
                return response
            return kept.setdefault(by(request), response)

        return mutate

    return make


def mixed(named: str, mix: Callable[[Any, Any], Any]) -> MutationFactory:
    """Mix the answer for the other organization into a success: `mix(own, others)`."""

    def make(server: SoundServer) -> Mutation:
        async def mutate(request: Request, forward: Forward) -> Response:
            response = await forward(request)
            if operation(request) != named or response.status != 200:
                return response
            other = await forward(
                replace(on_behalf_of(server, request, other_organization(request)), method="GET")
            )
            return response.with_document(mix(response.document(), other.document()))

        return mutate

    return make


def after(
    named: str, change: Callable[[str, Any, Any, Request], Any], amount: Callable[[Any, Any], float]
) -> MutationFactory:
    """Change later answers by what writes moved.

    amount(request, answer) of each success of `named` is added up for its organization; each later
    success of a GET becomes change(operation, document, sum, ask).
    """

    def make(server: SoundServer) -> Mutation:
        moved: dict[str, float] = {}

        async def mutate(request: Request, forward: Forward) -> Response:
            response = await forward(request)
            asked = operation(request)
            if response.status != 200 or asked is None:
                return response
            if asked == named:
                owner = token_organization(request)
                moved[owner] = moved.get(owner, 0.0) + amount(request.document(), response.document())
                return response
            total = moved.get(token_organization(request), 0.0)
            return (
                response.with_document(change(asked, response.document(), total, request))
                if total
                else response
            )

        return mutate

    return make


def shift_balance(sign: int) -> Callable[[str, Any, float, Request], Any]:
    """Move the balance of profile and summary by what was written."""

    def change(asked: str, document: Any, total: float, request: Request) -> Any:
        name = {PROFILE: "creditBalance", SUMMARY: "creditBalanceUsd"}.get(asked)
        return {**document, name: round(document[name] + sign * total, 6)} if name else document

    return change


def credit(asked: Any, answered: Any) -> float:
    """What a voucher brought."""
    return float(answered["creditAmountUsd"])


def ledger_rows(change: Callable[[list[Any]], list[Any]]) -> Callable[[str, Any, float, Request], Any]:
    """Change the rows of the ledger, once something was written."""
    return lambda asked, document, total, request: change(document) if asked == LEDGER else document


def counted(
    test: Callable[[int], bool], response: Callable[[Request, Response], Response]
) -> MutationFactory:
    """Change those requests to the documented operations whose running number passes a test; from 1."""

    def make(server: SoundServer) -> Mutation:
        count = 0

        async def mutate(request: Request, forward: Forward) -> Response:
            nonlocal count
            found = await forward(request)
            if operation(request) is None:
                return found
            count += 1
            return response(request, found) if test(count) else found

        return mutate

    return make


def redeemed_again(server: SoundServer) -> Mutation:
    """A voucher can be redeemed again and again: the first success is repeated."""
    kept: dict[tuple[str, bytes], Response] = {}

    async def mutate(request: Request, forward: Forward) -> Response:
        if operation(request) != REDEEM:
            return await forward(request)
        key = (token_organization(request), request.body)
        response = await forward(request)
        if response.status == 200:
            kept[key] = response
        return kept.get(key, response) if response.status == 409 else response

    return mutate


def sibling(named: str) -> str:
    """Another operation's path."""
    names = list(ROUTES)
    return ROUTES[names[(names.index(named) + 3) % len(names)]][1] if named in ROUTES else f"{BASE}/billing"
