from __future__ import annotations

from xml.etree import ElementTree

import pytest
from orgbilling_stubs.export.report import plots

DAYS = [f"2026-{month:02d}-{day:02d}" for month in range(1, 13) for day in range(1, 29)]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 100, [0, 25, 50, 75, 100]),
        (0, 0.3, [0, 0.1, 0.2, 0.3]),
        (-50, 150, [-50, 0, 50, 100, 150]),
        (0, 7.3e9, [0, 2e9, 4e9, 6e9]),
    ],
)
def test_ticks_are_round_numbers_in_range(low, high, expected):
    assert plots.ticks(low, high) == expected


def test_months_are_thinned_out():
    assert [label for _, label in plots.months(DAYS)] == [f"2026-{month:02d}" for month in range(1, 13, 2)]
    assert plots.months(["2026-01-05", "2026-01-06"]) == [(0, "2026-01-05")]


@pytest.mark.parametrize("numbers", [[1.0] * len(DAYS), [0.0] * len(DAYS), [*map(float, range(-100, 236))]])
@pytest.mark.parametrize("filled", [True, False])
def test_a_series_is_well_formed_and_stays_inside(numbers, filled):
    root = ElementTree.fromstring(plots.series(DAYS, numbers, "a < b", str, filled=filled))
    assert root.find("title").text == "a < b"
    assert (root.find("polygon") is not None) is filled
    points = [tuple(map(float, point.split(","))) for point in root.find("polyline").get("points").split()]
    assert len(points) == len(DAYS)
    assert all(plots.LEFT <= x <= plots.WIDTH and 0 <= y <= plots.HEIGHT - plots.BOTTOM for x, y in points)


def test_the_last_month_is_not_cut_off():
    days = [*DAYS[:50], "2026-03-01"]
    root = ElementTree.fromstring(plots.series(days, [1.0] * 51, "short", str, filled=True))
    [last] = [each for each in root.findall("text") if each.text == "2026-03"]
    assert float(last.get("x")) + 27 <= plots.WIDTH


def test_one_day_is_a_series_too():
    ElementTree.fromstring(plots.series(["2026-01-05"], [3.0], "one", str, filled=True))


def test_bars_have_names_lengths_and_labels():
    root = ElementTree.fromstring(
        plots.bars([("a" * 40, 2.0), ("<b>", 1.0)], "mix", lambda value: f"{value}!")
    )
    widths = [float(bar.get("width")) for bar in root.findall("rect")]
    assert widths[0] == pytest.approx(2 * widths[1], abs=0.2)
    texts = [each.text for each in root.findall("text")]
    assert texts == ["a" * 29 + "…", "2.0!", "<b>", "1.0!"]
    assert ElementTree.fromstring(plots.bars([], "none", str)).findall("rect") == []
