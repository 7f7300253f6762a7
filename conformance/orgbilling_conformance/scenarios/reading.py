"""Reading: every operation, again, at the edges, over windows, and with headers nobody documents."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

from orgbilling_conformance import sendable
from orgbilling_conformance.exchange import Exchange, Headers
from orgbilling_conformance.judge import Judge
from orgbilling_conformance.rule import Observation
from orgbilling_conformance.sense import instant

EDGES = (
    "1", "365", "30", "2", "364",
    "0", "-1", "366", "-365", "1000000", "2147483647", "2147483648", "9223372036854775807",
    "9223372036854775808", "-9223372036854775809", "18446744073709551617", "99999999999999999999999999",
    "abc", "1.5", "30.0", "1e1", "0x10", "1_0", "true", "null", "NaN", "7d", "1,2", "%D9%A3", "%00", "30%27",
    "[]", "{}", "30;31",
)  # fmt: skip
"""Values of `days`: the bounds, beyond them, the ends of 32 and 64 bits, and no integers at all."""

WINDOWS = (1, 2, 7, 29, 30, 31, 90, 365)
COUNTED = {
    "listOrgActiveCharacters": ("highWaterMark",),
    "getOrgContextEngineEvents": ("totalEvents",),
    "getOrgServiceUsage": ("totalEvents",),
    "getOrgUsageSummary": (
        "totalTokens",
        "totalInputTokens",
        "totalOutputTokens",
        "totalMessages",
        "totalSessions",
    ),
}
TRIES = 3
SLACK = timedelta(days=2)


def reach(judge: Judge) -> None:
    """Every operation that changes nothing, once."""
    for operation in judge.facts.gets:
        judge.ask(operation.id, purpose="is it answered")


def edges(judge: Judge) -> None:
    """Every parameter at its edges, and beyond."""
    for operation in judge.facts.windows:
        for value in EDGES:
            judge.ask(operation.id, f"days={value}", purpose="the edges of days")


def repeat(judge: Judge, times: int = 4) -> None:
    """Every operation again: the same answer, unless something happened."""
    for operation in judge.facts.gets:
        answers = [judge.ask(operation.id, purpose="again") for _ in range(times)]
        good = [each for each in answers if each.response.succeeded]
        if len(good) < 2:
            continue
        pairs = [first.response.json == second.response.json for first, second in pairwise(good)]
        if any(pairs):
            judge.passed("stable", operation.id)
        else:
            place = difference(good[-2].response.json, good[-1].response.json)
            told = Observation(
                "stable", place, "the same answer again", f"{len(good)} answers, all different"
            )
            judge.observe(told, operation.id, [good[-1].request])


def difference(one: Any, other: Any, place: str = "") -> str:
    """The pointer to the first difference between two values."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return next((difference(one[k], other[k], f"{place}/{k}") for k in one if one[k] != other[k]), place)
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        rows = zip(one, other, strict=True)
        return next((difference(a, b, f"{place}/*") for a, b in rows if a != b), place)
    return place


def defaults(judge: Judge) -> None:
    """Without `days` the answer is that of 30 days."""
    for operation in judge.facts.windows:
        for _ in range(TRIES):
            plain = judge.ask(operation.id, purpose="the default of days")
            said = judge.ask(operation.id, "days=30", purpose="the default of days")
            again = judge.ask(operation.id, purpose="the default of days")
            if not (plain.response.succeeded and said.response.succeeded and again.response.succeeded):
                break
            bodies = [each.response.json for each in (plain, said, again)]
            if bodies[0] == bodies[1] or bodies[1] == bodies[2]:
                judge.passed("default-window", operation.id)
                break
            if bodies[0] == bodies[2]:
                place = difference(bodies[0], bodies[1]) or "body"
                node = (*judge.facts.parameters(operation)["days"], "schema", "default")
                told = Observation(
                    "default-window", place, "the answer of days=30", "another answer", "", node
                )
                judge.observe(told, operation.id, [plain.request, said.request])
                break


def windows(judge: Judge) -> None:
    """Windows of the ledger: no longer than asked, without holes; counts never fall."""
    for operation in judge.facts.windows:
        answers = {days: judge.ask(operation.id, f"days={days}", purpose="windows") for days in WINDOWS}
        good = {days: each for days, each in answers.items() if each.response.succeeded}
        if operation.id == "getOrgLedger":
            _ledger(judge, good)
        else:
            _counts(judge, operation.id, good)


def _counts(judge: Judge, operation: str, answers: dict[int, Exchange]) -> None:
    for member in COUNTED.get(operation, ()):
        rows = [(days, number(each.response.json, member)) for days, each in answers.items()]
        known = [(days, value) for days, value in rows if value is not None]
        for (short, less), (long, more) in pairwise(known):
            if less > more:
                told = f"{less} in {short} days, {more} in {long}"
                seen = Observation("window-monotone", f"/{member}", "no less in a longer window", told)
                judge.observe(seen, operation, [answers[short].request, answers[long].request])
        if len(known) > 1:
            judge.passed("window-monotone", operation)


