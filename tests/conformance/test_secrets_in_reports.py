"""No secret of a recording, in whatever encoding and place, is in a report of any format, or in a replay."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from orgbilling_conformance import conform
from orgbilling_conformance.exchange import Request
from orgbilling_conformance.reports import github, html, junit, markdown, sarif, terminal
from rich.console import Console

TOKEN = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImlucyJ9.eyJzdWIiOiJ1c2VyIn0.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg"
KEY = "sk_test_4eC39HqLyjWDarjtT1zdp7dcXXXXXXXX"
OPAQUE = "an-opaque-token-of-the-run"
ENCODINGS: dict[str, Callable[[str], str]] = {
    "raw": lambda secret: secret,
    "percent": lambda secret: f"%{ord(secret[0]):02X}{secret[1:]}",
    "percent twice": lambda secret: f"%25{ord(secret[0]):02X}{secret[1:]}",
    "JSON": lambda secret: f"\\u{ord(secret[0]):04x}{secret[1:]}",
    "base64": lambda secret: base64.b64encode(f"user:{secret}".encode()).decode(),
}


def _recording(path: Path, text: str) -> Path:
    """A recording whose every part holds a text, with findings about most of them."""
    headers = [{"name": "Content-Type", "value": "application/json"}, {"name": "X-Any", "value": text}]
    body = f'{{"currency": 7, "billingMode": "{text}", "{text}": "Bearer {text}", "createdAt": "{text}"}}'
    entries = [
        {
            "request": {
                "method": method,
                "url": f"https://api.example.com/api/v1{path}?token={text}&{text}=1",
                "headers": [*headers, {"name": "Origin", "value": f"https://{text}"}],
                "postData": {"mimeType": "application/json", "text": body},
            },
            "response": {
                "status": status,
                "headers": [*headers, {"name": "Location", "value": text}],
                "content": {"mimeType": "application/json", "text": body, "size": len(body)},
            },
            "time": 9,
        }
        for method, path, status in (
            ("GET", "/org/billing", 200),
            ("GET", "/org/ledger", 500),
            ("POST", "/org/vouchers/redeem", 422),
        )
    ]
    path.write_text(json.dumps({"log": {"version": "1.2", "entries": entries}}))
    return path


def _formats(report: Any) -> dict[str, str]:
    shown = io.StringIO()
    terminal.show(report, Console(file=shown, width=300))
    return {
        "json": json.dumps(report.to_json(), ensure_ascii=False),
        "terminal": shown.getvalue(),
        **{module.__name__: module.render(report) for module in (github, html, junit, markdown, sarif)},
    }


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("secret", [TOKEN, KEY], ids=["session token", "Stripe key"])
@pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS)
def test_no_format_of_a_report_holds_a_secret(
    tmp_path: Path, encode: Callable[[str], str], secret: str
) -> None:
    encoded = encode(secret)
    report = conform(har=_recording(tmp_path / "a.har", encoded))
    assert report.findings
    for name, text in _formats(report).items():
        decoded = unquote(unquote(text))
        assert encoded not in text, name
        assert secret not in decoded, name
        assert secret[10:] not in decoded, name
    for finding in report.findings:
        for document in finding.exchanges:
            request = Request.from_json(document)
            assert secret[10:] not in repr(request)
            assert encoded.encode() not in (request.body or b"")


def test_the_curl_of_a_finding_still_names_the_token_of_the_run(tmp_path: Path) -> None:
    request = Request("GET", "/org/ledger", f"token={TOKEN}&days=7", (("Cookie", f"__session={TOKEN}"),))
    command = request.redacted().curl("https://api.example.com/api/v1")
    assert "?token=[redacted]&days=7" in command
    assert 'Bearer $TOKEN"' in command
    assert "Cookie: __session=[redacted]" in command


def test_a_request_keeps_no_secret_that_the_run_knows() -> None:
    request = Request(
        "POST", "/org", f"q={OPAQUE}", (("Prefer", OPAQUE),), f'{{"code": "{OPAQUE}"}}'.encode()
    )
    assert OPAQUE not in repr(request.redacted([OPAQUE]))
