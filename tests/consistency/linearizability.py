"""Whether a history of one organization is linearizable.

A history has operations of several clients, each with the times of its call and of its response. It is
linearizable when each operation can be put at one instant between the two, so that one server that executes
them in that order would have answered the same (Herlihy and Wing, 1990). An operation without a response may
have taken effect at any later time, or never.

The model of an organization: whether it exists, and which vouchers it has redeemed. Each voucher is worth
another power of two, so the balance tells the vouchers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

NEVER = float("inf")
"""The time of a response that did not come."""

Kind = Literal["read", "redeem", "create", "delete", "reset", "import"]


@dataclass(frozen=True)
class Operation:
    """What a client did. For `read` and `redeem`, result is the balance; None says that it was refused.

    voucher: a power of two, for `redeem`. returned: NEVER when the client does not know what became of it.
    """

    kind: Kind
    called: float
    returned: float
    result: int | None = None
    refused: bool = False
    voucher: int = 0


@dataclass(frozen=True)
class State:
    """An organization: whether it exists, and its balance, the sum of its vouchers."""

    exists: bool = False
    balance: int = 0


def after(operation: Operation, state: State, imported: int) -> State | None:
    """The state after an operation; None when it could not have answered so in that state.

    imported: the balance of the organization in the bundle. An operation without a response fits every state.
    """
    known = operation.returned != NEVER
    if operation.kind == "read":
        return State(True, state.balance) if not known or operation.result == state.balance else None
    if operation.kind == "redeem":
        used = bool(state.balance & operation.voucher)
        if known and used != operation.refused:
            return None
        balance = state.balance | operation.voucher
        return State(True, balance) if not known or operation.refused or operation.result == balance else None
    if operation.kind in ("create", "delete") and known:
        possible = state.exists != (operation.kind == "create")
        if possible == operation.refused:
            return None
        if operation.refused:
            return state
    if operation.kind == "create":
        return state if state.exists else State(True, 0)
    if operation.kind == "delete":
        return State()
    return State(True, imported if operation.kind == "import" else 0)


def is_linearizable(history: Iterable[Operation], imported: int = 0) -> bool:
    """Whether a history is linearizable, from an organization that does not exist.

    A depth-first search over which operation comes next, as Wing and Gong do (1993), that never visits the
    same operations and state twice. The next one is among those that were called before any of the others
    returned.
    """
    operations: Sequence[Operation] = sorted(
        (operation for operation in history if operation.kind != "read" or operation.returned != NEVER),
        key=lambda operation: operation.called,
    )
    certain = sum(1 << place for place, row in enumerate(operations) if row.returned != NEVER)
    waiting, visited = [(0, State())], set()
    while waiting:
        done, state = waiting.pop()
        if done & certain == certain:
            return True
        for place in _possible(operations, done):
            following = after(operations[place], state, imported)
            if following is not None and (done | 1 << place, following) not in visited:
                visited.add((done | 1 << place, following))
                waiting.append((done | 1 << place, following))
    return not certain


def _possible(operations: Sequence[Operation], done: int) -> list[int]:
    """The operations that can come next: those called before the first of all others has returned."""
    places, first_return = [], NEVER
    for place, operation in enumerate(operations):
        if operation.called > first_return:
            break
        if not done >> place & 1:
            places.append(place)
            first_return = min(first_return, operation.returned)
    return [place for place in places if operations[place].called <= first_return]
