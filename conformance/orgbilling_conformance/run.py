"""One run: the stages in order, whatever ends it, and the report."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import replace
from importlib import metadata
from pathlib import Path

from orgbilling_openapi import description
from orgbilling_openapi.dialect import DialectError
from orgbilling_openapi.http_client import CertificateOptions
from orgbilling_openapi.strict_json import JsonObject

from orgbilling_conformance import (
    api_description,
    baseline,
    clock,
    comparison,
    drift,
    fuzz,
    har_check,
    replay,
)
from orgbilling_conformance.evidence import undecided
from orgbilling_conformance.exchange import Request, shorten
from orgbilling_conformance.guard import BudgetError, TargetGuard, allowed
from orgbilling_conformance.options import WRITES, Options, UsageError
from orgbilling_conformance.rate_limits import RateLimitError
from orgbilling_conformance.reports import advice
from orgbilling_conformance.reports.report import Finding, Report, Stage, counted, redacted
from orgbilling_conformance.rules.registry import RULES
from orgbilling_conformance.scenarios import access, invariants, random_walk, reading, skipped_rules, writing
from orgbilling_conformance.scenarios.reading import IntermediaryError
from orgbilling_conformance.suite import ConformanceSuite
from orgbilling_conformance.target import (
    Application,
    AppTarget,
    Target,
    UnreachableError,
    UrlTarget,
    parsed_address,
)
from orgbilling_conformance.tokens import RunTokens, TokenRejectedError
from orgbilling_conformance.verdict import verdict

Progress = Callable[[str, int, int], None]
ROUNDS = 6


def run(
    app: Application | None, url: str | None, har: Path | None, options: Options, progress: Progress | None
) -> Report:
    """Check one target; raises `UsageError`."""
    if (app is None) == (url is None and har is None):
        raise UsageError("one target: an address, --app module:attribute or --har FILE")
    if app is not None and not callable(app):
        raise UsageError(f"{shorten(repr(app))}: not an ASGI application")
    accepted = baseline.load(options.baseline) if options.baseline else []
    earlier = comparison.load(options.compare) if options.compare else None
    if har is None and not options.quick and not options.replay:
        fuzz.require()  # fail now rather than after the scripted stage
    if har is not None:
        base = parsed_address(url).base if url is not None else ""
        return _compared(_Run(None, options, progress, accepted, base).recorded(har), earlier)
    target: Target
    if app is None:
        target = UrlTarget(str(url), options.timeout, CertificateOptions(options.ca_file, options.insecure))
    else:
        target = AppTarget(app, options.timeout)
    try:
        return _compared(_Run(target, options, progress, accepted).live(), earlier)
    finally:
        target.close()


def _compared(report: Report, earlier: tuple[JsonObject, tuple[Finding, ...]] | None) -> Report:
    return comparison.compare(report, *earlier) if earlier else report


class _Run:
    def __init__(
        self,
        target: Target | None,
        options: Options,
        progress: Progress | None,
        accepted: list[baseline.BaselineEntry],
        base: str = "",
    ) -> None:
        self.options, self.progress, self.accepted = options, progress or (lambda *_: None), accepted
        api = _described(options)
        tokens = RunTokens(options)
        self.guard: TargetGuard | None = None
        if target is not None:
            rows = [(operation.id, operation.method, operation.path) for operation in api.operations.values()]
            self.guard = TargetGuard(target, allowed(rows, options, target), options)
        self.target = target
        self.suite = ConformanceSuite(api, self.guard, tokens, options, target.base if target else base)
        self.stages: list[Stage] = []
        self.drift: tuple[JsonObject, ...] = ()
        self.began = clock.seconds()

    def live(self) -> Report:
        """All stages; what ends a stage early is a reason or a remark, never an exception."""
        steps: list[tuple[str, Callable[[], None]]] = []
        if self.options.replay:
            steps = [("replay", lambda: replay.repeat(self.suite, self._replayed(), self.progress))]
        else:
            steps += [("access", self._access), ("documents", self._documents), ("scripted", self._scripted)]
            if not self.options.quick:
                steps += [("corpus", self._corpus), *((name, self._fuzzer(name)) for name in fuzz.PHASES)]
                steps.append(("random-walk", self._random_walk))
        for name, step in steps:
            if not self._stage(name, step):
                if not self.options.replay and "scripted" not in [stage.name for stage in self.stages[:-1]]:
                    skipped_rules.skip(self.suite)
                break
        if not self.options.replay:
            skipped_rules.skip_unseen(self.suite)
        if not self.options.replay and len(self.stages) > 1:  # else nothing was to be learnt
            self.suite.reasons += [
                reason for reason in unseen(self.suite) if reason not in self.suite.reasons
            ]
            if note := confidence(self.suite):
                self.suite.note(note)
        return self._report()

    def recorded(self, path: Path) -> Report:
        """The response rules over a recording."""
        self._stage("recording", lambda: har_check.check(self.suite, path, self.progress))
        return self._report()

    def _replayed(self) -> Path:
        assert self.options.replay is not None
        return self.options.replay

    def _stage(self, name: str, step: Callable[[], None]) -> bool:
        """Run a stage; False if nothing more can be learnt after it."""
        self.suite.stage = name
        began, before = clock.seconds(), self.guard.sent if self.guard else 0
        goes_on = True
        try:
            step()
        except (TokenRejectedError, UnreachableError, IntermediaryError, RateLimitError) as error:
            self.suite.reasons.append(str(error))
            goes_on = False
        except BudgetError as error:
            goes_on = False
            if name in ("documents", "scripted", "corpus", "replay"):
                self.suite.reasons.append(f"{error}: the {name} stage is not complete")
            else:
                self.suite.note(f"{error}: the {name} stage was cut short")
        sent = (self.guard.sent if self.guard else 0) - before
        first = self.suite.first_finding.get(name)
        new_findings = self.suite.found(name)
        self.stages.append(
            Stage(name, sent, round(clock.seconds() - began, 3), new_findings, first and round(first, 3))
        )
        return goes_on

    def _access(self) -> None:
        self.progress("access", 0, 1)
        reading.access(self.suite)
        self.progress("access", 1, 1)

    def _documents(self) -> None:
        if not self.options.documents:
            self.suite.skip(("published-facts",), ("*",), "switched off")
            return
        self.progress("documents", 0, 1)
        self.drift = drift.compare(self.suite)
        self.progress("documents", 1, 1)

    def _scripted(self) -> None:
        for done, (name, step) in enumerate(SCRIPTED):
            self.progress(f"scripted: {name}", done, len(SCRIPTED))
            step(self.suite)
        self.progress("scripted", len(SCRIPTED), len(SCRIPTED))

    def _allowed_operations(self) -> set[str]:
        """The operations that may be asked."""
        opened = {WRITES[name] for name in self.options.allow_write}
        return {
            operation.id
            for operation in self.suite.api.operations.values()
            if operation.method == "GET" or operation.id in opened
        }

    def _corpus(self) -> None:
        self._send("corpus", fuzz.corpus_requests(self.suite.api, self._allowed_operations()))

    def _fuzzer(self, phase: str) -> Callable[[], None]:
        def step() -> None:
            # Subscribing is not for random bodies: what it changes, nobody takes back.
            operations = self._allowed_operations() - {WRITES["subscribe"]}
            self.progress(phase, 0, 1)
            requests = fuzz.requests(
                self.suite.api, phase, operations, self.options.examples, self.options.seed
            )
            left = self.guard.left if self.guard else None
            if left is not None and left < len(requests):
                total = counted(len(requests), "request")
                self.suite.note(f"{len(requests) - left} of {total} of {phase} did not fit the budget")
                requests = requests[:left]
            self._send(phase, requests)

        return step

    def _send(self, name: str, requests: list[Request]) -> None:
        for done, request in enumerate(requests):
            self.progress(name, done, len(requests))
            self.suite.send(request)
        self.progress(name, len(requests), len(requests))

    def _random_walk(self) -> None:
        writes = {"redeem", "checkout"} & set(self.options.allow_write)
        if not writes or self.target is None or not self.target.local:
            self.suite.note(
                "no random walk: it needs a target on this machine, and redeem or checkout allowed"
            )
            return
        self.progress("random-walk", 0, 1)
        random_walk.walk(self.suite, ROUNDS)
        self.progress("random-walk", 1, 1)

    def _report(self) -> Report:
        for remark in (*self.suite.evidence.remarks(), *self._time_remarks()):
            self.suite.note(remark)
        self.suite.reasons += undecided(self.suite.evidence, list(self.suite.api.operations))
        findings, passed, notes = baseline.apply(self.suite.findings(), self.accepted)
        for note in notes:
            self.suite.note(note)
        findings = tuple(replace(finding, source=advice.location_of(finding)) for finding in findings)
        report = Report(
            verdict((finding.severity for finding in findings), self.suite.reasons),
            findings,
            self.suite.skipped(),
            tuple(self.stages),
            self.suite.cases(),
            tuple(self.suite.reasons),
            tuple(self.suite.notes),
            passed,
            self._head(),
            self.drift,
            self.suite.latency(),
        )
        return redacted(report, self.suite.known_secrets)

    def _dropped(self) -> list[str]:
        """What was sent twice, because the connection closed in between."""
        count = self.target.dropped if self.target else 0
        if not count:
            return []
        times = counted(count, "time")
        return [f"the connection closed before an answer began, {times}: the request was sent again"]

    def _time_remarks(self) -> list[str]:
        """What waiting and slow operations cost; the rules that a slow one leaves no time for are skipped."""
        limits, shares = self.suite.rate_limits, self.suite.shares
        reasons = dict.fromkeys(limits.left_out, "its rate is limited (429)")
        reasons |= dict.fromkeys(shares.left_out, "there was no time for it: the operation is slow")
        for operation, reason in reasons.items():
            rules = [
                rule.id
                for rule in RULES.values()
                if rule.kind == "scenario"
                and rule.needs == ("read",)
                and (not rule.operations or operation in rule.operations)
            ]
            self.suite.skip(rules, (operation,), reason)
        slow = [shares.remark(operation) for operation in shares.left_out]
        return [*self._dropped(), *limits.remarks(), *slow]

    def _head(self) -> JsonObject:
        return {
            "target": self.target.base
            if self.target and self.target.host != "in process"
            else self._target_kind(),
            "api_description": description.digest(self.suite.api.document),
            "orgbilling": version("orgbilling"),
            "schemathesis": version("schemathesis"),
            "hypothesis": version("hypothesis"),
            "python": platform.python_version(),
            "seed": self.options.seed,
            "started": clock.stamp(),
            "seconds": round(clock.seconds() - self.began, 2),
            "requests": (self.guard.sent if self.guard else 0) + (self.target.dropped if self.target else 0),
            "exchanges": self.suite.evidence.to_json(),
            "mode": "replay" if self.options.replay else "quick" if self.options.quick else "full",
            "writes": list(self.options.allow_write),
            "strict": self.options.strict,
        }

    def _target_kind(self) -> str:
        return "in process" if self.target else "recording"


def _described(options: Options) -> api_description.ApiDescription:
    """The API description, in the dialect that was chosen; raises `UsageError`."""
    if options.dialect is None:
        return api_description.load()
    try:
        return api_description.in_dialect(options.dialect)
    except DialectError as error:
        raise UsageError(f"--dialect: {error}") from None
    except OSError as error:
        problem = (error.strerror or "unreadable").lower()
        raise UsageError(f"--dialect: {options.dialect}: {problem}") from None


def version(distribution: str) -> str:
    """The version of a distribution, for the head of a report."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "not installed"


