from dataclasses import replace

import pytest
from orgbilling_fixtures import personas
from orgbilling_fixtures.personas.model import PersonaContract
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
    assert ending.end_ms // instants.DAY_MS - AS_OF_MS // instants.DAY_MS == 6
    assert ending.end_ms % instants.DAY_MS
    assert instants.add_months(ending.end_ms, -ending.term_months) == ending.start_ms


@pytest.mark.slow_beyond(5)
@pytest.mark.parametrize(
    "as_of", ["2026-03-10", "2026-03-10T12:00:00Z", "2024-02-29T23:59:59.999Z", "1999-12-31"]
)
@pytest.mark.parametrize("days", [0, -1, -31, -365])
def test_a_contract_has_begun_so_many_days_before_the_clock(as_of: str, days: int) -> None:
    contract = PersonaContract(starts_days=days, term_months=36)
    as_of_ms = instants.parse(as_of)
    for organization in ("org_a", "org_b", "org_c"):
        document = replace(personas.load("standard"), contract=contract).document
        terms = tenant_factory.tenant_config(
            organization, TenantCreated(document, 1, as_of_ms, organization)
        ).contract
        assert terms is not None
        assert 0 <= as_of_ms + days * instants.DAY_MS - terms.start_ms < instants.DAY_MS


@pytest.mark.parametrize("days", [0, 1, 30])
def test_agreements_and_vouchers_are_no_older_than_their_organization(days: int) -> None:
    persona = personas.load("standard")
    persona = replace(persona, contract=None, usage=replace(persona.usage, history_days=days))
    for seed in range(8):
        config = tenant_factory.unsolved_config(
            "org_a", TenantCreated(persona.document, seed, AS_OF_MS, "org_a")
        )
        [redeemed_ms] = [terms.redeemed_ms for terms in config.vouchers if terms.state == "used"]
        assert redeemed_ms is not None
        for at_ms in (redeemed_ms, *(terms.created_ms for terms in config.agreements)):
            assert config.created_ms < at_ms <= AS_OF_MS


def test_who_brings_a_balance_along_signed_up_before_the_history() -> None:
    config = tenant_factory.tenant_config("org_low_balance", created("low_balance"))
    assert config.opening_balance.opening_micros
    assert 29 * instants.DAY_MS < config.begins_ms - config.created_ms < 90 * instants.DAY_MS
    fresh = tenant_factory.tenant_config("org_new_org", created("new_org"))
    assert fresh.created_ms == fresh.begins_ms == fresh.start_ms


def test_the_document_alone_decides() -> None:
    mine = replace(personas.load("standard"), currency="EUR")
    plan = tenant_factory.tenant_config("org_a", TenantCreated(mine.document, 1, AS_OF_MS, "org_a"))
    assert plan.currency == "EUR"
