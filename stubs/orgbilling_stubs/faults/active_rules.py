"""The fault rules in force. Standing rules follow from a log; those of scenarios from their tenants."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from copy import copy, deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from orgbilling_openapi.operations import operations_by_id
from orgbilling_openapi.strict_json import JsonValue
from orgbilling_openapi.suggestions import nearest

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
from orgbilling_stubs.tenants.service import OtherChanges, no_other_changes
from orgbilling_stubs.tenants.store.errors import ConflictError, LogDamageError
from orgbilling_stubs.tenants.store.protocol import LogChange
from orgbilling_stubs.tenants.store.retry import report

if TYPE_CHECKING:
    from orgbilling_stubs.faults.rules import FaultRule, FiredRule, RequestFacts, RuleState
    from orgbilling_stubs.faults.scenario_rules import ScenarioRules

T = TypeVar("T")

MOST_RULES = 1_000
MOST_SPENT = 100
"""How many of the rules that have fired for the last time are still shown."""


class ApplicableRules(NamedTuple):
    """The standing rules for an operation, and the organizations they name; None when one names none."""

    rules: tuple[RuleState, ...]
    organizations: frozenset[str] | None


class ActiveRules:
    """The rules in force: those of scenarios, and the standing rules, oldest first.

    A standing rule that has fired as often as it may leaves the rules in force, so that it costs nothing
    any more. The last of them are kept in `spent`, for a test that asks whether its rule has fired.

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
        """Whether other processes may change the rules; then each request finds out."""
        self._rules: dict[str, RuleState] = {}
        self._spent: dict[str, RuleState] = {}
        self._numbers = 0
        self._applicable: dict[str, ApplicableRules] = {}
        """Cached results of `applicable`."""
        try:
            self._catch_up()
        except LogDamageError as error:
            report(error)  # the server answers without standing rules, until they are cleared

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
                raise errors.at(errors.RULE_EXISTS, "body.id", rule.id)
            if len(self._rules) >= MOST_RULES:
                raise Problem(errors.RULES_FULL)
            self.check(rule)
            return FaultRuleAdded(replace(rule, id=rule.id or self._new_id()).document())

        added = self._write(decide)
        assert isinstance(added, FaultRuleAdded)
        return self._rules[added.rule["id"]].rule

    def list(self, organization: str | None = None) -> Sequence[RuleState]:
        """The standing rules; with an organization, those that name it."""
        self._catch_up()
        return [state for state in self._rules.values() if _names(state.rule, organization)]

    def for_organization(self, organization: str) -> Sequence[RuleState]:
        """The rules of an organization's scenario, and the standing rules that may fire for it."""
        scenario = [state for state in self.scenarios.of(organization) if not state.spent]
        return scenario + [state for state in self.list() if _may_fire(state.rule, organization)]

    def spent(self, organization: str | None = None) -> Sequence[RuleState]:
        """The rules that have fired as often as they may, oldest first, at most `MOST_SPENT` standing ones.

        With an organization: those that could fire for it.
        """
        self._catch_up()
        if organization is None:
            return list(self._spent.values())
        scenario = [state for state in self.scenarios.of(organization) if state.spent]
        return scenario + [state for state in self._spent.values() if _may_fire(state.rule, organization)]

    def get(self, identifier: str) -> RuleState:
        """One standing rule, also a spent one that is still shown; raises Problem when there is none."""
        self._catch_up()
        state = self._rules.get(identifier) or self._spent.get(identifier)
        if state is None:
            hint = nearest(identifier, [*self._rules, *self._spent])
            message = f"{errors.RULE_UNKNOWN.detail}{hint}"
            raise errors.at(errors.RULE_UNKNOWN, "path.rule", identifier, message)
        return state

    def remove(self, identifier: str) -> None:
        """Remove a standing rule; raises Problem when there is none."""
        self._write(lambda: FaultRuleRemoved(self.get(identifier).rule.id))

    def remove_with(self, organization: str, change: Callable[[OtherChanges], T]) -> T:
        """Remove the rules for one organization alone, in the transaction that changes the organization.

        change: changes the organization, and carries the changes out that it is given; what it returns is
        returned. A damaged log has no rules to remove.
        """
        if self.damaged:
            return change(no_other_changes)
        removals: list[Event] = []

        def others() -> Sequence[LogChange]:
            self._catch_up()
            identifiers = [
                state.rule.id for state in self._rules.values() if state.rule.organizations == (organization,)
            ]
            removals[:] = [FaultRuleRemoved(identifier) for identifier in identifiers]
            return self._log.appends(removals)

        result = change(others)
        if self.shared:
            self._catch_up()
        else:
            for event in removals:
                self._apply(event)
        return result

    def clear(self, organization: str | None = None) -> int:
        """Remove all standing rules, or those that name an organization; how many they were.

        Removing all of them begins a new log in place of a damaged one.
        """
        if organization is None:
            self._log.replace_damaged()
        before = len(self.list())
        self._write(lambda: FaultRulesCleared(organization) if self._named(organization) else None)
        return before - len(self._rules)

    def clear_applicable(self, organization: str) -> None:
        """Remove every rule that may fire for an organization, and end those of its scenario."""
        for state in self.list():
            if _may_fire(state.rule, organization):
                with suppress(Problem):  # another process was faster
                    self.remove(state.rule.id)
        self.scenarios.clear(organization)

    def _named(self, organization: str | None) -> bool:
        """Whether a rule, in force or spent, names an organization; with None, whether there is any."""
        rules = [*self._rules.values(), *self._spent.values()]
        return any(_names(state.rule, organization) for state in rules)

    def applicable(self, operation: str) -> ApplicableRules:
        """The standing rules that could fire for an operation."""
        applicable = self._applicable.get(operation)
        if applicable is None:
            rules = tuple(state for state in self._rules.values() if state.covers(operation))
            named = [state.rule.organizations for state in rules]
            organizations = frozenset(name for names in named for name in names) if all(named) else None
            applicable = self._applicable[operation] = ApplicableRules(rules, organizations)
        return applicable

    def may_fire(self, operation: str, organization: str | None) -> bool:
        """Whether a rule could fire: a standing one, or one of the organization's scenario.

        Called with every request. organization: None for a request of no organization. Loads first what other
        processes have written; raises StoreError when the store cannot be read.
        """
        # The organization comes first: a database answers for it and for the standing rules at once.
        scenario_may_fire = organization is not None and self.scenarios.may_fire(organization)
        if self.shared:
            self._refresh_standing()
        if self._rules:
            rules, organizations = self.applicable(operation)
            if rules and (organizations is None or organization in organizations):
                return True
        return scenario_may_fire

    def refresh(self, organization: str | None) -> None:
        """Load what other processes have written, as `may_fire` does; raises StoreError."""
        if organization is not None:
            self.scenarios.of(organization)
        self._refresh_standing()

    def fire(
        self, operation: str, method: str, request: RequestFacts, *, counted: bool = True
    ) -> tuple[FiredRule, ...]:
        """Count a request; the rules that fire for it, those of its organization's scenario first.

        A standing rule that may fire a limited number of times is counted by `record_counters`, which says
        whether it fires after all. counted: False only says which rules would fire: copies of the rules count
        the request.
        """
        method = "GET" if method == "HEAD" else method
        scenario = [state for state in self.scenarios.of(request.organization) if state.covers(operation)]
        standing = self.applicable(operation).rules
        rules = [*scenario, *standing]
        if not counted:
            rules = [deepcopy(state) for state in rules]
        results = [
            _fire_uncounted(state, method, request)
            if counted and self._is_limited(state)
            else state.fire(method, request)
            for state in rules
        ]
        return tuple(result for result in results if result is not None)

    def _is_limited(self, state: RuleState) -> bool:
        """Whether a rule is a standing one that may fire a limited number of times."""
        return state.rule.times is not None and self._rules.get(state.rule.id) is state

    def record_counters(self, fired: Iterable[FiredRule]) -> tuple[FiredRule, ...]:
        """Count the rules that may fire a limited number of times; the rules that fire after all.

        Each is decided on the log, after what other requests and processes have appended to it. So a rule
        that may fire once fires once, whatever races.
        """
        results = [rule if rule.counted else self._count(rule.state.rule.id) for rule in fired]
        return tuple(result for result in results if result is not None)

    def _count(self, identifier: str) -> FiredRule | None:
        """Count a request that matches a standing rule; None when the rule does not fire for it."""
        fired: FiredRule | None = None

        def decide() -> Event | None:
            nonlocal fired
            state = self._rules.get(identifier)
            if state is None:
                fired = None
                return None
            counted = copy(state)
            fired = counted.count()
            if fired is None:
                state.matched = counted.matched
                return None
            return FaultRuleFired(identifier, counted.matched, counted.fired)

        self._write(decide)
        return fired

    def check_status(
        self, operations: Iterable[str], status: int, unlisted: ProblemType, location: str | None = None
    ) -> None:
        """Raise Problem `unlisted` when one of the operations does not list a status.

        location: of the status in the request.
        """
        lacking = [name for name in operations if status not in self._statuses[name]]
        if lacking:
            detail = f"{unlisted.detail}: {status} at {', '.join(lacking)}"
            if location is None:
                raise Problem(unlisted, detail=detail)
            raise errors.at(unlisted, location, status, detail)

    @property
    def damaged(self) -> bool:
        """Whether the log is damaged: there are no rules then, until all are removed."""
        try:
            self._catch_up()
        except LogDamageError:
            return True
        return False

    def _refresh_standing(self) -> None:
        """Apply the changes that other processes have made to the standing rules."""
        if self.shared and self._log.changed():
            with suppress(LogDamageError):  # the rules stay as they are
                self._catch_up()

    def _write(self, decide: Callable[[], Event | None]) -> Event | None:
        """Append what is decided on the rules in force, and apply it."""
        with self._log.hold():
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
        with self._log.hold():
            for event in self._log.new_events():
                self._apply(event)

    def _apply(self, event: Event) -> None:
        from orgbilling_stubs.faults.rules import RuleState, parse_stored

        if isinstance(event, FaultRuleAdded):
            try:
                rule = parse_stored(event.rule)
            except Problem as error:
                left_out = (
                    f"the rule {dict(event.rule)!r:.60} of the server's log is left out: {error.detail}"
                )
                report(LogDamageError(left_out))
                return
            self._rules[rule.id] = RuleState(rule)
        elif isinstance(event, FaultRuleRemoved):
            if self._rules.pop(event.rule_id, None) is None:
                self._spent.pop(event.rule_id, None)
        elif isinstance(event, FaultRulesCleared):
            self._rules = _without(self._rules, event.organization)
            self._spent = _without(self._spent, event.organization)
            if not self._rules:
                self._numbers = 0
        elif isinstance(event, FaultRuleFired) and event.rule_id in self._rules:
            state = self._rules[event.rule_id]
            state.matched, state.fired = event.matched, event.fired
            if state.spent:
                self._retire(state)
        self._applicable.clear()

    def _retire(self, state: RuleState) -> None:
        """Take a rule that has fired for the last time out of force."""
        identifier = state.rule.id
        del self._rules[identifier]
        self._spent.pop(identifier, None)
        self._spent[identifier] = state
        if len(self._spent) > MOST_SPENT:
            del self._spent[next(iter(self._spent))]

    def _new_id(self) -> str:
        """The next id of the form `flt_1` that is free."""
        while True:
            self._numbers += 1
            if f"flt_{self._numbers}" not in self._rules:
                return f"flt_{self._numbers}"

    def operation_named(self, name: str) -> str:
        """The operationId that a name is another spelling of; the name itself when there is none."""
        from orgbilling_stubs.http.assisted_input import same_name

        return name if name in self._statuses else same_name(name, self._statuses) or name

    def check(self, rule: FaultRule) -> None:
        """Raise Problem for a rule that is invalid."""
        from orgbilling_stubs.faults import effects
        from orgbilling_stubs.faults.rules import check_limits

        unknown = [name for name in rule.operations if name not in self._statuses]
        if unknown:
            raise self._unknown_operations(rule, unknown)
        operations = [
            name
            for name in rule.operations or self._statuses
            if not rule.methods or self._methods[name] in rule.methods
        ]
        if not operations:
            raise errors.at(errors.METHOD_UNUSED, "body.methods", list(rule.methods))
        check_limits(rule)
        effects.check(rule.effects, self._documented)
        if not rule.force:
            for effect in rule.effects:
                for status in effect.statuses():
                    self.check_status(
                        operations, status, errors.STATUS_UNLISTED, f"body.effect.{effect.member}"
                    )

    def _unknown_operations(self, rule: FaultRule, unknown: Sequence[str]) -> Problem:
        """The problem of a rule that names operations which do not exist, one error for each."""
        from orgbilling_stubs.http.assisted_input import suggestion

        rows = [
            {
                "message": f"no operation {name}{suggestion(name, list(self._statuses))}",
                "location": f"body.operations[{rule.operations.index(name)}]",
                "value": name,
            }
            for name in unknown
        ]
        return Problem(errors.OPERATION_UNKNOWN, rows, detail=f"no operation {', '.join(unknown)}")


def documented_members(node: JsonValue) -> frozenset[str]:
    """The names of the properties of every schema within a part of an API description."""
    if isinstance(node, Mapping):
        properties = node.get("properties")
        own = frozenset(properties) if isinstance(properties, Mapping) else frozenset()
        return own.union(*map(documented_members, node.values()))
    return frozenset().union(*map(documented_members, node)) if isinstance(node, list) else frozenset()


def _fire_uncounted(state: RuleState, method: str, request: RequestFacts) -> FiredRule | None:
    """What firing a rule leads to, counted only where the rule does not fire."""
    counted = copy(state)
    fired = counted.fire(method, request)
    if fired is None:
        state.matched = counted.matched
        return None
    return replace(fired, counted=False)


def _names(rule: FaultRule, organization: str | None) -> bool:
    return organization is None or organization in rule.organizations


def _may_fire(rule: FaultRule, organization: str) -> bool:
    return not rule.organizations or organization in rule.organizations


def _without(rules: Mapping[str, RuleState], organization: str | None) -> dict[str, RuleState]:
    """The rules that do not name an organization; with None, no rule at all."""
    return {identifier: state for identifier, state in rules.items() if not _names(state.rule, organization)}
