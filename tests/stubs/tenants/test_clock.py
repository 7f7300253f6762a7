import pytest
from orgbilling_stubs.billing import instants
from orgbilling_stubs.tenants import clock


def test_a_frozen_clock_stands_still() -> None:
    frozen = clock.from_option("2026-03-10T12:00:00Z")
    assert frozen.frozen
    assert frozen.now_ms() == frozen.now_ms() == instants.parse("2026-03-10T12:00:00Z")


def test_a_live_clock_is_the_wall_clock() -> None:
    live = clock.from_option("live")
    assert not live.frozen
    assert clock.wall_ms() <= live.now_ms() <= clock.wall_ms()


@pytest.mark.parametrize("text", ["", "now", "1969-01-01", "9999-12-31"])
def test_what_is_no_clock_is_named(text: str) -> None:
    with pytest.raises(instants.InstantError):
        clock.from_option(text)
