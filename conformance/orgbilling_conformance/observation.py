"""Traffic that somebody else causes, held to the API description while it passes.

Each exchange passes the response rules at once. What a single exchange cannot show is looked for between
exchanges of one organization, in *still periods*: everything between two equal profiles, with no write and no
other profile in between. The scripted steps of the suite then ask what was observed in the period instead of
a target (`PeriodSuite`); what nobody has asked, they do not learn. So the invariants are checked as in a run,
and an account that moves breaks none.

Nothing here sends a request. Tokens are read, and only digests of them are kept.
"""

from __future__ import annotations

import platform
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from itertools import pairwise
from threading import RLock

from orgbilling_openapi import description
from orgbilling_openapi.strict_json import JsonObject

from orgbilling_conformance import answer_differences, api_description, clock, tokens
from orgbilling_conformance.api_description import ApiDescription
from orgbilling_conformance.evidence import undecided
from orgbilling_conformance.exchange import Exchange, Headers, Request, Response, shorten
from orgbilling_conformance.options import Options
from orgbilling_conformance.proposal import Proposal
from orgbilling_conformance.reports import advice
from orgbilling_conformance.reports.report import Finding, Report, Stage, counted, redacted
from orgbilling_conformance.rules.registry import RULES
from orgbilling_conformance.rules.rule import RuleViolation
from orgbilling_conformance.run import CONTRACT_OPERATION, version
from orgbilling_conformance.scenarios import access, invariants, reading
from orgbilling_conformance.suite import ConformanceSuite, FindingRecord
from orgbilling_conformance.tokens import RunTokens
from orgbilling_conformance.verdict import verdict

KEPT_EXCHANGES = 200
"""How many exchanges of one organization are compared with each other."""
KEPT_BYTES = 32 * 1024 * 1024
"""How many bytes of bodies are kept of all organizations together."""
KEPT_ORGANIZATIONS = 50
KEPT_TOKENS = 1_000
UNSET = ("undefined", "null", "None", "false", "NaN", "[object", "[object Object]", "[object Promise]")
"""What a client sends that has no token yet, and writes one all the same."""
MOST_FINDINGS = 500
"""How many findings are kept; a target that makes more has shown enough."""
PROFILE = "getOrgBilling"
FindingKey = tuple[str, str, str, str, str]
"""What the suite tells its findings apart by: rule, operation, pointer, basis, and what else it is about."""
STEPS: tuple[Callable[[ConformanceSuite], None], ...] = (
    reading.defaults,
    reading.windows,
    reading.repeat,
    invariants.check_invariants,
)
"""What is looked for in a still period, when everything that it needs has been asked by the client."""


@dataclass
class _Organization:
    """What was observed of one organization. exchanges: of good tokens alone, the oldest first."""

    exchanges: deque[Exchange] = field(default_factory=lambda: deque(maxlen=KEPT_EXCHANGES))
    is_new: bool = False
    looked_at: set[tuple[int, int]] = field(default_factory=set)
    """The still periods that the steps have been run on: how each begins, and its length."""


class _ObservedSuite(ConformanceSuite):
    """A suite that sends nothing. records: its findings by key."""

    def __init__(self, base: str, api: ApiDescription) -> None:
        options = Options()
        super().__init__(api, None, RunTokens(options), options, base)

    @property
    def records(self) -> dict[FindingKey, FindingRecord]:
        """The findings so far."""
        return self._records

    def new_findings(self, known: set[FindingKey]) -> list[Finding]:
        """The findings that are not known yet."""
        return [self._finding(key[1], record) for key, record in self._records.items() if key not in known]


