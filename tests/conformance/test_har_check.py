from __future__ import annotations

import base64
import gzip
import io
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import brotli
import pytest
from backports import zstd
from orgbilling_conformance import Report, UsageError, conform, content_codings, har_check
from orgbilling_conformance.exchange import Request, Response
from orgbilling_conformance.reports import github, html, junit, markdown, sarif, terminal
from orgbilling_conformance.rules.registry import RULES
from orgbilling_conformance.target import AppTarget
from rich.console import Console


def entry(request: Request, response: Response, encoded: bool = False) -> dict[str, Any]:
    query = f"?{request.query}" if request.query else ""
    text = base64.b64encode(response.body).decode() if encoded else response.body.decode()
    content = {"text": text, "size": len(response.body)} | ({"encoding": "base64"} if encoded else {})
    headers = [{"name": key, "value": value} for key, value in response.headers]
    asked = {
        "method": request.method,
        "url": f"https://api.example.com/api/v1{request.path}{query}",
        "headers": [],
    }
    return {
        "request": asked,
        "response": {"status": response.status, "headers": headers, "content": content},
        "time": 9,
    }


def har(path: Path, entries: list[dict[str, Any]]) -> Path:
    path.write_text(json.dumps({"log": {"version": "1.2", "entries": entries}}))
    return path


def change_response(path: str, status: int, headers: dict[str, str], body: Any) -> Any:
    if path == "/org/ledger" and status == 200:
        for row in body:
            row["createdAt"] = row["createdAt"].rstrip("Z")
    if path == "/org/billing" and status == 200:
        del body["currency"]
        body["billingMode"] = "barter"
    if status == 422:
        body["status"] = 400
    return status, headers, body


def not_judged(report: Report) -> dict[str, int]:
    counts: dict[str, int] = report.head["exchanges"]["not_judged"]
    return counts


QUERIES = ("", "days=30", "days=0", "days=abc")


def record(app: Any, token: str, api: Any) -> list[tuple[Request, Response]]:
    target = AppTarget(app)
    asked = [Request("GET", operation.path, query) for operation in api.gets for query in QUERIES]
    found = [(request, target.send(request, f"Bearer {token}")) for request in asked]
    target.close()
    return found


def keys(report: Report) -> set[tuple[str, str, str]]:
    return {finding.key for finding in report.findings if RULES[finding.rule].kind == "response"}


@pytest.mark.slow
def test_a_recording_gives_the_findings_of_the_live_target(
    mutated_app: Callable[..., Any], token: Callable[..., str], api: Any, tmp_path: Path
) -> None:
    app = mutated_app(change_response)
    exchanges = record(app, token(), api)
    recorded = conform(har=har(tmp_path / "a.har", [entry(*exchange) for exchange in exchanges]))
    live = conform(app, token=token(), quick=True)
    assert recorded.verdict == live.verdict == "violated"
    assert ("schema-format", "getOrgLedger", "/*/createdAt") in keys(recorded)
    # Live, tokens are tested with, too; a recording shows none.
    assert keys(recorded) == {key for key in keys(live) if not key[0].startswith("token-")}


