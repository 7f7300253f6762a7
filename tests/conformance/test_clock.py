from __future__ import annotations

import re

from orgbilling_conformance import clock


def test_time_moves_forward() -> None:
    began = clock.seconds()
    clock.pause(0.001)
    assert clock.seconds() > began
    assert clock.stamp().startswith(str(clock.today()))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", clock.stamp())
    assert clock.epoch_s() > 1_700_000_000
