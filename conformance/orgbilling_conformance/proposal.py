"""What was observed of an API, as a proposal: how our description would have to change to say so.

A proposal is an OpenAPI Overlay document; `orgbilling_openapi.dialect` says what its members mean. Each
action has its evidence in its reason: "`entryType` has `topup`, not `top_up`: 214 rows, 3 organizations,
since 2026-11-28". No value of a body gets into it, apart from words of enumerations and offsets of instants.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import yaml
from orgbilling_openapi.dialect import ABSENT, INSTANT, WORDS
from orgbilling_openapi.strict_json import JsonObject, JsonValue

from orgbilling_conformance import clock
from orgbilling_conformance.answer_differences import Shape, shape_of
from orgbilling_conformance.api_description import ApiDescription, Path
from orgbilling_conformance.exchange import shorten
from orgbilling_conformance.reports import advice
from orgbilling_conformance.reports.report import Finding, counted

FEW_OBJECTS = 3
"""How many objects without a member show that the API does not send it."""
MOST_WORDS = 50
"""An enumeration with more new words than this is none: its words are data."""
MOST_ORGANIZATIONS = 10_000
LONGEST_WORD = 60


@dataclass
class Sightings:
    """How often something was seen, of how many organizations, and since when."""

    rows: int = 0
    organizations: set[str] = field(default_factory=set)
    since: str = ""

    def add(self, rows: int, organization: str) -> None:
        """Count rows of one organization."""
        self.rows += rows
        self.since = self.since or clock.stamp()[:10]
        if len(self.organizations) < MOST_ORGANIZATIONS:
            self.organizations.add(organization)

    @property
    def text(self) -> str:
        """In words, for a reason."""
        rows, organizations = counted(self.rows, "row"), counted(len(self.organizations), "organization")
        return f"{rows}, {organizations}, since {self.since}"


class Proposal:
    """Collects what successful responses are made of, by node of the API description."""

    def __init__(self, api: ApiDescription) -> None:
        self._api = api
        self._words: dict[Path, dict[str, Sightings]] = defaultdict(lambda: defaultdict(Sightings))
        self._instants: dict[Path, dict[tuple[str, int], Sightings]] = defaultdict(
            lambda: defaultdict(Sightings)
        )
        self._objects: dict[Path, Sightings] = defaultdict(Sightings)
        self._members: dict[Path, Counter[str]] = defaultdict(Counter)
        self._types: dict[tuple[Path, str], set[str]] = defaultdict(set)

    def add(self, operation: str, body: JsonValue, organization: str) -> None:
        """Take the body of a success into account. organization: tells one from another."""
        described = self._api.operations.get(operation)
        if described is None or described.success is None:
            return
        shape = shape_of(self._api, described.success, body)
        for pointer, values in shape.values.items():
            words = self._words[shape.nodes[pointer]]
            for word, count in values.items():
                if len(words) <= MOST_WORDS and len(word) <= LONGEST_WORD:
                    words[word].add(count, organization)
        for pointer, forms in shape.instants.items():
            for form, count in forms.items():
                if len(self._instants[shape.nodes[pointer]]) < MOST_WORDS:
                    self._instants[shape.nodes[pointer]][form].add(count, organization)
        self._add_members(shape, organization)

    def document(self, findings: Iterable[Finding] = ()) -> JsonObject:
        """The proposal; findings: of the same traffic, for what else contradicts the description."""
        actions = [
            *self._word_actions(),
            *self._member_actions(),
            *self._instant_actions(),
            *self._finding_actions(findings),
        ]
        info = {"title": "Proposal: how the real API differs from our description", "version": "1"}
        return {"overlay": "1.0.0", "info": info, "actions": actions}

    def _add_members(self, shape: Shape, organization: str) -> None:
        for pointer, count in shape.objects.items():
            node = shape.nodes[pointer]
            if node and "properties" in self._api.node(node):
                self._objects[node].add(count, organization)
        for pointer, count in shape.members.items():
            parent, _, name = pointer.rpartition("/")
            node = shape.nodes[parent]
            if node in self._objects and name != "*" and len(self._members[node]) < 10 * MOST_WORDS:
                self._members[node][name] += count
                self._types[node, name] |= shape.types[pointer]

    def _word_actions(self) -> Iterator[JsonObject]:
        for node, words in sorted(self._words.items(), key=str):
            known = self._api.node(node)["enum"]
            new = sorted(words.keys() - {*known})
            if not new or len(new) > MOST_WORDS:
                continue
            unseen = [word for word in known if word not in words]
            renamed = {ours: theirs for theirs in new if (ours := _same_word(theirs, unseen)) is not None}
            seen = Sightings()
            for word in new:
                seen.rows += words[word].rows
                seen.organizations |= words[word].organizations
                seen.since = min(filter(None, (seen.since, words[word].since)))
            name = str(node[-1])
            texts = [f"`{theirs}`, not `{ours}`" for ours, theirs in renamed.items()]
            texts += [f"`{word}`, too" for word in new if word not in renamed.values()]
            reason = f"`{name}` has {'; '.join(texts)}: {seen.text}"
            update: JsonObject = {"enum": [*(word for word in known if word not in renamed), *new]}
            if renamed:
                update[WORDS] = renamed
            yield {"target": advice.target((*node, "enum")), "x-reason": reason, "remove": True}
            yield {"target": advice.target(node), "x-reason": reason, "update": update}

    def _member_actions(self) -> Iterator[JsonObject]:
        for node, objects in sorted(self._objects.items(), key=str):
            schema, members = self._api.node(node), self._members[node]
            required = list(schema.get("required", ()))
            for name in schema["properties"]:
                count = members[name]
                if name == "$schema" or count == objects.rows:
                    continue
                if name in required:
                    yield from self._not_required(node, name, required)
                    required.remove(name)
                elif count == 0 and objects.rows >= FEW_OBJECTS:
                    reason = f"`{name}` of {node[-1]} is absent: {objects.text}"
                    place = advice.target((*node, "properties", name))
                    yield {"target": place, "x-reason": reason, "update": {ABSENT: True}}
            if schema.get("additionalProperties") is False:
                yield from self._new_members(node, required)

    def _not_required(self, node: Path, name: str, required: list[str]) -> Iterator[JsonObject]:
        objects, count = self._objects[node], self._members[node][name]
        reason = f"`{name}` of {node[-1]} is absent in {objects.rows - count:,} of {objects.text}"
        left = [other for other in required if other != name]
        yield {"target": advice.target((*node, "required")), "x-reason": reason, "remove": True}
        yield {"target": advice.target(node), "x-reason": reason, "update": {"required": left}}
        if count == 0:
            place = advice.target((*node, "properties", name))
            yield {"target": place, "x-reason": reason, "update": {ABSENT: True}}

    def _new_members(self, node: Path, required: list[str]) -> Iterator[JsonObject]:
        objects = self._objects[node]
        for name, count in sorted(self._members[node].items()):
            if name in self._api.node(node)["properties"]:
                continue
            types = sorted(self._types[node, name])
            reason = f"{node[-1]} has `{shorten(name, 40)}` in {count:,} of {objects.text}"
            member = {"type": types[0] if len(types) == 1 else types}
            update: JsonObject = {"properties": {name: member}}
            if count == objects.rows and len(types) == 1:
                update["required"] = [name]
            yield {"target": advice.target(node), "x-reason": reason, "update": update}

    def _instant_actions(self) -> Iterator[JsonObject]:
        for node, forms in sorted(self._instants.items(), key=str):
            if not forms or any(offset == "Z" for offset, _ in forms):
                continue
            offset, fraction = max(forms, key=lambda form: (forms[form].rows, form))
            seen = forms[offset, fraction]
            reason = f"`{node[-1]}` is written with {offset}, not in UTC: {seen.text}"
            written = {"offset": offset, "fraction": fraction}
            yield {"target": advice.target(node), "x-reason": reason, "update": {INSTANT: written}}

    def _finding_actions(self, findings: Iterable[Finding]) -> Iterator[JsonObject]:
        """What else the description would have to change: types, patterns, bounds, formats."""
        taken: set[str] = set()
        for finding in findings:
            if not finding.node or finding.node in taken or finding.node.rpartition("/")[2] == "enum":
                continue
            if finding.rule not in ("schema-type", "schema-value", "schema-format"):
                continue
            taken.add(finding.node)
            # What was observed is a value of somebody's, but for its type.
            kind = f" ({finding.observed.partition(':')[0]})" if finding.rule == "schema-type" else ""
            reason = (
                f"`{finding.pointer}` of {finding.operation} is not as {finding.basis}{kind}: "
                f"{finding.expected}: {counted(finding.count, 'exchange')}"
            )
            for action in yaml.safe_load(advice.overlay(finding)) or []:
                yield {"target": action["target"], "x-reason": reason, **_change(action)}


def _change(action: JsonObject) -> JsonObject:
    return {name: value for name, value in action.items() if name in ("update", "remove")}


def _same_word(theirs: str, ours: list[str]) -> str | None:
    """Which of our words is theirs in another spelling: case, underscores, hyphens and spaces apart."""

    def plain(word: str) -> str:
        return re.sub(r"[\W_]", "", word).casefold()

    return next((word for word in ours if plain(word) == plain(theirs)), None)
