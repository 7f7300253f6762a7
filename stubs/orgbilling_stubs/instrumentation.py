"""Instrumentation of a server's operations: fault injection, the journal, and the coverage."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from orgbilling_openapi.strict_json import JsonObject, JsonValue

from orgbilling_stubs.faults.active_rules import ActiveRules
from orgbilling_stubs.faults.fault_injector import FaultInjector
from orgbilling_stubs.faults.rule_log import RuleLog
from orgbilling_stubs.faults.scenario_preview import ScenarioPreviews
from orgbilling_stubs.faults.scenario_rules import ScenarioRules
from orgbilling_stubs.journal.coverage import CoverageTally, coverage_items
from orgbilling_stubs.journal.exchange import Exchange
from orgbilling_stubs.journal.recorder import Recorder
from orgbilling_stubs.journal.store import Journal
from orgbilling_stubs.tenants import clock, tenant_factory
from orgbilling_stubs.tenants.persona_registry import PersonaRegistry
from orgbilling_stubs.tenants.service import Service
from orgbilling_stubs.tenants.store.exchange_table import ExchangeTable


@dataclass(frozen=True, slots=True)
class Instrumentation:
    """Two steps of the request pipeline, and what the control API needs of each.

    recorder: records every exchange in the journal. fault_injection: applies the fault rules in `rules` and
    the overrides of a request. coverage: counts what the journal records.
    """

    recorder: Recorder
    fault_injection: FaultInjector
    rules: ActiveRules
    journal: Journal
    coverage: CoverageTally


def instrument(
    description: Mapping[str, JsonValue],
    service: Service,
    personas: PersonaRegistry,
    handled: Collection[str],
    rule_log: RuleLog | None = None,
    exchanges: ExchangeTable | None = None,
) -> Instrumentation:
    """Build the instrumentation of a server.

    handled: the operationIds that coverage counts, those with a handler. rule_log: keeps the standing fault
    rules; without it they are lost when the server stops. exchanges: the table in which several processes
    tell each other what they have answered. Raises StoreError.
    """

    def explain(exchange: Exchange) -> JsonObject:
        from orgbilling_stubs.journal.explain import Explainer

        return Explainer(description, service, tenant_factory.tenant_config).explain(exchange)

    rules = ActiveRules.of(description, ScenarioRules(service, shared=rule_log is not None), rule_log)
    journal = Journal(explain=explain)
    coverage = CoverageTally(coverage_items(description, handled), clock.wall_ms(), scenario_names)
    if exchanges is not None:
        from orgbilling_stubs.journal.shared_coverage import SharedCoverage
        from orgbilling_stubs.journal.sharing import JournalSharing

        JournalSharing(exchanges, journal, SharedCoverage(coverage))
    previews = ScenarioPreviews(service, lambda persona: personas.load(persona).document)
    injector = FaultInjector(description, rules, service, previews)
    return Instrumentation(Recorder(service, journal, coverage), injector, rules, journal, coverage)


def scenario_names() -> list[str]:
    """The names of all scenarios."""
    from orgbilling_fixtures import scenarios

    return [scenario.name for scenario in scenarios.load()]
