"""The fault operations of the control API."""

from __future__ import annotations

from functools import partial

from orgbilling_stubs.faults.active_rules import ActiveRules
from orgbilling_stubs.faults.rules import parse
from orgbilling_stubs.http.context import Handler, Reply, RequestContext


def list_faults(rules: ActiveRules, request: RequestContext) -> Reply:
    """The standing rules; with an organization, those that may fire for it, and the rules of its scenario."""
    organization = request.parameters.get("organization")
    active_rules = rules.list() if organization is None else rules.for_organization(organization)
    return Reply({"faults": [active.document() for active in active_rules]})


def add_fault(rules: ActiveRules, request: RequestContext) -> Reply:
    """Add a rule."""
    added = rules.add(parse(request.body))
    return Reply(rules.get(added.id).document(), 201)


def clear_faults(rules: ActiveRules, request: RequestContext) -> Reply:
    """Remove all rules, or those made for one organization."""
    rules.clear(request.parameters.get("organization"))
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
