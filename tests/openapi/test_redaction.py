from __future__ import annotations

import base64
import logging
import sys
import time
from collections.abc import Callable
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from orgbilling_openapi import redaction
from orgbilling_openapi.redaction import MASK, redact, redact_bytes, redact_json
from orgbilling_stubs.cli.log_format import RedactingFormatter

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
        f"?access_token={SECRET}&a=1",
        f'{{"client_secret": "{SECRET}"}}',
        f"X-Control-Token: {SECRET}",
        f"https://user:{SECRET}@example.com/",
        f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_a_secret_is_masked(text: str) -> None:
    cleaned = redact(text)
    assert SECRET not in cleaned
    assert MASK in cleaned


@pytest.mark.parametrize(
    "text",
    [
        "",
        "GET /api/v1/org/billing 200",
        "the session has expired",
        "the bearer",
        "a=b; c=d",
        "bearer authentication",
        'Bearer realm="orgbilling", error="invalid_token"',
        'curl -H "Authorization: Bearer $TOKEN"',
        "publicKeyJwk, keyJson",
        "the token: what it says",
        '{"inputTokens": 5, "pricePer1kTokens": "0.1"}',
        "cs_test_abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdef",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "http://127.0.0.1:4010/api/v1?x=a@b",
        "100%25 sure",
    ],
)
def test_other_text_is_left_alone(text: str) -> None:
    assert redact(text) == text


ENCODED = {
    "raw": lambda secret: secret,
    "percent": lambda secret: "".join(f"%{ord(letter):02x}" for letter in secret),
    "percent of the first letter": lambda secret: f"%{ord(secret[0]):02X}{secret[1:]}",
    "percent twice": lambda secret: f"%25{ord(secret[0]):02X}{secret[1:]}",
    "percent ten times": lambda secret: "%" + "25" * 10 + f"{ord(secret[0]):02X}{secret[1:]}",
    "percent u": lambda secret: f"%u{ord(secret[0]):04X}{secret[1:]}",
    "JSON": lambda secret: "".join(f"\\u{ord(letter):04x}" for letter in secret),
    "JSON of the first letter": lambda secret: f"\\u{ord(secret[0]):04X}{secret[1:]}",
    "JSON in JSON": lambda secret: f"\\\\u{ord(secret[0]):04X}{secret[1:]}",
    "JSON in percent": lambda secret: f"%5Cu{ord(secret[0]):04X}{secret[1:]}",
    "Python": lambda secret: f"\\x{ord(secret[0]):02x}{secret[1:]}",
    "HTML": lambda secret: f"&#{ord(secret[0])};{secret[1:]}",
    "UTF-16": lambda secret: "\0".join(secret),
    "base64": lambda secret: base64.b64encode(f"user:{secret}".encode()).decode(),
    "base64 of base64": lambda secret: base64.b64encode(base64.b64encode(secret.encode())).decode(),
    "base64 three times": lambda secret: base64.b64encode(
        base64.b64encode(base64.b64encode(secret.encode()))
    ).decode(),
    "hexadecimal digits": lambda secret: secret.encode().hex(),
    "upper case of hexadecimal digits": lambda secret: "f" + secret.encode().hex().upper(),
    "base64 of hexadecimal digits": lambda secret: base64.b64encode(secret.encode().hex().encode()).decode(),
    "hexadecimal digits of base64": lambda secret: base64.b64encode(secret.encode()).hex(),
    "base64url": lambda secret: base64.urlsafe_b64encode(secret.encode()).decode().rstrip("="),
    "quoted": lambda secret: f'"{secret}"',
}
PLACES = {
    "query": "GET /org/ledger?days=7&{}=1&x=2",
    "body": '{{"code": "{}", "amount": 5}}',
    "form": "code={}&amount=5",
    "header": "X-Anything: {}",
    "cookie": "Cookie: theme=dark; other={}",
    "multipart": '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n{}\r\n--b--',
}
TOKEN = (
    "eyJhbGciOiJSUzI1NiIsImtpZCI6ImlucyJ9.eyJzdWIiOiJ1c2VyIiwib3JnIjoib3JnIn0.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg"
)
SECRETS = {
    "session token": TOKEN,
    "upper case": TOKEN.upper(),
    "lower case": TOKEN.lower(),
    "Stripe key": "sk_test_4eC39HqLyjWDarjtT1zdp7dcXXXXXXX",
    "restricted key": "RK_LIVE_4eC39HqLyjWDarjtT1zdp7dcXXXXXXX",
    "webhook secret": "whsec_5WbX5kEWLlfzsGNjH64I8lOOqUB6e8FHXX",
    "control token": "oct_" + "0123456789abcdef" * 2 + "01234567",
    "live key": "sk_live_4eC39HqLyjWDarjtT1zdp7dcXXXXXXX",
    "GitHub token": "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "fine-grained GitHub token": "github_pat_11ABCDEFG0aBcDeFgHiJkL_mNoPqRsTuVwXyZ0123456789",
}


