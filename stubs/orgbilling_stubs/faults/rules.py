"""Standing rules: which requests a fault strikes, how often, and what it does to them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import NamedTuple, Protocol

from orgbilling_fixtures import random_stream

from orgbilling_stubs.faults import errors
from orgbilling_stubs.http.errors import Problem, Row

MOST_RULES = 1_000
LONGEST_MS = 600_000


@dataclass(frozen=True, slots=True)
class Latency:
    """How long an answer is held back, in milliseconds.

    distribution: `fixed` (ms), `uniform` (ms to max_ms) or `lognormal` (median ms, spread sigma_permille of
    the logarithm, never more than max_ms).
    """

    ms: int
    distribution: str = "fixed"
    max_ms: int = LONGEST_MS
    sigma_permille: int = 500


@dataclass(frozen=True, slots=True)
class Stale:
    """Answers from the past: without the last `commands` commands, or as of `seconds` ago."""

    commands: int = 0
    seconds: int = 0


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A token bucket of `limit` requests that fills up evenly within `seconds` of real time."""

    limit: int
    seconds: int = 60


@dataclass(frozen=True, slots=True)
class Effect:
    """What happens to an answer; effects combine.

    status: answered instead, with a body that is true to the contract; `detail` and `retry_after_s` go with
    it. latency: held back. drip_bytes_per_s: the body trickles. truncate_bytes: the connection is closed
    after so many bytes of the body (-1: half of it), though `Content-Length` says more. reset: the
    connection is reset (RST). hang_ms: nothing is answered for so long, or until the client leaves; then
    the connection is closed. late: reset and hang strike after the operation has done its work, not before.
    stale: billing profile and usage summary come from the past. nulls: empty arrays are null. field: an
    undocumented member of this name is added to every object. rate_limit: see RateLimit.
    """

    status: int | None = None
    detail: str | None = None
    retry_after_s: int | None = None
    latency: Latency | None = None
    drip_bytes_per_s: int | None = None
    truncate_bytes: int | None = None
    reset: bool = False
    hang_ms: int | None = None
    late: bool = False
    stale: Stale | None = None
    nulls: bool = False
    field: str | None = None
    rate_limit: RateLimit | None = None


NOTHING = Effect()


@dataclass(frozen=True, slots=True)
class Rule:
    """Which requests an effect strikes; an empty tuple means any.

    times: the next so many only. probability: of each match, drawn from `seed` and the number of the match.
    every: each so-manyth match. from_ms, until_ms: a window on the tenant's clock, the end excluded.
    force: allow a status that the contract does not list.
    """

    effect: Effect
    operations: tuple[str, ...] = ()
    organizations: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    times: int | None = None
    probability: float = 1.0
    every: int = 1
    from_ms: int | None = None
    until_ms: int | None = None
    seed: int = 1
    force: bool = False
    id: str = ""


class Seen(Protocol):
    """What a rule may ask about a request; both are worked out only when a rule needs them."""

    @property
    def organization(self) -> str:
        """The organization of the token, or an empty string when there is none."""

    @property
    def now_ms(self) -> int:
        """The present instant of the organization."""


class Standing:
    """A rule in force, with its counters."""

    __slots__ = ("_key", "_threshold", "fired", "matched", "rule")

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.matched = 0
        """How many requests the rule's filter let through."""
        self.fired = 0
        """How many of them it struck."""
        what = asdict(replace(rule, id=""))
        self._key = random_stream.key("fault", rule.seed, repr(sorted(what.items())))
        self._threshold = threshold(rule.probability)

    @property
    def spent(self) -> bool:
        """Whether it has struck as often as it was to."""
        return self.rule.times is not None and self.fired >= self.rule.times

    def draw(self, purpose: str, counter: int) -> int:
        """64 bits of chance that belong to one match of this rule."""
        return random_stream.draw(random_stream.key(self._key, purpose), counter)

    def strike(self, method: str, seen: Seen) -> Hit | None:
        """Count a request of an operation that the rule covers; the hit, if this is one."""
        rule = self.rule
        if self.spent or (rule.methods and method not in rule.methods):
            return None
        if rule.organizations and seen.organization not in rule.organizations:
            return None
        if rule.from_ms is not None and seen.now_ms < rule.from_ms:
            return None
        if rule.until_ms is not None and seen.now_ms >= rule.until_ms:
            return None
        self.matched += 1
        if self.matched % rule.every or self.draw("probability", self.matched) >= self._threshold:
            return None
        self.fired += 1
        return Hit(self, self.matched)


