from __future__ import annotations

import pytest
from orgbilling_stubs.faults import errors
from orgbilling_stubs.faults.scenario_preview import ScenarioPreviews
from orgbilling_stubs.http.errors import Problem
from orgbilling_stubs.tenants import tenant_factory
from orgbilling_stubs.tenants.clock import from_option
from orgbilling_stubs.tenants.persona_registry import PersonaRegistry
from orgbilling_stubs.tenants.reset import reset
from orgbilling_stubs.tenants.service import Service
from orgbilling_stubs.tenants.store.memory import MemoryStore


@pytest.fixture
def service():
    clock = from_option("2026-03-10T12:00:00Z")
    return Service(MemoryStore(), clock, tenant_factory.tenant_config, PersonaRegistry(()).of, 1)


@pytest.fixture
def preview(service):
    personas = PersonaRegistry(())
    return ScenarioPreviews(service, lambda name: personas.load(name).document).preview


def test_a_preview_is_created_once_and_lives_on(preview, service):
    assert preview("org_a", "low-balance") == "org_a.low-balance"
    version = service.tenant("org_a.low-balance").version
    assert preview("org_a", "low-balance") == "org_a.low-balance"
    assert preview("org_b", "low-balance") == "org_b.low-balance"
    assert service.tenant("org_a.low-balance").version == version
    assert sorted(service.store.organizations()) == ["org_a.low-balance", "org_b.low-balance"]


@pytest.mark.parametrize("end", [Service.delete, reset], ids=["deleted", "reset"])
def test_a_preview_that_is_no_more_is_created_anew(preview, service, end):
    organization = preview("org_a", "low-balance")
    end(service, organization)
    preview("org_a", "low-balance")
    assert service.tenant(organization).active_scenario.name == "low-balance"


def test_a_number_stands_for_the_first_scenario_of_the_state(preview):
    assert preview("org_a", "3") == "org_a.low-balance"


def test_an_id_stays_an_id(preview):
    organization = preview("o" * 128, "low-balance")
    assert len(organization) == 128
    assert organization.endswith(".low-balance")


def test_the_preview_of_a_preview_is_itself(preview):
    assert preview("org_a.low-balance", "low-balance") == "org_a.low-balance"


@pytest.mark.parametrize("name", ["", "nothing", "99", "٣"])
def test_no_such_scenario(preview, name):
    with pytest.raises(Problem, match=errors.SCENARIO_UNKNOWN.code):
        preview("org_a", name)
