"""Each defect is real: it changes an answer of the sound server. Without one, nothing is changed."""

from __future__ import annotations

from collections import Counter

import pytest

from mutation.defect import ERROR_BASES, WARNING_BASES
from mutation.defects import BY_NAME, DEFECTS
from mutation.probes import all_responses, first_difference, probes
from mutation.proxy import Proxy
from mutation.sound_server import sound_server

WRITES = {"redeem", "checkout", "portal", "subscribe", "methods"}


@pytest.fixture(scope="module")
def asked():
    return probes(sound_server())


@pytest.fixture(scope="module")
def sound(asked):
    return all_responses(sound_server().app, asked)


@pytest.mark.slow
@pytest.mark.parametrize("name", BY_NAME)
def test_a_defect_changes_an_answer(name, asked, sound):
    mutated = sound_server()
    assert first_difference(Proxy(mutated.app, BY_NAME[name].make(mutated)), asked, sound) is not None


@pytest.mark.slow
def test_without_a_defect_nothing_changes(asked, sound):
    assert first_difference(Proxy(sound_server().app), asked, sound) is None


def test_there_are_enough_defects_of_every_kind():
    areas = Counter(defect.area for defect in DEFECTS)
    assert len(DEFECTS) >= 90
    assert min(areas.values()) >= 10
    assert set(areas) == {
        "authentication", "errors", "isolation", "robustness", "schemas", "semantics", "validation", "writes"
    }  # fmt: skip


def test_names_are_unique_and_words_are_known():
    assert len(BY_NAME) == len(DEFECTS)
    for defect in DEFECTS:
        assert defect.basis in (*ERROR_BASES, *WARNING_BASES)
        assert set(defect.writes) <= WRITES
        assert defect.says
        assert not defect.says.endswith(".")
