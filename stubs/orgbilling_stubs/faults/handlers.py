"""The fault operations of the control API."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from orgbilling_openapi.strict_json import JsonObject

from orgbilling_stubs.faults import effects
from orgbilling_stubs.faults.active_rules import ActiveRules
from orgbilling_stubs.faults.rules import RuleState, parse
from orgbilling_stubs.http.context import Handler, Reply, RequestContext
from orgbilling_stubs.http.errors import INVALID, Problem
from orgbilling_stubs.http.json_schemas import error_detail


def list_faults(rules: ActiveRules, request: RequestContext) -> Reply:
    """The standing rules in force, and those that have fired as often as they may.

    With an organization: those that may fire for it, and the rules of its scenario.
    """
    organization = request.parameters.get("organization")
    active_rules = rules.list() if organization is None else rules.for_organization(organization)
    spent = rules.spent(organization)
    return Reply({"faults": _documents(active_rules), "spent": _documents(spent)})


def _documents(rules: Sequence[RuleState]) -> list[JsonObject]:
    """The schema Fault of each rule."""
    return [state.document() for state in rules]


def add_fault(rules: ActiveRules, request: RequestContext) -> Reply:
    """Add a rule."""
    document: JsonObject = request.body
    effects.check_members(document["effect"])
    if "operations" in document:
        document["operations"] = [rules.operation_named(name) for name in document["operations"]]
    added = rules.add(parse(document))
    return Reply(rules.get(added.id).document(), 201)


def clear_faults(rules: ActiveRules, request: RequestContext) -> Reply:
    """Remove all rules, or some of those for one organization."""
    organization, scope = request.parameters.get("organization"), request.parameters.get("scope")
    if scope is not None and organization is None:
        detail = "scope needs `organization`"
        raise Problem(INVALID, [error_detail(detail, "query.scope", scope)])
    if organization is None or scope in (None, "named"):
        rules.clear(organization)
    elif scope == "scenario":
        rules.scenarios.clear(organization)
    else:
        rules.clear_applicable(organization)
    return Reply(None, 204)


def get_fault(rules: ActiveRules, request: RequestContext) -> Reply:
    """One rule, with its counters."""
    return Reply(rules.get(request.parameters["rule"]).document())


def remove_fault(rules: ActiveRules, request: RequestContext) -> Reply:
    """Remove one rule."""
    rules.remove(request.parameters["rule"])
    return Reply(None, 204)


def fault_handlers(rules: ActiveRules) -> dict[str, Handler]:
    """The handlers for the rules of a server, by operationId."""
    handlers = {
        "listFaults": list_faults,
        "addFault": add_fault,
        "clearFaults": clear_faults,
        "getFault": get_fault,
        "removeFault": remove_fault,
    }
    return {operation_id: partial(handler, rules) for operation_id, handler in handlers.items()}
