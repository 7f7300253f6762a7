"""Scenarios: one command puts an organization into a state of a dashboard, in one batch of events.

The batch of `webhook-late`, for example:

    Rewound(0)                   the earlier history is no longer active
    TenantCreated(standard)      the history of the scenario's persona
    ClockSet                     the clock that the organization had before
    ScenarioShown(webhook-late)  its name and its fault rules
    CheckoutSettingsChanged([30]) webhooks arrive 30 seconds after a payment
    CheckoutOpened, CheckoutCompleted
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from orgbilling_fixtures.scenarios import Scenario, ScenarioStep
from orgbilling_openapi.strict_json import JsonValue

from orgbilling_stubs.billing.commands import (
    ChangeCheckoutSettings,
    Command,
    DeclineCheckout,
    ExpireCheckout,
    OpenCheckout,
    PayCheckout,
)
from orgbilling_stubs.billing.decide import decide
from orgbilling_stubs.billing.events import ClockSet, Event, Record
from orgbilling_stubs.billing.state import apply
from orgbilling_stubs.billing.tenant import ActiveScenario, Tenant
from orgbilling_stubs.tenants import clock_commands
from orgbilling_stubs.tenants.clock import billing_instant
from orgbilling_stubs.tenants.reset import created_anew, own_clock
from orgbilling_stubs.tenants.service import Service

_AT_ONCE = (0,)


def show_scenario(
    service: Service, organization: str, scenario: Scenario, persona: Mapping[str, JsonValue]
) -> Tenant:
    """Make an organization show a scenario.

    persona: the document of the scenario's persona. The organization keeps its own clock, unless the scenario
    sets one. A clock that an earlier scenario set does not count as its own.
    """

    def decision(tenant: Tenant, now_ms: int) -> tuple[int, Sequence[Event]]:
        named = scenario.clock in clock_commands.NAMED_INSTANTS
        as_of_ms = None if scenario.clock is None or named else billing_instant(scenario.clock)
        at_ms, events = created_anew(service, tenant, now_ms, persona, service.seed, as_of_ms)
        previous_clock = None if scenario.clock is None else own_clock(tenant)
        active = ActiveScenario(scenario.name, tuple(scenario.faults), previous_clock)
        events.append(clock_commands.scenario_shown(active))
        if named or scenario.webhook_delays_s is not None or scenario.steps:
            events += _scenario_events(service, organization, scenario, at_ms, events[1:])
        elif as_of_ms is not None:
            events.append(ClockSet("frozen", at_ms=as_of_ms))
        return at_ms, events

    service.write(organization, decision)
    return service.tenant(organization)


def _scenario_events(
    service: Service, organization: str, scenario: Scenario, at_ms: int, events: Sequence[Event]
) -> list[Event]:
    """The events for settings, steps and clock of a scenario, which follow those that create the tenant.

    Each depends on the state after the ones before it, so they are decided on a draft of the tenant.
    """
    log = [Record(number, at_ms, event, 1) for number, event in enumerate(events, start=1)]
    draft = service.state_of(organization, log)
    following: list[Event] = []

    def carry_out(command: Command) -> None:
        for event in decide(draft, command, at_ms):
            log.append(Record(len(log) + 1, at_ms, event, 1))
            apply(draft, log[-1])
            following.append(event)

    if scenario.webhook_delays_s is not None:
        carry_out(ChangeCheckoutSettings(webhook_delays_s=scenario.webhook_delays_s))
    for step in scenario.steps:
        carry_out(_STEPS[step["do"]](draft, step))
    if scenario.clock is not None:
        frozen_ms = at_ms
        if scenario.clock in clock_commands.NAMED_INSTANTS:
            frozen_ms = clock_commands.named_instant(
                draft, scenario.clock, lambda: service.state_of(organization, log)
            )
        following.append(ClockSet("frozen", at_ms=frozen_ms))
    return following


def _newest(tenant: Tenant) -> str:
    return next(reversed(tenant.checkouts))


def _pay(tenant: Tenant, step: ScenarioStep) -> Command:
    seconds = tenant.checkout_settings.webhook_delays_s
    return PayCheckout(_newest(tenant), _AT_ONCE if seconds is None else seconds)


_STEPS: Mapping[str, Callable[[Tenant, ScenarioStep], Command]] = {
    "checkout": lambda tenant, step: OpenCheckout(step["amount"], tenant.config.currency),
    "expire": lambda tenant, step: ExpireCheckout(_newest(tenant)),
    "decline": lambda tenant, step: DeclineCheckout(_newest(tenant), step["code"]),
    "pay": _pay,
}
"""The command for each kind of step in a scenario file, by its `do`."""
