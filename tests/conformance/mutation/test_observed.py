from __future__ import annotations

import pytest

from mutation.observed import watched
from mutation.trial import OBSERVED, RECORDING


@pytest.mark.slow
def test_who_watches_a_sound_server_accuses_nobody():
    assert [(outcome.mode, outcome.rules) for outcome in watched("")] == [(OBSERVED, ()), (RECORDING, ())]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "recorded"),
    [
        ("balance-string", True),
        pytest.param("default-7", False, marks=pytest.mark.slow),
        pytest.param("events-total", False, marks=pytest.mark.slow),
    ],
)
def test_who_watches_sees_a_defect(name, recorded):
    assert [outcome.caught for outcome in watched(name)] == [True, recorded]
