"""Which address of a recording is the API, where several have the paths of its operations."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from orgbilling_conformance import Report, UsageError, conform
from orgbilling_conformance.exchange import Request, Response
from orgbilling_conformance.har_address import server
from orgbilling_conformance.target import AppTarget

API = "https://api.example.com"
OTHER = {"plan": "pro", "seats": 5}
PROBLEM = {"title": "Unauthorized", "status": 401, "detail": "no session"}
PROBLEM_MEDIA = "application/problem+json"
NOT_BILLING = {"balance": 3}

Entry = dict[str, Any]
Answers = Callable[..., Entry]


def row(url: str, body: object, status: int = 200, media: str = "application/json") -> Entry:
    text = body if isinstance(body, str) else json.dumps(body)
    headers = [{"name": "content-type", "value": media}]
    return {
        "request": {"method": "GET", "url": f"{url}/org/billing", "headers": []},
        "response": {
            "status": status,
            "headers": headers,
            "content": {"text": text, "size": len(text.encode())},
        },
    }


@pytest.fixture
def profile(stub: Any, token: Callable[..., str]) -> Answers:
    """An answer with a sound profile from an address; broken: its currency is null."""
    target = AppTarget(stub)
    response: Response = target.send(Request("GET", "/org/billing"), f"Bearer {token()}")
    target.close()

    def answer(base: str = f"{API}/api/v1", broken: bool = False) -> Entry:
        body = json.loads(response.body)
        made = row(base, {**body, "currency": None} if broken else body)
        made["response"]["headers"] = [{"name": name, "value": value} for name, value in response.headers]
        return made

    return answer


def check(tmp_path: Path, *entries: Entry, url: str | None = None) -> Report:
    path = tmp_path / "a.har"
    path.write_text(json.dumps({"log": {"version": "1.2", "entries": entries}}))
    return conform(url=url, har=path)


def judged(report: Report) -> int:
    count: int = report.head["exchanges"]["judged"]
    return count


OTHERS = {
    "another product at the same path": row("https://crm.example.com/api/v1", OTHER),
    "another port": row(f"{API}:8443/api/v1", OTHER),
    "its documentation with www.": row("https://www.api.example.com/api/v1", OTHER),
    "an error of another product": row("https://crm.example.com/api/v1", PROBLEM, 401, PROBLEM_MEDIA),
    "a list": row("https://crm.example.com/api/v1", [OTHER]),
    "null": row("https://crm.example.com/api/v1", "null"),
    "a page": row("https://app.example.com/api/v1", "<h1>", media="text/html"),
    "an API at another path": row("https://crm.example.com/v3", OTHER),
    "a server in this network": row("http://[fd00::1]:3000/api/v1", OTHER),
    "a name that is not ASCII": row("https://b\u00fccher.example/api/v1", OTHER),
    "a port that is none": row("https://crm.example.com:99999/api/v1", OTHER),
}  # fmt: skip


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("first", [False, True])
def test_another_server_is_not_taken_for_the_api(
    profile: Answers, tmp_path: Path, name: str, first: bool
) -> None:
    for broken in (False, True):
        entries = [OTHERS[name], profile(broken=broken)]
        report = check(tmp_path, *(entries if first else reversed(entries)))
        assert report.verdict == ("violated" if broken else "conforms")
        assert all(API in finding.curl for finding in report.findings)
        assert report.head["exchanges"] == {"judged": 1, "not_judged": {"other-address": 1}}
        taken = f"taken for the API: {API}/api/v1 (1 exchange), because"
        assert any(note.startswith(taken) for note in report.notes)


@pytest.mark.parametrize("local", ["http://localhost:4010", "http://127.0.0.1:3000", "http://[::1]:4010"])
def test_a_stub_beside_the_api_is_not_judged(profile: Answers, tmp_path: Path, local: str) -> None:
    stubbed = profile(f"{local}/api/v1", broken=True)
    report = check(tmp_path, stubbed, profile())
    assert (report.verdict, judged(report)) == ("conforms", 1)
    assert check(tmp_path, stubbed).verdict == "violated", "alone it is what is to be checked"


def test_of_two_servers_that_answer_alike_none_is_judged(profile: Answers, tmp_path: Path) -> None:
    staging = profile("https://staging.example.com/api/v1", broken=True)
    report = check(tmp_path, profile(), profile(), staging)
    assert (report.verdict, report.exit_status, report.findings, judged(report)) == ("inconclusive", 3, (), 0)
    assert report.reasons[0] == (
        "any of these may be the API: https://api.example.com/api/v1 (2 exchanges), "
        "https://staging.example.com/api/v1 (1 exchange); name the one that is beside --har"
    )
    assert report.head["exchanges"]["not_judged"] == {"address-unknown": 3}
    skipped = {each.operation: each.reason for each in report.skipped}
    assert skipped["getOrgBilling"] == "in the recording, and nothing of it could be judged"


@pytest.mark.parametrize(
    ("url", "verdict"),
    [
        (API, "conforms"),
        ("http://api.example.com./api/v1/", "conforms"),
        ("HTTPS://API.example.com:443", "conforms"),
        ("https://staging.example.com", "violated"),
        ("http://localhost:4010", "violated"),
    ],
)
def test_the_address_that_is_given_is_the_api(
    profile: Answers, tmp_path: Path, url: str, verdict: str
) -> None:
    others = [
        profile(f"{base}/api/v1", True) for base in ("https://staging.example.com", "http://[::1]:4010")
    ]
    report = check(tmp_path, *others, profile(), url=url)
    assert (report.verdict, judged(report)) == (verdict, 1)
    assert any("because it was given" in note for note in report.notes)


def test_an_address_that_is_not_in_the_recording_is_said_so(profile: Answers, tmp_path: Path) -> None:
    report = check(tmp_path, profile(), url="https://api.example.org")
    assert (report.verdict, report.findings) == ("inconclusive", ())
    assert report.reasons[0] == (
        "the recording holds no exchange with https://api.example.org/api/v1: it has "
        "https://api.example.com/api/v1 (1 exchange)"
    )
    for wrong in ("https://user:hunter2@api.example.com", "ftp://x"):
        with pytest.raises(UsageError) as caught:
            check(tmp_path, profile(), url=wrong)
        assert "hunter2" not in str(caught.value)


def test_one_server_may_be_written_in_several_ways(profile: Answers, tmp_path: Path) -> None:
    ways = (
        "http://api.example.com",
        "https://API.Example.com:443",
        "https://www.api.example.com",
        "https://api.example.com.",
        "https://user:hunter2@api.example.com",
    )
    report = check(tmp_path, profile(), *(profile(f"{way}/api/v1", True) for way in ways))
    assert (report.verdict, judged(report)) == ("violated", 1 + len(ways))
    assert "hunter2" not in json.dumps(report.to_json())


def test_names_of_one_server() -> None:
    same = [
        ("https://b\u00fccher.example/api/v1", "http://xn--bcher-kva.example:80/api/v1/"),
        ("http://localhost:4010", "http://127.0.0.1:4010"),
        ("http://[::1]:4010", "http://app.localhost:4010"),
    ]
    assert all(server(one) == server(two) for one, two in same)
    other = [
        ("http://example.com:443", "http://example.com"),
        ("https://example.com/api/v1", "https://example.com/api/v2"),
        ("http://localhost:4010", "http://localhost:3000"),
        ("https://example.com:x", "https://example.com"),
    ]
    assert all(server(one) != server(two) for one, two in other)


def test_an_api_that_only_refuses_is_known_by_its_problems(profile: Answers, tmp_path: Path) -> None:
    refused = row(f"{API}/api/v1", PROBLEM, 401, PROBLEM_MEDIA)
    report = check(tmp_path, row("https://crm.example.com/api/v1", OTHER), refused)
    assert (report.verdict, judged(report)) == ("inconclusive", 1)
    assert report.head["exchanges"]["not_judged"] == {"other-address": 1}


def test_nobody_guesses_between_servers_that_answer_otherwise(tmp_path: Path) -> None:
    report = check(tmp_path, row(f"{API}/api/v1", NOT_BILLING), row("https://crm.example.com/api/v1", OTHER))
    assert (report.verdict, report.findings) == ("inconclusive", ())
    assert report.reasons[0].startswith("any of these may be the API")


def test_many_addresses_are_counted(profile: Answers, tmp_path: Path) -> None:
    report = check(tmp_path, *(profile(f"https://t{turn}.example.com/api/v1") for turn in range(40)))
    assert ", 35 more; name the one" in report.reasons[0]
