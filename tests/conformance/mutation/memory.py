"""Spoils that remember: what was asked before, by whom, and what was answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from .defect import Make
from .proxy import Answer, Ask, Forward, Spoil
from .shape import BASE, LEDGER, PROFILE, REDEEM, ROUTES, SUMMARY, operation
from .world import FIRST, SECOND, World, organization


def sender(ask: Ask) -> str:
    """The organization that a request's token names."""
    return organization((ask.header("authorization") or "").removeprefix("Bearer "))


def of(world: World, ask: Ask, owner: str) -> Ask:
    """The same request on behalf of another organization."""
    return ask.having("authorization", f"Bearer {world.token(owner)}")


def stranger(ask: Ask) -> str:
    """The organization that a request should not see."""
    return FIRST if sender(ask) != FIRST else SECOND


def cached(*operations: str, by: Callable[[Ask], object]) -> Make:
    """Answer a success again to whoever asks with the same key, once the token was accepted."""

    def make(world: World) -> Spoil:
        kept: dict[object, Answer] = {}

        async def spoil(ask: Ask, forward: Forward) -> Answer:
            answer = await forward(ask)
            if operation(ask) not in operations or answer.status != 200:
                return answer
            return kept.setdefault(by(ask), answer)

        return spoil

    return make


def mixed(named: str, mix: Callable[[Any, Any], Any]) -> Make:
    """Mix the answer for the other organization into a success: `mix(own, others)`."""

    def make(world: World) -> Spoil:
        async def spoil(ask: Ask, forward: Forward) -> Answer:
            answer = await forward(ask)
            if operation(ask) != named or answer.status != 200:
                return answer
            other = await forward(replace(of(world, ask, stranger(ask)), method="GET"))
            return answer.carrying(mix(answer.document(), other.document()))

        return spoil

    return make


def after(
    named: str, change: Callable[[str, Any, Any, Ask], Any], amount: Callable[[Any, Any], float]
) -> Make:
    """Change later answers by what writes moved.

    amount(request, answer) of each success of `named` is added up for its organization; each later
    success of a GET becomes change(operation, document, sum, ask).
    """

    def make(world: World) -> Spoil:
        moved: dict[str, float] = {}

        async def spoil(ask: Ask, forward: Forward) -> Answer:
            answer = await forward(ask)
            asked = operation(ask)
            if answer.status != 200 or asked is None:
                return answer
            if asked == named:
                owner = sender(ask)
                moved[owner] = moved.get(owner, 0.0) + amount(ask.document(), answer.document())
                return answer
            total = moved.get(sender(ask), 0.0)
            return answer.carrying(change(asked, answer.document(), total, ask)) if total else answer

        return spoil

    return make


def shift_balance(sign: int) -> Callable[[str, Any, float, Ask], Any]:
    """Move the balance of profile and summary by what was written."""

    def change(asked: str, document: Any, total: float, ask: Ask) -> Any:
        name = {PROFILE: "creditBalance", SUMMARY: "creditBalanceUsd"}.get(asked)
        return {**document, name: round(document[name] + sign * total, 6)} if name else document

    return change


def credit(asked: Any, answered: Any) -> float:
    """What a voucher brought."""
    return float(answered["creditAmountUsd"])


def ledger_rows(change: Callable[[list[Any]], list[Any]]) -> Callable[[str, Any, float, Ask], Any]:
    """Change the rows of the ledger, once something was written."""
    return lambda asked, document, total, ask: change(document) if asked == LEDGER else document


def counted(test: Callable[[int], bool], answer: Callable[[Ask, Answer], Answer]) -> Make:
    """Change those requests to the documented operations whose running number passes a test; from 1."""

    def make(world: World) -> Spoil:
        count = 0

        async def spoil(ask: Ask, forward: Forward) -> Answer:
            nonlocal count
            found = await forward(ask)
            if operation(ask) is None:
                return found
            count += 1
            return answer(ask, found) if test(count) else found

        return spoil

    return make


def again(world: World) -> Spoil:
    """A voucher can be redeemed again and again: the first success is repeated."""
    kept: dict[tuple[str, bytes], Answer] = {}

    async def spoil(ask: Ask, forward: Forward) -> Answer:
        if operation(ask) != REDEEM:
            return await forward(ask)
        key = (sender(ask), ask.body)
        answer = await forward(ask)
        if answer.status == 200:
            kept[key] = answer
        return kept.get(key, answer) if answer.status == 409 else answer

    return spoil


def sibling(named: str) -> str:
    """Another operation's path."""
    names = list(ROUTES)
    return ROUTES[names[(names.index(named) + 3) % len(names)]][1] if named in ROUTES else f"{BASE}/billing"
