"""Replay: the failing exchanges of a report are sent again, and the scenarios behind them run again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from orgbilling_conformance import comparison, tokens
from orgbilling_conformance.exchange import Request, shorten
from orgbilling_conformance.guard import ForbiddenError
from orgbilling_conformance.options import UsageError
from orgbilling_conformance.rules.registry import RULES
from orgbilling_conformance.scenarios import access, invariants, reading, writing
from orgbilling_conformance.suite import ConformanceSuite

Step = Callable[[ConformanceSuite], None]

BEHIND: dict[str, Step] = {
    "default-window": reading.defaults,
    "window-honored": reading.windows,
    "window-complete": reading.windows,
    "window-monotone": reading.windows,
    "stable": reading.repeat,
    "intermittent": reading.repeat,
    "conditional": reading.conditional,
    "origin": access.foreign,
    "origin-own": access.caller,
    "negotiation": reading.negotiation,
    "isolation": access.isolation,
    "method": writing.methods,
    "allow": writing.methods,
    "route": writing.methods,
    "preflight": writing.methods,
    "checkout-url": writing.checkouts,
    "checkout-fresh": writing.checkouts,
    "checkout-pending": writing.checkouts,
    "portal-url": writing.portal,
}
"""The scenario that checks a rule. Invariants have one of their own, response rules need none."""


def repeat(suite: ConformanceSuite, path: Path, progress: Callable[[str, int, int], None]) -> None:
    """Send what a report's findings hold, and play the scenarios behind them; raises `UsageError`."""
    findings = comparison.read(path, "--replay")["findings"]
    steps: dict[Step, None] = {}
    requests: dict[Request, None] = {}
    for finding in findings:
        rule = RULES.get(str(finding.get("rule")))
        if rule is not None and rule.kind == "scenario":
            step = invariants.check_invariants if rule.id.startswith("invariant-") else BEHIND.get(rule.id)
            if step is not None:
                steps.setdefault(step)
                continue
        for request in finding.get("exchanges") or []:
            try:
                requests.setdefault(Request.from_json(request))
            except (KeyError, TypeError, ValueError):
                raise UsageError(f"--replay: {path}: an exchange cannot be read") from None
    if any(request.auth in tokens.KEYED for request in requests):
        access.learn(suite)
    for done, request in enumerate(requests):
        progress("replay", done, len(requests) + len(steps))
        if reason := _lacking(suite, request.auth):
            suite.note(f"not repeated, for {reason}: {shorten(request.line)}")
            continue
        try:
            suite.send(request)
        except ForbiddenError as error:
            suite.note(f"not repeated, for it is not allowed: {error}")
    for step in steps:
        step(suite)
    if suite.guard is not None and not suite.guard.sent:
        suite.reasons.append("the report holds nothing that could be repeated")


def _lacking(suite: ConformanceSuite, auth: str) -> str:
    """Why a kind of token cannot be sent; empty if it can."""
    if auth not in tokens.ALL:
        return "its token is of no known kind"
    if auth in tokens.WITHOUT or suite.tokens.authorization(auth) is not None:
        return suite.tokens.unfit(auth)
    return f"its token was not given ({auth})"
