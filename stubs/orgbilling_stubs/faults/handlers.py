"""The fault operations of the control API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from orgbilling_stubs.faults.rules import Rule, Rules, Standing
from orgbilling_stubs.http.context import Call, Handler, Reply


class Handlers:
    """The handlers. read: the rule that a request body describes; show: a rule in force as JSON."""

    def __init__(
        self, read: Callable[[Mapping[str, Any]], Rule], show: Callable[[Standing], dict[str, Any]]
    ) -> None:
        self._read = read
        self._show = show

    def table(self) -> dict[str, Handler]:
        """operationId to function."""
        return {
            "listFaults": self.list_faults,
            "addFault": self.add_fault,
            "clearFaults": self.clear_faults,
            "getFault": self.get_fault,
            "removeFault": self.remove_fault,
        }

    def list_faults(self, call: Call) -> Reply:
        """The rules in force; with an organization, those that can strike it."""
        organization = call.parameters.get("organization")
        found = [
            each
            for each in _rules(call).list()
            if organization is None or not each.rule.organizations or organization in each.rule.organizations
        ]
        return Reply({"faults": [self._show(each) for each in found]})

    def add_fault(self, call: Call) -> Reply:
        """Put a rule in force."""
        rules = _rules(call)
        added = rules.add(self._read(call.body))
        return Reply(self._show(rules.get(added.id)), 201)

    def clear_faults(self, call: Call) -> Reply:
        """Take all rules out of force, or those made for one organization."""
        _rules(call).clear(call.parameters.get("organization"))
        return Reply(None, 204)

    def get_fault(self, call: Call) -> Reply:
        """One rule, with its counters."""
        return Reply(self._show(_rules(call).get(call.parameters["rule"])))

    def remove_fault(self, call: Call) -> Reply:
        """Take one rule out of force."""
        _rules(call).remove(call.parameters["rule"])
        return Reply(None, 204)


def _rules(call: Call) -> Rules:
    rules: Rules = call.service.rules
    return rules
