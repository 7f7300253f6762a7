from __future__ import annotations

import pytest

from mutation.observed import caught_by_reading, watched


def test_who_watches_a_sound_server_accuses_nobody():
    assert watched("").rules == ()


@pytest.mark.parametrize("name", ["balance-string", "default-7", "events-total"])
def test_who_watches_sees_a_defect(name):
    assert name in caught_by_reading()
    assert watched(name).caught