CONTRACT_OPERATION = "getOrgContract"


def unseen(suite: ConformanceSuite) -> list[str]:
    """Why operations that change nothing cannot be checked: those without a success."""
    reasons = []
    statuses = suite.statuses()
    for operation in suite.api.gets:
        if suite.successes[operation.id]:
            continue
        counts = statuses.get(f"GET {operation.path}", {})
        if (
            operation.id == CONTRACT_OPERATION
            and counts
            and all(400 <= status < 600 and status not in (401, 403) for status in counts)
        ):
            suite.note("the organization has no contract: its response was not checked against its schema")
            continue
        rows = [str(status or "no answer") for status in sorted(counts)]
        rows += suite.evidence.missed_answers.get(operation.id, ())
        observed = ", ".join(rows) or "not asked"
        reasons.append(f"no success of {operation.id} ({operation.method} {operation.path}: {observed})")
    seen_at_all = set().union(*map(set, statuses.values()))
    if len(reasons) == len(suite.api.gets) and seen_at_all and seen_at_all <= {401, 403}:
        observed = (
            "the token was refused everywhere" if suite.tokens.secrets else "no token was given (--token)"
        )
        return [observed]
    return reasons + _unwritten(suite)


def _unwritten(suite: ConformanceSuite) -> list[str]:
    """The writes that were allowed and never succeeded."""
    reasons = []
    for name in suite.options.allow_write:
        operation = suite.api.operations.get(WRITES[name])
        if operation is None or suite.successes[operation.id]:
            continue
        line = f"{operation.method} {operation.path}"
        entries = suite.guard.sent_requests if suite.guard else []
        statuses = sorted({entry.status for entry in entries if entry.line.partition("?")[0] == line})
        observed = ", ".join(str(status or "no answer") for status in statuses) or "not asked"
        reasons.append(f"no success of {operation.id} ({line}: {observed})")
    return reasons


