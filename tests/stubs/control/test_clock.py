from __future__ import annotations

from typing import Any

import pytest
from orgbilling_stubs.api.serializers import response_digests
from orgbilling_stubs.control.clock import parse_instant
from orgbilling_stubs.http.errors import Problem

CLOCK = "/organizations/org_a/clock"


@pytest.fixture(autouse=True)
def _organization(drive: Any) -> None:
    drive("POST", "/organizations", {"organization": "org_a", "persona": "contract_active"})


def now(answer: Any) -> str:
    assert answer.status_code == 200, answer.text
    found: str = answer.json()["clock"]["now"]
    return found


def test_freeze_advance_rewind(drive: Any) -> None:
    frozen = drive("PUT", CLOCK, {"mode": "frozen", "at": "2026-03-31T00:00:00Z"})
    assert frozen.json()["clock"] == {"mode": "frozen", "now": "2026-03-31T00:00:00Z"}
    assert now(drive("POST", f"{CLOCK}/advance", {"by": "P1M"})) == "2026-04-30T00:00:00Z"
    assert now(drive("POST", f"{CLOCK}/advance", {"by": "-P2M"})) == "2026-02-28T00:00:00Z"
    assert now(drive("PUT", CLOCK, {"mode": "server"})) == "2026-03-10T12:00:00Z"
    live = drive("PUT", CLOCK, {"mode": "live"}).json()["clock"]
    assert live["mode"] == "live"
    assert live["now"].startswith("2026-03-10T12:00")
    assert now(drive("GET", CLOCK)).startswith("2026-03-10T12:0")


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize(
    ("to", "expected"),
    [("end-of-month", "2026-03-31T23:59:59Z"), ("2028-02-29T00:00:00Z", "2028-02-29T00:00:00Z")],
)
def test_jump(drive: Any, to: str, expected: str) -> None:
    assert now(drive("POST", f"{CLOCK}/jump", {"to": to})) == expected


@pytest.mark.slow
def test_jump_to_the_end_of_the_contract(drive: Any) -> None:
    assert drive("POST", f"{CLOCK}/jump", {"to": "next-installment"}).status_code == 200
    drive("PUT", "/organizations/org_a/scenario", {"scenario": "contract-ending"})
    assert drive("POST", f"{CLOCK}/jump", {"to": "contract-end"}).json()["contractStatus"] == "expired"
    assert drive("POST", f"{CLOCK}/jump", {"to": "contract-end"}).status_code == 409


def test_all_at_once_and_who_could_not_follow(drive: Any) -> None:
    drive("POST", "/organizations", {"organization": "org_b", "persona": "no_contract"})
    answer = drive("POST", "/organizations/*/clock/jump", {"to": "contract-end"}).json()
    assert [each["organization"] for each in answer["organizations"]] == ["org_a", "org_b"]
    assert [(each["organization"], each["code"]) for each in answer["errors"]] == [("org_b", "instant_none")]


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/advance", {"by": "P6Y"}, 409),
        ("/advance", {"by": "P5YT1S"}, 409),
        ("/advance", {"by": "P60MT0.001S"}, 409),
        ("/jump", {"to": "2031-03-10T12:00:01Z"}, 409),
        ("/advance", {"by": "-P20Y"}, 409),
        ("/advance", {"by": "P9999Y"}, 409),
        ("/advance", {"by": "tomorrow"}, 422),
        ("/advance", {"by": ""}, 422),
        ("/jump", {"to": "tomorrow"}, 422),
        ("/jump", {"to": "2026-03-10T12:00:00"}, 422),
        ("/jump", {"to": "7999-12-31T00:00:00Z"}, 409),
        ("/jump", {"to": "8999-12-31T00:00:00Z"}, 409),
        ("/jump", {"to": "1972-01-01T00:00:00Z"}, 409),
        ("/jump", {"to": "9000-01-01T00:00:00Z"}, 422),
        ("/jump", {"to": "1971-12-31T23:59:59Z"}, 422),
        ("/jump", {"to": "8999-12-31T23:59:59-12:00"}, 422),
        ("/jump", {"to": "9999-12-31T23:59:59-23:59"}, 422),
        ("/jump", {}, 422),
    ],
)
def test_nobody_gets_lost(drive: Any, path: str, body: dict[str, str], status: int) -> None:
    before = drive("GET", CLOCK).json()
    assert drive("POST", f"{CLOCK}{path}", body).status_code == status
    assert drive("GET", CLOCK).json() == before


@pytest.mark.slow
def test_five_years_are_not_too_far(drive: Any) -> None:
    drive("PUT", CLOCK, {"mode": "frozen"})
    assert now(drive("POST", f"{CLOCK}/advance", {"by": "P5Y"})) == "2031-03-10T12:00:00Z"


def test_the_first_and_the_last_instant_can_be_begun_at(drive: Any) -> None:
    for number, as_of in enumerate(("1972-01-01T00:00:00Z", "8999-12-31T23:59:59.999Z")):
        name = f"org_edge_{number}"
        answer = drive("POST", "/organizations", {"organization": name, "persona": "empty", "asOf": as_of})
        assert answer.status_code == 201, answer.text


def test_an_instant_is_one_that_can_be_lived_at_in_utc() -> None:
    for text in ("1972-01-01T14:00:00+14:00", "8999-12-31T11:59:59.999999999-12:00"):
        assert parse_instant(text, "body.at")
    for text in (
        "1972-01-01T00:00:00+00:01",
        "1971-01-01T00:00:00Z",
        "9000-01-01T00:00:00Z",
        "9999-12-31T23:59:59-23:59",
        "noon",
    ):
        with pytest.raises(Problem, match="instant_invalid"):
            parse_instant(text, "body.at")


def test_only_a_frozen_clock_stands_at_an_instant(drive: Any) -> None:
    refused = drive("PUT", CLOCK, {"mode": "live", "at": "2026-04-01T00:00:00Z"})
    assert refused.status_code == 422


def walk(drive: Any, dashboard: Any, days: int, looked_at: int = 1) -> list[dict[str, str]]:
    """Advance day by day; what the organization shows on every so many days."""
    service = dashboard.app.service
    drive("POST", f"{CLOCK}/jump", {"to": "2026-03-10T12:00:00Z"})
    seen = [response_digests(service.tenant("org_a"))]
    for day in range(days):
        assert drive("POST", f"{CLOCK}/advance", {"by": "P1D"}).status_code == 200
        if day % looked_at:
            continue
        assert drive("GET", "/organizations/org_a/invariants").json()["organizations"][0]["holds"]
        seen.append(response_digests(service.tenant("org_a")))
    return seen


@pytest.mark.slow
def test_a_month_day_by_day_back_and_again_is_the_same(drive: Any, dashboard: Any) -> None:
    first = walk(drive, dashboard, 30)
    assert len({each["getOrgLedger?days=all"] for each in first}) == 31
    assert walk(drive, dashboard, 30) == first


@pytest.mark.slow
def test_a_year_day_by_day_back_and_again_is_the_same(drive: Any, dashboard: Any) -> None:
    assert walk(drive, dashboard, 366, looked_at=5) == walk(drive, dashboard, 366, looked_at=5)


def test_freezing_at_an_instant_is_one_command(drive: Any) -> None:
    before = drive("GET", CLOCK).json()["clock"]
    drive("PUT", CLOCK, {"mode": "frozen", "at": "2026-03-31T00:00:00Z"})
    assert drive("POST", "/organizations/org_a/undo").json()["clock"] == before
