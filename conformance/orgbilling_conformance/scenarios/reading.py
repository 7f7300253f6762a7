"""Reading: every operation, again, at the edges, over windows, and with headers nobody documents."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

from orgbilling_openapi.redaction import redact
from orgbilling_openapi.strict_json import JsonObject, JsonValue

from orgbilling_conformance import guard
from orgbilling_conformance.evidence import why_not_judged
from orgbilling_conformance.exchange import Exchange, Headers, Request, shorten
from orgbilling_conformance.rules.ambiguity import query_ambiguity
from orgbilling_conformance.rules.plausibility import instant
from orgbilling_conformance.rules.rule import RuleViolation
from orgbilling_conformance.suite import ConformanceSuite
from orgbilling_conformance.tokens import TokenRejectedError

EDGES = (
    "0", "366", "abc", "1", "365", "-1", "30", "2", "364",
    "-365", "1000000", "2147483647", "2147483648", "9223372036854775807",
    "9223372036854775808", "-9223372036854775809", "18446744073709551617", "99999999999999999999999999",
    "1.5", "30.0", "1e1", "0x10", "1_0", "true", "null", "NaN", "7d", "1,2", "%D9%A3", "%00", "30%27",
    "[]", "{}", "30;31",
)  # fmt: skip
"""Values of `days`: the bounds, beyond them, the ends of 32 and 64 bits, and no integers at all.

A slow operation is asked for the first of them."""

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


class IntermediaryError(Exception):
    """Something else than the API answers for it; the text says what."""


SLOW_S = 0.5
PROBES = 3
"""How many operations are asked whether they can be reached before a run is given up."""


def access(suite: ConformanceSuite) -> None:
    """Whether the token opens anything, and the target itself answers.

    Raises `TokenRejectedError` or `IntermediaryError` where every one of some operations is refused, leads
    elsewhere, or is answered by a gateway, and where all are not found or answered with a page. A token that
    opens nothing is refused by all with 403.
    """
    refused: list[str] = []
    absent: list[str] = []
    for operation in suite.api.gets:
        exchange = suite.probe(Request("GET", operation.path, purpose="is it reached"))
        status = exchange.response.status
        unjudged = why_not_judged(exchange)
        if status == 404 or (status < 300 and exchange.response.media == "text/html" and unjudged is None):
            absent.append(f"{exchange.request.line}: {status} {exchange.response.media}".strip())
            continue
        if status in (401, 403):
            refused.append(suite.refusal(exchange))
        elif unjudged is None or unjudged.reason not in ("redirect", "gateway"):
            return
        elif len(refused) + 1 >= PROBES:
            text = f"something in front of the target answers: {exchange.request.line}: {unjudged.detail}"
            raise IntermediaryError(shorten(redact(text, suite.known_secrets), 300))
        else:
            refused.append(unjudged.detail)
        if status == 401 and len(refused) >= PROBES:
            break
    if len(absent) == len(suite.api.gets):
        raise IntermediaryError(f"the API is not at this address: {shorten(absent[0], 300)}")
    if absent:
        return
    if not suite.tokens.secrets:
        raise TokenRejectedError(f"no token was given (--token): {refused[0]}")
    ended = " (it has expired)" if suite.tokens.ended else ""
    raise TokenRejectedError(f"the token was refused{ended}: {refused[0]}")


def reach(suite: ConformanceSuite) -> None:
    """Every operation that changes nothing, once; a slow one once more, to know how slow it is."""
    for operation in suite.api.gets:
        exchange = suite.ask(operation.id, purpose="is it answered")
        if exchange.response.seconds > SLOW_S:
            suite.ask(operation.id, purpose="is it always slow")


def edges(suite: ConformanceSuite) -> None:
    """Every parameter at its edges, and beyond."""
    for operation in suite.api.windows:
        for value in suite.shares.sample(operation.id, EDGES):
            suite.ask(operation.id, f"days={value}", purpose="the edges of days")


def repeat(suite: ConformanceSuite, times: int = 4) -> None:
    """Every operation again: the same answer, unless something happened."""
    for operation in suite.api.gets:
        answers = [suite.ask(operation.id, purpose="again") for _ in range(times)]
        good = [answer for answer in answers if answer.response.succeeded]
        if len(good) < 2:
            continue
        pairs = [first.response.json == second.response.json for first, second in pairwise(good)]
        if any(pairs):
            suite.evaluated("stable", operation.id)
        else:
            place = difference(good[-2].response.json, good[-1].response.json)
            suite.violation(
                "stable", place, "the same answer again", f"{len(good)} answers, all different", good[-1]
            )


def difference(one: JsonValue, other: JsonValue, place: str = "") -> str:
    """The pointer to the first difference between two values."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return next((difference(one[k], other[k], f"{place}/{k}") for k in one if one[k] != other[k]), place)
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        rows = zip(one, other, strict=True)
        return next((difference(a, b, f"{place}/*") for a, b in rows if a != b), place)
    return place


