"""The invariants, over responses that belong together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from orgbilling_openapi.invariants import INVARIANTS, InvariantResult
from orgbilling_openapi.strict_json import JsonObject, JsonValue

from orgbilling_conformance.exchange import Request
from orgbilling_conformance.rules.invariants import invariant_operations, invariant_rule_id
from orgbilling_conformance.rules.rule import RuleViolation
from orgbilling_conformance.suite import ConformanceSuite

WINDOWS = (1, 7, 30, 90, 365)
OFTEN = ("getOrgLedger", "getOrgUsageSummary")
TRIES = 3
BY_COMMANDS = (20, 21, 22, 23)
REMARKS = (25, 37)
"""Invariants that normally hold and need not, by number: a limit can be exceeded (25), and which month a
response means is left open (37)."""


def check_invariants(suite: ConformanceSuite) -> None:
    """Every invariant that reading alone can check. One that is broken is measured up to three times, and
    reported only if it is broken each time: an account may move between two requests."""
    broken: dict[int, InvariantResult] = {}
    for attempt in range(TRIES):
        bodies = snapshot(suite)
        verdicts = [
            invariant.check(bodies) for invariant in INVARIANTS if invariant.number not in BY_COMMANDS
        ]
        if attempt == 0:
            _keep(suite, verdicts)
        now = {result.invariant.number: result for result in verdicts if result.holds is False}
        broken = now if attempt == 0 else {number: now[number] for number in broken if number in now}
        if not broken:
            break
    for verdict in broken.values():
        report_violation(suite, verdict)


def broken_twice(read: Callable[[], JsonObject], names: Collection[str]) -> list[InvariantResult]:
    """The named invariants that two readings break, the one after the other: an account may move between."""

    def broken() -> dict[str, InvariantResult]:
        bodies = read()
        results = [invariant.check(bodies) for invariant in INVARIANTS if invariant.name in names]
        return {result.invariant.name: result for result in results if result.holds is False}

    first = broken()
    again = broken() if first else {}
    return [again[name] for name in first if name in again]


def _keep(suite: ConformanceSuite, verdicts: list[InvariantResult]) -> None:
    for result in verdicts:
        name = invariant_rule_id(result.invariant)
        operation = invariant_operations(result.invariant)[0]
        if result.holds is None:
            suite.skip((name,), (operation,), result.detail)
        else:
            suite.evaluated(name, operation)


def report_violation(suite: ConformanceSuite, verdict: InvariantResult) -> None:
    """Record that an invariant does not hold."""
    invariant = verdict.invariant
    observed = verdict.detail or ", ".join(f"{name} {value}" for name, value in verdict.values.items())
    if invariant.number in REMARKS:
        suite.note(f"invariant {invariant.number} ({invariant.equation}) does not hold: {observed}")
        return
    operation = invariant_operations(invariant)[0]
    requests = [suite.api.operations[name] for name in invariant_operations(invariant)]
    violation = RuleViolation(
        invariant_rule_id(invariant), "", invariant.equation, observed, reason=invariant.basis
    )
    suite.fail(
        violation,
        operation,
        [request_of(suite, request.id) for request in requests if request.method == "GET"],
    )


def request_of(suite: ConformanceSuite, operation: str) -> Request:
    """A request for an operation, to repeat a finding with."""
    described = suite.api.operations[operation]
    query = "days=365" if described in suite.api.windows else ""
    return Request(described.method, described.path, query, purpose="an invariant")


def snapshot(suite: ConformanceSuite) -> JsonObject:
    """The answers of all operations, keyed as `orgbilling_openapi.equations` says.

    Taken between two equal profiles, if the target holds still for long enough.
    """
    bodies: JsonObject = {}
    for _ in range(TRIES):
        before = _answer(suite, "getOrgBilling")
        bodies = _collect(suite)
        after = _answer(suite, "getOrgBilling")
        bodies |= {"getOrgBilling": after} if after is not None else {}
        if before == after:
            break
    ledger = bodies.get("getOrgLedger?days=365")
    if whole(bodies):
        bodies["getOrgLedger?days=all"] = ledger
    return bodies


def _collect(suite: ConformanceSuite) -> JsonObject:
    reads: list[tuple[str, str]] = []
    for operation in suite.api.gets:
        queries = [""]
        if operation.id in OFTEN:
            queries = [f"days={days}" for days in WINDOWS]
        elif operation in suite.api.windows:
            queries = ["", "days=365"]
        if operation.id != "getOrgBilling":
            reads += [(operation.id, query) for query in queries]
    return suite.bodies(reads, "the invariants")


def _answer(suite: ConformanceSuite, operation: str) -> JsonValue:
    exchange = suite.ask(operation, purpose="the invariants")
    return exchange.response.json if exchange.response.succeeded else None


def whole(bodies: Mapping[str, JsonValue]) -> bool:
    """Whether 365 days are certainly all: nothing happened in the first nine months of them."""
    year, quarter = (bodies.get(f"getOrgLedger?days={days}") for days in (365, 90))
    if "getOrgLedger?days=365" not in bodies or "getOrgLedger?days=90" not in bodies:
        return False
    return bool(year) and len(year or []) == len(quarter or [])
