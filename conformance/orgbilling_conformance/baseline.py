"""Findings that are accepted until a day, each with its reason."""

from __future__ import annotations

import json
import tomllib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from fnmatch import fnmatchcase
from pathlib import Path

import yaml
from orgbilling_openapi.strict_json import JsonValue

from orgbilling_conformance import clock
from orgbilling_conformance.options import UsageError
from orgbilling_conformance.reports.report import Finding, day_in_words

KEYS = {"rule", "operation", "pointer", "value", "until", "reason"}


@dataclass(frozen=True, slots=True)
class BaselineEntry:
    """One entry; `*` and `?` in rule, operation, pointer and value stand for anything.

    value: of the finding that is meant, where several values at one place are wrong; empty for none.
    """

    rule: str
    operation: str
    pointer: str
    until: date
    reason: str
    value: str = ""

    def matches(self, finding: Finding) -> bool:
        """Whether the entry means this finding."""
        return (
            not self.value or finding.value == self.value or fnmatchcase(finding.value, self.value)
        ) and self.covers(finding)

    def is_ambiguous(self, finding: Finding) -> bool:
        """Whether the entry names the place of a finding, and no value."""
        return not self.value and self.pointer == finding.pointer and self.covers(finding)

    def covers(self, finding: Finding) -> bool:
        """Whether the entry means this finding, or one with another value at the same place."""
        return (
            fnmatchcase(finding.rule, self.rule)
            and fnmatchcase(finding.operation, self.operation)
            # A pointer has stars of its own: they are meant as they stand, too.
            and (finding.pointer == self.pointer or fnmatchcase(finding.pointer, self.pointer))
        )

    @property
    def name(self) -> str:
        """The entry in one line."""
        return " ".join(filter(None, (self.rule, self.operation, self.pointer, self.value)))


def load(path: Path) -> list[BaselineEntry]:
    """Read a baseline: YAML, TOML or JSON with a list `accepted`; raises `UsageError`."""
    try:
        text = path.read_text("utf-8")
        if path.suffix == ".toml":
            document: JsonValue = tomllib.loads(text)
        else:
            document = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except OSError as error:
        raise UsageError(f"--baseline: {path}: {(error.strerror or 'unreadable').lower()}") from None
    except (ValueError, yaml.YAMLError) as error:
        raise UsageError(f"--baseline: {path}: {' '.join(str(error).split())}") from None
    rows = document.get("accepted") if isinstance(document, dict) else document
    if not isinstance(rows, list):
        raise UsageError(f"--baseline: {path}: expected a list `accepted`")
    return [_entry(row, f"--baseline: {path}: entry {number}") for number, row in enumerate(rows, 1)]


def _entry(row: JsonValue, where: str) -> BaselineEntry:
    if not isinstance(row, dict) or not isinstance(row.get("rule"), str):
        raise UsageError(f"{where}: needs a rule")
    unknown = row.keys() - KEYS
    if unknown:
        raise UsageError(f"{where}: unknown key {sorted(map(str, unknown))[0]!r}")
    if not isinstance(row.get("reason"), str) or not row["reason"].strip():
        raise UsageError(f"{where}: needs a reason")
    until = row.get("until")
    try:
        day = until if isinstance(until, date) else date.fromisoformat(str(until))
    except ValueError:
        raise UsageError(f"{where}: needs until, a day like 2027-01-31") from None
    day = day.date() if isinstance(day, datetime) else day
    place = str(row.get("operation", "*")), str(row.get("pointer", "*"))
    return BaselineEntry(row["rule"], *place, day, row["reason"], str(row.get("value", "")))


def apply(
    findings: Sequence[Finding], accepted: Sequence[BaselineEntry]
) -> tuple[tuple[Finding, ...], tuple[Finding, ...], list[str]]:
    """What remains, what is accepted, and what to say about the entries.

    An entry whose day is over accepts nothing, and makes an error of what it stood for. Where several values
    at one place are wrong, an entry that names the place and no value accepts none of them: it was written
    for one, and would hide the others.
    """
    today, notes = clock.today(), []
    rest, passed = [], []
    used = set()
    values = defaultdict(set)
    for finding in findings:
        values[finding.key].add(finding.value)
    for finding in findings:
        entries = [entry for entry in accepted if entry.matches(finding)]
        if (several := len(values[finding.key])) > 1:
            unsure = {entry for entry in entries if entry.is_ambiguous(finding)}
            used |= unsure
            entries = [entry for entry in entries if entry not in unsure]
            notes += [
                f"the baseline entry {entry.name} accepts nothing: {several} values are wrong there; "
                "say which one, as value"
                for entry in unsure
            ]
        used |= set(entries)
        valid = [entry for entry in entries if entry.until >= today]
        if valid:
            passed.append(
                replace(finding, accepted=f"until {day_in_words(valid[0].until)}: {valid[0].reason}")
            )
        elif entries:
            until = day_in_words(entries[0].until)
            observed = f"accepted until {until}, which is over ({entries[0].reason})"
            rest.append(replace(finding, severity="error", reason=observed))
            notes.append(f"EXPIRED: the baseline accepted {entries[0].name} until {until}")
        else:
            rest.append(finding)
    notes += [
        f"the baseline entry {entry.name} meets nothing: delete it" for entry in accepted if entry not in used
    ]
    return tuple(rest), tuple(passed), list(dict.fromkeys(notes))