@pytest.mark.parametrize("encode", ENCODED.values(), ids=ENCODED)
def test_a_secret_is_masked_however_it_is_encoded(encode: Callable[[str], str]) -> None:
    shown = []
    for (kind, secret), (name, place) in product(SECRETS.items(), PLACES.items()):
        encoded = encode(secret)
        cleaned = redact(place.format(encoded))
        is_masked = MASK in cleaned and encoded not in cleaned and secret[-12:] not in cleaned
        if not is_masked or redact(cleaned) != cleaned:
            shown.append((kind, name, cleaned))
    assert shown == []


@pytest.mark.parametrize("code", ["TEST-CREDIT-5-FROM_THE_SHOP", "TEST-CREDIT-5-" + "A_LONG_CODE_" * 3])
def test_harmless_text_is_not_searched_for_each_kind_of_secret(
    code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redaction, "_SECRETS", None)
    monkeypatch.setattr(redaction, "_BARE", None)
    assert redaction.redact(f'{{"code": "{code}"}}') == f'{{"code": "{code}"}}'


def test_a_secret_that_has_no_form_is_masked_where_it_is_known() -> None:
    assert redact("seen: opaque-value, %6Fpaque-value", ["opaque-value"]) == f"seen: {MASK}, {MASK}"


def test_json_keeps_its_form() -> None:
    document = {"code": f"a {TOKEN} b", TOKEN: [1, None, {"token": "short"}], "n": 1.5}
    assert redact_json(document) == {"code": f"a {MASK} b", MASK: [1, None, {"token": MASK}], "n": 1.5}


def test_bytes_that_are_no_text_stay() -> None:
    assert redact_bytes(b"\xff\xfe " + TOKEN.encode()) == b"\xff\xfe " + MASK.encode()


@pytest.mark.slow_beyond(2)
@pytest.mark.parametrize(
    "text",
    ["eyJ", "%25", "\\", "Bearer ", "token=", "a_", "__session", "_token", "-----BEGIN PRIVATE KEY-----"],
)
def test_a_long_hostile_text_takes_linear_time(text: str) -> None:
    started = time.perf_counter()
    redact(text * 20_000)
    assert time.perf_counter() - started < 5


def test_what_surrounds_a_token_stays() -> None:
    assert redact("a Bearer abc; b") == f"a Bearer {MASK}; b"
    assert redact("x=1; __session=abc; y=2") == f"x=1; __session={MASK}; y=2"


@given(before=st.text(max_size=40), after=st.text(max_size=40))
def test_a_token_is_masked_in_any_text(before: str, after: str) -> None:
    cleaned = redact(f"{before}{TOKEN}{after}")
    assert not any(part in cleaned for part in TOKEN.split("."))


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


@pytest.mark.parametrize(
    "place", ['{{"code": "{}"}}', "X-Anything: {}", "GET /?key={}&a=1", "{}", "/home/{}/x"]
)
def test_the_id_of_a_key_of_aws_is_masked_and_no_other_word(place: str) -> None:
    secret = "AKIAIOSFODNN7EXAMPLE"
    assert redact(place.format(secret)) == place.format(MASK)
    assert redaction.may_hold_secret(place.format(secret).encode())
    assert MASK in redact(place.format(secret.encode().hex()))
    for word in ("AKIA", "AKIAIOSFODNN7EXAMPLES", "asia-northeast1", "XAKIAIOSFODNN7EXAMPLE"):
        assert redact(place.format(word)) == place.format(word)
