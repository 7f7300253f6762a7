from __future__ import annotations

import os
import time
from xml.etree import ElementTree

import pytest
from orgbilling_stubs.export.report import charts

DAYS = [f"2026-{month:02d}-{day:02d}" for month in range(1, 13) for day in range(1, 29)]


def texts(svg):
    return [element.text for element in ElementTree.fromstring(svg).iter() if element.tag.endswith("text")]


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize("numbers", [[1.0] * len(DAYS), [0.0] * len(DAYS), [*map(float, range(-100, 236))]])
@pytest.mark.parametrize("filled", [True, False])
def test_a_day_chart_has_months_and_round_numbers(numbers, filled):
    shown = texts(charts.day_chart(DAYS, numbers, "$~s", filled=filled))
    assert "2026-02" in shown or "2026-03" in shown
    assert "$0" in shown
    assert ("−$100" in shown) is (min(numbers) < 0)


def test_one_day_is_a_chart_too():
    assert "0" in texts(charts.day_chart(["2026-01-05"], [3.0], "~s", filled=True))


def test_bars_have_names_and_numbers_in_the_order_given():
    shown = texts(charts.bar_chart([("b" * 60, 0.5), ("<a>", 0.25)], ".1%"))
    assert shown[0].startswith("bbb")
    assert shown[0].endswith("…")
    assert shown[1:] == ["<a>", "50.0%", "25.0%"]
    assert texts(charts.bar_chart([], ".1%")) == []


def test_the_time_zone_of_the_machine_changes_nothing(monkeypatch):
    svgs = set()
    for zone in ("UTC", "Asia/Tokyo", "America/Los_Angeles"):
        monkeypatch.setitem(os.environ, "TZ", zone)
        time.tzset()
        svgs.add(charts.day_chart(DAYS, [1.0] * len(DAYS), "~s", filled=True))
    monkeypatch.undo()
    time.tzset()
    assert len(svgs) == 1
