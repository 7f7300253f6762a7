"""From what was seen to a verdict: conforms, violated or inconclusive, and never by having seen nothing."""

from __future__ import annotations

from collections.abc import Sequence

from orgbilling_conformance.judge import Judge
from orgbilling_conformance.options import WRITES
from orgbilling_conformance.report import Finding
from orgbilling_conformance.words import many

NO_CONTRACT = "getOrgContract"


def verdict(findings: Sequence[Finding], reasons: Sequence[str]) -> str:
    """Violated if any error was seen, else inconclusive if there is a reason, else conforms."""
    if any(each.severity == "error" for each in findings):
        return "violated"
    return "inconclusive" if reasons else "conforms"


def unseen(judge: Judge) -> list[str]:
    """Why the operations that change nothing cannot be judged: those without a success."""
    reasons = []
    statuses = judge.statuses()
    for operation in judge.facts.gets:
        if judge.successes[operation.id]:
            continue
        seen = statuses.get(f"GET {operation.path}", {})
        if (
            operation.id == NO_CONTRACT
            and seen
            and all(400 <= each < 600 and each not in (401, 403) for each in seen)
        ):
            judge.note("the organization has no contract: its answer was not judged by its schema")
            continue
        told = ", ".join(str(status or "no answer") for status in sorted(seen)) or "not asked"
        reasons.append(f"no success of {operation.id} ({operation.method} {operation.path}: {told})")
    seen_at_all = set().union(*map(set, statuses.values()))
    if len(reasons) == len(judge.facts.gets) and seen_at_all and seen_at_all <= {401, 403}:
        told = "the token was refused everywhere" if judge.tokens.secrets else "no token was given (--token)"
        return [told]
    return reasons + _unwritten(judge)


def _unwritten(judge: Judge) -> list[str]:
    """The writes that were allowed and never succeeded."""
    reasons = []
    for name in judge.options.allow_write:
        operation = judge.facts.operations.get(WRITES[name])
        if operation is None or judge.successes[operation.id]:
            continue
        line = f"{operation.method} {operation.path}"
        entries = judge.guard.journal if judge.guard else []
        seen = sorted({each.status for each in entries if each.line.partition("?")[0] == line})
        told = ", ".join(str(status or "no answer") for status in seen) or "not asked"
        reasons.append(f"no success of {operation.id} ({line}: {told})")
    return reasons


def confidence(judge: Judge) -> str:
    """What the number of answers says about failures that come and go."""
    asked = [
        sum(sum(counts.values()) for line, counts in judge.statuses().items() if _is(line, each.path))
        for each in judge.facts.gets
    ]
    least = min(asked, default=0)
    if not least:
        return ""
    # (1 - p)^n <= 5 %  for  p >= 3 / n: the rule of three.
    share = min(100, round(300 / least))
    return (
        f"every operation was asked {many(least, 'time')} or more: a failure of {share} % of the answers "
        "would have been seen with 95 % confidence"
    )


def _is(line: str, path: str) -> bool:
    return line == f"GET {path}" or line.startswith(f"GET {path}?")
