from dataclasses import replace

import pytest
from orgbilling_fixtures import persona as personas
from orgbilling_stubs import genesis
from orgbilling_stubs.domain import instant
from orgbilling_stubs.domain.events import TenantCreated

AS_OF_MS = instant.parse("2026-03-10T12:00:00Z")


def created(name: str, lineage: str = "org_a") -> TenantCreated:
    return TenantCreated(personas.load(name).document, 1, AS_OF_MS, lineage)


@pytest.mark.parametrize("name", personas.names())
def test_every_persona_becomes_a_plan(name: str) -> None:
    plan = genesis.plan("org_a", created(name))
    assert plan.as_of_ms == AS_OF_MS
    assert plan.start_ms <= AS_OF_MS
    assert plan.start_ms % instant.DAY_MS == 0


def test_a_fork_has_its_parents_names_and_its_own_tenant() -> None:
    parent = genesis.plan("org_a", created("standard"))
    child = genesis.plan("org_b", created("standard"))
    assert child.projects == parent.projects
    assert child.contract == parent.contract
    assert child.tenant_id != parent.tenant_id
    other = genesis.plan("org_b", created("standard", "org_b"))
    assert other.projects != parent.projects


def test_contract_terms_are_dated_from_the_clock() -> None:
    ending = genesis.plan("org_a", created("contract_ending")).contract
    assert ending is not None
    assert ending.end_ms - AS_OF_MS // instant.DAY_MS * instant.DAY_MS == 7 * instant.DAY_MS
    assert instant.add_months(ending.end_ms, -ending.term_months) == ending.start_ms


def test_the_document_alone_decides() -> None:
    mine = replace(personas.load("standard"), currency="EUR")
    plan = genesis.plan("org_a", TenantCreated(mine.document, 1, AS_OF_MS, "org_a"))
    assert plan.currency == "EUR"
