"""A random walk through reading and writing, by Hypothesis: the invariants hold after every step.

Nothing is shrunk: the target remembers what was done to it, so that no step can be taken back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from orgbilling_conformance.guard import BudgetError
from orgbilling_conformance.options import WRITES, UsageError
from orgbilling_conformance.scenarios.invariants import broken_twice, report_violation
from orgbilling_conformance.scenarios.writing import check_balance, encode, post, read
from orgbilling_conformance.suite import ConformanceSuite
from orgbilling_conformance.target import UnreachableError
from orgbilling_conformance.tokens import TokenRejectedError

if TYPE_CHECKING:
    from hypothesis.stateful import RuleBasedStateMachine

STEPS = 12
NAMES = (
    "summary-balance",
    "summary-prices",
    "summary-tokens",
    "windows-nested",
    "one-tenant",
    "entries-unique",
)
ENDS = (BudgetError, TokenRejectedError, UnreachableError)


class RandomWalk:
    """What the walk does; the machine only chooses."""

    def __init__(self, suite: ConformanceSuite) -> None:
        self.suite = suite
        self.ended: Exception | None = None

    def step(self, act: Callable[[], object]) -> None:
        """Take one step, unless the run has ended."""
        if self.ended is None:
            try:
                act()
            except ENDS as error:
                self.ended = error

    def window(self, operation: str, days: int) -> None:
        """Read one window."""
        self.suite.ask(operation, f"days={days}", purpose="a random walk")

    def refused(self, code: str) -> None:
        """Try a code that nobody issued: the balance stays."""
        before = read(self.suite)
        exchange = post(self.suite, WRITES["redeem"], encode({"code": code}), purpose="a random code")
        if self.suite.judges(exchange) and exchange.response.status >= 400:
            check_balance(self.suite, "refused-harmless", before, exchange)

    def checkout(self, amount: int) -> None:
        """Begin a checkout."""
        post(self.suite, WRITES["checkout"], encode({"amount": amount}), purpose="a random walk")

    def check_invariants(self) -> None:
        """Check the invariants that two readings can check."""
        for result in broken_twice(lambda: read(self.suite), NAMES):
            report_violation(self.suite, result)


def walk(suite: ConformanceSuite, rounds: int) -> None:
    """Run the machine; raises what ended it early, and `UsageError` where Hypothesis is not installed."""
    try:
        import hypothesis
        from hypothesis import stateful
    except ImportError:
        raise UsageError("the random walk needs: pip install 'orgbilling[conformance]'") from None
    path = RandomWalk(suite)
    settings = hypothesis.settings(
        database=None,
        max_examples=rounds,
        stateful_step_count=STEPS,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    machine = hypothesis.seed(suite.options.seed)(_machine(path))
    stateful.run_state_machine_as_test(machine, settings=settings)
    if path.ended is not None:
        raise path.ended


def _machine(path: RandomWalk) -> type[RuleBasedStateMachine]:
    from hypothesis import stateful
    from hypothesis import strategies as st

    writes = path.suite.options.allow_write
    windows = [operation.id for operation in path.suite.api.windows]

    class Machine(stateful.RuleBasedStateMachine):
        @stateful.rule(operation=st.sampled_from(windows), days=st.integers(1, 365))
        def window(self, operation: str, days: int) -> None:
            path.step(lambda: path.window(operation, days))

        @stateful.precondition(lambda self: "redeem" in writes)
        @stateful.rule(code=st.text("ABCDEFGHJKLMNPQRSTUVWXYZ23456789-", min_size=6, max_size=20))
        def refused(self, code: str) -> None:
            path.step(lambda: path.refused(f"CONFORMANCE-{code}"))

        @stateful.precondition(lambda self: "checkout" in writes)
        @stateful.rule(amount=st.integers(50, 99_999_999))
        def checkout(self, amount: int) -> None:
            path.step(lambda: path.checkout(amount))

        @stateful.rule()
        def invariants_hold(self) -> None:
            path.step(path.check_invariants)

    return Machine