TELLING = 6
"""Fewer answers show no failure that is not the usual answer."""


def confidence(suite: ConformanceSuite) -> str:
    """What the number of answers says about failures that come and go."""
    requests = [
        sum(sum(counts.values()) for line, counts in suite.statuses().items() if _is(line, operation.path))
        for operation in suite.api.gets
    ]
    least = min(requests, default=0)
    if least < TELLING:
        return ""
    # (1 - p)^n <= 5 %  for  p >= 3 / n: the rule of three.
    share = round(300 / least)
    if share >= 100:
        return ""
    return (
        f"every operation was asked {counted(least, 'time')} or more: a failure of {share} % of the answers "
        "would have been seen with 95 % confidence"
    )


def _is(line: str, path: str) -> bool:
    return line == f"GET {path}" or line.startswith(f"GET {path}?")


Step = Callable[[ConformanceSuite], None]

SCRIPTED: tuple[tuple[str, Step], ...] = (
    ("every operation", reading.reach),
    ("the edges of parameters", reading.edges),
    ("credentials", access.credentials),
    ("an expired token", access.expired),
    ("a session without an organization", access.pending),
    ("the default window", reading.defaults),
    ("windows", reading.windows),
    ("the invariants", invariants.check_invariants),
    ("two organizations", access.isolation),
    ("the same again", reading.repeat),
    ("reading changes nothing", reading.safe),
    ("conditional requests", reading.conditional),
    ("foreign origins", access.foreign),
    ("the token's own origin", access.caller),
    ("what nobody documents", reading.negotiation),
    ("wrong bodies", writing.bodies),
    ("vouchers", writing.vouchers),
    ("checkouts", writing.checkouts),
    ("the portal", writing.portal),
    ("contracts", writing.subscribe),
    ("undocumented methods", writing.methods),
    ("the invariants after writes", invariants.check_invariants),
    ("failures that come and go", reading.intermittent),
)
"""The steps of the scripted stage, in the order in which they find the most, soonest."""