@dataclass(frozen=True, slots=True)
class Hit:
    """One strike: the rule, and the number of the match it struck at."""

    standing: Standing
    number: int

    @property
    def effect(self) -> Effect:
        """What is to happen."""
        return self.standing.rule.effect


class Covering(NamedTuple):
    """The rules that could strike an operation, and the organizations they name: None when one names none."""

    rules: tuple[Standing, ...]
    organizations: frozenset[str] | None


class Rules:
    """The rules in force, oldest first.

    listed: operationId to the statuses that the contract lists for it; methods: operationId to its method;
    documented: the names of all members that the contract documents, asked for late.
    """

    def __init__(
        self,
        listed: Mapping[str, frozenset[int]],
        methods: Mapping[str, str],
        documented: Callable[[], Collection[str]] = frozenset,
    ) -> None:
        self._listed = listed
        self._methods = methods
        self._documented = documented
        self._rules: dict[str, Standing] = {}
        self._numbers = 0
        self.candidates: dict[str, Covering] = {}
        """What `covering` has found so far, for those who ask with every request."""

    def add(self, rule: Rule) -> Rule:
        """Put a rule in force; without an id it gets one. Raises Problem for a rule that makes no sense."""
        if rule.id in self._rules:
            raise Problem(errors.RULE_EXISTS)
        if len(self._rules) >= MOST_RULES:
            raise Problem(errors.RULES_FULL)
        self._check(rule)
        while not rule.id or rule.id in self._rules:
            self._numbers += 1
            rule = replace(rule, id=f"flt_{self._numbers}")
        self._rules[rule.id] = Standing(rule)
        self.candidates.clear()
        return rule

    def list(self, organization: str | None = None) -> Sequence[Standing]:
        """The rules in force; with an organization, those that name it."""
        return [each for each in self._rules.values() if _names(each.rule, organization)]

    def get(self, identifier: str) -> Standing:
        """One rule; raises Problem when there is none."""
        found = self._rules.get(identifier)
        if found is None:
            raise Problem(errors.RULE_UNKNOWN)
        return found

    def remove(self, identifier: str) -> None:
        """Take a rule out of force; raises Problem when there is none."""
        self.get(identifier)
        del self._rules[identifier]
        self.candidates.clear()

    def clear(self, organization: str | None = None) -> int:
        """Remove all rules, or those that name an organization; how many they were."""
        gone = [each.rule.id for each in self.list(organization)]
        for identifier in gone:
            del self._rules[identifier]
        self.candidates.clear()
        if not self._rules:
            self._numbers = 0
        return len(gone)

    def covering(self, operation: str) -> Covering:
        """The rules that could strike an operation: one look-up after the first time."""
        found = self.candidates.get(operation)
        if found is None:
            covers = (each for each in self._rules.values() if not each.spent)
            rules = tuple(
                each for each in covers if not each.rule.operations or operation in each.rule.operations
            )
            named = [each.rule.organizations for each in rules]
            organizations = frozenset(name for names in named for name in names) if all(named) else None
            found = self.candidates[operation] = Covering(rules, organizations)
        return found

    def match(self, operation: str, method: str, seen: Seen) -> Sequence[Hit]:
        """Count a request; the hits, oldest rule first. HEAD counts as GET."""
        method = "GET" if method == "HEAD" else method
        struck = (each.strike(method, seen) for each in self.covering(operation).rules)
        hits = [hit for hit in struck if hit is not None]
        if any(hit.standing.spent for hit in hits):
            self.candidates.pop(operation, None)
        return hits

    def check_status(self, operations: Iterable[str], status: int, unlisted: Row) -> None:
        """Raise Problem `unlisted` when one of the operations does not list a status."""
        lacking = [name for name in operations if status not in self._listed[name]]
        if lacking:
            raise Problem(unlisted, detail=f"{unlisted.detail}: {status} at {', '.join(lacking)}")

    def _check(self, rule: Rule) -> None:
        unknown = [name for name in rule.operations if name not in self._listed]
        if unknown:
            raise Problem(errors.OPERATION_UNKNOWN, detail=f"no operation {', '.join(unknown)}")
        operations = [
            name
            for name in rule.operations or self._listed
            if not rule.methods or self._methods[name] in rule.methods
        ]
        if not operations:
            raise Problem(errors.METHOD_UNUSED)
        check_limits(rule)
        check_effect(rule.effect)
        if rule.effect.field is not None and rule.effect.field in self._documented():
            detail = f"effect.field: the contract documents a member {rule.effect.field}; choose another name"
            raise Problem(errors.FIELD_DOCUMENTED, detail=detail)
        if rule.effect.status is not None and not rule.force:
            self.check_status(operations, rule.effect.status, errors.STATUS_UNLISTED)
        if rule.effect.rate_limit is not None and not rule.force:
            self.check_status(operations, 429, errors.STATUS_UNLISTED)


