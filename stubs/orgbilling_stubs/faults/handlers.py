"""The fault operations of the control API."""

from __future__ import annotations

from collections.abc import Mapping

from orgbilling_stubs.faults.active_rules import ActiveRules
from orgbilling_stubs.faults.rules import parse
from orgbilling_stubs.http.context import Call, ControlHandler, Reply


def list_faults(call: Call) -> Reply:
    """The standing rules; with an organization, those that can strike it, and the rules of its scenario."""
    organization, rules = call.parameters.get("organization"), _rules(call)
    active_rules = rules.list() if organization is None else rules.that_can_strike(organization)
    return Reply({"faults": [active.document() for active in active_rules]})


def add_fault(call: Call) -> Reply:
    """Put a rule in force."""
    rules = _rules(call)
    added = rules.add(parse(call.body))
    return Reply(rules.get(added.id).document(), 201)


def clear_faults(call: Call) -> Reply:
    """Take all rules out of force, or those made for one organization."""
    _rules(call).clear(call.parameters.get("organization"))
    return Reply(None, 204)


def get_fault(call: Call) -> Reply:
    """One rule, with its counters."""
    return Reply(_rules(call).get(call.parameters["rule"]).document())


def remove_fault(call: Call) -> Reply:
    """Take one rule out of force."""
    _rules(call).remove(call.parameters["rule"])
    return Reply(None, 204)


TABLE: Mapping[str, ControlHandler] = {
    "listFaults": list_faults,
    "addFault": add_fault,
    "clearFaults": clear_faults,
    "getFault": get_fault,
    "removeFault": remove_fault,
}
"""operationId to handler."""


def _rules(call: Call) -> ActiveRules:
    rules: ActiveRules = call.service.rules
    return rules
