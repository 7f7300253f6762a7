from __future__ import annotations

import pytest
from orgbilling_fixtures import persona as personas
from orgbilling_stubs.cast import Cast as StubCast
from orgbilling_stubs.export import people
from orgbilling_stubs.export.people import MIX

from .conftest import AS_OF_MS


def test_the_mix_is_in_per_cent_and_of_shipped_personas():
    assert sum(weight for _, weight in MIX) == 100
    assert {name for name, _ in MIX} <= {*personas.names()}


def test_the_first_organisations_are_the_same_for_any_number_of_them():
    assert people.drawn(300, 4)[:40] == people.drawn(40, 4)
    assert people.drawn(40, 4) != people.drawn(40, 5)


def test_personas_are_drawn_as_often_as_the_mix_says():
    drawn = [person.persona for person in people.drawn(10_000, 1)]
    assert all(abs(drawn.count(name) / 100 - weight) < 1.5 for name, weight in MIX)


def test_the_id_of_an_organisation_names_its_persona_in_a_stub_too():
    for person in [*people.drawn(50, 1), *people.chosen(personas.names())]:
        assert StubCast().of(person.organisation)["name"] == person.persona


def test_a_persona_chosen_twice_is_one_organisation():
    assert [person.organisation for person in people.chosen(["euro", "euro"])] == ["org_euro"]


def test_length_of_history_and_locale_can_be_chosen():
    cast = people.cast(people.chosen(["standard"]), 1, AS_OF_MS, 40, "de_DE")
    document = cast.documents["standard"]
    persona = personas.parse(document)
    assert (persona.usage.history_days, persona.locale) == (40, "de_DE")
    created = cast.created(cast.people[0])
    assert (created.persona, created.lineage, created.as_of_ms) == (document, "org_standard", AS_OF_MS)


def test_an_unknown_persona_is_refused():
    with pytest.raises(personas.PersonaError, match="no such persona"):
        people.chosen(["standart"])
