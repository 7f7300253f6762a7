"""The faults of one request: its own overrides first, then the rules that fired for it."""

from __future__ import annotations

from dataclasses import dataclass

from orgbilling_stubs.faults.delivery import Delivery
from orgbilling_stubs.faults.documented_responses import InjectedError
from orgbilling_stubs.faults.effects import Effects, changes_body, in_order
from orgbilling_stubs.faults.effects.effect import Effect, FaultedExchange, TenantReader
from orgbilling_stubs.faults.effects.status import Status
from orgbilling_stubs.faults.overrides import Override
from orgbilling_stubs.faults.rules import FiredRule
from orgbilling_stubs.http.context import AppliedFault


@dataclass(frozen=True, slots=True)
class RequestFaults:
    """The faults of a request.

    override: what the request asks for itself; a response that it chooses beats those of the rules.
    fired: the rules that fired for it, oldest first. waits: whether delays take place.
    """

    override: Override | None
    fired: tuple[FiredRule, ...]
    waits: bool = True

    @property
    def effects(self) -> Effects:
        """The effects of all rules, rule by rule. Of a type that does not add up, that of the oldest rule."""
        effects: list[Effect] = []
        types: set[type[Effect]] = set()
        for rule in self.fired:
            effects += [effect for effect in rule.effects if effect.adds_up or type(effect) not in types]
            types.update(map(type, rule.effects))
        return tuple(effects)

    @property
    def delay_ms(self) -> int:
        """The sum of all delays."""
        if not self.waits:
            return 0
        own_ms = 0 if self.override is None else self.override.delay_ms
        return own_ms + sum(effect.delay_ms(rule) for rule in self.fired for effect in rule.effects)

    @property
    def delivery(self) -> Delivery:
        """How the response is sent."""
        delivery = Delivery()
        for effect in self.effects:
            delivery = effect.change_delivery(delivery)
        return delivery

    @property
    def changes_body(self) -> bool:
        """Whether an effect changes the body, so that the client needs it in full."""
        return changes_body(self.effects)

    def error_response(self, exchange: FaultedExchange) -> InjectedError | None:
        """The error response in place of the operation's own; None when the operation answers.

        Every effect acts, even when the override decides: rate limits count the request.
        """
        error = None
        for effect in in_order(self.effects):
            error = effect.error_response(exchange, error)
        override = self.override
        if override is None or not override.chooses_response:
            return error
        exchange.success_status = None
        return None if override.code is None else Status(override.code).error_response(exchange, None)

    def tenants(self, exchange: FaultedExchange, tenants: TenantReader) -> TenantReader:
        """Where the operation reads tenants."""
        for effect in in_order(self.effects):
            tenants = effect.tenants(exchange, tenants)
        return tenants

    def changed_body(self, body: bytes) -> bytes:
        """The body with all changes. A body that is not JSON stays as it is."""
        changed = body
        try:
            for effect in in_order(self.effects):
                changed = effect.change_body(changed)
        except ValueError:
            return body
        return changed

    def applied(self) -> AppliedFault:
        """What the journal records."""
        parts = [f"override {self.override.applied}"] if self.override is not None else []
        parts += [f"rule {fired.state.rule.id}" for fired in self.fired]
        return AppliedFault(
            ", ".join(parts),
            "" if self.override is None else self.override.applied,
            tuple((fired.state.rule.id, fired.match_number) for fired in self.fired),
        )
