"""What to do about a finding: where its basis is written, and the three ways out.

A finding is a bug of the API, or our API description is stale, or somebody accepts it for a while. For each
there is a text to paste: a report to the vendor, the overlay that amends the description, a baseline entry.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path as FilePath

import orgbilling_openapi
import yaml
from orgbilling_openapi import description, json_pointer
from orgbilling_openapi.strict_json import JsonObject, JsonValue

from orgbilling_conformance.api_description import Path, vendor_facts
from orgbilling_conformance.reports.report import Finding
from orgbilling_conformance.rules.rule import FACTS

DESCRIPTION_FILE = "org-billing.yaml"
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


def location_of(finding: Finding) -> str:
    """File and line of the node that a finding breaks; the page of rules where it breaks no node."""
    if finding.node:
        number = line(finding.node)
        return (
            f"{DESCRIPTION_FILE}:{number} ({finding.basis})"
            if number
            else f"{DESCRIPTION_FILE} ({finding.basis})"
        )
    where = "docs/rules.md" if finding.basis in ("invariant", "assumed") else "the reference page"
    return f"{where} ({finding.basis})" if finding.basis in (*FACTS, "invariant", "assumed") else ""


def line(place: str) -> int:
    """The line of a node in the API description, from 1; 0 where there is none."""
    return _node_line(_tree(), json_pointer.keys(place))


def _node_line(node: JsonValue, keys: tuple[str, ...]) -> int:
    number = node.start_mark.line + 1 if node is not None else 0
    for key in keys:
        if isinstance(node, yaml.MappingNode):
            matches = [(name, value) for name, value in node.value if name.value == key]
            if not matches:
                return int(number)
            number, node = matches[0][0].start_mark.line + 1, matches[0][1]
        elif isinstance(node, yaml.SequenceNode) and key.isdigit() and int(key) < len(node.value):
            node = node.value[int(key)]
            number = node.start_mark.line + 1
        else:
            return int(number)
    return int(number)


@cache
def _tree() -> JsonValue:
    text = (FilePath(orgbilling_openapi.__file__).parent / DESCRIPTION_FILE).read_text("utf-8")
    return yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


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
    before = vendor_facts() if layer == "published" else description.load()
    keys = _keys(before, finding.node)
    actions = _actions(before, keys, finding) if keys else []
    reason = f"  x-reason: {REASON}\n" if layer == "assumed" else ""
    rows = [f"- target: {target(place)}\n{reason}  {change}" for place, change in actions]
    return "\n".join([f"# layers/{layer}.overlay.yaml", *rows]) if rows else ""


def _actions(before: JsonObject, keys: Path, finding: Finding) -> list[tuple[Path, str]]:
    """Where, and what to do there."""
    keyword, parent = keys[-1], keys[:-1]
    if isinstance(keyword, int):  # a member of a list of required ones: the list anew, without it
        names = list(_at(before, parent))
        update = f"update: {{required: {json.dumps(names[:keyword] + names[keyword + 1 :])}}}"
        return [(parent, "remove: true"), (parent[:-1], update)]
    if keyword == "additionalProperties":
        member = json.dumps(finding.pointer.rpartition("/")[2])
        return [(parent, f"update: {{properties: {{{member}: {{}}}}}}")]
    if keyword == "enum" and finding.value and not finding.value.endswith("…"):
        return [(parent, f"update: {{enum: {json.dumps([finding.value])}}}")]  # the list becomes longer
    if keyword == "type" and finding.rule != "parameter-type":
        match = KIND.match(finding.observed)
        current = _at(before, keys)
        # What an update finds to be a list, it makes longer.
        names = [] if isinstance(current, list) else [current]
        return [(parent, f"update: {{type: {json.dumps([*names, match[1]])}}}")] if match else []
    return [(keys, "remove: true")]


def _keys(document: JsonObject, place: str) -> Path:
    """The keys of a pointer, those of lists as numbers; empty where it leads nowhere."""
    node: JsonValue = document
    steps: list[str | int] = []
    for key in json_pointer.keys(place):
        step = int(key) if isinstance(node, list) and key.isdigit() else key
        try:
            node = node[step]
        except (LookupError, TypeError):
            return ()
        steps.append(step)
    return tuple(steps)


def _at(document: JsonObject, keys: Path) -> JsonValue:
    return json_pointer.find(document, json_pointer.text(keys))


def target(keys: Path) -> str:
    """A JSONPath of the plain kind that the overlays use."""
    return "$" + "".join(
        f"[{key}]" if isinstance(key, int) else f".{key}" if NAME.fullmatch(key) else f"['{key}']"
        for key in keys
    )


def _entry(finding: Finding, today: str) -> str:
    year, month, day = (int(part) for part in today.split("-"))
    later = f"{year + month // 12:04}-{month % 12 + 1:02}-{min(day, 28):02}"
    rows = {"rule": finding.rule, "operation": finding.operation, "pointer": finding.pointer}
    rows |= {"value": finding.value} if finding.value else {}
    rows["until"] = later
    lines = [f"{key}: {json.dumps(value) if key != 'until' else value}" for key, value in rows.items()]
    return "- " + "\n  ".join([*lines, "reason: why we can live with it"])
