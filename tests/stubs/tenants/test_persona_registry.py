from pathlib import Path

import pytest
from orgbilling_fixtures.personas import PersonaError, names
from orgbilling_stubs.tenants.persona_registry import PersonaRegistry, organization_id


def test_an_organization_id_names_its_persona() -> None:
    registry = PersonaRegistry()
    assert registry.of("org_low_balance")["name"] == "low_balance"
    assert registry.of("org_low_balance_42")["name"] == "low_balance"
    assert registry.of("org_contract_ending_renew_x")["name"] == "contract_ending_renew"
    assert registry.of("org_2abc")["name"] == "standard"
    assert registry.names == names()


def test_the_first_chosen_persona_is_the_default_and_a_file_can_be_one(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("shows: My own\nusage:\n  projects: 1\n")
    registry = PersonaRegistry([str(mine), "low_balance"])
    assert registry.default == "mine"
    assert registry.names == ["mine", "low_balance"]
    assert registry.of("org_whoever")["shows"] == "My own"
    assert registry.of("org_mine_1")["name"] == "mine"
    assert registry.of("org_euro")["name"] == "euro"
    assert registry.of(organization_id("low_balance"))["name"] == "low_balance"


def test_a_persona_that_cannot_be_used_is_named() -> None:
    with pytest.raises(PersonaError):
        PersonaRegistry(["nobody"])