def number(body: Any, member: str) -> float | None:
    """A number in a body; None for anything else."""
    value = body.get(member) if isinstance(body, dict) else None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _ledger(judge: Judge, answers: dict[int, Exchange]) -> None:
    rows = {days: entries(each.response.json) for days, each in answers.items()}
    node = judge.facts.parameters(judge.facts.operations["getOrgLedger"])["days"]
    for days, found in rows.items():
        instants = [at for at in found.values() if at]
        if len(instants) > 1 and max(instants) - min(instants) > timedelta(days=days) + SLACK:
            span = (max(instants) - min(instants)).days
            seen = Observation(
                "window-honored", "query/days", f"rows of {days} days at most", f"of {span} days", "", node
            )
            judge.observe(seen, "getOrgLedger", [answers[days].request])
        judge.passed("window-honored", "getOrgLedger")
    longest = rows.get(max(rows, default=0), {})
    for days, found in rows.items():
        begins = min((at for at in found.values() if at), default=None)
        if begins is None:
            continue
        lost = [entry for entry, at in longest.items() if at and at > begins and entry not in found]
        if lost:
            # Something may have been posted in between: ask once more before judging.
            again = entries(judge.ask("getOrgLedger", f"days={days}", purpose="windows").response.json)
            lost = [entry for entry in lost if entry not in again]
        if lost:
            told = f"{len(lost)} rows of a longer window are missing between them"
            seen = Observation("window-complete", "query/days", "all rows since the oldest", told)
            judge.observe(seen, "getOrgLedger", [answers[days].request])
        judge.passed("window-complete", "getOrgLedger")


def entries(body: Any) -> dict[str, Any]:
    """Entry id to instant of the rows of a ledger."""
    rows = [row for row in body or [] if isinstance(row, dict)] if isinstance(body, list | None) else []
    return {str(row.get("entryId")): instant(row.get("createdAt")) for row in rows}


def negotiation(judge: Judge) -> None:
    """Headers and parameters that no document names."""
    variants: tuple[tuple[str, Headers], ...] = (
        ("", (("Accept", "text/html"),)),
        ("", (("Accept", "application/xml;q=0.9"),)),
        ("", (("Accept-Language", "de-AT"), ("Accept-Encoding", "identity"))),
        ("", (("X-Forwarded-For", "203.0.113.9"), ("Forwarded", "for=203.0.113.9"))),
        ("conformance=1", ()),
    )
    for operation in judge.facts.gets[:3]:
        if not judge.successes[operation.id]:
            continue
        for query, headers in variants:
            answer = judge.ask(operation.id, query, headers=headers, purpose="what nobody documents")
            if not answer.response.succeeded:
                what = query or f"{headers[0][0]}: {headers[0][1]}"
                told = Observation("negotiation", "status", f"200 with {what}", str(answer.response.status))
                judge.observe(told, operation.id, [answer.request])
            judge.passed("negotiation", operation.id)


def conditional(judge: Judge) -> None:
    """ETags, where there are any."""
    for operation in judge.facts.gets:
        first = judge.ask(operation.id, purpose="an ETag")
        tag = first.response.header("etag")
        if tag is None or not sendable.VALUE.fullmatch(tag) or not first.response.succeeded:
            continue
        second = judge.ask(operation.id, headers=(("If-None-Match", tag),), purpose="the ETag again")
        status, body = second.response.status, second.response.body
        if status == 304 and body:
            seen = Observation("conditional", "body", "no body with 304", f"{len(body)} bytes")
            judge.observe(seen, operation.id, [second.request])
        elif status not in (200, 304):
            seen = Observation("conditional", "status", "304 or 200", str(status))
            judge.observe(seen, operation.id, [second.request])
        other = judge.ask(operation.id, headers=(("If-None-Match", '"no-such-tag"'),), purpose="another ETag")
        if other.response.status == 304:
            seen = Observation("conditional", "status", "200 to another ETag", "304")
            judge.observe(seen, operation.id, [other.request])
        judge.passed("conditional", operation.id)


def intermittent(judge: Judge) -> None:
    """What one and the same plain request was answered, over the whole run."""
    for line, counts in judge.statuses().items():
        method, _, rest = line.partition(" ")
        operation = judge.facts.operation(method, rest.partition("?")[0])
        failures = {status: count for status, count in counts.items() if status not in (200, 429)}
        if method != "GET" or 200 not in counts or not operation:
            continue
        if failures:
            told = ", ".join(f"{count} × {status or 'nothing'}" for status, count in failures.items())
            seen = Observation("intermittent", "status", f"200 as {counts[200]} times before", told)
            judge.observe(seen, operation, [])
        judge.passed("intermittent", operation)


def safe(judge: Judge) -> None:
    """Reading leaves the balance and the ledger as they are."""
    changed = 0
    for _ in range(TRIES):
        before = _account(judge)
        for operation in judge.facts.gets:
            judge.ask(operation.id, purpose="reading changes nothing")
        after = _account(judge)
        if before is None or after is None:
            return
        judge.passed("safe", "getOrgBilling")
        if before == after:
            return
        changed += 1
    told = f"changed by each of {changed} rounds of reading"
    seen = Observation("safe", "", "balance and ledger as before", told)
    judge.observe(seen, "getOrgBilling", [])


def _account(judge: Judge) -> tuple[float | None, frozenset[str]] | None:
    profile = judge.ask("getOrgBilling", purpose="reading changes nothing").response
    ledger = judge.ask("getOrgLedger", "days=7", purpose="reading changes nothing").response
    if not profile.succeeded or not ledger.succeeded:
        return None
    return number(profile.json, "creditBalance"), frozenset(entries(ledger.json))
