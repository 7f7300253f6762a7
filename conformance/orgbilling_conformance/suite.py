"""The suite at work: it sends requests through the guard, applies response rules, and collects violations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from orgbilling_openapi import json_pointer
from orgbilling_openapi.redaction import redact
from orgbilling_openapi.strict_json import JsonObject

from orgbilling_conformance import clock
from orgbilling_conformance.api_description import ApiDescription, Path
from orgbilling_conformance.evidence import EvidenceCount
from orgbilling_conformance.exchange import Exchange, Headers, Request, Response, html_text, shorten, visible
from orgbilling_conformance.guard import TargetGuard
from orgbilling_conformance.options import Options
from orgbilling_conformance.rate_limits import RateLimitError, RateLimits
from orgbilling_conformance.reports.report import Finding, RuleOutcome, SkippedRule
from orgbilling_conformance.rules.leaks import SHORT
from orgbilling_conformance.rules.registry import RESPONSE_CHECKS, RULES
from orgbilling_conformance.rules.rule import FACTS, Evaluation, RuleContext, RuleViolation, severity
from orgbilling_conformance.schema_validation import SchemaValidator
from orgbilling_conformance.time_shares import TimeShares
from orgbilling_conformance.tokens import RunTokens, TokenRejectedError

EXAMPLES = 3
LONGEST_POINTER = 300
"""The name of a member may have a million characters: a report shows the beginning."""
VALUES = 10
"""How many values at one place are findings of their own; the others are one finding together."""
UNASKED = "unasked"
"""The failure of a response to a request that was left out: its operation is slow, or limited in its rate."""
WAITING = 0.5
"""The part of the time that may be waited for the end of rate limits."""
EXPLAINED = 20_000
"""How many bytes of a refusal are read for its reason."""
PLANNED = {"windows": 90, "others": 40, "generated": 150}
"""Requests to one operation: of the scripted stage, by kind, and what the other stages generate."""
PLANNED_WRITES = {"redeem": 60, "checkout": 50, "portal": 10, "subscribe": 40, "methods": 100}
"""Requests of the scripted stage for each write that is allowed."""
VENDOR_REASONS = {
    "documented": "the vendor's reference page says so",
    "published": "the vendor's published OpenAPI document says so",
}


@dataclass
class FindingRecord:
    """What is known of one finding so far."""

    violation: RuleViolation
    stage: str
    count: int = 0
    exchanges: list[Request] = field(default_factory=list)


class ConformanceSuite:
    """The state of one run."""

    def __init__(
        self,
        api: ApiDescription,
        guard: TargetGuard | None,
        tokens: RunTokens,
        options: Options,
        base: str,
    ) -> None:
        self.api, self.guard, self.tokens, self.options, self.base = api, guard, tokens, options, base
        self.rule_context = RuleContext(api, SchemaValidator(api), tokens.secrets)
        self.stage = ""
        self.began = clock.seconds()
        self.first_finding: dict[str, float] = {}
        self.notes: list[str] = []
        self.evidence = EvidenceCount()
        self.rate_limits = RateLimits(options.seconds * WAITING)
        gap = guard.gap if guard else 0.0
        kept = gap * sum(PLANNED_WRITES[name] for name in options.allow_write)
        self.shares = TimeShares(max(options.seconds - kept, 0.0), _planned(api, options), gap)
        self.reasons: list[str] = []
        self._records: dict[tuple[str, str, str, str, str], FindingRecord] = {}
        self._values: dict[tuple[str, str, str], set[str]] = defaultdict(set)
        self._evaluations: dict[tuple[str, str], int] = defaultdict(int)
        self._skipped: dict[tuple[str, str], str] = {}
        self._statuses: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        self._seconds: dict[str, list[float]] = defaultdict(list)
        self.successes: dict[str, int] = defaultdict(int)

    def ask(
        self,
        operation: str,
        query: str = "",
        *,
        auth: str = "first",
        headers: Headers = (),
        body: bytes | None = None,
        purpose: str = "",
    ) -> Exchange:
        """Send a request to an operation and apply the response rules to what comes back."""
        described = self.api.operations[operation]
        request = Request(described.method, described.path, query, headers, body, auth, purpose)
        return self.send(request)

    def send(self, request: Request) -> Exchange:
        """Send a request as it is and apply the response rules.

        Raises `TokenRejectedError` and what the guard raises.
        """
        asked = self.api.operation("GET", request.path)
        written = request.method != "GET" and self.api.operation(request.method, request.path)
        limited = not self.rate_limits.affords(written or asked or request.path)
        if limited or (not written and not self.shares.affords(asked)):
            return Exchange(request, Response(0, failure=UNASKED), asked)
        exchange = self.probe(request)
        self.consider(exchange)
        return exchange

    def probe(self, request: Request) -> Exchange:
        """Send a request and apply no rule; raises `TokenRejectedError` and what the guard raises."""
        exchange = self._retry_after_429(self._exchange(request))
        if exchange.response.status == 401 and request.auth == "first":
            exchange = self._retry_after_401(exchange)
        return exchange

    def judges(self, exchange: Exchange) -> bool:
        """Whether a response shows what the API does: it was asked, and nothing in between answered."""
        return exchange.response.failure != UNASKED and self.evidence.why_not_judged(exchange) is None

    def _exchange(self, request: Request) -> Exchange:
        assert self.guard is not None
        response = self.guard.send(request, self.tokens.authorization(request.auth))
        exchange = Exchange(request, response, self.api.operation(request.method, request.path))
        self.shares.add(self.api.operation("GET", request.path), response.seconds)
        if request.auth == "first" and not request.headers and self.judges(exchange):
            self._statuses[request.line][response.status] += 1
        if exchange.operation and response.status == 200:
            self._seconds[exchange.operation].append(response.seconds)
        return exchange

    def _retry_after_429(self, exchange: Exchange) -> Exchange:
        """Again after a 429, as long as it is worth waiting; raises `RateLimitError`."""
        request, tries = exchange.request, 1
        limited = exchange.operation or self.api.operation("GET", request.path) or request.path
        while exchange.response.status == 429:
            try:
                if not self.rate_limits.wait(limited, exchange.response, tries):
                    return exchange
            except RateLimitError:
                self.evidence.add(exchange)
                raise
            exchange = self._exchange(request)
            tries += 1
        self.rate_limits.answered(limited)
        return exchange

    def _retry_after_401(self, exchange: Exchange) -> Exchange:
        """After a 401 to the good token: a fresh one where there is a command, else find out who is wrong."""
        if self.tokens.refresh():
            self.rule_context = replace(self.rule_context, secrets=self.tokens.secrets)
            return self._exchange(exchange.request)
        if not any(self.successes.values()):
            return exchange
        again = self._exchange(exchange.request)
        if again.response.status != 401:
            return again
        gets = [operation for operation in self.api.gets if self.successes[operation.id]]
        probe = Request("GET", gets[0].path, purpose="is the token still good") if gets else exchange.request
        refused = self._exchange(probe)
        if refused.response.status == 401:
            ended = " (expired)" if self.tokens.ended else ""
            raise TokenRejectedError(f"the token stopped authenticating{ended}: {self.refusal(refused)}")
        return again

    def refusal(self, exchange: Exchange) -> str:
        """What was asked, the status, and what the response says about it, in one line without secrets."""
        response = exchange.response
        words = _explanation(response)
        said = shorten(redact(words, self.known_secrets), 200) if words.strip() else ""
        return f"{exchange.request.method} {exchange.request.path} answered {response.status}" + (
            f": {said}" if said else ""
        )

    def consider(self, exchange: Exchange) -> None:
        """Apply every response rule to an exchange, if it is evidence of what the API does."""
        if not self.evidence.add(exchange):
            return
        if (
            exchange.operation
            and exchange.response.succeeded
            and exchange.request.auth in ("first", "unknown")
        ):
            self.successes[exchange.operation] += 1
        for rules, check in RESPONSE_CHECKS:
            violations = check(exchange, self.rule_context)
            if violations is not None:
                for rule in violations.rules if isinstance(violations, Evaluation) else rules:
                    self.evaluated(rule, exchange.operation)
                for violation in violations:
                    self.fail(violation, exchange.operation, [exchange.request], counted=False)

    def fail(
        self,
        violation: RuleViolation,
        operation: str,
        requests: Sequence[Request] = (),
        counted: bool = True,
    ) -> None:
        """Record a violation; counted: whether the rule was evaluated just now, and not counted yet."""
        if counted:
            self.evaluated(violation.rule, operation)
        basis = violation.basis or RULES[violation.rule].basis[0]
        if len(violation.pointer) > LONGEST_POINTER:
            violation = replace(violation, pointer=violation.pointer[:LONGEST_POINTER] + "…")
        if violation.value:
            values = self._values[violation.rule, operation, violation.pointer]
            if violation.value not in values and len(values) >= VALUES:
                violation = replace(violation, value="")
            values.add(violation.value)
        key = (violation.rule, operation, violation.pointer, basis, violation.value)
        record = self._records.get(key)
        if record is None:
            record = self._records[key] = FindingRecord(violation, self.stage)
            self.first_finding.setdefault(self.stage, clock.seconds() - self.began)
        record.count += 1
        if len(record.exchanges) < EXAMPLES:
            record.exchanges += [request for request in requests if request not in record.exchanges][
                :EXAMPLES
            ]

    def violation(
        self,
        rule: str,
        pointer: str,
        expected: str,
        observed: str,
        *exchanges: Exchange,
        basis: str = "",
        node: Path = (),
    ) -> None:
        """Record a violation that exchanges with one operation show; it counts as an evaluation.

        Nothing is recorded where one of them is no evidence of what the API does.
        """
        if not all(map(self.judges, exchanges)):
            return
        requests = [exchange.request for exchange in exchanges]
        violation = RuleViolation(rule, pointer, expected, observed, basis, node)
        self.fail(violation, exchanges[0].operation, requests)

    def bodies(self, reads: Iterable[tuple[str, str]], purpose: str, auth: str = "first") -> JsonObject:
        """The bodies of the reads (operation and query) that succeed, keyed as `equations` says."""
        bodies = {}
        for operation, query in reads:
            response = self.ask(operation, query, auth=auth, purpose=purpose).response
            if response.succeeded:
                bodies[operation + (f"?{query}" if query else "")] = response.json
        return bodies

    def evaluated(self, rule: str, operation: str) -> None:
        """Count one evaluation of a rule on an operation."""
        self._evaluations[rule, operation] += 1

    def skip(self, rules: Iterable[str], operations: Iterable[str], reason: str) -> None:
        """Record that rules were not run on operations, and why."""
        for operation in operations:
            for rule in rules:
                self._skipped.setdefault((rule, operation), reason)

    def note(self, text: str) -> None:
        """Add a remark to the report, once."""
        text = visible(text)
        if text not in self.notes:
            self.notes.append(text)

    def found(self, stage: str) -> tuple[tuple[str, str, str], ...]:
        """The keys of the findings that a stage saw first."""
        return tuple(dict.fromkeys(key[:3] for key, record in self._records.items() if record.stage == stage))

    def findings(self) -> tuple[Finding, ...]:
        """All findings, errors first, by operation and pointer."""
        rows = [self._finding(operation, record) for (_, operation, *_), record in self._records.items()]
        order = {name: index for index, name in enumerate(("", *self.api.operations))}
        return tuple(
            sorted(
                rows,
                key=lambda row: (
                    row.severity,
                    order.get(row.operation, 99),
                    row.pointer,
                    row.rule,
                    row.expected,
                ),
            )
        )

    def _finding(self, operation: str, record: FindingRecord) -> Finding:
        violation = record.violation
        basis = violation.basis or RULES[violation.rule].basis[0]
        requests = [request.redacted(self.known_secrets) for request in record.exchanges]
        return Finding(
            violation.rule,
            "error" if self.options.strict else severity(basis),
            basis,
            operation,
            visible(violation.pointer),
            visible(violation.expected),
            shorten(redact(violation.observed, self.known_secrets), 300),
            record.count,
            _writable(requests[0].curl(self.base)) if requests else "",
            "",
            violation.reason or self._reason(violation.rule, basis, bool(violation.node)),
            record.stage,
            self._node(violation, operation, basis),
            tuple(request.to_json() for request in requests),
            value=redact(violation.value, self.known_secrets),
        )

    def _node(self, violation: RuleViolation, operation: str, basis: str) -> str:
        """The node of the description that is broken, or the operation, for a fact about no single node."""
        described = self.api.operations.get(operation)
        place = violation.node or (described.place if described and basis in FACTS else ())
        return json_pointer.text(place) if place else ""

    def _reason(self, rule: str, basis: str, placed: bool) -> str:
        """Who says so: the vendor, where a node of the description is broken, else the rule."""
        return VENDOR_REASONS.get(basis, RULES[rule].why) if placed else RULES[rule].why

    @property
    def known_secrets(self) -> tuple[str, ...]:
        """The tokens of the run that are long enough to be nothing else."""
        return tuple(secret for secret in self.tokens.secrets if len(secret) >= SHORT)

    def cases(self) -> tuple[RuleOutcome, ...]:
        """What became of every rule on every operation."""
        failed = {key[:2] for key in self._records}
        rows = [
            RuleOutcome(rule, operation, "failed" if (rule, operation) in failed else "passed", count)
            for (rule, operation), count in self._evaluations.items()
        ]
        rows += [
            RuleOutcome(rule, operation, "skipped", 0)
            for rule, operation in self._skipped
            if (rule, operation) not in self._evaluations
        ]
        return tuple(sorted(rows, key=lambda row: (row.rule, row.operation)))

    def skipped(self) -> tuple[SkippedRule, ...]:
        """The rules that were not run."""
        rows = [(key, reason) for key, reason in self._skipped.items() if key not in self._evaluations]
        return tuple(SkippedRule(rule, operation, reason) for (rule, operation), reason in sorted(rows))

    def statuses(self) -> dict[str, dict[int, int]]:
        """How often each status that is judged came back to each plain request with the good token."""
        return {line: dict(counts) for line, counts in self._statuses.items()}

    def latency(self) -> dict[str, dict[str, float]]:
        """Milliseconds of the successes of each operation: median, 95th percentile, longest."""
        return {name: _spread(seconds) for name, seconds in sorted(self._seconds.items())}


def _planned(api: ApiDescription, options: Options) -> dict[str, int]:
    """About how many requests a run plans, by operation."""
    more = 0 if options.quick else PLANNED["generated"]
    return {
        name: PLANNED["windows" if operation in api.windows else "others"] + more
        for name, operation in api.operations.items()
        if operation.method == "GET"
    }


def _explanation(response: Response) -> str:
    """Why a request was refused, as a response says it: its problem document, its challenge, or its text."""
    body = response.json
    if isinstance(body, dict):
        rows = body.get("errors")
        first = rows[0] if isinstance(rows, list) and rows and isinstance(rows[0], dict) else {}
        words = (
            body.get("detail"),
            body.get("title"),
            first.get("message"),
            body.get("message"),
            body.get("error"),
        )
        found = next((word for word in words if isinstance(word, str) and word), "")
        if found:
            return found
    challenge = response.header("www-authenticate") or ""
    if "error" in challenge:
        return challenge
    text = response.body[:EXPLAINED].decode("utf-8", "replace")
    if response.media == "text/plain":
        return text[:400]
    return html_text(text)[:400].strip() if response.media in ("text/html", "application/xhtml+xml") else ""


def _writable(command: str) -> str:
    """A command that can be written as UTF-8; its line ends stay, for they belong to what it sends."""
    return command.encode("utf-8", "backslashreplace").decode()


def _spread(seconds: list[float]) -> dict[str, float]:
    ranked = sorted(seconds)
    at = {"median": 0.5, "p95": 0.95, "max": 1.0}
    spread = {name: ranked[min(int(len(ranked) * part), len(ranked) - 1)] for name, part in at.items()}
    return {name: round(value * 1000, 1) for name, value in spread.items()} | {"answers": float(len(ranked))}
