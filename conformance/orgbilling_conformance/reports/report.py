"""The report of a run, as plain data, and what its formats share: order, sentences, counts."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from datetime import date, datetime

from orgbilling_openapi.redaction import redact
from orgbilling_openapi.strict_json import JsonObject

from orgbilling_conformance.api_description import load
from orgbilling_conformance.verdict import exit_status

SEVERITIES = ("error", "warning")
IDENTIFIER = re.compile(
    r"[0-9]+|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
    r"|(?=[a-z]+_[A-Za-z_]*[0-9])[a-z]{2,9}_[0-9A-Za-z_]{8,}"
)
"""A part of a pointer that names one row of one organization: an index, a UUID, an id with a prefix."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One way in which the target breaks one rule at one place, however often it was seen.

    severity: ``error`` (a documented or published fact) or ``warning`` (an assumption or invariant of ours);
    basis: documented, published, assumed or invariant; source: where that is written; operation: its id;
    pointer: JSON pointer into the body (``*`` for any index), or ``status``, ``header/…``, ``query/…``;
    count: how many exchanges showed it; curl: a command that repeats one of them;
    exchanges: up to three of the requests, as JSON, for `replay`; accepted: why a baseline lets it pass;
    state: ``new`` or ``known``, where the run was compared with an earlier report; value: the text that is
    not one of the known ones, for each such text is a finding of its own.
    """

    rule: str
    severity: str
    basis: str
    operation: str
    pointer: str
    expected: str
    observed: str
    count: int = 1
    curl: str = ""
    source: str = ""
    reason: str = ""
    stage: str = ""
    node: str = ""
    exchanges: tuple[JsonObject, ...] = ()
    accepted: str = ""
    state: str = ""
    value: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """What a baseline and a comparison of two runs know a finding by."""
        return (self.rule, self.operation, self.pointer)

    @property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits of what the finding is about.

        They are the same for every seed, host, token, organization and time, and for every version of this
        program that has the rule: no message, basis or count is in them, and no value but one of an enum.
        """
        *rest, pointer = self.key
        place = "/".join("*" if IDENTIFIER.fullmatch(part) else part for part in pointer.split("/"))
        parts = (*rest, place, self.value) if self.value else (*rest, place)
        text = "\n".join(parts).encode("utf-8", "backslashreplace")
        return hashlib.sha256(text).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class SkippedRule:
    """A rule that was not run on an operation (``*`` for all), and why."""

    rule: str
    operation: str
    reason: str


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """The outcome of one rule on one operation; evaluations: of how many exchanges or comparisons."""

    rule: str
    operation: str
    outcome: str
    evaluations: int


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a run.

    found: the keys of the findings that it was first to see; first_finding_seconds: since the run began.
    """

    name: str
    requests: int
    seconds: float
    found: tuple[tuple[str, str, str], ...] = ()
    first_finding_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What became of the findings of an earlier report.

    since, target: when and with what that run began; fixed: what it found, and does not hold any more;
    not_judged: what it found, and this run did not check again.
    """

    since: str
    target: str
    fixed: tuple[Finding, ...] = ()
    not_judged: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """The verdict and everything behind it.

    reasons: why a run is inconclusive; notes: what a reader should know and no rule forbids;
    head: digest of the API description, versions, Python, seed, duration (seconds), requests, and the target;
    drift: how the document that the target publishes differs from ours; comparison: with an earlier report.
    """

    verdict: str
    findings: tuple[Finding, ...]
    skipped: tuple[SkippedRule, ...]
    stages: tuple[Stage, ...]
    cases: tuple[RuleOutcome, ...] = ()
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    accepted: tuple[Finding, ...] = ()
    head: JsonObject = field(default_factory=dict)
    drift: tuple[JsonObject, ...] = ()
    latency: dict[str, dict[str, float]] = field(default_factory=dict)
    comparison: Comparison | None = None

    @property
    def exit_status(self) -> int:
        """The exit status of the command (see `verdict.exit_status`)."""
        compared = self.comparison is not None
        new_errors = sum(finding.state != "known" for finding in self.errors) if compared else None
        return exit_status(self.verdict, self.reasons, new_errors)

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that violate a documented or published fact."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that break an assumption or an invariant of ours."""
        return tuple(finding for finding in self.findings if finding.severity == "warning")

    def to_json(self) -> JsonObject:
        """The report as JSON; `replay` and `comparison` read it back."""
        document = asdict(self)
        for name in ("findings", "accepted"):
            document[name] = [_finding_json(finding) for finding in getattr(self, name)]
        if self.comparison is not None:
            for name in ("fixed", "not_judged"):
                document["comparison"][name] = [_finding_json(row) for row in getattr(self.comparison, name)]
        from orgbilling_conformance.reports.summary import summarize  # late: it is made of reports

        summary = summarize(self).to_json()
        return {"verdict": self.verdict, "exit": self.exit_status, "summary": summary, **document}


