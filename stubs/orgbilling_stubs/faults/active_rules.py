"""The fault rules in force. Standing rules follow from a log; those of scenarios from their tenants."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from orgbilling_openapi.operations import operations_by_id
from orgbilling_openapi.strict_json import JsonValue

from orgbilling_stubs.billing.events import (
    Event,
    FaultRuleAdded,
    FaultRuleFired,
    FaultRuleRemoved,
    FaultRulesCleared,
)
from orgbilling_stubs.faults import errors
from orgbilling_stubs.faults.rule_log import RuleLog
from orgbilling_stubs.http.errors import Problem, ProblemType
from orgbilling_stubs.tenants.store.protocol import ConflictError

if TYPE_CHECKING:
    from orgbilling_stubs.faults.rules import ActiveRule, FaultRule, FiredRule, RequestFacts
    from orgbilling_stubs.faults.scenario_rules import ScenarioRules

MOST_RULES = 1_000


class ApplicableRules(NamedTuple):
    """The standing rules for an operation, and the organizations they name; None when one names none."""

    rules: tuple[ActiveRule, ...]
    organizations: frozenset[str] | None


class ActiveRules:
    """The rules in force: those of scenarios, and the standing rules, oldest first.

    Standing rules follow from the events in `log`. A change is decided on the rules in force, appended as an
    event, and applied. When another process has appended meanwhile, its events are applied first, and the
    change is decided again.

    statuses: operationId to the statuses that the API description lists for it. methods: operationId to its
    method. documented: gives the names of all members that the API description documents.

    Effects and rules are imported with the first rule: most servers never have one, and these modules cost
    ten milliseconds.
    """

    def __init__(
        self,
        statuses: Mapping[str, frozenset[int]],
        methods: Mapping[str, str],
        scenarios: ScenarioRules,
        documented: Callable[[], Collection[str]] = frozenset,
        log: RuleLog | None = None,
    ) -> None:
        self.scenarios = scenarios
        self._statuses = statuses
        self._methods = methods
        self._documented = documented
        self._log = RuleLog() if log is None else log
        self.shared = self._log.shared
        """Whether other processes may change the rules; then `refresh` finds out."""
        self._rules: dict[str, ActiveRule] = {}
        self._numbers = 0
        self.applicable_rules: dict[str, ApplicableRules] = {}
        """Cached results of `applicable`, for the fault injector, which needs them with every request."""
        self._catch_up()
        for active in list(self._rules.values()):
            if active.spent:
                del self._rules[active.rule.id]

    @classmethod
    def of(
        cls, description: Mapping[str, JsonValue], scenarios: ScenarioRules, log: RuleLog | None = None
    ) -> ActiveRules:
        """The rules for the operations of an API description; the standing ones are those in the log."""
        operations = operations_by_id(description)
        statuses = {
            name: frozenset(int(status) for status in operation.node["responses"] if str(status).isdecimal())
            for name, operation in operations.items()
        }
        methods = {name: operation.method.upper() for name, operation in operations.items()}
        return cls(statuses, methods, scenarios, lambda: documented_members(description), log)

    def add(self, rule: FaultRule) -> FaultRule:
        """Add a standing rule. Without an id it gets one. Raises Problem for a rule that is invalid."""

        def decide() -> Event:
            if rule.id in self._rules:
                raise Problem(errors.RULE_EXISTS)
            if len(self._rules) >= MOST_RULES:
                raise Problem(errors.RULES_FULL)
            self.check(rule)
            return FaultRuleAdded(replace(rule, id=rule.id or self._new_id()).document())

        added = self._write(decide)
        assert isinstance(added, FaultRuleAdded)
        return self._rules[added.rule["id"]].rule

    def list(self, organization: str | None = None) -> Sequence[ActiveRule]:
        """The standing rules; with an organization, those that name it."""
        self._catch_up()
        return [active for active in self._rules.values() if _names(active.rule, organization)]

    def for_organization(self, organization: str) -> Sequence[ActiveRule]:
        """The rules of an organization's scenario, and the standing rules that may fire for it."""
        standing = [
            active
            for active in self.list()
            if not active.rule.organizations or organization in active.rule.organizations
        ]
        return [*self.scenarios.of(organization), *standing]

    def get(self, identifier: str) -> ActiveRule:
        """One standing rule; raises Problem when there is none."""
        self._catch_up()
        active = self._rules.get(identifier)
        if active is None:
            raise Problem(errors.RULE_UNKNOWN)
        return active

    def remove(self, identifier: str) -> None:
        """Remove a standing rule; raises Problem when there is none."""
        self._write(lambda: FaultRuleRemoved(self.get(identifier).rule.id))

    def clear(self, organization: str | None = None) -> int:
        """Remove all standing rules, or those that name an organization; how many they were."""
        before = len(self.list())
        self._write(lambda: FaultRulesCleared(organization) if self.list(organization) else None)
        return before - len(self._rules)

    def applicable(self, operation: str) -> ApplicableRules:
        """The standing rules that could fire for an operation."""
        applicable = self.applicable_rules.get(operation)
        if applicable is None:
            rules = tuple(active for active in self._rules.values() if active.covers(operation))
            named = [active.rule.organizations for active in rules]
            organizations = frozenset(name for names in named for name in names) if all(named) else None
            applicable = self.applicable_rules[operation] = ApplicableRules(rules, organizations)
        return applicable

    def fire(self, operation: str, method: str, request: RequestFacts) -> tuple[FiredRule, ...]:
        """Count a request; the rules that fire for it, those of its organization's scenario first."""
        method = "GET" if method == "HEAD" else method
        scenario = [active for active in self.scenarios.of(request.organization) if active.covers(operation)]
        standing = self.applicable(operation).rules
        results = [active.fire(method, request) for active in (*scenario, *standing)]
        fired = tuple(result for result in results if result is not None)
        for active in (rule.active for rule in fired):
            if active.rule.times is not None and self._rules.get(active.rule.id) is active:
                self._record_counters(active)
        return fired

    def _record_counters(self, active: ActiveRule) -> None:
        """Append the counters of a rule with a limited number of requests, so that they survive a restart."""
        # The counters are read after the events of other processes have been applied.
        self._write(lambda: FaultRuleFired(active.rule.id, active.matched, active.fired))

    def check_status(self, operations: Iterable[str], status: int, unlisted: ProblemType) -> None:
        """Raise Problem `unlisted` when one of the operations does not list a status."""
        lacking = [name for name in operations if status not in self._statuses[name]]
        if lacking:
            raise Problem(unlisted, detail=f"{unlisted.detail}: {status} at {', '.join(lacking)}")

    def refresh(self) -> None:
        """Apply what other processes have changed."""
        if self._log.changed():
            self._catch_up()

    def _write(self, decide: Callable[[], Event | None]) -> Event | None:
        """Append what is decided on the rules in force, and apply it."""
        while True:
            self._catch_up()
            event = decide()
            if event is None:
                return None
            try:
                self._log.append(event)
            except ConflictError:
                continue
            self._apply(event)
            return event

    def _catch_up(self) -> None:
        """Apply what the log has that was not applied yet."""
        for event in self._log.new_events():
            self._apply(event)

    def _apply(self, event: Event) -> None:
        from orgbilling_stubs.faults.rules import ActiveRule, parse

        if isinstance(event, FaultRuleAdded):
            rule = parse(event.rule)
            self._rules[rule.id] = ActiveRule(rule)
        elif isinstance(event, FaultRuleRemoved):
            self._rules.pop(event.rule_id, None)
        elif isinstance(event, FaultRulesCleared):
            self._rules = {
                identifier: active
                for identifier, active in self._rules.items()
                if not _names(active.rule, event.organization)
            }
            if not self._rules:
                self._numbers = 0
        elif isinstance(event, FaultRuleFired) and event.rule_id in self._rules:
            active = self._rules[event.rule_id]
            active.matched, active.fired = event.matched, event.fired
        self.applicable_rules.clear()

    def _new_id(self) -> str:
        """The next id of the form `flt_1` that is free."""
        while True:
            self._numbers += 1
            if f"flt_{self._numbers}" not in self._rules:
                return f"flt_{self._numbers}"

    def check(self, rule: FaultRule) -> None:
        """Raise Problem for a rule that is invalid."""
        from orgbilling_stubs.faults import effects
        from orgbilling_stubs.faults.rules import check_limits

        unknown = [name for name in rule.operations if name not in self._statuses]
        if unknown:
            raise Problem(errors.OPERATION_UNKNOWN, detail=f"no operation {', '.join(unknown)}")
        operations = [
            name
            for name in rule.operations or self._statuses
            if not rule.methods or self._methods[name] in rule.methods
        ]
        if not operations:
            raise Problem(errors.METHOD_UNUSED)
        check_limits(rule)
        effects.check(rule.effects, self._documented)
        if not rule.force:
            for effect in rule.effects:
                for status in effect.statuses():
                    self.check_status(operations, status, errors.STATUS_UNLISTED)


def documented_members(node: JsonValue) -> frozenset[str]:
    """The names of the properties of every schema within a part of an API description."""
    if isinstance(node, Mapping):
        properties = node.get("properties")
        own = frozenset(properties) if isinstance(properties, Mapping) else frozenset()
        return own.union(*map(documented_members, node.values()))
    return frozenset().union(*map(documented_members, node)) if isinstance(node, list) else frozenset()


def _names(rule: FaultRule, organization: str | None) -> bool:
    return organization is None or organization in rule.organizations
