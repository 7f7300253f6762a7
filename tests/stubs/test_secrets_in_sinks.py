"""No secret that a client sends, in whatever encoding and place, is kept or shown by the stub."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest
from orgbilling_openapi.redaction import redact
from orgbilling_stubs.api.serializers import response_digests
from orgbilling_stubs.cli import errors
from orgbilling_stubs.cli.log_format import RedactingFormatter
from orgbilling_stubs.journal.exchange import Exchange
from orgbilling_stubs.journal.store import Journal
from orgbilling_stubs.journal.stream import event
from orgbilling_stubs.tenants import bundle

TOKEN = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImlucyJ9.eyJzdWIiOiJ1c2VyIn0.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg"
KEY = "sk_test_4eC39HqLyjWDarjtT1zdp7dcXXXXXXXX"
ENCODINGS: dict[str, Callable[[str], str]] = {
    "raw": lambda secret: secret,
    "percent": lambda secret: f"%{ord(secret[0]):02X}{secret[1:]}",
    "percent twice": lambda secret: f"%25{ord(secret[0]):02X}{secret[1:]}",
    "percent in full": lambda secret: "".join(f"%{ord(letter):02X}" for letter in secret),
    "JSON": lambda secret: f"\\u{ord(secret[0]):04x}{secret[1:]}",
    "base64": lambda secret: base64.b64encode(f"user:{secret}".encode()).decode(),
    "upper case": str.upper,
}


@pytest.fixture
def sinks(
    serve: Callable[..., Any], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], dict[str, str]]:
    """Sends a text in every place of a request; returns what every sink shows of it."""
    dashboard = serve()
    service = dashboard.app.service
    kept: list[Exchange] = []
    append = Journal.append

    def noting(self: Journal, exchange: Exchange) -> None:
        kept.append(exchange)
        append(self, exchange)

    monkeypatch.setattr(Journal, "append", noting)
    caplog.set_level(logging.DEBUG, "orgbilling")

    def send(text: str) -> dict[str, str]:
        line = "".join(letter for letter in text if letter.isprintable())
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        multipart = {"Content-Type": "multipart/form-data; boundary=b"}
        part = f'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n{text}\r\n--b--'
        names = ("Referer", "User-Agent", "X-Any", "Prefer", "Cookie", "If-None-Match")
        headers = dict.fromkeys(names, line)
        body = f'{{"code": "{text}", "{text}": 1}}'
        json_type = {"Content-Type": "application/json"}
        answers = [
            dashboard("GET", f"/org/ledger?token={line}&{line}=1&days={line}"),
            dashboard("GET", "/org/billing", headers=headers),
            dashboard("GET", "/org/billing", None, headers={"Authorization": f"Basic {line}"}),
            dashboard("POST", "/org/billing/portal", headers={"Idempotency-Key": line}),
            dashboard("POST", "/org/vouchers/redeem", content=body, headers=json_type),
            dashboard("POST", "/org/vouchers/redeem", content=f'"{text}', headers=json_type),
            dashboard("POST", "/org/vouchers/redeem", content=f"code={text}", headers=form),
            dashboard("POST", "/org/vouchers/redeem", content=part, headers=multipart),
        ]
        journal = dashboard("GET", "/_mock/v1/journal", None).json()["exchanges"]
        explanations = [dashboard("GET", f"/_mock/v1/journal/{row['trace']}", None).text for row in journal]
        return {
            "problem documents": "\n".join(answer.text for answer in answers if answer.status_code >= 400),
            "journal": json.dumps(journal),
            "explanations": "\n".join(explanations),
            "stream": "\n".join(event(exchange).decode() for exchange in kept),
            "memory": "\n".join(map(repr, kept)),
            "coverage": dashboard("GET", "/_mock/v1/coverage", None).text,
            "bundle": bundle.export(service, ["org_standard"], "digest", response_digests),
            "log": "\n".join(RedactingFormatter("%(message)s").format(record) for record in caplog.records),
        }

    return send


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("secret", [TOKEN, KEY], ids=["session token", "Stripe key"])
@pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS)
def test_no_sink_holds_a_secret(
    sinks: Callable[[str], dict[str, str]], encode: Callable[[str], str], secret: str
) -> None:
    encoded = encode(secret)
    for sink, text in sinks(encoded).items():
        decoded = unquote(unquote(text.replace("\\\\u", "\\u"))).encode().decode("unicode_escape", "replace")
        assert encoded not in text, sink
        assert secret.lower() not in decoded.lower(), sink
        assert secret[10:].lower() not in decoded.lower(), sink


def test_an_error_of_the_command_line_holds_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    for encode in ENCODINGS.values():
        errors.report_error(f"--har {encode(TOKEN)}: not found; https://user:{KEY}@example.com")
    assert TOKEN not in capsys.readouterr().err
    assert redact(TOKEN) == "[redacted]"


def test_a_log_line_holds_no_secret() -> None:
    record = logging.LogRecord("a", 40, "a.py", 1, "got %s", (ENCODINGS["percent"](TOKEN),), None)
    assert RedactingFormatter("%(message)s").format(record) == "got [redacted]"
