from __future__ import annotations

import pytest
from orgbilling_stubs.billing import instants
from orgbilling_stubs.control.duration import DurationError, parse


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("P1D", "2026-03-10T12:00:00Z", "2026-03-11T12:00:00Z"),
        ("P1M", "2026-01-31T12:00:00Z", "2026-02-28T12:00:00Z"),
        ("P1Y", "2028-02-29T00:00:00Z", "2029-02-28T00:00:00Z"),
        ("-P1M", "2026-03-31T00:00:00Z", "2026-02-28T00:00:00Z"),
        ("P2W", "2026-03-10T12:00:00Z", "2026-03-24T12:00:00Z"),
        ("PT36H", "2026-03-10T12:00:00Z", "2026-03-12T00:00:00Z"),
        ("PT0.5S", "2026-03-10T12:00:00Z", "2026-03-10T12:00:00.5Z"),
        ("P1Y2M3W4DT5H6M7,25S", "2026-01-01T00:00:00Z", "2027-03-26T05:06:07.25Z"),
        ("+PT1M", "2026-03-10T12:00:00Z", "2026-03-10T12:01:00Z"),
    ],
)
def test_a_duration_leads_along_the_calendar(text: str, start: str, end: str) -> None:
    assert instants.text(parse(text).after(instants.parse(start))) == end


@pytest.mark.parametrize(
    "text",
    [
        "",
        "P",
        "PT",
        "P1",
        "P1H",
        "PT1D",
        "P-1D",
        "P1DT",
        "--P1D",
        "P1.5D",
        "P1D ",
        "1M",
        "P１D",
        "PT1.1234S",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(DurationError):
        parse(text)


@pytest.mark.parametrize("text", ["P9999Y", "-P9999Y", "PT999999999999S"])
def test_nobody_leaves_the_calendar(text: str) -> None:
    with pytest.raises(DurationError, match="calendar"):
        parse(text).after(instants.parse("2026-03-10T12:00:00Z"))