def test_a_sound_recording_conforms_and_says_what_it_lacks(
    stub: Any, token: Callable[..., str], api: Any, tmp_path: Path
) -> None:
    exchanges = record(stub, token(), api)[:8]
    entries = [entry(*exchange, encoded=True) for exchange in exchanges]
    entries[0]["response"]["content"] = {"size": 400, "mimeType": "application/json"}
    entries.append(entry(Request("GET", "/assets/app.js"), Response(200, (), b"x")))
    report = conform(har=har(tmp_path / "a.har", entries))
    assert (report.verdict, report.findings) == ("conforms", ())
    assert "not judged, because the body was not recorded: 1 exchange: log.entries[0]" in report.notes
    assert any("not in the recording" in skipped.reason for skipped in report.skipped)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"log": {"entries": 5}}', '{"log": ' + "[" * 99_999])
def test_no_recording(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.har").write_text(text)
    with pytest.raises(UsageError, match="not a HAR file"):
        conform(har=tmp_path / "a.har")


def test_an_entry_without_what_har_requires(tmp_path: Path) -> None:
    report = conform(har=har(tmp_path / "a.har", [{"request": {}}, 5]))  # type: ignore[list-item]
    assert report.verdict == "inconclusive"
    assert any("log.entries[0]" in note and "log.entries[1]" in note for note in report.notes)
    with pytest.raises(UsageError, match="no such file"):
        conform(har=tmp_path / "none.har")


def test_a_mistake_of_ours_is_no_remark(
    good: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mistaken(*_: object) -> None:
        raise AttributeError("no such thing")

    monkeypatch.setattr(har_check, "_page", mistaken)
    with pytest.raises(AttributeError):
        conform(har=har(tmp_path / "a.har", [good]))


def test_a_recording_of_nothing_is_inconclusive(tmp_path: Path) -> None:
    assert conform(har=har(tmp_path / "a.har", [])).exit_status == 3
    refused = entry(Request("GET", "/org/billing"), Response(401, (), b"{}"))
    assert conform(har=har(tmp_path / "b.har", [refused])).verdict != "conforms"


@pytest.fixture
def good(stub: Any, token: Callable[..., str]) -> dict[str, Any]:
    """An entry of a sound profile."""
    target = AppTarget(stub)
    request = Request("GET", "/org/billing")
    found = entry(request, target.send(request, f"Bearer {token()}"))
    target.close()
    return found


def changed(entry: dict[str, Any], **asked: Any) -> dict[str, Any]:
    response = entry["response"] | asked.pop("response", {})
    return entry | {"request": entry["request"] | asked, "response": response}


PAGE = {"headers": [{"name": "content-type", "value": "text/html"}], "content": {"text": "<h1>"}}
PREFLIGHT = {"status": 200, "headers": [], "content": {"size": 0}}
NAVIGATED = [{"name": "Sec-Fetch-Dest", "value": "document"}]
OLD = [{"name": "Accept", "value": "text/html,application/xhtml+xml;q=0.9"}]
BESIDE = {
    "a preflight": {"method": "OPTIONS", "response": PREFLIGHT},
    "a request that was given up": {"response": {"status": -1, "headers": [], "content": {"size": -1}}},
    "a request that was not let": {"response": {"status": 0, "headers": [], "content": {}}},
    "a page with the path of an operation": {"headers": NAVIGATED, "response": PAGE},
    "a page in a frame": {"headers": [{"name": "sec-fetch-dest", "value": "iframe"}], "response": PAGE},
    "a page of an old browser": {"headers": OLD, "response": PAGE},
    "another origin's path": {"url": "https://app.example.com/org/billing", "response": PAGE},
    "an icon": {"url": "https://api.example.com/favicon.ico", "response": PAGE},
}


@pytest.mark.parametrize("name", BESIDE)
def test_what_is_not_the_api_is_not_checked(good: dict[str, Any], tmp_path: Path, name: str) -> None:
    report = conform(har=har(tmp_path / "a.har", [good, changed(good, **BESIDE[name])]))
    assert (report.verdict, report.findings) == ("conforms", ())
    assert any(note.startswith("checked: 1 exchange of 1 operation") for note in report.notes)
    assert any("https://app.example.com" in note for note in report.notes) == (
        name == "another origin's path"
    )


def test_an_api_at_any_address_is_checked_where_none_is_at_the_usual_one(
    good: dict[str, Any], tmp_path: Path
) -> None:
    broken = {"content": {"text": "{}", "size": 2}}
    moved = changed(good, url="https://app.example.com/bff/org/billing", response=broken)
    assert conform(har=har(tmp_path / "a.har", [moved])).verdict == "violated"


def test_names_of_headers_have_any_case(good: dict[str, Any], tmp_path: Path) -> None:
    rows = [row | {"name": row["name"].title()} for row in good["response"]["headers"]]
    assert conform(har=har(tmp_path / "a.har", [changed(good, response={"headers": rows})])).findings == ()


@pytest.mark.parametrize(("length", "rules"), [(None, set()), ("21", set()), ("0", {"body-json"})])
def test_a_body_that_was_not_recorded_was_perhaps_sent(
    api: Any, tmp_path: Path, length: str | None, rules: set[str]
) -> None:
    operation = api.operations["redeemOrgVoucher"]
    example = json.dumps(api.node(operation.success[:-1])["example"]).encode()
    response = Response(200, (("content-type", "application/json"),), example)
    sent = [{"name": "Content-Length", "value": length}] if length else []
    found = changed(entry(Request("POST", operation.path), response), headers=sent)
    report = conform(har=har(tmp_path / "a.har", [found]))
    assert {finding.rule for finding in report.findings} == rules


def test_what_a_browser_always_sends_excuses_no_rejection(good: dict[str, Any], tmp_path: Path) -> None:
    sent = [{"name": "Accept", "value": "*/*"}, {"name": "Origin", "value": "http://localhost:3000"}]
    problem = {"text": '{"status": 422}', "mimeType": "application/problem+json"}
    kind = [{"name": "Content-Type", "value": "application/problem+json"}]
    refused = {"status": 422, "headers": kind, "content": problem}
    url = "https://api.example.com/api/v1/org/ledger?days=365"
    entries = [good, changed(good, url=url, headers=sent, response=refused)]
    report = conform(har=har(tmp_path / "a.har", entries))
    assert ("parameter-valid", "getOrgLedger", "query/days") in keys(report)


REFUSAL = '{"status": 401, "title": "Unauthorized", "detail": "no session"}'
REDACTED = ("REDACTED", "[redacted]", "***", "<content-type redacted>", "[Removed]")


def kept_back(good: dict[str, Any], value: str | None, media: str | None) -> dict[str, Any]:
    """An entry without the values of its headers, or without any; media: what the recorder noted."""
    names = [row["name"] for row in good["response"]["headers"]] + [
        "Access-Control-Allow-Origin",
        "WWW-Authenticate",
    ]
    rows = [] if value is None else [{"name": name, "value": value} for name in names]
    asked = (
        []
        if value is None
        else [{"name": "Sec-Fetch-Dest", "value": value}, {"name": "Accept", "value": value}]
    )
    content = good["response"]["content"] | ({"mimeType": media} if media is not None else {})
    return changed(good, headers=asked, response={"headers": rows, "content": content})


@pytest.mark.slow_beyond(5)
@pytest.mark.parametrize("media", ["application/json; charset=utf-8", "x-unknown", "", None])
@pytest.mark.parametrize("value", [None, *REDACTED])
def test_headers_that_are_kept_back_fail_nobody(
    good: dict[str, Any], tmp_path: Path, value: str | None, media: str | None
) -> None:
    refused = changed(good, response={"status": 401, "content": {"text": REFUSAL}})
    problem = "application/problem+json" if media and "json" in media else media
    entries = [kept_back(good, value, media), kept_back(refused, value, problem)]
    report = conform(har=har(tmp_path / "a.har", entries))
    assert (report.verdict, report.findings) == ("conforms", ())
    assert "checked: 2 exchanges of 1 operation" in report.notes
    checked = {case.rule for case in report.cases if case.outcome == "passed"}
    assert ({"success-media", "error-media", "problem-status"} <= checked) == bool(media and "json" in media)
    assert "challenge" not in checked
    assert any("kept back" in note for note in report.notes)


def test_what_a_recorder_notes_beside_hidden_headers_is_checked(good: dict[str, Any], tmp_path: Path) -> None:
    entry = kept_back(good, "REDACTED", "text/plain")
    assert {finding.rule for finding in conform(har=har(tmp_path / "a.har", [entry])).findings} == {
        "success-media"
    }
    rows = [row for row in good["response"]["headers"] if row["name"] != "content-type"]
    bare = changed(good, response={"headers": rows, "content": entry["response"]["content"]})
    report = conform(har=har(tmp_path / "b.har", [bare]))
    assert [finding.observed for finding in report.findings] == ["none"], (
        "a header that was not sent is not hidden"
    )


@pytest.mark.parametrize(
    "rows",
    [
        [("x", "5")],
        [("content-type", "")],
        [("Content-Type", "application/json"), ("content-type", "application/json")],
        [("Content-Type", "application/json"), ("content-type", "application/json; charset=utf-8")],
    ],
)
def test_a_media_type_that_was_recorded_elsewhere_or_twice_is_taken(
    good: dict[str, Any], tmp_path: Path, rows: list[tuple[str, str]]
) -> None:
    headers = [{"name": name, "value": value} for name, value in rows]
    noted = good["response"]["content"] | {"mimeType": "application/json"}
    entry = changed(good, response={"headers": headers, "content": noted})
    assert conform(har=har(tmp_path / "a.har", [entry])).findings == ()
    entry["response"]["content"] = noted | {"mimeType": "x-unknown"}
    rules = {finding.rule for finding in conform(har=har(tmp_path / "b.har", [entry])).findings}
    assert rules == ({"success-media"} if len(rows) == 1 else set())


def test_a_body_that_is_kept_back_is_not_checked(good: dict[str, Any], tmp_path: Path) -> None:
    entry = changed(good, response={"content": {"text": "[redacted]", "size": 9}})
    report = conform(har=har(tmp_path / "a.har", [good, entry]))
    assert (report.findings, report.exit_status) == ((), 0)
    assert (
        "not judged, because the body was not recorded: 1 exchange: log.entries[1] (kept back)"
        in report.notes
    )


def test_only_what_is_shown_as_a_page_is_beside_the_api(good: dict[str, Any], tmp_path: Path) -> None:
    for value in ("empty", "REDACTED", "", "anything"):
        entry = changed(good, headers=[{"name": "Sec-Fetch-Dest", "value": value}])
        assert conform(har=har(tmp_path / "a.har", [entry])).exit_status == 0


def test_an_entry_of_another_site_that_is_malformed_is_a_remark(good: dict[str, Any], tmp_path: Path) -> None:
    """Recorders write headers without a value for what a browser extension blocked."""
    blocked = changed(good, url="https://metrics.example.com/collect", headers=[{"name": "X-Client"}])
    report = conform(har=har(tmp_path / "a.har", [good, blocked]))
    assert (report.verdict, report.findings) == ("conforms", ())
    assert not_judged(report) == {"unreadable-elsewhere": 1}
    (remark,) = [note for note in report.notes if "lacks what HAR 1.2 requires" in note]
    assert "log.entries[1] (the header X-Client of the request without a value)" in remark
    assert "checked: 1 exchange of 1 operation" in report.notes


@pytest.mark.parametrize("encoded", [False, True])
def test_a_body_that_was_cut_is_not_checked(good: dict[str, Any], tmp_path: Path, encoded: bool) -> None:
    """Browsers keep only the beginning of a long body, and the size of all of it."""
    content = good["response"]["content"]
    beginning = content["text"][:90]
    text = base64.b64encode(beginning.encode()).decode() if encoded else beginning
    cut = changed(
        good, response={"content": content | {"text": text, "encoding": "base64" if encoded else ""}}
    )
    report = conform(har=har(tmp_path / "a.har", [good, cut]))
    assert (report.verdict, report.findings) == ("conforms", ())
    assert any("log.entries[1] (90 of 640 bytes)" in note for note in report.notes)
    shorter = changed(good, response={"content": content | {"size": 5}})
    assert not_judged(conform(har=har(tmp_path / "b.har", [shorter]))) == {}


def test_an_address_without_json_is_not_the_api_beside_one_with(good: dict[str, Any], tmp_path: Path) -> None:
    api = changed(good, url="https://example.com/v2/org/billing?days=0")
    api["response"] = api["response"] | {"content": {"text": "{}", "size": 2}}
    component = {"headers": [{"name": "content-type", "value": "text/x-component"}], "content": {"text": "0"}}
    fetched = changed(good, url="https://example.com/org/billing?_rsc=7x", response=component)
    report = conform(har=har(tmp_path / "a.har", [fetched, api]))
    assert report.verdict == "violated"
    assert any("log.entries[0] (https://example.com" in note for note in report.notes)
    assert {finding.curl.split()[2] for finding in report.findings} == {
        "'https://example.com/v2/org/billing?days=0'"
    }
    alone = conform(har=har(tmp_path / "b.har", [fetched]))
    assert (alone.verdict, alone.findings) == ("inconclusive", ())


def test_a_command_has_the_address_of_its_own_entry(good: dict[str, Any], tmp_path: Path) -> None:
    broken = {"content": {"text": "{}", "size": 2}}
    hosts = ("https://api.example.com", "http://api.example.com")
    entries = [
        changed(good, url=f"{hosts[0]}/api/v1/org/billing"),
        changed(good, url=f"{hosts[1]}/api/v1/org/billing", response=broken),
    ]
    report = conform(har=har(tmp_path / "a.har", entries))
    assert report.findings
    assert all(hosts[1] in finding.curl for finding in report.findings)


SURROGATE = "half of a pair \ud83d"


def test_characters_that_cannot_be_written_are_escaped(good: dict[str, Any], tmp_path: Path) -> None:
    """Half of a surrogate pair, in each place of an entry that a report can show."""
    body = json.loads(good["response"]["content"]["text"]) | {SURROGATE: SURROGATE}
    text = json.dumps(body)
    headers = [{"name": "Origin", "value": SURROGATE}]
    url = f"https://{SURROGATE[-1]}.example.com/v1/org/billing?days={SURROGATE[-1]}"
    mutated_app = changed(good, url=url, headers=headers, response={"content": {"text": text, "size": 1}})
    elsewhere = changed(good, url=f"https://a.example.com/{SURROGATE}/org/billing", response=PAGE)
    report = conform(har=har(tmp_path / "a.har", [mutated_app, elsewhere]))
    assert "/half of a pair \\ud83d" in {finding.pointer for finding in report.findings}
    console = Console(file=io.TextIOWrapper(io.BytesIO(), "utf-8"), width=100)
    terminal.show(report, console)
    for render in (github.render, html.render, junit.render, markdown.render, sarif.render):
        render(report).encode()


def test_a_body_in_a_file_beside_the_recording_is_read(good: dict[str, Any], tmp_path: Path) -> None:
    """As Playwright records with `content: attach`."""
    response = good["response"] | {"content": {"_file": "body.json", "size": -1}}
    (tmp_path / "body.json").write_text(good["response"]["content"]["text"])
    report = conform(har=har(tmp_path / "a.har", [good | {"response": response}]))
    assert (report.verdict, report.findings) == ("conforms", ())
    assert "checked: 1 exchange of 1 operation" in report.notes
    (tmp_path / "body.json").write_text("{")
    assert conform(har=har(tmp_path / "a.har", [good | {"response": response}])).verdict == "violated"


@pytest.mark.parametrize("name", ["missing.json", "../outside.json", ".", ""])
def test_a_body_in_no_file_beside_the_recording_was_not_recorded(
    good: dict[str, Any], tmp_path: Path, name: str
) -> None:
    (tmp_path / "outside.json").write_text("{")
    (tmp_path / "recordings").mkdir()
    response = good["response"] | {"content": {"_file": name, "size": -1}}
    report = conform(har=har(tmp_path / "recordings" / "a.har", [good, good | {"response": response}]))
    assert report.findings == ()
    assert not_judged(report) == {"body-missing": 1}


def content(**given: Any) -> dict[str, Any]:
    return {"content": given, "headers": [{"name": "content-type", "value": "application/json"}]}


def header(name: str, value: str, **response: Any) -> dict[str, Any]:
    return {"headers": [{"name": name, "value": value}], "content": {"size": 0}} | response


def coded(coding: str, body: bytes) -> dict[str, Any]:
    """A response whose body a recorder has left in its coding."""
    headers = [*content()["headers"], {"name": "Content-Encoding", "value": coding}]
    text = base64.b64encode(body).decode()
    return {"headers": headers, "content": {"text": text, "encoding": "base64", "size": len(body)}}


LEDGER_ROWS = b"[]" * 300
FLAWS: dict[str, tuple[dict[str, Any], str]] = {
    "a redirect": (header("Location", "https://b.example.com/x", status=302), "redirect"),
    "a redirect of the browser": (header("Non-Authoritative-Reason", "HSTS", status=307), "redirect"),
    "a limit": (header("Retry-After", "5", status=429), "rate-limited"),
    "a gateway": (header("Content-Type", "text/html", status=502), "gateway"),
    "not modified": (header("ETag", '"a"', status=304), "cached"),
    "no text": (content(size=400), "body-missing"),
    "no content": ({"content": None}, "body-missing"),
    "empty, and was not": ({"content": {"size": 0, "text": ""}}, "body-missing"),
    "empty by its size, with another size of the body": (
        content(size=0, text="") | {"bodySize": 875},
        "body-missing",
    ),
    "empty by its size, and more was transferred": (
        content(size=0) | {"_transferSize": 1200},
        "body-missing",
    ),
    "empty by its size alone": (content(size=0) | {"bodySize": -1}, "body-missing"),
    "cut, with the size of what is left": (
        {
            "content": {"text": '[{"model": "a', "size": 13},
            "headers": [*content()["headers"], {"name": "content-length", "value": "875"}],
        },
        "body-cut",
    ),
    "a status of no API": (content(text="{}") | {"status": 999}, "gateway"),
    "a Content-Length alone": ({"content": {"text": "[", "size": -1}}, "body-cut"),
    "cut, with the size of what is left and another bodySize": (
        content(text='[{"model": "a', size=13) | {"bodySize": 875},
        "body-cut",
    ),
    "cut, and more was transferred": (
        content(text='[{"model": "a', size=13) | {"bodySize": -1, "_transferSize": 1200},
        "body-cut",
    ),
    "cut, and the recorder says so": (
        content(text='[{"model": "a', size=13, comment="Truncated after 13 bytes"),
        "body-cut",
    ),
    "gzip that ends early": (
        content(text=base64.b64encode(gzip.compress(b"[1]" * 99)[:20]).decode(), encoding="base64"),
        "body-cut",
    ),
    "gzip as text": (content(text=gzip.compress(b"[]").decode("utf-8", "replace")), "body-encoded"),
    "Brotli that was cut": (coded("br", brotli.compress(LEDGER_ROWS)[:9]), "body-cut"),
    "Zstandard that was cut": (coded("zstd", zstd.compress(LEDGER_ROWS)[:14]), "body-cut"),
    "Brotli as text": (
        content(text=brotli.compress(LEDGER_ROWS).decode("utf-8", "replace"))
        | {"headers": [{"name": "content-encoding", "value": "br"}]},
        "body-encoded",
    ),
    "Zstandard that is none": (coded("zstd", b"\xff\x00" * 30), "body-encoded"),
    "a coding that nobody knows": (coded("aes128gcm", b"\xff\x00" * 30), "body-encoded"),
    "no base64": (content(text="a-_", encoding="base64"), "body-unreadable"),
    "another encoding": (content(text="a", encoding="quoted-printable"), "body-unreadable"),
    "JSON that is no text": (content(text={"a": 1}), "body-unreadable"),
    "a file with a name that is none": (content(_file="\x00"), "body-unreadable"),
    "a status that is none": (content(text="{}") | {"status": "ok"}, "unreadable"),
    "headers that are none": ({"headers": [5]}, "unreadable"),
    "headers that are a text": ({"headers": "content-type: text/html"}, "unreadable"),
    "a header that is a list": ({"headers": [{"name": "x", "value": [[]]}]}, "unreadable"),
    "a header without a name": ({"headers": [{"name": None, "value": "x"}]}, "unreadable"),
    "a status without end": (content(text="{}") | {"status": float("inf")}, "unreadable"),
    "a status of 350 digits": (content(text="{}") | {"status": 10**349}, "unreadable"),
    "a status of 250 digits": (content(text="{}") | {"status": 10**249}, "gateway"),
}


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize("name", FLAWS)
def test_what_an_entry_does_not_show_is_not_judged(good: dict[str, Any], tmp_path: Path, name: str) -> None:
    response, reason = FLAWS[name]
    rows = [*good["response"]["headers"], {"name": "Content-Length", "value": "640"}]
    whole = changed(good, response={"headers": rows})
    flawed = changed(whole, url="https://api.example.com/api/v1/org/ledger", response=response)
    report = conform(har=har(tmp_path / "a.har", [whole, flawed]))
    assert report.findings == ()
    assert not_judged(report) == {reason: 1}
    assert any("log.entries[1]" in note for note in report.notes)
    assert report.exit_status == (3 if reason == "redirect" else 0)
    alone = conform(har=har(tmp_path / "b.har", [flawed]))
    assert (alone.exit_status, alone.findings) == (3, ())


@pytest.mark.parametrize(
    "response",
    [
        content(size=0, text=""),
        content(size=0) | {"bodySize": 0},
        content(size=0, text="") | {"bodySize": -1, "_transferSize": 120},
        content(size=13, text='[{"model": "a'),
    ],
)
def test_a_body_that_came_so_is_judged(
    good: dict[str, Any], tmp_path: Path, response: dict[str, Any]
) -> None:
    report = conform(har=har(tmp_path / "a.har", [good, changed(good, response=response)]))
    assert {finding.rule for finding in report.errors} == {"json"}


CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstd.compress,
    "gzip, br": lambda body: brotli.compress(gzip.compress(body)),
}


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize("coding", CODINGS)
def test_a_body_that_was_left_in_its_coding_is_judged(
    good: dict[str, Any], tmp_path: Path, coding: str
) -> None:
    body = good["response"]["content"]["text"].encode()
    sound = changed(good, response=coded(coding, CODINGS[coding](body)))
    report = conform(har=har(tmp_path / "a.har", [sound]))
    assert (report.verdict, report.findings, not_judged(report)) == ("conforms", (), {})
    broken = body.replace(b'"creditBalance":', b'"creditBalance":"x","balance":')
    report = conform(
        har=har(tmp_path / "b.har", [changed(good, response=coded(coding, CODINGS[coding](broken)))])
    )
    assert ("schema-type", "getOrgBilling", "/creditBalance") in keys(report)


@pytest.mark.slow_beyond(5)
@pytest.mark.parametrize("coding", [*CODINGS, "aes128gcm"])
@pytest.mark.parametrize("text", ['{"currency": "\ufffd"}', '{"currency": "US'])
def test_a_text_that_the_recorder_has_decoded_is_judged_as_it_is(
    good: dict[str, Any], tmp_path: Path, coding: str, text: str
) -> None:
    response = coded(coding, b"") | {"content": {"text": text, "size": len(text.encode())}}
    report = conform(har=har(tmp_path / "a.har", [changed(good, response=response)]))
    assert report.errors


def test_without_a_library_a_coding_is_a_remark(
    good: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content_codings, "known", dict)
    body = good["response"]["content"]["text"].encode()
    for coding, encode in CODINGS.items():
        left = changed(good, response=coded(coding, encode(body)))
        report = conform(har=har(tmp_path / "a.har", [good, left]))
        assert (report.exit_status, report.findings, not_judged(report)) == (0, (), {"body-encoded": 1})


@pytest.mark.parametrize("end", [-4, -40, -400])
def test_a_recording_that_was_cut_off_is_judged_up_to_there(
    good: dict[str, Any], tmp_path: Path, end: int
) -> None:
    broken = changed(good, response={"content": {"text": "{}", "size": 2}})
    path = har(tmp_path / "a.har", [good, good, good])
    whole = path.read_text()
    path.write_text(whole[:end])
    report = conform(har=path)
    assert (report.verdict, report.findings, not_judged(report)) == ("conforms", (), {"damaged": 1})
    (remark,) = [note for note in report.notes if "damaged there, or cut off" in note]
    assert "log.entries[2] (" in remark
    path = har(tmp_path / "b.har", [good, broken, good])
    path.write_text(path.read_text()[:end])
    assert conform(har=path).exit_status == 1


def test_a_web_socket_is_not_the_api(good: dict[str, Any], tmp_path: Path) -> None:
    socket = changed(good, url="wss://api.example.com/api/v1/org/billing", response=content(text="[]"))
    report = conform(har=har(tmp_path / "a.har", [socket, good]))
    assert (report.findings, not_judged(report)) == ((), {})


def test_a_byte_order_mark_in_a_decoded_text_is_the_recorders(good: dict[str, Any], tmp_path: Path) -> None:
    text = "\ufeff" + good["response"]["content"]["text"]
    marked = changed(good, response={"content": {"text": text, "size": len(text.encode())}})
    assert conform(har=har(tmp_path / "a.har", [marked])).findings == ()
    encoded = {"text": base64.b64encode(text.encode()).decode(), "encoding": "base64"}
    report = conform(har=har(tmp_path / "b.har", [changed(good, response={"content": encoded})]))
    assert [(each.rule, each.severity, each.observed) for each in report.findings] == [
        ("json", "warning", "a byte order mark")
    ]


def test_a_page_of_a_firewall_beside_problems_is_not_judged(good: dict[str, Any], tmp_path: Path) -> None:
    page = changed(good, response=PAGE | {"status": 403})
    problem = [{"name": "content-type", "value": "application/problem+json"}]
    refused = changed(good, response={"status": 401, "headers": problem, "content": {"text": REFUSAL}})
    report = conform(har=har(tmp_path / "a.har", [page, good, refused]))
    assert not_judged(report) == {"gateway": 1}, "the problem stands after the page"


def test_a_redirect_says_where_to(good: dict[str, Any], tmp_path: Path) -> None:
    led = changed(good, response=FLAWS["a redirect"][0])
    report = conform(har=har(tmp_path / "a.har", [led]))
    assert "GET /org/billing is redirected: 302 to https://b.example.com/x" in report.reasons
    assert conform(har=har(tmp_path / "b.har", [led, good])).exit_status == 0, "what it led to was recorded"


def test_broken_entries_of_others_are_no_matter(good: dict[str, Any], tmp_path: Path) -> None:
    broken = [{"request": {"method": "GET", "url": f"https://x.example.com/{row}"}} for row in range(30)]
    report = conform(har=har(tmp_path / "a.har", [*broken, good]))
    assert (report.exit_status, not_judged(report)) == (0, {"unreadable-elsewhere": 30})
    (remark,) = [note for note in report.notes if "log.entries[0] (no headers of the request)" in note]
    assert remark.endswith("and 20 more")


def test_html_from_the_origin_of_the_page_is_not_the_api(good: dict[str, Any], tmp_path: Path) -> None:
    """An application that answers every path with its page, beside the API at the same path."""
    page = changed(good, url="https://app.example.com/api/v1/org/billing", response=PAGE)
    report = conform(har=har(tmp_path / "a.har", [page, good]))
    assert (report.findings, not_judged(report)) == ((), {"other-address": 1})


def test_base64_that_is_not_called_so_is_read(good: dict[str, Any], tmp_path: Path) -> None:
    content = good["response"]["content"]
    plain = base64.b64encode(content["text"].encode()).decode()
    entry = changed(good, response={"content": {"text": plain, "size": content["size"]}})
    report = conform(har=har(tmp_path / "a.har", [entry]))
    assert (report.verdict, report.findings) == ("conforms", ())
    other = base64.b64encode(b"{not JSON}").decode()
    headers = [{"name": "content-type", "value": "application/json"}]
    entry = changed(good, response={"headers": headers, "content": {"text": other, "size": len(other)}})
    assert [finding.rule for finding in conform(har=har(tmp_path / "b.har", [entry])).findings] == ["json"]


def test_a_part_that_was_asked_for_is_no_wrong_status(good: dict[str, Any], tmp_path: Path) -> None:
    part = changed(good, headers=[{"name": "Range", "value": "bytes=0-"}], response={"status": 206})
    assert conform(har=har(tmp_path / "a.har", [good, part])).findings == ()
    unasked = changed(good, response={"status": 206})
    rules = {finding.rule for finding in conform(har=har(tmp_path / "b.har", [good, unasked])).findings}
    assert rules == {"success-status"}


def test_a_login_page_of_a_network_is_not_the_api(good: dict[str, Any], tmp_path: Path) -> None:
    """A captive portal answers everything with 200 and its page, before the login and after the session."""
    page = "<html><title>Wi-Fi</title>Accept the terms {}</html>"
    headers = [{"name": "content-type", "value": "text/html; charset=utf-8"}]
    shown = [
        changed(good, response={"headers": headers, "content": {"text": page.format(turn)}})
        for turn in (1, 2)
    ]
    report = conform(har=har(tmp_path / "a.har", [shown[0], good, good, good, shown[1]]))
    assert (report.verdict, not_judged(report)) == ("conforms", {"gateway": 2})
    traceback = changed(shown[0], response={"content": {"text": "<pre>Traceback"}})
    assert conform(har=har(tmp_path / "b.har", [good, traceback])).verdict == "violated"
    assert conform(har=har(tmp_path / "c.har", shown)).verdict == "violated", (
        "an operation that is always a page"
    )