class PeriodSuite(_ObservedSuite):
    """Answers what the scripted steps ask from the exchanges of a still period."""

    def __init__(self, base: str, api: ApiDescription, exchanges: Sequence[Exchange]) -> None:
        super().__init__(base, api)
        self._answers: dict[tuple[str, str, str], deque[Exchange]] = defaultdict(deque)
        for exchange in exchanges:
            request = exchange.request
            self._answers[request.method, request.path, request.query].append(exchange)

    def send(self, request: Request) -> Exchange:
        """An answer that was observed, each in its turn; without one, an answer of status 0."""
        answers = self._answers.get((request.method, request.path, request.query))
        operation = self.api.operation(request.method, request.path)
        if not answers or request.headers or request.auth != "first":
            return Exchange(request, Response(0), operation)
        answers.rotate(-1)
        return answers[-1]


class Observation:
    """What was observed of one API, and what is wrong with it; safe to use from several threads.

    base: the address in front of the described paths. api: what it is held to; without it, our description.
    """

    def __init__(self, base: str, api: ApiDescription | None = None) -> None:
        self._suite = _ObservedSuite(base, api or api_description.load())
        self._suite.stage = "observed"
        self._lock = RLock()
        self._base = base
        self._began = clock.seconds()
        self._started = clock.stamp()
        self._organizations: dict[str, _Organization] = {}
        self._statuses: dict[tuple[str, str], dict[int, int]] = defaultdict(lambda: defaultdict(int))
        self._signatures: dict[bytes, set[bytes]] = {}
        self._kept_bytes = 0
        self._proposal = Proposal(self._suite.api)
        self._not_judged: dict[str, int] = defaultdict(int)
        self._operations: set[str] = set()
        self._asked: set[str] = set()
        """The operations that were asked with a token that may be good."""

    def consider(self, request: Request, response: Response, authorization: str | None) -> list[Finding]:
        """Hold an exchange to the API description; the findings that are new.

        request: its `auth` is worked out here. authorization: of the client, read and not kept; empty where
        the credentials are elsewhere, such as in a cookie.
        """
        with self._lock:
            known = set(self._suite.records)
            kind, organization = self._credentials(authorization)
            operation = self._suite.api.operation(request.method, request.path)
            if request.method == "HEAD":
                operation = self._suite.api.operation("GET", request.path)
            exchange = Exchange(replace(request, auth=kind), response, operation)
            if not self._suite.judges(exchange) or len(known) >= MOST_FINDINGS:
                self._suite.evidence.add(exchange)
                return []
            self._suite.consider(exchange)
            self._conditional(exchange)
            self._forged(exchange, authorization)
            self._own_origin(exchange, authorization)
            self._operations.add(operation)
            if response.succeeded and kind == "unknown":
                self._proposal.add(operation, response.json, organization)
            if kind == "unknown" and operation != CONTRACT_OPERATION:  # there need be no contract
                self._asked.add(operation)
            if kind == "unknown" and organization and operation:
                self._remember(exchange, organization)
            return self._new(known)

    def skip(self, reason: str) -> None:
        """Count something that was not looked at, and say why."""
        with self._lock:
            self._not_judged[reason] += 1

    def compare_exchanges(self) -> list[Finding]:
        """Look for what several exchanges show together; the findings that are new."""
        with self._lock:
            known = set(self._suite.records)
            changed = [name for name, known_of in self._organizations.items() if known_of.is_new]
            for name in changed:
                known_of = self._organizations[name]
                known_of.is_new = False
                if len(known_of.looked_at) > KEPT_EXCHANGES:
                    known_of.looked_at.clear()
                for period in still_periods(list(known_of.exchanges)):
                    key = (id(period[0]), len(period))
                    if key not in known_of.looked_at:
                        known_of.looked_at.add(key)
                        self._scripted(period)
                self._intermittent(name)
            if changed and len(self._organizations) > 1:
                self._isolation()
            return self._new(known)

    def differ(self, request: Request, stub: Response, real: Response) -> list[Finding]:
        """Compare the real API's answer with the stub's; the findings that are new."""
        with self._lock:
            known = set(self._suite.records)
            operation = self._suite.api.operation(request.method, request.path)
            if not operation or len(known) >= MOST_FINDINGS:
                return []
            for rule in ("same-status", "same-shape", "same-values"):
                self._suite.evaluated(rule, operation)
            for violation in answer_differences.differences(self._suite.api, operation, stub, real):
                self._suite.fail(violation, operation, [request], counted=False)
            return self._new(known)

    @property
    def judged(self) -> int:
        """How many exchanges were held to the API description."""
        return sum(self._suite.evidence.judged.values())

    def findings(self) -> tuple[Finding, ...]:
        """All findings so far, errors first."""
        with self._lock:
            return self._suite.findings()

    def proposal(self) -> JsonObject:
        """How the API description would have to change to say what was observed, as an overlay."""
        with self._lock:
            return self._proposal.document(self._suite.findings())

    def report(self, mode: str = "observed") -> Report:
        """The report on everything so far. mode: what the report says was done."""
        self.compare_exchanges()
        with self._lock:
            suite = self._suite
            judged = sum(suite.evidence.judged.values())
            notes = suite.evidence.remarks()
            notes += [
                f"not judged, because {reason}: {counted(count, 'exchange')}"
                for reason, count in sorted(self._not_judged.items())
            ]
            if len(suite.records) >= MOST_FINDINGS:
                notes.append(f"more than {MOST_FINDINGS} findings: what came after them was not judged")
            reasons = undecided(suite.evidence, list(suite.api.operations))
            reasons += [] if sum(suite.successes.values()) else ["no success was observed"]
            reasons += [
                f"no success of {operation.id} was observed, though it was asked"
                for operation in suite.api.gets
                if operation.id in self._asked and not suite.successes[operation.id]
            ]
            scenarios = [rule.id for rule in RULES.values() if rule.kind == "scenario"]
            suite.skip(scenarios, ("*",), "needs requests that nobody has made")
            unseen = sorted(suite.api.operations.keys() - self._operations)
            suite.skip(("*",), unseen, "not observed")
            findings = suite.findings()
            findings = tuple(replace(finding, source=advice.location_of(finding)) for finding in findings)
            seconds = round(clock.seconds() - self._began, 2)
            stage = Stage("observed", judged, seconds, suite.found("observed"))
            report = Report(
                verdict((finding.severity for finding in findings), reasons),
                findings,
                suite.skipped(),
                (stage,),
                suite.cases(),
                tuple(reasons),
                (*suite.notes, *notes),
                head=self._head(seconds, mode),
            )
            return redacted(report)

    def _head(self, seconds: float, mode: str) -> JsonObject:
        return {
            "target": self._base,
            "api_description": description.digest(self._suite.api.document),
            "orgbilling": version("orgbilling"),
            "schemathesis": version("schemathesis"),
            "hypothesis": version("hypothesis"),
            "python": platform.python_version(),
            "seed": 0,
            "started": self._started,
            "seconds": seconds,
            "requests": sum(self._suite.evidence.judged.values()),
            "exchanges": self._suite.evidence.to_json(),
            "mode": mode,
            "writes": [],
            "strict": False,
        }

    def _new(self, known: set[FindingKey]) -> list[Finding]:
        return self._suite.new_findings(known)

    def _credentials(self, authorization: str | None) -> tuple[str, str]:
        """What kind of token a request has, as `tokens` names them, and whose it is.

        `unknown` is one that may be good: whether a signature is genuine cannot be seen.
        """
        if authorization is None:
            return "none", ""
        if not authorization:
            return "unknown", ""
        scheme, _, token = authorization.strip().partition(" ")
        if scheme.lower() == "basic":
            return "basic", ""
        if not token.strip():
            return "empty", ""
        return _kind(token.strip()), tokens.organization(token.strip()) or _digest(token.strip()).hex()

    def _remember(self, exchange: Exchange, organization: str) -> None:
        status = exchange.response.status
        if status == 200 or status >= 500:
            self._statuses[organization, exchange.request.line][status] += 1
        known_of = self._organizations.get(organization)
        if known_of is None:
            if len(self._organizations) >= KEPT_ORGANIZATIONS:
                oldest = next(iter(self._organizations))
                self._kept_bytes -= _held(self._organizations.pop(oldest).exchanges)
            known_of = self._organizations[organization] = _Organization()
        if len(known_of.exchanges) == KEPT_EXCHANGES:
            self._kept_bytes -= len(known_of.exchanges[0].response.body)
        known_of.exchanges.append(exchange)
        known_of.is_new = True
        self._kept_bytes += len(exchange.response.body)
        while self._kept_bytes > KEPT_BYTES:
            longest = max(self._organizations.values(), key=lambda row: _held(row.exchanges))
            self._kept_bytes -= len(longest.exchanges.popleft().response.body)

    def _scripted(self, period: Sequence[Exchange]) -> None:
        """Run the steps over a still period, and take over what they find."""
        self._alternating(period)
        suite = PeriodSuite(self._base, self._suite.api, period)
        suite.stage = "observed"
        for step in STEPS:
            step(suite)
        asked = {exchange.operation for exchange in period}
        for case in suite.cases():
            if case.outcome == "passed":
                self._suite.evaluated(case.rule, case.operation)
        for key, record in suite.records.items():
            if key[1] in asked and key not in self._suite.records:
                self._suite.fail(record.violation, key[1], record.exchanges)

    def _alternating(self, period: Sequence[Exchange]) -> None:
        """The same request has an answer, has none, and has one again, although nothing happened."""
        lines: dict[str, list[Exchange]] = defaultdict(list)
        for exchange in period:
            if exchange.response.status not in (401, 403):
                lines[exchange.request.line].append(exchange)
        for exchanges in lines.values():
            answered = [exchange.response.status == 200 for exchange in exchanges]
            if sum(before and not after for before, after in pairwise(answered)) < 2:
                continue
            failed = exchanges[answered.index(False)]
            observed = f"{answered.count(False)} × {failed.response.status}"
            expected = f"200 as {answered.count(True)} times before"
            self._suite.violation("intermittent", "status", expected, observed, failed)

    def _conditional(self, exchange: Exchange) -> None:
        """A 304 has no body."""
        response = exchange.response
        if response.status != 304 or not exchange.operation:
            return
        if response.body:
            observed = f"{len(response.body)} bytes"
            self._suite.violation("conditional", "body", "no body with 304", observed, exchange)
        else:
            self._suite.evaluated("conditional", exchange.operation)

    def _forged(self, exchange: Exchange, authorization: str | None) -> None:
        """Two signatures of one text were accepted: one of them is not its issuer's (RSA makes but one)."""
        token = (authorization or "").partition(" ")[2].strip()
        parts = tokens.split(token)
        if parts is None or parts[0].get("alg") != "RS256" or exchange.response.status != 200:
            return
        text, _, signature = token.rpartition(".")
        if len(self._signatures) >= KEPT_TOKENS:
            self._signatures.clear()
        accepted = self._signatures.setdefault(_digest(text), set())
        accepted.add(_digest(signature))
        if len(accepted) > 1 and exchange.operation:
            place = (*self._suite.api.operations[exchange.operation].place, "security")
            self._suite.violation(
                "token-bad", "status", "no success (signature)", "200", exchange, node=place
            )

    def _own_origin(self, exchange: Exchange, authorization: str | None) -> None:
        """The page that the token was made for may read the answer, where anything is said of origins."""
        origin = exchange.request.header("origin")
        own = tokens.claim((authorization or "").partition(" ")[2].strip(), "azp")
        said = [name for name, _ in exchange.response.headers if name.lower().startswith("access-control-")]
        if origin is None or origin != own or not said or not exchange.response.succeeded:
            return
        if exchange.response.header(access.ALLOW) is None:
            observed = f"absent, beside {said[0]}"
            self._suite.violation("origin-own", access.PLACE, f"* or {origin}", observed, exchange)
        else:
            self._suite.evaluated("origin-own", exchange.operation)

    def _intermittent(self, organization: str) -> None:
        for (owner, line), statuses in self._statuses.items():
            method, _, rest = line.partition(" ")
            operation = self._suite.api.operation(method, rest.partition("?")[0])
            failures = {status: count for status, count in statuses.items() if status != 200}
            if owner != organization or method != "GET" or not operation or 200 not in statuses:
                continue
            self._suite.evaluated("intermittent", operation)
            if failures:
                observed = ", ".join(f"{count} × {status}" for status, count in failures.items())
                expected = f"200 as {statuses[200]} times before"
                self._suite.fail(RuleViolation("intermittent", "status", expected, observed), operation)

    def _isolation(self) -> None:
        """What two organizations see has no tenant and no row in common."""
        owners: dict[tuple[str, str], tuple[str, Exchange]] = {}
        for organization, known_of in self._organizations.items():
            for exchange in known_of.exchanges:
                if not exchange.response.succeeded:
                    continue
                self._suite.evaluated("isolation", exchange.operation)
                body = exchange.response.json
                seen = [("tenant", name) for name in access.owned(body)]
                seen += [("row", row) for row in access.rows(body)]
                for thing in seen:
                    owner, first = owners.setdefault(thing, (organization, exchange))
                    if owner != organization:
                        observed = f"two organizations see {shorten(thing[1], 60)}"
                        basis = "" if thing[0] == "tenant" else "invariant"
                        place = "tenantId" if thing[0] == "tenant" else "/*"
                        self._suite.violation(
                            "isolation", place, "nothing in common", observed, first, exchange, basis=basis
                        )


