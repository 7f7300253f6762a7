"""The checker itself: histories that it must accept, and histories that it must refuse."""

from __future__ import annotations

import random

import pytest

from consistency.linearizability import NEVER, Operation, State, after, is_linearizable


def read(called: float, returned: float, balance: int) -> Operation:
    return Operation("read", called, returned, balance)


def redeem(called: float, returned: float, voucher: int, balance: int | None) -> Operation:
    return Operation("redeem", called, returned, balance, balance is None and returned != NEVER, voucher)


def other(kind: str, called: float, returned: float, *, refused: bool = False) -> Operation:
    return Operation(kind, called, returned, refused=refused)  # type: ignore[arg-type]


ACCEPTED: dict[str, list[Operation]] = {
    "nothing": [],
    "one after the other": [redeem(0, 1, 1, 1), redeem(2, 3, 2, 3), read(4, 5, 3)],
    "a read beside a redemption sees it": [redeem(0, 9, 1, 1), read(1, 2, 1), read(3, 4, 1)],
    "a read beside a redemption does not see it": [redeem(0, 9, 1, 1), read(1, 2, 0)],
    "one of two wins": [redeem(0, 5, 1, 1), redeem(1, 4, 1, None)],
    "the later call comes first": [redeem(0, 9, 1, 3), redeem(1, 3, 2, 2)],
    "a lost response, that took effect": [redeem(0, NEVER, 1, None), read(5, 6, 0), read(7, 8, 1)],
    "a lost response, that did not": [redeem(0, NEVER, 1, None), read(5, 6, 0), read(7, 8, 0)],
    "a lost response, much later": [redeem(0, NEVER, 1, None), read(5, 6, 0), redeem(7, 8, 1, None)],
    "deleted and used again": [redeem(0, 1, 1, 1), other("delete", 2, 3), redeem(4, 5, 1, 1)],
    "created once": [other("create", 0, 5), other("create", 1, 4, refused=True)],
    "created, deleted, created": [
        other("create", 0, 1),
        other("delete", 2, 3),
        other("delete", 4, 5, refused=True),
        other("create", 6, 7),
    ],
    "reset": [redeem(0, 1, 1, 1), other("reset", 2, 3), read(4, 5, 0)],
    "imported": [redeem(0, 1, 1, 1), other("import", 2, 3), read(4, 5, 8), redeem(6, 7, 1, 9)],
    "imported beside a read": [other("import", 0, 9), read(1, 2, 0), read(3, 4, 8)],
}

REFUSED: dict[str, list[Operation]] = {
    "a lost redemption": [redeem(0, 1, 1, 1), read(2, 3, 0)],
    "a voucher redeemed twice": [redeem(0, 1, 1, 1), redeem(2, 3, 1, 1)],
    "both of two win": [redeem(0, 5, 1, 1), redeem(1, 4, 1, 1)],
    "a balance counted twice": [redeem(0, 1, 1, 1), redeem(2, 3, 2, 5)],
    "a stale read": [redeem(0, 1, 1, 1), read(2, 3, 1), read(4, 5, 0)],
    "two reads in different orders": [redeem(0, 9, 1, 1), read(1, 2, 1), read(3, 4, 0)],
    "a refusal without a reason": [redeem(0, 1, 1, None), read(2, 3, 0)],
    "a read of what nobody wrote": [read(0, 1, 4)],
    "from the former generation": [redeem(0, 1, 1, 1), other("delete", 2, 3), read(4, 5, 1)],
    "kept by a server that had cached it": [
        redeem(0, 1, 1, 1),
        other("delete", 2, 3),
        other("create", 4, 5),
        redeem(6, 7, 2, 3),
    ],
    "created twice": [other("create", 0, 1), other("create", 2, 3)],
    "deleted twice": [other("create", 0, 1), other("delete", 2, 3), other("delete", 4, 5)],
    "gone after an import": [other("import", 0, 1), other("delete", 2, 3, refused=True)],
    "a reset that was lost": [redeem(0, 1, 1, 1), other("reset", 2, 3), read(4, 5, 1)],
    "half an import": [redeem(0, 1, 1, 1), other("import", 2, 3), read(4, 5, 9)],
    "a lost response takes effect before its call": [read(0, 1, 1), redeem(2, NEVER, 1, None)],
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_a_history_that_one_server_could_have_answered(name: str) -> None:
    assert is_linearizable(ACCEPTED[name], imported=8)


@pytest.mark.parametrize("name", REFUSED)
def test_a_history_that_no_server_could_have_answered(name: str) -> None:
    assert not is_linearizable(REFUSED[name], imported=8)


def drawn(seed: int, length: int = 120) -> list[Operation]:
    """A history that is linearizable by construction: each operation takes effect at a drawn instant."""
    draw, state, history = random.Random(seed), State(), []
    for place in range(length):
        kind = draw.choice(("read", "redeem", "redeem", "create", "delete", "reset", "import"))
        voucher = 1 << draw.randrange(3)
        called, returned = place - draw.random() * 3, place + draw.random() * 3
        result = None
        if kind == "read":
            result = state.balance
        refused = (
            (kind == "redeem" and bool(state.balance & voucher))
            or (kind == "create" and state.exists)
            or (kind == "delete" and not state.exists)
        )
        if kind == "redeem" and not refused:
            result = state.balance | voucher
        operation = Operation(kind, called, returned, result, refused, voucher)
        following = after(operation, state, 8)
        assert following is not None
        state = following
        if draw.random() < 0.03 and kind != "read":
            operation = Operation(kind, called, NEVER, voucher=voucher)
        history.append(operation)
    return history


@pytest.mark.parametrize("seed", range(20))
def test_histories_that_are_linearizable_by_construction(seed: int) -> None:
    assert is_linearizable(drawn(seed), imported=8)


@pytest.mark.parametrize("seed", range(20))
def test_one_wrong_balance_in_a_long_history(seed: int) -> None:
    history = drawn(seed)
    places = [place for place, row in enumerate(history) if row.kind == "read"]
    place = random.Random(seed).choice(places)
    row = history[place]
    history[place] = Operation("read", row.called, row.returned, (row.result or 0) ^ 64)
    assert not is_linearizable(history, imported=8)
