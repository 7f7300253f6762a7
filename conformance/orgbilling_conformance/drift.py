"""What the target publishes about itself against what we believe, and three ways out of a finding."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from orgbilling_openapi import contract, diff, document, pointer

from orgbilling_conformance.exchange import Request
from orgbilling_conformance.judge import Judge
from orgbilling_conformance.report import Finding
from orgbilling_conformance.rule import FACTS, Observation
from orgbilling_conformance.words import many

Row = dict[str, Any]


def compare(judge: Judge) -> tuple[Row, ...]:
    """Fetch /openapi.json, or else /schemas/*.json, without a token, and compare.

    What contradicts a documented or published fact is an observation; all else is only told.
    """
    answer = judge.send(Request("GET", "/openapi.json", auth="none", purpose="what it publishes"))
    theirs = answer.response.json
    rows: list[Row] = []
    if answer.response.status == 200 and isinstance(theirs, dict) and "paths" in theirs:
        judge.passed("published-facts", "")
        rows = _document(judge, theirs)
    else:
        rows = _schemas(judge)
    for row in rows:
        if row["severity"] == "breaking":
            name = _operation(judge, row)
            seen = Observation("published-facts", row["pointer"], "as the contract says", row["what"])
            judge.observe(seen, name, [answer.request])
    return tuple(rows)


def _document(judge: Judge, theirs: Row) -> list[Row]:
    ours = judge.facts.document
    try:
        relative = document.relative(theirs, ours["servers"][0]["url"])
        same = relative == ours
        changes = [] if same else diff.compare(_facts(), ours, relative, judge.facts.origins)
    except (document.DocumentError, LookupError, TypeError, AttributeError) as error:
        judge.note(f"/openapi.json cannot be compared: {' '.join(str(error).split())[:120]}")
        return []
    rows = [change.row() for change in changes if change.severity != "assumed" or change.kind == "changed"]
    judge.note(f"/openapi.json was compared: {many(len(rows), 'difference')}")
    # Other operations are the vendor's business; whether one that we know is gone is ours.
    return [row for row in rows if not (row["kind"] == "added" and row["what"] == "an operation")]


@cache
def _facts() -> Row:
    """The contract without assumptions; composed once, for it takes half a second."""
    from orgbilling_openapi import compose

    return compose.facts()


def _schemas(judge: Judge) -> list[Row]:
    """The schemas one by one; the required members and the types of what we know."""
    rows: list[Row] = []
    seen = 0
    for name, ours in judge.facts.document["components"]["schemas"].items():
        request = Request("GET", f"/schemas/{name}.json", auth="none", purpose="what it publishes")
        answer = judge.send(request)
        theirs = answer.response.json
        if answer.response.status != 200 or not isinstance(theirs, dict):
            break
        seen += 1
        lost = sorted(set(ours.get("properties", {})) - set(theirs.get("properties", {})) - {"$schema"})
        for member in lost:
            place = pointer.text(("components", "schemas", name, "properties", member))
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
        judge.passed("published-facts", "")
        judge.note(f"published schemas were compared: {seen}")
    else:
        judge.skip(("published-facts",), ("*",), "the target publishes no document")
    return rows


def _operation(judge: Judge, row: Row) -> str:
    for each in row["operations"]:
        method, _, path = each.partition(" ")
        return judge.facts.operation(method, path)
    return ""


def ways_out(finding: Finding, today: str) -> tuple[str, str, str]:
    """A bug of the API, a stale contract, or accepted for a while: what to do in each case."""
    bug = f"report it to the vendor: {finding.expected}, and {finding.observed} was observed"
    return bug, _overlay(finding), _entry(finding, today)


def _overlay(finding: Finding) -> str:
    """An OpenAPI Overlay action that makes the contract say what was observed."""
    if not finding.contract:
        return "no node of the contract says so: the rule itself would have to change"
    keys = list(pointer.keys(finding.contract))
    keyword = keys[-1]
    layer = "published" if finding.basis in FACTS else "assumed"
    if keyword.isdigit() and len(keys) > 1 and keys[-2] == "required":
        return _without(keys[:-1], int(keyword), layer)
    if finding.rule == "schema-closed":
        member = finding.pointer.rpartition("/")[2]
        update = f"update: {{properties: {{{json.dumps(member)}: {{}}}}}}"
        target, change = _target(keys[:-1]), update
    elif finding.rule == "schema-type":
        target = _target(keys[:-1])
        seen = finding.observed.partition(":")[0]
        change = f"update: {{type: [{finding.expected.replace(' or ', ', ')}, {_quoted(seen)}]}}"
    else:
        target, change = _target(keys), "remove: true"
    return f"# layers/{layer}.overlay.yaml\n- target: {target}\n  {change}"


def _without(keys: list[str], index: int, layer: str) -> str:
    """A list of required members, anew and without one."""
    names = list(pointer.find(contract.load(), pointer.text(tuple(keys))))
    rest = json.dumps(names[:index] + names[index + 1 :])
    removed = f"# layers/{layer}.overlay.yaml\n- target: {_target(keys)}\n  remove: true"
    return f"{removed}\n- target: {_target(keys[:-1])}\n  update: {{required: {rest}}}"


def _quoted(name: str) -> str:
    return "'null'" if name == "null" else name


def _target(keys: list[str]) -> str:
    """A JSONPath of the plain kind that the overlays use."""
    parts = [
        f".{key}" if key.isidentifier() else f"[{key}]" if key.isdigit() else f"['{key}']" for key in keys
    ]
    return "$" + "".join(part if key != "200" else "['200']" for part, key in zip(parts, keys, strict=True))


def _entry(finding: Finding, today: str) -> str:
    year, month, day = (int(part) for part in today.split("-"))
    later = f"{year + month // 12:04}-{month % 12 + 1:02}-{min(day, 28):02}"
    rows = {"rule": finding.rule, "operation": finding.operation, "pointer": finding.pointer, "until": later}
    lines = [f"{key}: {json.dumps(value) if key != 'until' else value}" for key, value in rows.items()]
    return "- " + "\n  ".join([*lines, "reason: why we can live with it"])