def defaults(suite: ConformanceSuite) -> None:
    """Without `days` the answer is that of 30 days."""
    for operation in suite.api.windows:
        for _ in range(TRIES):
            plain = suite.ask(operation.id, purpose="the default of days")
            explicit = suite.ask(operation.id, "days=30", purpose="the default of days")
            again = suite.ask(operation.id, purpose="the default of days")
            if not (plain.response.succeeded and explicit.response.succeeded and again.response.succeeded):
                break
            if any(exchange.response.header("age") for exchange in (plain, explicit, again)):
                break  # from caches, which may have kept them at different times
            bodies = [exchange.response.json for exchange in (plain, explicit, again)]
            if bodies[0] == bodies[1] or bodies[1] == bodies[2]:
                suite.evaluated("default-window", operation.id)
                break
            if bodies[0] == bodies[2]:
                place = difference(bodies[0], bodies[1]) or "body"
                node = (*suite.api.parameters(operation)["days"], "schema", "default")
                suite.violation(
                    "default-window",
                    place,
                    "the answer of days=30",
                    "another answer",
                    plain,
                    explicit,
                    node=node,
                )
                break


def windows(suite: ConformanceSuite) -> None:
    """Windows of the ledger: no longer than asked, without holes; counts never fall."""
    for operation in suite.api.windows:
        answers = {days: suite.ask(operation.id, f"days={days}", purpose="windows") for days in WINDOWS}
        good = {days: exchange for days, exchange in answers.items() if exchange.response.succeeded}
        if operation.id == "getOrgLedger":
            _check_ledger_windows(suite, good)
        else:
            _counts(suite, operation.id, good)


def _counts(suite: ConformanceSuite, operation: str, answers: dict[int, Exchange]) -> None:
    for member in COUNTED.get(operation, ()):
        rows = [(days, number(exchange.response.json, member)) for days, exchange in answers.items()]
        counts = [(days, value) for days, value in rows if value is not None]
        for (short, less), (long, more) in pairwise(counts):
            if less > more:
                observed = f"{less} in {short} days, {more} in {long}"
                suite.violation(
                    "window-monotone",
                    f"/{member}",
                    "no less in a longer window",
                    observed,
                    answers[short],
                    answers[long],
                )
        if len(counts) > 1:
            suite.evaluated("window-monotone", operation)


def number(body: JsonValue, member: str) -> float | None:
    """A number in a body; None for anything else."""
    value = body.get(member) if isinstance(body, dict) else None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _check_ledger_windows(suite: ConformanceSuite, answers: dict[int, Exchange]) -> None:
    """Check that each window of the ledger has no row that is too old, and lacks none that a longer one has.

    answers: by the `days` that were asked for.
    """
    rows = {days: entries(exchange.response.json) for days, exchange in answers.items()}
    node = suite.api.parameters(suite.api.operations["getOrgLedger"])["days"]
    for days, times in rows.items():
        instants = [at for at in times.values() if at]
        if len(instants) > 1 and max(instants) - min(instants) > timedelta(days=days) + SLACK:
            span = (max(instants) - min(instants)).days
            suite.violation(
                "window-honored",
                "query/days",
                f"rows of {days} days at most",
                f"of {span} days",
                answers[days],
                node=node,
            )
        suite.evaluated("window-honored", "getOrgLedger")
    longest = rows.get(max(rows, default=0), {})
    for days, times in rows.items():
        begins = min((at for at in times.values() if at), default=None)
        if begins is None:
            continue
        lost = [entry for entry, at in longest.items() if at and at > begins and entry not in times]
        if lost:
            # Something may have been posted in between: ask once more before it is a violation.
            again = suite.ask("getOrgLedger", f"days={days}", purpose="windows").response
            seen = entries(again.json)
            lost = [entry for entry in lost if entry not in seen] if again.succeeded else []
        if lost:
            observed = f"{len(lost)} rows of a longer window are missing between them"
            suite.violation(
                "window-complete", "query/days", "all rows since the oldest", observed, answers[days]
            )
        suite.evaluated("window-complete", "getOrgLedger")