def threshold(probability: float) -> int:
    """The least of 64 bits of chance at which a rule of this probability no longer strikes."""
    return round(probability * 2**64)


def check_limits(rule: Rule) -> None:
    """Raise Problem when a rule could never strike, or its numbers make no sense."""
    never = rule.from_ms is not None and rule.until_ms is not None and rule.until_ms <= rule.from_ms
    times = 1 if rule.times is None else rule.times
    if never or rule.every < 1 or times < 1 or not 0 <= rule.probability <= 1:
        raise Problem(errors.LIMIT_INVALID)
    if threshold(rule.probability) == 0:
        raise Problem(errors.LIMIT_INVALID, detail="probability: the rule could never strike")


def check_effect(effect: Effect) -> None:
    """Raise Problem when an effect does nothing, contradicts itself or has numbers out of range."""
    if replace(effect, late=False, detail=None, retry_after_s=None) == NOTHING:
        raise Problem(errors.EFFECT_EMPTY)
    ends = [effect.truncate_bytes is not None, effect.reset, effect.hang_ms is not None]
    cut = effect.reset or effect.hang_ms is not None
    shaped = effect.drip_bytes_per_s is not None or effect.nulls or effect.field is not None
    if sum(ends) > 1 or (cut and (shaped or effect.stale is not None)):
        raise Problem(errors.EFFECTS_CONFLICT)
    if effect.status not in (None, 200) and (effect.stale is not None or effect.nulls):
        raise Problem(errors.EFFECTS_CONFLICT)
    if effect.status is not None and not 200 <= effect.status <= 599:
        raise Problem(errors.STATUS_INVALID)
    latency, stale, limit = effect.latency, effect.stale, effect.rate_limit
    good = (
        latency is None
        or (
            0 <= latency.ms <= latency.max_ms <= LONGEST_MS
            and 0 <= latency.sigma_permille <= 5_000
            and latency.distribution in ("fixed", "uniform", "lognormal")
        ),
        effect.drip_bytes_per_s is None or effect.drip_bytes_per_s >= 1,
        effect.truncate_bytes is None or effect.truncate_bytes >= -1,
        effect.hang_ms is None or 1 <= effect.hang_ms <= LONGEST_MS,
        effect.retry_after_s is None or effect.retry_after_s >= 0,
        stale is None or (stale.commands > 0) != (stale.seconds > 0),
        effect.field is None or 1 <= len(effect.field) <= 100,
        limit is None or (limit.limit >= 1 and limit.seconds >= 1),
    )
    if not all(good):
        raise Problem(errors.EFFECT_INVALID)


def _names(rule: Rule, organization: str | None) -> bool:
    return organization is None or organization in rule.organizations
