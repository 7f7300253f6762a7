from __future__ import annotations

import pytest
from orgbilling_fixtures import personas
from orgbilling_stubs.export import selection
from orgbilling_stubs.export.selection import MIX
from orgbilling_stubs.tenants.persona_registry import PersonaRegistry

from .conftest import AS_OF_MS


def test_the_mix_is_in_percent_and_of_shipped_personas():
    assert sum(percent for _, percent in MIX) == 100
    assert {name for name, _ in MIX} <= {*personas.names()}


def test_the_first_organizations_are_the_same_for_any_number_of_them():
    assert selection.from_mix(300, 4)[:40] == selection.from_mix(40, 4)
    assert selection.from_mix(40, 4) != selection.from_mix(40, 5)


def test_personas_are_drawn_as_often_as_the_mix_says():
    drawn = [organization.persona for organization in selection.from_mix(10_000, 1)]
    assert all(abs(drawn.count(name) / 100 - percent) < 1.5 for name, percent in MIX)


def test_the_id_of_an_organization_names_its_persona_in_a_stub_too():
    for organization in [*selection.from_mix(50, 1), *selection.by_persona(personas.names())]:
        assert PersonaRegistry().of(organization.id)["name"] == organization.persona


def test_a_persona_chosen_twice_is_one_organization():
    assert [organization.id for organization in selection.by_persona(["euro", "euro"])] == ["org_euro"]


def test_length_of_history_and_locale_can_be_chosen():
    selected = selection.select(selection.by_persona(["standard"]), 1, AS_OF_MS, 40, "de_DE")
    document = selected.persona_documents["standard"]
    persona = personas.parse(document)
    assert (persona.usage.history_days, persona.locale) == (40, "de_DE")
    created = selected.created(selected.organizations[0])
    assert (created.persona, created.identity_organization, created.as_of_ms) == (
        document,
        "org_standard",
        AS_OF_MS,
    )


def test_an_unknown_persona_is_an_error():
    with pytest.raises(personas.PersonaError, match="no such persona"):
        selection.by_persona(["standart"])
