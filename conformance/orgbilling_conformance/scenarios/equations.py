"""The laws, over answers that belong together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orgbilling_openapi.invariants import INVARIANTS, InvariantResult

from orgbilling_conformance.judge import Judge
from orgbilling_conformance.rule import Observation
from orgbilling_conformance.scripted import law_id, law_operations

WINDOWS = (1, 7, 30, 90, 365)
OFTEN = ("getOrgLedger", "getOrgUsageSummary")
TRIES = 3
BY_COMMANDS = (20, 21, 22, 23)
REMARKS = (25, 37)
"""Laws that normally hold and need not: a limit can be exceeded, and which month is meant is left open."""


def laws(judge: Judge) -> None:
    """Every law that reading alone can judge; what is broken has to be broken again."""
    broken: dict[int, InvariantResult] = {}
    for attempt in range(TRIES):
        bodies = snapshot(judge)
        verdicts = [law.check(bodies) for law in INVARIANTS if law.number not in BY_COMMANDS]
        if attempt == 0:
            _keep(judge, verdicts)
        now = {each.invariant.number: each for each in verdicts if each.holds is False}
        broken = now if attempt == 0 else {number: now[number] for number in broken if number in now}
        if not broken:
            break
    for verdict in broken.values():
        report(judge, verdict)


def _keep(judge: Judge, verdicts: list[InvariantResult]) -> None:
    for each in verdicts:
        name = law_id(each.invariant)
        operation = law_operations(each.invariant)[0]
        if each.holds is None:
            judge.skip((name,), (operation,), each.detail)
        else:
            judge.passed(name, operation)


def report(judge: Judge, verdict: InvariantResult) -> None:
    """Keep a law that does not hold."""
    law = verdict.invariant
    told = verdict.detail or ", ".join(f"{name} {value}" for name, value in verdict.values.items())
    if law.number in REMARKS:
        judge.note(f"law {law.number} ({law.equation}) does not hold: {told}")
        return
    operation = law_operations(law)[0]
    requests = [judge.facts.operations[name] for name in law_operations(law)]
    seen = Observation(law_id(law), "", law.equation, told, reason=law.basis)
    judge.observe(seen, operation, [request_of(judge, each.id) for each in requests if each.method == "GET"])


def request_of(judge: Judge, operation: str) -> Any:
    """A request for an operation, to repeat a finding with."""
    from orgbilling_conformance.exchange import Request

    known = judge.facts.operations[operation]
    query = "days=365" if known in judge.facts.windows else ""
    return Request(known.method, known.path, query, purpose="a law")


def snapshot(judge: Judge) -> dict[str, Any]:
    """The answers of all operations, keyed as `orgbilling_openapi.equations` says.

    Taken between two equal profiles, if the target holds still for long enough.
    """
    bodies: dict[str, Any] = {}
    for _ in range(TRIES):
        before = _answer(judge, "getOrgBilling")
        bodies = _collect(judge)
        after = _answer(judge, "getOrgBilling")
        bodies |= {"getOrgBilling": after} if after is not None else {}
        if before == after:
            break
    ledger = bodies.get("getOrgLedger?days=365")
    if whole(bodies):
        bodies["getOrgLedger?days=all"] = ledger
    return bodies


def _collect(judge: Judge) -> dict[str, Any]:
    bodies: dict[str, Any] = {}
    for operation in judge.facts.gets:
        if operation.id == "getOrgBilling":
            continue
        queries = [""]
        if operation.id in OFTEN:
            queries = [f"days={days}" for days in WINDOWS]
        elif operation in judge.facts.windows:
            queries = ["", "days=365"]
        for query in queries:
            exchange = judge.ask(operation.id, query, purpose="the laws")
            if exchange.response.succeeded:
                bodies[operation.id + (f"?{query}" if query else "")] = exchange.response.json
    return bodies


def _answer(judge: Judge, operation: str) -> Any:
    exchange = judge.ask(operation, purpose="the laws")
    return exchange.response.json if exchange.response.succeeded else None


def whole(bodies: Mapping[str, Any]) -> bool:
    """Whether 365 days are certainly all: nothing happened in the first nine months of them."""
    year, quarter = (bodies.get(f"getOrgLedger?days={days}") for days in (365, 90))
    if "getOrgLedger?days=365" not in bodies or "getOrgLedger?days=90" not in bodies:
        return False
    return bool(year) and len(year or []) == len(quarter or [])
