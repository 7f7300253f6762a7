"""The fault rules in force: their counters, and which of them a request fires."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from orgbilling_fixtures import random_stream

from orgbilling_stubs.faults import effects, errors
from orgbilling_stubs.faults.effects import Effects
from orgbilling_stubs.faults.rules import FaultRule, check_limits, threshold
from orgbilling_stubs.http.errors import Problem, Row

MOST_RULES = 1_000


class RequestFacts(Protocol):
    """What a rule may ask about a request. Both are worked out only when a rule needs them."""

    @property
    def organization(self) -> str:
        """The organization of the token, or an empty string when there is none."""

    @property
    def now_ms(self) -> int:
        """The present instant of the organization."""


class ActiveRule:
    """A rule in force, with its counters.

    Which matches it strikes is drawn as follows. The key is made of the seed and the rule's canonical text;
    the draw of match number n is word n of the random stream of that key. The rule strikes when the draw is
    less than probability · 2^64.
    """

    __slots__ = ("_key", "_threshold", "fired", "matched", "rule")

    def __init__(self, rule: FaultRule) -> None:
        self.rule = rule
        self.matched = 0
        """How many requests the rule's filter let through."""
        self.fired = 0
        """How many of them it struck."""
        self._key = random_stream.key("fault", rule.seed, rule.canonical())
        self._threshold = threshold(rule.probability)

    @property
    def spent(self) -> bool:
        """Whether it has struck as often as it was to."""
        return self.rule.times is not None and self.fired >= self.rule.times

    def draw(self, purpose: str, counter: int) -> int:
        """64 random bits that belong to one match of this rule."""
        return random_stream.draw(random_stream.key(self._key, purpose), counter)

    def fire(self, method: str, request: RequestFacts) -> FiredRule | None:
        """Count a request of an operation that the rule covers; its firing, if it strikes."""
        rule = self.rule
        if self.spent or (rule.methods and method not in rule.methods):
            return None
        if rule.organizations and request.organization not in rule.organizations:
            return None
        if rule.from_ms is not None and request.now_ms < rule.from_ms:
            return None
        if rule.until_ms is not None and request.now_ms >= rule.until_ms:
            return None
        self.matched += 1
        if self.matched % rule.every or self.draw("probability", self.matched) >= self._threshold:
            return None
        self.fired += 1
        return FiredRule(self, self.matched)

    def document(self) -> dict[str, object]:
        """The schema Fault of the control API."""
        rule = self.rule
        defaults: dict[str, object] = {
            "organizations": [],
            "operations": [],
            "methods": [],
            "times": None,
            "every": rule.every,
            "probability": rule.probability,
            "seed": rule.seed,
            "from": None,
            "until": None,
            "force": rule.force,
        }
        counters = {"matched": self.matched, "fired": self.fired}
        return {"id": rule.id} | defaults | rule.document() | counters


@dataclass(frozen=True, slots=True)
class FiredRule:
    """A rule that strikes a request, and the number of the match at which it does."""

    active: ActiveRule
    match_number: int

    @property
    def effects(self) -> Effects:
        """What happens to the request."""
        return self.active.rule.effects

    def draw(self, purpose: str) -> int:
        """64 random bits, the same for the same rule, match and purpose."""
        return self.active.draw(purpose, self.match_number)


class ApplicableRules(NamedTuple):
    """The rules that could strike an operation, and the organizations they name: None when one names none."""

    rules: tuple[ActiveRule, ...]
    organizations: frozenset[str] | None


class ActiveRules:
    """The rules in force, oldest first.

    statuses: operationId to the statuses that the API description lists for it. methods: operationId to its
    method. documented: the names of all members that the API description documents, asked for when a rule
    is added.
    """

    def __init__(
        self,
        statuses: Mapping[str, frozenset[int]],
        methods: Mapping[str, str],
        documented: Callable[[], Collection[str]] = frozenset,
    ) -> None:
        self._statuses = statuses
        self._methods = methods
        self._documented = documented
        self._rules: dict[str, ActiveRule] = {}
        self._numbers = 0
        self.applicable_rules: dict[str, ApplicableRules] = {}
        """What `applicable` has found so far, for whoever asks with every request."""

    def add(self, rule: FaultRule) -> FaultRule:
        """Put a rule in force; without an id it gets one. Raises Problem for a rule that makes no sense."""
        if rule.id in self._rules:
            raise Problem(errors.RULE_EXISTS)
        if len(self._rules) >= MOST_RULES:
            raise Problem(errors.RULES_FULL)
        self._check(rule)
        while not rule.id or rule.id in self._rules:
            self._numbers += 1
            rule = replace(rule, id=f"flt_{self._numbers}")
        self._rules[rule.id] = ActiveRule(rule)
        self.applicable_rules.clear()
        return rule

    def list(self, organization: str | None = None) -> Sequence[ActiveRule]:
        """The rules in force; with an organization, those that name it."""
        return [active for active in self._rules.values() if _names(active.rule, organization)]

    def get(self, identifier: str) -> ActiveRule:
        """One rule; raises Problem when there is none."""
        active = self._rules.get(identifier)
        if active is None:
            raise Problem(errors.RULE_UNKNOWN)
        return active

    def remove(self, identifier: str) -> None:
        """Take a rule out of force; raises Problem when there is none."""
        self.get(identifier)
        del self._rules[identifier]
        self.applicable_rules.clear()

    def clear(self, organization: str | None = None) -> int:
        """Remove all rules, or those that name an organization; how many they were."""
        removed = [active.rule.id for active in self.list(organization)]
        for identifier in removed:
            del self._rules[identifier]
        self.applicable_rules.clear()
        if not self._rules:
            self._numbers = 0
        return len(removed)

    def applicable(self, operation: str) -> ApplicableRules:
        """The rules that could strike an operation: one look-up after the first time."""
        applicable = self.applicable_rules.get(operation)
        if applicable is None:
            rules = tuple(
                active
                for active in self._rules.values()
                if not active.spent and (not active.rule.operations or operation in active.rule.operations)
            )
            named = [active.rule.organizations for active in rules]
            organizations = frozenset(name for names in named for name in names) if all(named) else None
            applicable = self.applicable_rules[operation] = ApplicableRules(rules, organizations)
        return applicable

    def fire(self, operation: str, method: str, request: RequestFacts) -> Sequence[FiredRule]:
        """Count a request; the rules that strike it, oldest first. HEAD counts as GET."""
        method = "GET" if method == "HEAD" else method
        firings = [active.fire(method, request) for active in self.applicable(operation).rules]
        fired = [firing for firing in firings if firing is not None]
        if any(firing.active.spent for firing in fired):
            self.applicable_rules.pop(operation, None)
        return fired

    def check_status(self, operations: Iterable[str], status: int, unlisted: Row) -> None:
        """Raise Problem `unlisted` when one of the operations does not list a status."""
        lacking = [name for name in operations if status not in self._statuses[name]]
        if lacking:
            raise Problem(unlisted, detail=f"{unlisted.detail}: {status} at {', '.join(lacking)}")

    def _check(self, rule: FaultRule) -> None:
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


def _names(rule: FaultRule, organization: str | None) -> bool:
    return organization is None or organization in rule.organizations