def _finding_json(finding: Finding) -> JsonObject:
    return {"fingerprint": finding.fingerprint, **asdict(finding)}


def redacted(report: Report, secrets: Collection[str] = ()) -> Report:
    """The report with a mask for every secret in its texts, whatever the format that it is written in.

    secrets: those that cannot be recognized by their form. The requests of findings are without secrets
    already (see `Request.redacted`), and stay as they can be replayed.
    """

    def clean(value: object) -> object:
        if isinstance(value, str):
            return redact(value, secrets)
        if isinstance(value, dict):
            return {clean(name): clean(member) for name, member in value.items()}
        if isinstance(value, tuple | list):
            items = [clean(item) for item in value]
            return tuple(items) if isinstance(value, tuple) else items
        if is_dataclass(value) and not isinstance(value, type):
            names = [item.name for item in fields(value) if item.name != "exchanges"]
            return replace(value, **{name: clean(getattr(value, name)) for name in names})
        return value

    cleaned = clean(report)
    assert isinstance(cleaned, Report)
    return cleaned


VERDICT_SENTENCES = {
    "conforms": "The target conforms to the API description.",
    "violated": "The target violates the API description.",
    "inconclusive": "Nothing can be said about the target.",
}


def title(operation: str) -> str:
    """Method and path of an operation, or what else a finding is about."""
    described = load().operations.get(operation)
    return f"{described.method} {described.path}" if described else operation or "the API as a whole"


def by_operation(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    """Findings by operation, in the order of the description; within one by pointer, what is new first."""
    order = {name: index for index, name in enumerate(load().operations)}
    groups: dict[str, list[Finding]] = defaultdict(list)
    for finding in sorted(
        findings, key=lambda row: (order.get(row.operation, -1), row.state == "known", row.pointer)
    ):
        groups[finding.operation].append(finding)
    return dict(groups)


def by_severity(findings: Collection[Finding], most: int) -> list[tuple[str, dict[str, list[Finding]], int]]:
    """Errors, then warnings, each by operation, `most` of each at most; and how many are left out."""
    groups = []
    for severity in SEVERITIES:
        chosen = [finding for finding in findings if finding.severity == severity]
        chosen.sort(key=lambda finding: finding.state == "known")
        if chosen:
            groups.append((severity, by_operation(chosen[:most]), max(len(chosen) - most, 0)))
    return groups


def by_reason(report: Report) -> dict[str, list[str]]:
    """The rules that were not run, by why not."""
    groups: dict[str, list[str]] = defaultdict(list)
    for skipped in report.skipped:
        name = skipped.rule if skipped.operation == "*" else f"{skipped.rule} on {skipped.operation}"
        groups[skipped.reason].append(skipped.operation if skipped.rule == "*" else name)
    return dict(groups)


def counted(count: int, noun: str) -> str:
    """A number with its noun: ``1 rule``, ``2 rules``."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September", "October"),
    *("November", "December"),
)


def day_in_words(day: date) -> str:
    """A day as people write it: January 31, 2027; the same whatever the language of the machine."""
    return f"{MONTHS[day.month - 1]} {day.day}, {day.year}"


def instant_in_words(stamp: str) -> str:
    """An RFC 3339 instant as people write it: January 31, 2027 at 09:05 UTC; any other text as it is."""
    try:
        instant = datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%S%z")
    except ValueError:
        return stamp
    return f"{day_in_words(instant)} at {instant:%H:%M} UTC"