def still_periods(exchanges: Sequence[Exchange]) -> list[list[Exchange]]:
    """The exchanges between equal profiles, as long as none is a write and no profile differs.

    A period of one profile has that profile alone.
    """
    periods: list[list[Exchange]] = []
    period: list[Exchange] = []
    end = 0
    profile: object = None
    for exchange in exchanges:
        if exchange.request.method not in ("GET", "HEAD"):
            periods.append(period[:end])
            period, end, profile = [], 0, None
        elif exchange.operation == PROFILE and exchange.response.succeeded and not exchange.request.query:
            body = exchange.response.json
            if profile is not None and body != profile:
                periods.append(period[:end])
                period = []
            profile = body
            period.append(exchange)
            end = len(period)
        elif profile is not None and _is_plain(exchange.request):
            period.append(exchange)
    return [period for period in (*periods, period[:end]) if period]


def _is_plain(request: Request) -> bool:
    """Whether a GET asks for nothing but what its address says."""
    return request.method == "GET" and request.header("if-none-match") is None


def _kind(token: str) -> str:
    parts = tokens.split(token)
    if token in UNSET:
        return "garbage"
    if parts is None:
        return "fourth-part" if tokens.split(token.rpartition(".")[0]) is not None else "unknown"
    header, claims, signature = parts
    if str(header.get("alg", "")).lower() == "none":
        return "alg-none"
    if not signature:
        return "unsigned"
    ends = tokens.expiry(token)
    if ends is not None and ends + tokens.SKEW_S <= clock.epoch_s():
        return "expired"
    return "pending-session" if claims.get("sts") == "pending" else "unknown"


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogateescape"), digest_size=16).digest()


def _held(exchanges: Sequence[Exchange] | deque[Exchange]) -> int:
    return sum(len(exchange.response.body) for exchange in exchanges)


SENT_HEADERS = ("content-type", "content-length", "origin", "accept", "if-none-match", "if-modified-since")
"""The request headers that the rules look at; others may hold secrets."""


def request_of(method: str, path: str, query: str, headers: Headers, body: bytes | None) -> Request:
    """The request of an exchange that was observed; path: below the base."""
    sent = tuple(pair for pair in headers if pair[0].lower() in SENT_HEADERS)
    return Request(method, path, query, sent, body, "unknown", "observed")
