from __future__ import annotations

import logging
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from orgbilling_stubs.auth.keys import SigningKey
from orgbilling_stubs.auth.redaction import MASK, RedactingFormatter, redact
from orgbilling_stubs.auth.tokens import ClerkSession, mint_token

SECRET = "s3cr3t-Value_1"


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {SECRET}",
        f"authorization: bearer   {SECRET}, next",
        f"{{'authorization': 'Bearer {SECRET}'}}",
        f"[(b'authorization', b'Bearer {SECRET}')]",
        f"Authorization: Basic {SECRET}",
        f'Bearer "{SECRET}"',
        f"/?h=Bearer%20{SECRET}&c=__session%3D{SECRET}",
        f"Cookie: a=b; __session={SECRET}; c=d",
        f"__session = {SECRET}",
        f"__session_Ab12={SECRET}",
        f'{{"__session": "{SECRET}"}}',
        f"{{'__session': '{SECRET}'}}",
        f"GET /?token=eyJ{SECRET}.eyJ{SECRET}.{SECRET} HTTP/1.1",
        f"GET /?token=eyJ{SECRET}%2EeyJ{SECRET}%2e{SECRET} HTTP/1.1",
        f'{{"t": "eyJ{SECRET}\\u002eeyJ{SECRET}\\u002E{SECRET}"}}',
        f"eyJ{SECRET}",
    ],
)
def test_a_secret_is_masked(text: str) -> None:
    cleaned = redact(text)
    assert SECRET not in cleaned
    assert MASK in cleaned


@pytest.mark.parametrize(
    "text", ["", "GET /api/v1/org/billing 200", "the session has expired", "the bearer", "a=b; c=d"]
)
def test_other_text_is_left_alone(text: str) -> None:
    assert redact(text) == text


def test_what_surrounds_a_token_stays() -> None:
    assert redact("a Bearer abc; b") == f"a Bearer {MASK}; b"
    assert redact("x=1; __session=abc; y=2") == f"x=1; __session={MASK}; y=2"


@given(before=st.text(max_size=40), after=st.text(max_size=40))
def test_a_real_token_is_masked_in_any_text(key: SigningKey, before: str, after: str) -> None:
    token = mint_token(key, ClerkSession(), 0)
    cleaned = redact(f"{before}{token}{after}")
    assert not any(part in cleaned for part in token.split("."))


def test_a_log_line_is_redacted_with_its_arguments_and_its_traceback() -> None:
    try:
        raise ValueError(f"Bearer {SECRET}")
    except ValueError:
        caught = sys.exc_info()
    record = logging.LogRecord("orgbilling", 40, "a.py", 1, "got %s", (f"__session={SECRET}",), caught)
    line = RedactingFormatter("%(message)s").format(record)
    assert line.startswith(f"got __session={MASK}")
    assert "Traceback" in line
    assert SECRET not in line
