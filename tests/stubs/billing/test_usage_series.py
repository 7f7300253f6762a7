from hypothesis import given
from hypothesis import strategies as st
from orgbilling_stubs.billing.usage_series import CountSeries, HighWaterMarks, TokenSeries

TIMES = st.lists(st.integers(0, 50), max_size=30).map(sorted)


@given(TIMES, st.integers(-5, 55), st.integers(-5, 55))
def test_a_window_is_what_a_plain_sum_says(times: list[int], after: int, until: int) -> None:
    series, levels, tokens = CountSeries(), HighWaterMarks(), TokenSeries()
    for number, at in enumerate(times):
        series.add(at, number)
        levels.add(at, number)
        tokens.add(at, number, 2 * number, 1, 3)
    inside = [number for number, at in enumerate(times) if after < at <= until]
    if after <= until:
        assert series.total(after, until) == sum(inside)
        assert tokens.totals(after, until) == (
            sum(inside),
            2 * sum(inside),
            len(inside),
            3 * len(inside),
        )
    assert levels.high(after, until) == max(inside, default=0)
