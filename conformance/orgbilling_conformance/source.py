"""Where a finding's basis is written: file and line of the contract."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import orgbilling_openapi
import yaml
from orgbilling_openapi import json_pointer

from orgbilling_conformance.reports.report import Finding
from orgbilling_conformance.rules.rule import FACTS

FILE = "org-billing.yaml"


def location_of(finding: Finding) -> str:
    """File and line of the node that a finding breaks; the law or rule where it breaks no node."""
    if finding.node:
        number = line(finding.node)
        return f"{FILE}:{number} ({finding.basis})" if number else f"{FILE} ({finding.basis})"
    where = "docs/rules.md" if finding.basis in ("invariant", "assumed") else "the reference page"
    return f"{where} ({finding.basis})" if finding.basis in (*FACTS, "invariant", "assumed") else ""


def line(place: str) -> int:
    """The line of a node in the contract, from 1; 0 where there is none."""
    return _node_line(_tree(), json_pointer.keys(place))


def _node_line(node: Any, keys: tuple[str, ...]) -> int:
    number = node.start_mark.line + 1 if node is not None else 0
    for key in keys:
        if isinstance(node, yaml.MappingNode):
            found = [(name, value) for name, value in node.value if name.value == key]
            if not found:
                return int(number)
            number, node = found[0][0].start_mark.line + 1, found[0][1]
        elif isinstance(node, yaml.SequenceNode) and key.isdigit() and int(key) < len(node.value):
            node = node.value[int(key)]
            number = node.start_mark.line + 1
        else:
            return int(number)
    return int(number)


@cache
def _tree() -> Any:
    text = (Path(orgbilling_openapi.__file__).parent / FILE).read_text("utf-8")
    return yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
