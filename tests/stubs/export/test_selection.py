from __future__ import annotations

import pytest
from orgbilling_fixtures import personas
from orgbilling_stubs.export import selection
from orgbilling_stubs.tenants.persona_registry import PersonaRegistry

from .conftest import AS_OF_MS

NAMES = ("standard", "dense", "euro", "new_org")


def test_the_first_organizations_are_the_same_for_any_number_of_them():
    assert selection.drawn(NAMES, 300, 4)[:40] == selection.drawn(NAMES, 40, 4)
    assert selection.drawn(NAMES, 40, 4) != selection.drawn(NAMES, 40, 5)


def test_personas_are_drawn_equally_often():
    drawn = [organization.persona for organization in selection.drawn(NAMES, 10_000, 1)]
    assert all(abs(drawn.count(name) - 2500) < 200 for name in NAMES)


def test_the_id_of_an_organization_names_its_persona_in_a_stub_too():
    for organization in [*selection.drawn(NAMES, 50, 1), *selection.by_persona(personas.names())]:
        assert PersonaRegistry().of(organization.id)["name"] == organization.persona


def test_a_persona_chosen_twice_is_one_organization():
    assert [organization.id for organization in selection.by_persona(["euro", "euro"])] == ["org_euro"]


def test_length_of_history_can_be_chosen():
    selected = selection.select(selection.by_persona(["standard"]), 1, AS_OF_MS, 40)
    document = selected.persona_documents["standard"]
    persona = personas.parse(document)
    assert persona.usage.history_days == 40
    created = selected.created(selected.organizations[0])
    assert (created.persona, created.identity_organization, created.as_of_ms) == (
        document,
        "org_standard",
        AS_OF_MS,
    )


def test_an_unknown_persona_is_an_error():
    with pytest.raises(personas.PersonaError, match="no such persona"):
        selection.by_persona(["standart"])