def entries(body: JsonValue) -> JsonObject:
    """Entry id to instant of the rows of a ledger."""
    rows = [row for row in body or [] if isinstance(row, dict)] if isinstance(body, list | None) else []
    return {str(row.get("entryId")): instant(row.get("createdAt")) for row in rows}


def negotiation(suite: ConformanceSuite) -> None:
    """Headers and parameters that no document names."""
    variants: tuple[tuple[str, Headers], ...] = (
        ("", (("Accept", "text/html"),)),
        ("", (("Accept", "application/xml;q=0.9"),)),
        ("", (("Accept-Language", "de-AT"), ("Accept-Encoding", "identity"))),
        ("", (("X-Forwarded-For", "203.0.113.9"), ("Forwarded", "for=203.0.113.9"))),
        ("conformance=1", ()),
    )
    for operation in suite.api.gets[:3]:
        if not suite.successes[operation.id]:
            continue
        for query, headers in variants:
            answer = suite.ask(operation.id, query, headers=headers, purpose="what nobody documents")
            if not suite.judges(answer):
                continue
            if not answer.response.succeeded:
                what = query or f"{headers[0][0]}: {headers[0][1]}"
                suite.violation(
                    "negotiation", "status", f"200 with {what}", str(answer.response.status), answer
                )
            suite.evaluated("negotiation", operation.id)


def conditional(suite: ConformanceSuite) -> None:
    """ETags, where there are any."""
    for operation in suite.api.gets:
        first = suite.ask(operation.id, purpose="an ETag")
        tag = first.response.header("etag")
        if tag is None or not guard.VALUE.fullmatch(tag) or not first.response.succeeded:
            continue
        second = suite.ask(operation.id, headers=(("If-None-Match", tag),), purpose="the ETag again")
        if not suite.judges(second):
            continue
        status, body = second.response.status, second.response.body
        if status == 304 and body:
            suite.violation("conditional", "body", "no body with 304", f"{len(body)} bytes", second)
        elif status not in (200, 304):
            suite.violation("conditional", "status", "304 or 200", str(status), second)
        other = suite.ask(operation.id, headers=(("If-None-Match", '"no-such-tag"'),), purpose="another ETag")
        if not suite.judges(other):
            continue
        if other.response.status == 304:
            suite.violation("conditional", "status", "200 to another ETag", "304", other)
        suite.evaluated("conditional", operation.id)


def intermittent(suite: ConformanceSuite) -> None:
    """What one and the same plain request was answered, over the whole run."""
    for line, counts in suite.statuses().items():
        method, _, rest = line.partition(" ")
        path, _, query = rest.partition("?")
        operation = suite.api.operation(method, path)
        failures = {status: count for status, count in counts.items() if status != 200}
        if method != "GET" or 200 not in counts or not operation or query_ambiguity(query):
            continue
        if failures:
            observed = ", ".join(f"{count} × {status or 'nothing'}" for status, count in failures.items())
            violation = RuleViolation(
                "intermittent", "status", f"200 as {counts[200]} times before", observed
            )
            suite.fail(violation, operation, [])
        suite.evaluated("intermittent", operation)


def safe(suite: ConformanceSuite) -> None:
    """Reading leaves the balance and the ledger as they are."""
    changed = 0
    for _ in range(TRIES):
        before = _account(suite)
        for operation in suite.api.gets:
            suite.ask(operation.id, purpose="reading changes nothing")
        after = _account(suite)
        if before is None or after is None:
            return
        suite.evaluated("safe", "getOrgBilling")
        if before == after:
            return
        changed += 1
    observed = f"changed by each of {changed} rounds of reading"
    violation = RuleViolation("safe", "", "balance and ledger as before", observed)
    suite.fail(violation, "getOrgBilling", [])


def _account(suite: ConformanceSuite) -> tuple[float | None, frozenset[str]] | None:
    profile = suite.ask("getOrgBilling", purpose="reading changes nothing").response
    ledger = suite.ask("getOrgLedger", "days=7", purpose="reading changes nothing").response
    if not profile.succeeded or not ledger.succeeded:
        return None
    return number(profile.json, "creditBalance"), frozenset(entries(ledger.json))
