"""The timeline has what there is to go to, and a preview says what a jump would do without doing it."""

from __future__ import annotations

from typing import Any

import pytest

CONTRACT = "/organizations/org_contract_active"
LOW = "/organizations/org_low_balance"
WHY = "the organization has no such instant ahead of it: "


@pytest.fixture(autouse=True)
def _organizations(drive: Any) -> None:
    for persona in ("contract_active", "low_balance", "postpaid_near_limit", "zero_balance"):
        drive("POST", "/organizations", {"organization": f"org_{persona}", "persona": persona})


def timeline(drive: Any, path: str, **query: Any) -> Any:
    answer = drive("GET", f"{path}/timeline", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def kinds(drive: Any, path: str, kind: str) -> list[tuple[str, bool]]:
    return [(row["at"], row["ahead"]) for row in timeline(drive, path)["markers"] if row["kind"] == kind]


def preview(drive: Any, path: str, **query: str) -> Any:
    return drive("GET", f"{path}/clock/preview", params=query)


@pytest.mark.slow
def test_a_timeline_reaches_from_the_beginning_to_a_year_ahead(drive: Any) -> None:
    line = timeline(drive, CONTRACT)
    assert line["markers"][0]["kind"] == "beginning"
    assert (line["begins"], line["now"]) == (line["markers"][0]["at"], "2026-03-10T12:00:00Z")
    assert line["ends"] == "2027-03-10T12:00:00Z"
    assert timeline(drive, CONTRACT, months=1)["ends"] == "2026-04-10T12:00:00Z"
    instants = [row["at"] for row in line["markers"]]
    assert instants == sorted(instants)
    assert line["balances"][0]["at"] == line["begins"]
    assert line["balances"][-1]["at"] == line["ends"]


@pytest.mark.slow
def test_months_installments_and_the_contract_are_marked_in_the_past_and_ahead(drive: Any) -> None:
    ends = kinds(drive, CONTRACT, "month_end")
    assert ends[-1] == ("2027-02-28T23:59:59Z", True)
    assert ("2026-02-28T23:59:59Z", False) in ends
    [(starts, is_ahead)] = kinds(drive, CONTRACT, "contract_start")
    assert (starts[:10], is_ahead) == ("2025-08-22", False)
    moment = starts[10:]
    assert moment > "T08:00"
    assert kinds(drive, CONTRACT, "contract_end") == [(f"2026-08-22{moment}", True)]
    installments = kinds(drive, CONTRACT, "installment")
    assert (f"2026-02-22{moment}", False) in installments
    # The contract renews itself in August, so installments of its next term follow.
    ahead = [at[:10] for at, is_ahead in installments if is_ahead]
    assert ahead == ["2026-05-22", "2026-08-22", "2026-11-22", "2027-02-22"]


def test_a_marker_ahead_has_the_balance_that_a_jump_leads_to(drive: Any) -> None:
    [row] = [row for row in timeline(drive, LOW)["markers"] if row["kind"] == "credit_exhausted"]
    moved = drive("POST", f"{LOW}/clock/jump", {"to": row["at"]}).json()
    assert (row["ahead"], row["creditBalance"], moved["creditBalance"]) == (True, 0.0, 0.0)
    ahead = [
        row for row in timeline(drive, CONTRACT)["markers"] if row["kind"] == "installment" and row["ahead"]
    ]
    drive("POST", f"{CONTRACT}/clock/jump", {"to": ahead[0]["at"]})
    assert ahead[0]["creditBalance"] == drive("GET", CONTRACT).json()["creditBalance"]


def test_credit_that_is_exhausted_already_is_marked_where_it_was(drive: Any) -> None:
    [(at, ahead)] = kinds(drive, "/organizations/org_zero_balance", "credit_exhausted")
    assert at <= "2026-03-10T12:00:00Z"
    assert not ahead


def test_what_was_done_and_snapshots_are_marked(drive: Any) -> None:
    drive("POST", f"{LOW}/adjustments", {"amountUsd": 10})
    drive("POST", f"{LOW}/snapshots", {"name": "before"})
    drive("POST", f"{LOW}/clock/advance", {"by": "PT1H"})
    drive("PUT", f"{LOW}/scenario", {"scenario": "overdrawn"})
    drive("POST", f"{LOW}/undo")
    titles = [
        row["title"] for row in timeline(drive, LOW)["markers"] if row["kind"] in ("command", "snapshot")
    ]
    assert titles == ["Balance adjusted", "Snapshot before"]


@pytest.mark.slow
def test_only_the_newest_commands_are_listed(drive: Any) -> None:
    for _ in range(203):
        drive("POST", f"{LOW}/adjustments", {"amountUsd": "0.01"})
    line = timeline(drive, LOW)
    assert line["commandsOmitted"] == 3
    assert sum(row["kind"] == "command" for row in line["markers"]) == 200


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize(
    ("persona", "name", "why"),
    [
        ("contract_active", "credit-exhausted", "it tops up automatically, below 100.00 USD"),
        ("postpaid_near_limit", "credit-exhausted", "it is postpaid, so it has no credit to exhaust"),
        ("zero_balance", "credit-exhausted", "its credit is exhausted already"),
        ("low_balance", "contract-end", "it has no contract"),
        ("low_balance", "next-installment", "it has no contract"),
    ],
)
def test_an_instant_that_does_not_exist_says_why(drive: Any, persona: str, name: str, why: str) -> None:
    path = f"/organizations/org_{persona}"
    [row] = [row for row in timeline(drive, path)["jumps"] if row["to"] == name]
    assert (row["at"], row["reason"]) == (None, why)
    for answer in (drive("POST", f"{path}/clock/jump", {"to": name}), preview(drive, path, to=name)):
        assert (answer.status_code, answer.json()["detail"]) == (409, WHY + why)


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize(
    ("persona", "name", "why"),
    [
        ("contract_expired", "contract-end", "its contract has ended, on "),
        ("contract_pending", "next-installment", "its contract has the status pending_payment"),
        ("contract_draft", "next-installment", "its contract has the status draft"),
    ],
)
def test_a_contract_without_the_instant_says_why(drive: Any, persona: str, name: str, why: str) -> None:
    drive("POST", "/organizations", {"organization": "org_c", "persona": persona})
    answer = drive("POST", "/organizations/org_c/clock/jump", {"to": name})
    assert answer.json()["detail"].startswith(WHY + why)


def test_a_preview_says_what_the_jump_then_does(drive: Any) -> None:
    seen = preview(drive, CONTRACT, to="2026-06-01").json()
    assert {row["kind"]: row["count"] for row in seen["passes"]} == {"month_end": 3, "installment": 1}
    assert seen["text"].startswith(
        "Passes 3 month ends and 1 installment of $3,700.00. The balance goes from "
    )
    before = drive("GET", CONTRACT).json()
    assert (before["clock"]["now"], before["creditBalance"]) == (
        seen["from"],
        seen["before"]["creditBalance"],
    )
    after = drive("POST", f"{CONTRACT}/clock/jump", {"to": "2026-06-01"}).json()
    assert after["creditBalance"] == seen["after"]["creditBalance"]
    posted = sum(row["amountCredits"] for row in seen["ledger"])
    assert posted == pytest.approx(seen["after"]["creditBalance"] - seen["before"]["creditBalance"])


def test_a_preview_counts_top_ups_and_the_end_of_the_contract(drive: Any) -> None:
    seen = preview(drive, CONTRACT, by="P1Y").json()
    assert [row["kind"] for row in seen["passes"]] == ["month_end", "installment", "top_up", "contract_end"]
    assert "automatic top-ups of $" in seen["text"]
    assert "1 contract end" in seen["text"]


def test_a_preview_backward_says_what_it_takes_back(drive: Any) -> None:
    drive("POST", f"{LOW}/clock/advance", {"by": "PT2H"})
    drive("POST", f"{LOW}/adjustments", {"amountUsd": 10})
    seen = preview(drive, LOW, by="-PT1H").json()
    assert [row["title"] for row in seen["takesBack"]] == ["Balance adjusted"]
    assert seen["text"].startswith("Takes back 1 command: balance adjusted. Undo brings it back.")
    assert drive("GET", LOW).json()["clock"]["now"] == seen["from"]
    after = drive("POST", f"{LOW}/clock/advance", {"by": "-PT1H"}).json()
    assert after["creditBalance"] == seen["after"]["creditBalance"]


def test_a_preview_is_refused_as_the_jump_would_be(drive: Any) -> None:
    assert preview(drive, LOW, by="P6Y").json()["detail"].startswith("more than five years ahead")
    assert preview(drive, LOW, to="1999-01-01").json()["detail"] == (
        "the organization did not exist at that instant"
    )
    assert preview(drive, LOW, to="someday").json()["errors"][0]["location"] == "query.to"
    for query in ({}, {"to": "end-of-month", "by": "P1D"}):
        answer = preview(drive, LOW, **query)
        assert (answer.status_code, answer.json()["errors"][0]["message"]) == (
            422,
            "expected exactly one of to and by",
        )


def test_the_present_and_an_instant_at_which_nothing_happens(drive: Any) -> None:
    assert preview(drive, LOW, by="PT0S").json()["text"] == "This is the present instant."
    assert preview(drive, LOW, by="PT1S").json()["text"] == "Nothing happens on the way."


def test_reading_creates_no_organization(drive: Any) -> None:
    for path in ("timeline", "clock/preview?by=P1D", "comparison"):
        assert drive("GET", f"/organizations/org_nobody/{path}").status_code == 404


def test_going_back_keeps_a_scenario_and_says_that_its_steps_are_lost(drive: Any) -> None:
    drive("PUT", f"{LOW}/scenario", {"scenario": "webhook-late"})
    commands = [row["title"] for row in timeline(drive, LOW)["markers"] if row["kind"] == "command"]
    assert commands == ["Scenario webhook-late"]
    seen = preview(drive, LOW, by="-P1D").json()
    assert [row["title"] for row in seen["takesBack"]] == ["Steps of scenario webhook-late"]
    drive("POST", f"{LOW}/clock/advance", {"by": "-P1D"})
    assert drive("GET", LOW).json()["scenario"] == "webhook-late"
    assert [row for row in timeline(drive, LOW)["markers"] if row["kind"] == "command"] == []


def test_a_webhook_on_its_way_is_a_marker(drive: Any, dashboard: Any) -> None:
    dashboard("POST", "/org/billing/checkout", "org_low_balance", json={"amount": 2_500})
    drive("POST", f"{LOW}/checkouts/latest/complete", {"outcome": "paid", "webhookSeconds": [3600]})
    assert kinds(drive, LOW, "webhook") == [("2026-03-10T13:00:00Z", True)]
    assert (
        preview(drive, LOW, by="PT2H")
        .json()["text"]
        .startswith("Passes 1 webhook. The balance goes from $3.20")
    )
