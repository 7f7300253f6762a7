from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from orgbilling_stubs.billing import instants


@given(st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9999, 1, 1), timezones=st.just(UTC)))
def test_text_and_parse_are_inverse(moment: datetime) -> None:
    at_ms = instants.parse(moment.isoformat())
    assert instants.parse(instants.text(at_ms)) == at_ms
    assert instants.text(at_ms)[:19] == moment.isoformat()[:19]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("2024-02-29", "2024-02-29T00:00:00Z"),
        ("2026-11-22T10:00:00+02:00", "2026-11-22T08:00:00Z"),
        ("2026-11-22T10:00:00.250Z", "2026-11-22T10:00:00.25Z"),
        ("2026-11-22t10:00:00.123456789z", "2026-11-22T10:00:00.123Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
        ("2017-01-01T08:59:60.5+09:00", "2017-01-01T00:00:00.5Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
    ],
)
def test_how_instants_are_written(text: str, written: str) -> None:
    assert instants.text(instants.parse(text)) == written


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "yesterday",
            "2026-13-01",
            "2026-11-22T10:00:00",
            "2026-11-22T10:00:00Z ",
            "2026-11-22 10:00:00Z",
        ),
        *("0000-01-01T00:00:00Z", "9999-12-31T23:59:59-00:01", "0001-01-01T00:00:00+00:01"),
        *("9999-12-31T23:59:60Z", "2026-11-22T10:00:60Z", "2026-11-22T10:00:61Z", "2026-11-22T24:00:00Z"),
        *("2026-11-22T10:00:00+24:00", "2026-11-22T10:00:00+00:60", "2026-02-30", "20261122T100000Z"),
        *("2026-W01-1", "2026-11-22T10:00Z", "２０２６-11-22", "2026-11-22T10:00:00.Z", "-001-01-01"),
    ],
)
def test_what_is_no_instant_is_named(text: str) -> None:
    with pytest.raises(instants.InstantError):
        instants.parse(text)


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        ("2024-01-31", 1, "2024-02-29"),
        ("2024-02-29", 12, "2025-02-28"),
        ("2026-03-31", -1, "2026-02-28"),
        ("2026-12-01", 1, "2027-01-01"),
    ],
)
def test_months_are_cut_to_their_length(start: str, months: int, end: str) -> None:
    assert instants.add_months(instants.parse(start), months) == instants.parse(end)


def test_months_and_days() -> None:
    assert instants.month(instants.parse("2026-11-30T23:59:59Z")) == "2026-11"
    assert instants.is_first_of_month(instants.day(instants.parse("2026-12-01")))
    assert not instants.is_first_of_month(instants.day(instants.parse("2026-12-02")))
