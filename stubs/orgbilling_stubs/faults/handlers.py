"""The fault operations of the control API."""

from __future__ import annotations

from orgbilling_stubs.control.effects import fault, rule
from orgbilling_stubs.faults.rules import Rules
from orgbilling_stubs.runtime.exchange import Call, Handler, Reply


def list_faults(call: Call) -> Reply:
    """The rules in force; with an organisation, those that can strike it."""
    organisation = call.parameters.get("organisation")
    found = [
        each
        for each in _rules(call).list()
        if organisation is None or not each.rule.organisations or organisation in each.rule.organisations
    ]
    return Reply({"faults": [fault(each) for each in found]})


def add_fault(call: Call) -> Reply:
    """Put a rule in force."""
    rules = _rules(call)
    added = rules.add(rule(call.body))
    return Reply(fault(rules.get(added.id)), 201)


def clear_faults(call: Call) -> Reply:
    """Take all rules out of force, or those made for one organisation."""
    _rules(call).clear(call.parameters.get("organisation"))
    return Reply(None, 204)


def get_fault(call: Call) -> Reply:
    """One rule, with its counters."""
    return Reply(fault(_rules(call).get(call.parameters["rule"])))


def remove_fault(call: Call) -> Reply:
    """Take one rule out of force."""
    _rules(call).remove(call.parameters["rule"])
    return Reply(None, 204)


TABLE: dict[str, Handler] = {
    "listFaults": list_faults,
    "addFault": add_fault,
    "clearFaults": clear_faults,
    "getFault": get_fault,
    "removeFault": remove_fault,
}


def _rules(call: Call) -> Rules:
    rules: Rules = call.service.rules
    return rules
