from __future__ import annotations

import pytest
from orgbilling_stubs.faults import COOKIE, errors
from orgbilling_stubs.faults.overrides import Override, parse, read
from orgbilling_stubs.http.errors import Problem


def scope(*prefer, query="", cookie=None):
    headers = [(b"prefer", each.encode("latin-1")) for each in prefer]
    if cookie is not None:
        headers.append((b"cookie", cookie.encode("latin-1")))
    return {"headers": headers, "query": query.encode()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" , ,", []),
        ("code=503", [("code", "503")]),
        ("Code = 503", [("code", "503")]),
        ("code=503, delay=1.5s", [("code", "503"), ("delay", "1.5s")]),
        ('code="503"; foo=bar; x , example="a, \\"b\\""', [("code", "503"), ("example", 'a, "b"')]),
        ("return=minimal;code=1, force", [("return", "minimal"), ("force", "")]),
        ("code=", [("code", "")]),
        ("code=5;;d=1", [("code", "5")]),
    ],
)
def test_preferences_are_read_as_rfc_7240_has_them(text, expected):
    assert parse(text) == expected


@pytest.mark.parametrize(
    "text", ["code=503 delay=1", '"', 'code="503', "=503", "code=5;=", "code==5", "c ode"]
)
def test_what_rfc_7240_does_not_know_is_refused(text):
    with pytest.raises(Problem, match=errors.PREFERENCE_MALFORMED.code):
        parse(text)


def test_a_hostile_value_takes_no_time():
    with pytest.raises(Problem):
        parse("a" * 50_000 + ' "')


CARRIERS = {
    "header": scope("code=503, delay=20"),
    "headers": scope("code=503", "delay=20"),
    "query": scope(query="days=7&__code=503&__delay=20"),
    "cookie": scope(cookie=f"a=b; {COOKIE}=code%3D503%2C%20delay%3D20; c=d"),
    "cookie unencoded": scope(cookie=f"{COOKIE}=code=503&delay=20"),
}


@pytest.mark.parametrize("carrier", CARRIERS)
def test_all_carriers_say_the_same(carrier):
    assert read(**CARRIERS[carrier]) == Override(code=503, delay_ms=20, applied="code=503, delay=20")


def test_a_header_beats_the_query_and_the_query_the_cookie():
    both = scope("code=401", query="__code=402&__delay=2", cookie=f"{COOKIE}=code=403&delay=3&scenario=slow")
    assert read(**both) == Override(401, None, 2, "slow", False, "code=401, delay=2, scenario=slow")


def test_the_first_of_a_name_counts():
    assert read(**scope("code=401, code=402", "code=403")).code == 401


@pytest.mark.parametrize(
    "nothing",
    [scope(), scope("return=minimal"), scope("force"), scope(query="__other=1"), scope(cookie="a=b")],
)
def test_what_is_not_ours_is_ignored(nothing):
    assert read(**nothing) is None


@pytest.mark.parametrize(
    ("text", "ms"),
    [("0", 0), ("250", 250), ("250ms", 250), ("2s", 2_000), ("1.5s", 1_500), ("600s", 600_000)],
)
def test_delays(text, ms):
    assert read(**scope(f"delay={text}")).delay_ms == ms


@pytest.mark.parametrize("text", ["", "-1", "1.5", "1.5ms", "1m", "601s", "600001", "99999999999", "1e3"])
def test_wrong_delays(text):
    with pytest.raises(Problem, match=errors.DELAY_INVALID.code):
        read(**scope(f'delay="{text}"'))


@pytest.mark.parametrize("text", ["", "abc", "199", "600", "20", "2000", "+20", "٢٠٠"])
def test_wrong_codes(text):
    with pytest.raises(Problem, match=errors.CODE_INVALID.code):
        read(headers=[], query=f"__code={text}".encode().replace(b"+", b"%2B"))


@pytest.mark.parametrize(("text", "forced"), [("force", True), ("force=true", True), ("force=false", False)])
def test_force(text, forced):
    assert read(**scope("code=418, " + text)).force is forced


def test_what_was_applied_is_told_without_breaking_a_header():
    found = read(headers=[], query=b"__example=a%22%0d%0aSet-Cookie%3A%20x")
    assert found.applied == 'example="a\\"??Set-Cookie: x"'


def test_no_token_is_told_back():
    token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1c2VyXzEifQ.c2ln"
    assert read(**scope(f"scenario={token}")).applied == 'scenario="[redacted]"'
    assert len(read(**scope(f"scenario={'x' * 500}")).applied) < 150
