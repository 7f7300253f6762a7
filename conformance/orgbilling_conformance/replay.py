"""Exactly the exchanges that failed, again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from orgbilling_conformance import tokens
from orgbilling_conformance.exchange import Request, shown
from orgbilling_conformance.guard import ForbiddenError
from orgbilling_conformance.judge import Judge
from orgbilling_conformance.registry import RULES
from orgbilling_conformance.scenarios import access, crossorigin, equations, reading, writing
from orgbilling_conformance.usage import UsageError

Step = Callable[[Judge], None]

BEHIND: dict[str, Step] = {
    "default-window": reading.defaults,
    "window-honored": reading.windows,
    "window-complete": reading.windows,
    "window-monotone": reading.windows,
    "stable": reading.repeat,
    "intermittent": reading.repeat,
    "conditional": reading.conditional,
    "origin": crossorigin.foreign,
    "origin-own": crossorigin.caller,
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
"""The scenario that decides a rule; laws have theirs, response rules need none."""


def repeat(judge: Judge, path: Path, progress: Callable[[str, int, int], None]) -> None:
    """Send what a report's findings hold, and play the scenarios behind them; raises `UsageError`."""
    findings = read(path)
    steps: dict[Step, None] = {}
    requests: dict[Request, None] = {}
    for finding in findings:
        rule = RULES.get(str(finding.get("rule")))
        if rule is not None and rule.kind == "scenario":
            step = equations.laws if rule.id.startswith("law-") else BEHIND.get(rule.id)
            if step is not None:
                steps.setdefault(step)
                continue
        for each in finding.get("exchanges") or []:
            try:
                requests.setdefault(Request.from_json(each))
            except (KeyError, TypeError, ValueError):
                raise UsageError(f"--replay {path}: an exchange cannot be read") from None
    if any(request.auth in tokens.KEYED for request in requests):
        access.learn(judge)
    for done, request in enumerate(requests):
        progress("replay", done, len(requests) + len(steps))
        if told := _lacking(judge, request.auth):
            judge.note(f"not repeated, for {told}: {shown(request.line)}")
            continue
        try:
            judge.send(request)
        except ForbiddenError as error:
            judge.note(f"not repeated, for it is not allowed: {error}")
    for step in steps:
        step(judge)
    if judge.guard is not None and not judge.guard.sent:
        judge.reasons.append("the report holds nothing that could be repeated")


def _lacking(judge: Judge, auth: str) -> str:
    """Why a kind of token cannot be sent; empty if it can."""
    if auth not in tokens.ALL:
        return "its token is of no known kind"
    if auth in tokens.WITHOUT or judge.tokens.authorization(auth) is not None:
        return judge.tokens.unfit(auth)
    return f"its token was not given ({auth})"


def read(path: Path) -> list[dict[str, Any]]:
    """The findings of a report; raises `UsageError`."""
    try:
        findings = json.loads(path.read_bytes())["findings"]
    except OSError as error:
        raise UsageError(f"--replay {path}: {(error.strerror or 'unreadable').lower()}") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UsageError(f"--replay {path}: not a report of this command (--json)") from None
    if not isinstance(findings, list) or not all(isinstance(each, dict) for each in findings):
        raise UsageError(f"--replay {path}: not a report of this command (--json)")
    return findings
