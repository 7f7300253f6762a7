from dataclasses import replace

import pytest
from orgbilling_fixtures import personas
from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.events import TenantCreated
from orgbilling_stubs.tenants import tenant_factory

AS_OF_MS = instants.parse("2026-03-10T12:00:00Z")


def created(name: str, identity_organization: str = "org_a") -> TenantCreated:
    return TenantCreated(personas.load(name).document, 1, AS_OF_MS, identity_organization)


@pytest.mark.parametrize("name", personas.names())
def test_every_persona_becomes_a_plan(name: str) -> None:
    plan = tenant_factory.tenant_config("org_a", created(name))
    assert plan.as_of_ms == AS_OF_MS
    assert plan.start_ms <= AS_OF_MS
    assert plan.start_ms % instants.DAY_MS == 0


def test_a_fork_has_its_parents_names_and_its_own_tenant() -> None:
    parent = tenant_factory.tenant_config("org_a", created("standard"))
    child = tenant_factory.tenant_config("org_b", created("standard"))
    assert child.projects == parent.projects
    assert child.contract == parent.contract
    assert child.tenant_id != parent.tenant_id
    other = tenant_factory.tenant_config("org_b", created("standard", "org_b"))
    assert other.projects != parent.projects


def test_contract_terms_are_dated_from_the_clock() -> None:
    ending = tenant_factory.tenant_config("org_a", created("contract_ending")).contract
    assert ending is not None
    assert ending.end_ms - AS_OF_MS // instants.DAY_MS * instants.DAY_MS == 7 * instants.DAY_MS
    assert instants.add_months(ending.end_ms, -ending.term_months) == ending.start_ms


def test_the_document_alone_decides() -> None:
    mine = replace(personas.load("standard"), currency="EUR")
    plan = tenant_factory.tenant_config("org_a", TenantCreated(mine.document, 1, AS_OF_MS, "org_a"))
    assert plan.currency == "EUR"
