"""What a run that ended early has not run, rule by rule, so that it does not look like a whole one."""

from __future__ import annotations

from collections.abc import Iterable

from orgbilling_conformance.options import WRITES
from orgbilling_conformance.rules.registry import RULES
from orgbilling_conformance.rules.rule import ConformanceRule
from orgbilling_conformance.scenarios import access, writing
from orgbilling_conformance.suite import ConformanceSuite

ENDED = "the run ended before"
NARROW = {"negotiation": 3, "crash": 1}
"""Rules that are run on the first operations only: how many."""
WRITE_STEPS = {
    "redeem": writing.vouchers,
    "checkout": writing.checkouts,
    "portal": writing.portal,
    "subscribe": writing.subscribe,
    "methods": writing.methods,
}


def skip(suite: ConformanceSuite) -> None:
    """Skip every rule that a whole run would have run, or skipped for want of an option; sends nothing."""
    options = suite.options
    for name, step in WRITE_STEPS.items():
        allowed = name in options.allow_write
        if not allowed:
            step(suite)  # it says what it needs, and asks nothing
        if name in writing.NEEDS:
            reason = ENDED if allowed else writing.NEEDS[name]
            suite.skip(writing.BODY_RULES, (WRITES[name],), reason)
    for token, lacking in (
        (options.expired_token, access.expired),
        (options.pending_token, access.pending),
        (options.second_token, access.isolation),
    ):
        if token is None:
            lacking(suite)
    known = {case.rule for case in suite.cases()}
    for rule in RULES.values():
        if rule.kind == "comparison" or rule.id in writing.BODY_RULES:
            continue
        if rule.needs == ("read",):
            suite.skip((rule.id,), _read_by(suite, rule), ENDED)
        elif rule.id not in known:
            suite.skip((rule.id,), rule.operations or ("*",), ENDED)


def skip_unseen(suite: ConformanceSuite) -> None:
    """Skip the rules of every operation of which nothing was seen but answers that are not judged."""
    for rule in RULES.values():
        if rule.needs == ("read",) and rule.kind != "comparison" and rule.id not in writing.BODY_RULES:
            for operation in _read_by(suite, rule):
                missed = suite.evidence.missed_answers.get(operation)
                if missed and not suite.successes[operation]:
                    suite.skip((rule.id,), (operation,), f"not judged: {next(iter(missed))}")


def _read_by(suite: ConformanceSuite, rule: ConformanceRule) -> Iterable[str]:
    """The operations that a rule without special needs is run on."""
    if rule.id.startswith("invariant-"):
        return rule.operations[:1]
    if rule.id.startswith("parameter-") and rule.id != "parameter-valid":
        return [operation.id for operation in suite.api.windows]
    reads = [operation.id for operation in suite.api.gets]
    return rule.operations or reads[: NARROW.get(rule.id, len(reads))]
