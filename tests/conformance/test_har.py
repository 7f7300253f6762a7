from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from orgbilling_conformance import Report, UsageError, conform
from orgbilling_conformance.exchange import Request, Response
from orgbilling_conformance.registry import RULES
from orgbilling_conformance.target import AppTarget


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


def spoil(path: str, status: int, headers: dict[str, str], body: Any) -> Any:
    if path == "/org/ledger" and status == 200:
        for row in body:
            row["createdAt"] = row["createdAt"].rstrip("Z")
    if path == "/org/billing" and status == 200:
        del body["currency"]
        body["billingMode"] = "barter"
    if status == 422:
        body["status"] = 400
    return status, headers, body


QUERIES = ("", "days=30", "days=0", "days=abc")


def record(app: Any, token: str, facts: Any) -> list[tuple[Request, Response]]:
    target = AppTarget(app)
    asked = [Request("GET", each.path, query) for each in facts.gets for query in QUERIES]
    found = [(each, target.send(each, f"Bearer {token}")) for each in asked]
    target.close()
    return found


def keys(report: Report) -> set[tuple[str, str, str]]:
    return {each.key for each in report.findings if RULES[each.rule].kind == "response"}


def test_a_recording_gives_the_findings_of_the_live_target(
    spoiled: Callable[..., Any], token: Callable[..., str], facts: Any, tmp_path: Path
) -> None:
    app = spoiled(spoil)
    exchanges = record(app, token(), facts)
    recorded = conform(har=har(tmp_path / "a.har", [entry(*each) for each in exchanges]))
    live = conform(app, token=token(), quick=True)
    assert recorded.verdict == live.verdict == "violated"
    assert ("schema-format", "getOrgLedger", "/*/createdAt") in keys(recorded)
    # Live, tokens are spoiled, too; a recording shows none.
    assert keys(recorded) == {each for each in keys(live) if not each[0].startswith("token-")}


def test_a_sound_recording_conforms_and_says_what_it_lacks(
    stub: Any, token: Callable[..., str], facts: Any, tmp_path: Path
) -> None:
    exchanges = record(stub, token(), facts)[:8]
    entries = [entry(*each, encoded=True) for each in exchanges]
    entries[0]["response"]["content"] = {"size": 400, "mimeType": "application/json"}
    entries.append(entry(Request("GET", "/assets/app.js"), Response(200, (), b"x")))
    report = conform(har=har(tmp_path / "a.har", entries))
    assert (report.verdict, report.findings) == ("conforms", ())
    assert any("without the body" in note for note in report.notes)
    assert any("not in the recording" in each.reason for each in report.skipped)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"log": {"entries": 5}}', '{"log": {"entries": [5]}}'])
def test_no_recording(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.har").write_text(text)
    with pytest.raises(UsageError, match="not a HAR file"):
        conform(har=tmp_path / "a.har")


def test_an_entry_without_what_har_requires(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"HAR 1\.2"):
        conform(har=har(tmp_path / "a.har", [{"request": {}}]))
    with pytest.raises(UsageError, match="no such file"):
        conform(har=tmp_path / "none.har")


def test_a_recording_of_nothing_is_inconclusive(tmp_path: Path) -> None:
    assert conform(har=har(tmp_path / "a.har", [])).exit == 3
    refused = entry(Request("GET", "/org/billing"), Response(401, (), b"{}"))
    assert conform(har=har(tmp_path / "b.har", [refused])).verdict != "conforms"
