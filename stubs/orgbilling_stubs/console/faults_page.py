"""The page of fault rules: those in force, and forms to add one.

The forms are made from the registry of effects (`faults.effects.EFFECTS`), so an effect that is added there
appears here with its fields, its explanation, its conflicts and its presets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import orjson
from orgbilling_openapi.strict_json import JsonObject, JsonValue
from starlette.requests import Request
from starlette.responses import Response

from orgbilling_stubs.console.actions import HOME, Outcome
from orgbilling_stubs.console.failures import FAILURES
from orgbilling_stubs.console.form_fields import FormField, form_fields_of
from orgbilling_stubs.console.page import ConsolePages, page_organization
from orgbilling_stubs.faults import effects
from orgbilling_stubs.faults.delivery import Delivery
from orgbilling_stubs.faults.effects.effect import Effect

PATH = f"{HOME}faults"
SCENARIO = "scenario "
"""What `setBy` begins with in the rules of a scenario."""


@dataclass(frozen=True, slots=True)
class EffectForm:
    """The part of the form that asks for one effect.

    explanation: what a client sees, in Markdown. conflicts, modifies: titles of other effects, by member.
    """

    member: str
    title: str
    explanation: str
    fields: Sequence[FormField]
    conflicts: Mapping[str, str]
    modifies: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A rule as the table shows it: what it does, to which requests, and how often."""

    rule: JsonObject
    effects: Sequence[str]
    requests: str
    limits: Sequence[str]

    @property
    def scenario(self) -> str | None:
        """The scenario that the rule belongs to."""
        set_by = self.rule["setBy"] or ""
        return set_by.removeprefix(SCENARIO) if self.rule["id"].startswith("scenario-") else None

    @property
    def set_by(self) -> str:
        """Who set the rule; a program that did not say so used the control API."""
        return str(self.rule["setBy"] or "control API")


async def faults_page(pages: ConsolePages, request: Request) -> Response:
    """The rules, and the forms; `?body.…=` in the address fills the form in."""
    organization = page_organization(request)
    applicable = await pages.client.call("listFaults", {"organization": organization})
    listed = await pages.client.call("listFaults")
    coverage = await pages.client.call("getCoverage")
    rules = applicable.document["faults"] if applicable.ok else []
    ids = {rule["id"] for rule in rules}
    others = [rule for rule in listed.document["faults"] if rule["id"] not in ids] if listed.ok else []
    outcome = pages.outcomes.get(request.query_params.get("outcome"))
    refused = outcome if outcome is not None and outcome.refuses("addFault") else None
    return await pages.render(
        request,
        "faults.html",
        problem=None if applicable.ok else applicable.document["detail"],
        rules=[rule_row(rule) for rule in rules],
        others=[rule_row(rule) for rule in others],
        spent=[rule_row(rule) for rule in applicable.document["spent"]] if applicable.ok else [],
        operations=[row["name"] for row in coverage.document["operations"]],
        methods=pages.client.schemas["FaultRequest"]["properties"]["methods"]["items"]["enum"],
        members=pages.client.schemas["FaultRequest"]["properties"],
        effect_forms=[effect_form(kind) for kind in effects.EFFECTS],
        presets=FAILURES,
        values=form_values(request, refused),
        refused=refused,
    )


def form_values(request: Request, refused: Outcome | None) -> Mapping[str, str]:
    """What the fields of the form hold: what was refused, or else what the address says."""
    if refused is not None:
        return refused.fields
    return {name: text for name, text in request.query_params.items() if name.startswith("body.")}


def effect_form(kind: type[Effect]) -> EffectForm:
    """The fields of an effect, and what it cannot happen with."""
    titles = {other.member: other.title() for other in effects.EFFECTS}
    return EffectForm(
        kind.member,
        kind.title(),
        kind.on_the_wire,
        [
            field
            for name, schema in kind.schema().items()
            for field in form_fields_of(f"body.effect.{name}", dict(schema))
        ],
        {member: titles[member] for member in effects.conflicts(kind)},
        {member: titles[member] for member in kind.modifies if member in titles},
    )


def rule_row(rule: JsonObject) -> RuleRow:
    """A rule of the control API (schema Fault) in words."""
    return RuleRow(rule, list(_effects_of(rule["effect"])), _requests_of(rule), list(_limits_of(rule)))


def _effects_of(document: JsonObject) -> Iterator[str]:
    """What each effect of a rule does: its title, and its members that differ from their defaults."""
    for effect in effects.parse(document):
        members = effect.document(defaults=False)
        words = [_member_text(name, value, effect.member) for name, value in members.items()]
        yield f"{effect.title()} {', '.join(filter(None, words))}".strip()


def _member_text(name: str, value: object, effect_member: str) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{member} {_text(part)}" for member, part in value.items())
    text = "" if value is True else _text(value)
    return text if name == effect_member else f"{name} {text}"


def _text(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _requests_of(rule: JsonObject) -> str:
    """Which requests a rule is for."""
    where = ", ".join(rule["operations"]) or "every operation"
    methods = f" by {', '.join(rule['methods'])}" if rule["methods"] else ""
    return f"{where}{methods}"


def _limits_of(rule: JsonObject) -> Iterator[str]:
    """For which of these requests a rule fires."""
    if rule["times"] is None:
        yield "until it is cleared"
    else:
        yield f"{rule['times'] - rule['fired']} of {rule['times']} left"
    if rule["every"] != 1:
        yield f"one request in {rule['every']}"
    if rule["probability"] != 1:
        yield f"with probability {rule['probability']:g}, seed {rule['seed']}"
    if rule["from"] is not None:
        yield f"from {rule['from']}"
    if rule["until"] is not None:
        yield f"before {rule['until']}"


def answering_rule(rules: Sequence[JsonObject], operation: str) -> JsonObject | None:
    """The first rule that may answer an operation in place of its own response; None when there is none."""
    for rule in rules:
        covers = not rule["operations"] or operation in rule["operations"]
        if covers and _answers(rule["effect"]):
            return rule
    return None


def _answers(document: JsonValue) -> bool:
    """Whether an effect decides on the status of the response, or that there is none."""
    return any(
        effect.statuses() or effect.change_delivery(Delivery()).unanswered
        for effect in effects.parse(document)
    )
