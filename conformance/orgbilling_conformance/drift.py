"""What the target publishes about itself against what we believe, and three ways out of a finding."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from orgbilling_openapi import description, diff, external_document, json_pointer

from orgbilling_conformance.api_description import Path
from orgbilling_conformance.exchange import Request
from orgbilling_conformance.reports.report import Finding, counted
from orgbilling_conformance.rules.rule import FACTS, RuleViolation
from orgbilling_conformance.suite import ConformanceSuite

Row = dict[str, Any]

AMENDED = (
    "schema-type",
    "schema-required",
    "schema-closed",
    "schema-format",
    "schema-value",
    "parameter-type",
    "parameter-range",
    "body-schema",
)
"""The rules that one node of the description makes: without it, or with more in it, there is no finding."""

REASON = "what we know now, and since when"
KIND = re.compile(r"(?:\d+ to )?(null|boolean|string|array|object|number|integer): ")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def compare(suite: ConformanceSuite) -> tuple[Row, ...]:
    """Fetch /openapi.json, or else /schemas/*.json, without a token, and compare.

    What contradicts a documented or published fact is an observation; all else is only told.
    """
    answer = suite.send(Request("GET", "/openapi.json", auth="none", purpose="what it publishes"))
    theirs = answer.response.json
    rows: list[Row] = []
    if answer.response.status == 200 and isinstance(theirs, dict) and "paths" in theirs:
        suite.evaluated("published-facts", "")
        rows = _document(suite, theirs)
    else:
        rows = _schemas(suite)
    for row in rows:
        if row["severity"] == "breaking":
            name = _operation(suite, row)
            violation = RuleViolation(
                "published-facts", row["pointer"], "as our API description says", row["what"]
            )
            suite.fail(violation, name, [answer.request])
    return tuple(rows)


def _document(suite: ConformanceSuite, theirs: Row) -> list[Row]:
    ours = suite.api.document
    try:
        relative = external_document.relative(theirs, ours["servers"][0]["url"])
        same = relative == ours
        changes = [] if same else diff.compare(_facts(), ours, relative, suite.api.origins)
    except (external_document.DocumentError, LookupError, TypeError, AttributeError) as error:
        suite.note(f"/openapi.json cannot be compared: {' '.join(str(error).split())[:120]}")
        return []
    rows = [change.row() for change in changes if change.severity != "assumed" or change.kind == "changed"]
    suite.note(f"/openapi.json was compared: {counted(len(rows), 'difference')}")
    # Other operations are the vendor's business; whether one that we know is gone is ours.
    return [row for row in rows if not (row["kind"] == "added" and row["what"] == "an operation")]


@cache
def _facts() -> Row:
    """The contract without assumptions; composed once, for it takes half a second."""
    from orgbilling_openapi import composition

    return composition.vendor_facts()


def _schemas(suite: ConformanceSuite) -> list[Row]:
    """The schemas one by one; the required members and the types of what we know."""
    rows: list[Row] = []
    seen = 0
    for name, ours in suite.api.document["components"]["schemas"].items():
        request = Request("GET", f"/schemas/{name}.json", auth="none", purpose="what it publishes")
        answer = suite.send(request)
        theirs = answer.response.json
        if answer.response.status != 200 or not isinstance(theirs, dict):
            break
        seen += 1
        lost = sorted(set(ours.get("properties", {})) - set(theirs.get("properties", {})) - {"$schema"})
        for member in lost:
            place = json_pointer.text(("components", "schemas", name, "properties", member))
            rows.append(
                {
                    "severity": "breaking" if member in ours.get("required", []) else "compatible",
                    "kind": "removed",
                    "operations": [],
                    "pointer": place,
                    "what": f"the member {member} of {name}",
                }
            )
    if seen:
        suite.evaluated("published-facts", "")
        suite.note(f"published schemas were compared: {seen}")
    else:
        suite.skip(("published-facts",), ("*",), "the target publishes no document")
    return rows


def _operation(suite: ConformanceSuite, row: Row) -> str:
    for each in row["operations"]:
        method, _, path = each.partition(" ")
        return suite.api.operation(method, path)
    return ""


def ways_out(finding: Finding, today: str) -> tuple[str, str, str]:
    """A bug of the API, a stale description, or accepted for a while: what to do in each case."""
    bug = f"report it to the vendor: {finding.expected}, and {finding.observed} was observed"
    stale = (
        overlay(finding)
        or "no single node of the API description says so: the rule itself would have to change"
    )
    return bug, stale, _entry(finding, today)


def overlay(finding: Finding) -> str:
    """The OpenAPI Overlay actions that make the description say what was observed; empty where none do."""
    if not finding.node or finding.rule not in AMENDED:
        return ""
    layer = "published" if finding.basis in FACTS else "assumed"
    # A layer sees what the earlier ones wrote, and not what the later ones do.
    before = _facts() if layer == "published" else description.load()
    keys = _keys(before, finding.node)
    actions = _actions(before, keys, finding) if keys else []
    reason = f"  x-reason: {REASON}\n" if layer == "assumed" else ""
    rows = [f"- target: {_target(place)}\n{reason}  {change}" for place, change in actions]
    return "\n".join([f"# layers/{layer}.overlay.yaml", *rows]) if rows else ""


def _actions(before: Row, keys: Path, finding: Finding) -> list[tuple[Path, str]]:
    """Where, and what to do there."""
    keyword, parent = keys[-1], keys[:-1]
    if isinstance(keyword, int):  # a member of a list of required ones: the list anew, without it
        names = list(_at(before, parent))
        update = f"update: {{required: {json.dumps(names[:keyword] + names[keyword + 1 :])}}}"
        return [(parent, "remove: true"), (parent[:-1], update)]
    if keyword == "additionalProperties":
        member = json.dumps(finding.pointer.rpartition("/")[2])
        return [(parent, f"update: {{properties: {{{member}: {{}}}}}}")]
    if keyword == "type" and finding.rule != "parameter-type":
        seen = KIND.match(finding.observed)
        known = _at(before, keys)
        # What an update finds to be a list, it makes longer.
        names = [] if isinstance(known, list) else [known]
        return [(parent, f"update: {{type: {json.dumps([*names, seen[1]])}}}")] if seen else []
    return [(keys, "remove: true")]


def _keys(document: Row, place: str) -> Path:
    """The keys of a pointer, those of lists as numbers; empty where it leads nowhere."""
    node: Any = document
    found: list[str | int] = []
    for key in json_pointer.keys(place):
        step = int(key) if isinstance(node, list) and key.isdigit() else key
        try:
            node = node[step]
        except (LookupError, TypeError):
            return ()
        found.append(step)
    return tuple(found)


def _at(document: Row, keys: Path) -> Any:
    return json_pointer.find(document, json_pointer.text(keys))


def _target(keys: Path) -> str:
    """A JSONPath of the plain kind that the overlays use."""
    return "$" + "".join(
        f"[{key}]" if isinstance(key, int) else f".{key}" if NAME.fullmatch(key) else f"['{key}']"
        for key in keys
    )


def _entry(finding: Finding, today: str) -> str:
    year, month, day = (int(part) for part in today.split("-"))
    later = f"{year + month // 12:04}-{month % 12 + 1:02}-{min(day, 28):02}"
    rows = {"rule": finding.rule, "operation": finding.operation, "pointer": finding.pointer, "until": later}
    lines = [f"{key}: {json.dumps(value) if key != 'until' else value}" for key, value in rows.items()]
    return "- " + "\n  ".join([*lines, "reason: why we can live with it"])
