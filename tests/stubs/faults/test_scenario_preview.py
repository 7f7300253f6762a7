from __future__ import annotations

import pytest
from orgbilling_stubs.faults import errors
from orgbilling_stubs.faults.scenario_preview import Staging
from orgbilling_stubs.http.errors import Problem


@pytest.fixture
def played():
    return []


@pytest.fixture
def staging(played):
    def lives(organization):
        return organization in [each for each, _ in played]

    return Staging(lambda organization, scenario: played.append((organization, scenario.name)), lives)


def test_a_scenario_is_played_once_by_a_shadow(staging, played):
    assert staging("org_a", "low-balance") == "org_a.low-balance"
    assert staging("org_a", "low-balance") == "org_a.low-balance"
    assert staging("org_b", "low-balance") == "org_b.low-balance"
    assert played == [("org_a.low-balance", "low-balance"), ("org_b.low-balance", "low-balance")]


def test_a_shadow_that_was_deleted_is_played_anew(staging, played):
    staging("org_a", "low-balance")
    played.clear()
    staging("org_a", "low-balance")
    assert played == [("org_a.low-balance", "low-balance")]


def test_a_number_stands_for_the_first_scenario_of_the_state(staging):
    assert staging("org_a", "3") == "org_a.low-balance"


def test_an_id_stays_an_id(staging):
    shadow = staging("o" * 128, "low-balance")
    assert len(shadow) == 128
    assert shadow.endswith(".low-balance")


def test_a_shadow_is_its_own(staging):
    assert staging("org_a.low-balance", "low-balance") == "org_a.low-balance"


@pytest.mark.parametrize("name", ["", "nothing", "99", "٣"])
def test_no_such_scenario(staging, name):
    with pytest.raises(Problem, match=errors.SCENARIO_UNKNOWN.name):
        staging("org_a", name)
