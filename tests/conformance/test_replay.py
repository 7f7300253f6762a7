from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from orgbilling_conformance import UsageError, conform
from orgbilling_conformance.registry import RULES
from orgbilling_conformance.replay import BEHIND


def spoil(path: str, status: int, headers: dict[str, str], body: Any) -> Any:
    if path == "/org/usage-summary" and status == 200:
        body["totalTokens"] += 1
    if path == "/org/billing" and status == 200:
        body["currency"] = 5
    return status, headers, body


def test_what_failed_is_repeated_and_nothing_else(
    spoiled: Callable[..., Any], stub: Any, token: Callable[..., str], tmp_path: Path
) -> None:
    first = conform(spoiled(spoil), token=token(), quick=True)
    path = tmp_path / "report.json"
    path.write_text(json.dumps(first.to_json()))
    app = spoiled(spoil)
    again = conform(app, token=token(), replay=path)
    assert {each.key for each in again.findings} == {each.key for each in first.findings}
    assert again.head["requests"] < first.head["requests"]
    assert again.head["mode"] == "replay"
    mended = conform(stub, token=token(), replay=path)
    assert (mended.verdict, mended.findings) == ("conforms", ())


def test_what_is_not_allowed_is_not_repeated(stub: Any, token: Callable[..., str], tmp_path: Path) -> None:
    sent = {"method": "POST", "path": "/org/vouchers/redeem", "query": "", "auth": "first", "headers": []}
    finding = {"rule": "body-schema", "exchanges": [{**sent, "body": None, "purpose": ""}]}
    path = tmp_path / "report.json"
    path.write_text(json.dumps({"findings": [finding]}))
    report = conform(stub, token=token(), replay=path)
    assert report.exit == 3
    assert "not allowed: POST /org/vouchers/redeem" in report.notes[0]


def test_what_needs_a_token_that_is_not_given_is_not_repeated(
    stub: Any, token: Callable[..., str], tmp_path: Path
) -> None:
    sent = {"method": "GET", "path": "/org/billing", "query": "", "headers": [], "body": None, "purpose": ""}
    kinds = ("expired", "pending-session", "second", "alg-hs256-pem")
    findings = [{"rule": "token-bad", "exchanges": [{**sent, "auth": kind}]} for kind in kinds]
    path = tmp_path / "report.json"
    path.write_text(json.dumps({"findings": findings}))
    report = conform(stub, token=token(), replay=path)
    told = [note for note in report.notes if note.startswith("not repeated")]
    assert [kind for kind in kinds if f"({kind})" not in " ".join(told)] == ["alg-hs256-pem"]
    assert report.head["requests"] == 2  # the public key, and the token made of it
    assert "not given (alg-hs256-pem)" in " ".join(
        conform(stub, token=token(), replay=path, documents=False).notes
    )


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"findings": 5}', '{"findings": [{"rule": "json", "exchanges": [{}]}]}']
)
def test_what_is_no_report(stub: Any, token: Callable[..., str], tmp_path: Path, text: str) -> None:
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(UsageError, match="--replay"):
        conform(stub, token=token(), replay=tmp_path / "r.json")
    with pytest.raises(UsageError, match="no such file"):
        conform(stub, token=token(), replay=tmp_path / "none.json")


def test_every_scenario_behind_a_rule_is_known() -> None:
    assert BEHIND.keys() <= {each.id for each in RULES.values() if each.kind == "scenario"}
