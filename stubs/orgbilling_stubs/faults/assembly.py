"""Puts faults, journal and coverage of one server together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orgbilling_openapi.operations import operations_by_id

from orgbilling_stubs.billing.state import TenantFactory
from orgbilling_stubs.faults.active_rules import ActiveRules
from orgbilling_stubs.faults.engine import FaultInjection, Stage, no_stage
from orgbilling_stubs.http.security import Authorize
from orgbilling_stubs.journal.coverage_items import items
from orgbilling_stubs.journal.coverage_tally import Tally
from orgbilling_stubs.journal.exchange import Exchange
from orgbilling_stubs.journal.recorder import Recorder
from orgbilling_stubs.journal.store import Journal
from orgbilling_stubs.tenants.service import Service


@dataclass(frozen=True, slots=True)
class Watching:
    """Two steps of the pipeline, for `assemble`, and what the control API drives."""

    recorder: Recorder
    fault_injection: FaultInjection
    rules: ActiveRules
    journal: Journal
    coverage: Tally


def watching(
    contract: Mapping[str, Any],
    service: Service,
    genesis: TenantFactory,
    handled: Collection[str],
    wall_ms: Callable[[], int],
    authorize: Authorize,
    stage: Stage = no_stage,
    scenarios: Callable[[], Sequence[str]] = tuple,
) -> Watching:
    """Watch a server.

    handled: operationIds with a handler: what coverage counts. wall_ms: real time. authorize: who
    asks, and may they. stage: makes the organization that shows a scenario. scenarios: their names, asked
    for late.
    """

    def explain(exchange: Exchange) -> dict[str, Any]:
        from orgbilling_stubs.journal.explain import Explainer

        return Explainer(contract, service, genesis).explain(exchange)

    rules = rules_of(contract)
    journal = Journal(explain=explain)
    tally = Tally(items(contract, handled), wall_ms(), scenarios, journal.flush)
    journal.readers.append(tally.count)

    def staged(organization: str, scenario: str) -> str:
        shown = stage(organization, scenario)
        tally.scenario(scenario)
        return shown

    injection = FaultInjection(contract, rules, service, genesis, authorize, staged)
    return Watching(Recorder(service, journal), injection, rules, journal, tally)


def rules_of(contract: Mapping[str, Any]) -> ActiveRules:
    """Fault rules for the operations of a contract, none yet."""
    operations = operations_by_id(contract)
    listed = {
        name: frozenset(int(each) for each in operation.node["responses"] if str(each).isdecimal())
        for name, operation in operations.items()
    }
    methods = {name: operation.method.upper() for name, operation in operations.items()}
    return ActiveRules(listed, methods, lambda: members_of(contract))


def members_of(node: Any) -> frozenset[str]:
    """The names of the properties of every schema within a part of a contract."""
    if isinstance(node, Mapping):
        properties = node.get("properties")
        own = frozenset(properties) if isinstance(properties, Mapping) else frozenset()
        return own.union(*map(members_of, node.values()))
    return frozenset().union(*map(members_of, node)) if isinstance(node, list) else frozenset()
