from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any

import pytest
from orgbilling_conformance import conform
from orgbilling_conformance.evidence import REASONS, EvidenceCount, undecided, why_not_judged
from orgbilling_conformance.exchange import Exchange, NotJudged, Request, Response

GZIP = gzip.compress(b"{}", mtime=0)
JSON = {"content-type": "application/json"}
HTML = {"content-type": "text/html"}
PROBLEM = {"content-type": "application/problem+json"}


def exchange(status: int, headers: dict[str, str], body: bytes = b"", **more: Any) -> Exchange:
    sent = {"auth": more.pop("auth", "first"), "headers": more.pop("sent", ())}
    response = Response(status, tuple(headers.items()), body, **more)
    return Exchange(Request("GET", "/org/billing", **sent), response, "getOrgBilling")


def seen(given: Exchange) -> str:
    reason = why_not_judged(given)
    return reason.reason if reason else ""


@pytest.mark.parametrize(
    ("status", "headers", "body", "expected"),
    [
        (200, JSON, b"{}", ""),
        (200, HTML, b"<h1>", ""),
        (429, PROBLEM, b"{}", "rate-limited"),
        (301, {"location": "https://b.example/"}, b"", "redirect"),
        (308, {}, b"", "redirect"),
        (304, {}, b"", "cached"),
        (502, HTML, b"<h1>Bad Gateway</h1>", "gateway"),
        (503, {"content-type": "text/plain"}, b"no healthy upstream", "gateway"),
        (504, {}, b"", "gateway"),
        (503, JSON, b'{"message":"Service Unavailable"}', "gateway"),
        (503, PROBLEM, b"not a problem", "gateway"),
        (503, PROBLEM, b'{"status":503}', ""),
        (500, {"content-type": "text/plain"}, b"oops", ""),
        (407, HTML, b"", "gateway"),
        (522, HTML, b"", "gateway"),
        (403, HTML | {"cf-ray": "1-FRA", "server": "cloudflare"}, b"<h1>", "gateway"),
        (403, HTML, b"<h1>", ""),
        (403, HTML | {"server": "AkamaiGHost"}, b"<h1>Access Denied</h1>", "gateway"),
        (403, {"server": "Kong/3.4", "content-type": "application/json"}, b'{"message":"no"}', "gateway"),
        (403, JSON | {"x-amzn-ErrorType": "ForbiddenException"}, b'{"message":"Forbidden"}', "gateway"),
        (403, HTML | {"server": "Google Frontend"}, b"<h1>", "gateway"),
        (403, HTML | {"X-Vercel-Mitigated": "challenge"}, b"<h1>", "gateway"),
        (403, HTML | {"via": "1.1 proxy.example"}, b"<h1>", "gateway"),
        (403, HTML, b"<h1>Access Denied</h1>Reference&#32;&#35;18&#46;9", "gateway"),
        (403, {"content-type": "text/plain"}, b"error code: 1020", "gateway"),
        (403, {"content-type": "text/plain", "server": "nginx"}, b"no", ""),
        (500, HTML | {"server": "nginx/1.25.3"}, b"<h1>500</h1>", "gateway"),
        (500, HTML, b"<h1>500</h1></center>\r\n<hr><center>nginx</center>", "gateway"),
        (500, HTML, b"<h1>500</h1><hr>nginx</body>", "gateway"),
        (500, HTML | {"server": "nginx"}, b"<h1>Traceback (most recent call last)", ""),
        (500, HTML | {"server": "Werkzeug/3.0"}, b"<h1>Internal Server Error</h1>", ""),
        (500, HTML | {"via": "1.1 x", "x-powered-by": "Express"}, b"<h1>", ""),
        (500, {"content-type": "text/plain", "cf-ray": "1-FRA"}, b"Internal Server Error", ""),
        (500, JSON | {"server": "cloudflare"}, b'{"message":"no healthy upstream"}', ""),
        (403, PROBLEM | {"server": "awselb/2.0"}, b'{"status":403}', ""),
        (999, JSON, b"{}", "gateway"),
        (403, PROBLEM | {"cf-ray": "1-FRA"}, b'{"status":403}', ""),
        (200, JSON | {"content-encoding": "dcb"}, b"\x8b\x01\x80{}\x03", "body-encoded"),
        (200, JSON | {"content-encoding": "br"}, b"\x8b\x01\x80{}\x03", ""),
        (421, {"content-type": "text/plain"}, b"Misdirected Request", "gateway"),
        (421, PROBLEM, b'{"status":421}', ""),
        (202, {"x-amzn-waf-action": "challenge"}, b"", "gateway"),
        (405, HTML | {"x-amzn-waf-action": "captcha"}, b"<h1>", "gateway"),
        (200, HTML | {"cf-mitigated": "challenge"}, b"<title>Just a moment...</title>", "gateway"),
        (200, HTML, b'<iframe src="/_Incapsula_Resource?a=1"></iframe>', "gateway"),
        (200, JSON, b'{"note": "_Incapsula_Resource"}', ""),
        (200, JSON | {"content-encoding": "zstd"}, b"\x28\xb5\x2f\xfd\x00", "body-encoded"),
        (200, JSON | {"content-encoding": "gzip"}, GZIP, "body-encoded"),
        (200, JSON | {"content-encoding": "br"}, b"{}", ""),
        (200, JSON | {"content-encoding": "br"}, b"{", ""),
        (200, JSON | {"content-encoding": "gzip"}, b"\xff{", ""),
        (200, JSON, GZIP, ""),
    ],
)
def test_what_stands_between_the_api_and_us_is_no_evidence(
    status: int, headers: dict[str, str], body: bytes, expected: str
) -> None:
    assert seen(exchange(status, headers, body)) == expected


def test_a_page_that_nobody_signs_is_of_others_where_the_api_answers_with_problems() -> None:
    counts = EvidenceCount()
    assert counts.add(exchange(403, HTML, b"<h1>Forbidden</h1>")), "perhaps the API answers so"
    assert counts.add(exchange(404, PROBLEM, b'{"status":404}'))
    assert not counts.add(exchange(403, HTML, b"<h1>Forbidden</h1>"))
    assert not counts.add(exchange(508, HTML, b"<h1>Loop</h1>"))
    assert counts.add(exchange(500, HTML, b"<h1>Internal Server Error</h1>")), "a failure of the application"
    assert counts.add(exchange(403, HTML, b"<title>403</title>CSRF verification failed"))
    assert counts.add(exchange(403, HTML, b"<h1>Forbidden</h1>", auth="none")), "a token that is refused"


def test_what_was_asked_for_is_evidence() -> None:
    assert seen(exchange(304, {}, sent=(("If-None-Match", '"a"'),))) == ""
    assert seen(exchange(302, {"location": "/login"}, auth="none")) == "", "a refusal that leads elsewhere"


def test_what_a_recording_does_not_show() -> None:
    for reason in ("unanswered", "page", "cached", "unreadable"):
        assert seen(exchange(429, JSON, not_judged=NotJudged(reason))) == reason
    assert seen(exchange(502, HTML, not_judged=NotJudged("body-missing"))) == "gateway"
    assert seen(exchange(200, JSON, not_judged=NotJudged("body-cut"))) == "body-cut"
    assert seen(exchange(200, JSON, GZIP, recorded=True)) == "body-encoded"


def test_who_sends_everybody_to_one_place_has_looked_at_no_token() -> None:
    counts = EvidenceCount()
    login = {"location": "https://sso.example.com/login?back=1"}
    bad = exchange(302, login, auth="none")
    assert counts.add(bad)
    counts.add(Exchange(Request("GET", "/org/ledger"), Response(302, tuple(login.items())), "getOrgLedger"))
    assert not counts.add(bad)
    assert counts.add(exchange(302, {"location": "/login"}, auth="none"))


def test_remarks_count_and_name() -> None:
    counts = EvidenceCount()
    assert counts.add(exchange(200, JSON, b"{}"))
    for index in range(1200):
        assert not counts.add(Exchange(Request("GET", f"/{index}"), Response(429), "getOrgLedger"))
    (remark,) = counts.remarks()
    assert remark.startswith(
        "not judged, because the rate was limited (429): 1,200 exchanges: GET /0, GET /1,"
    )
    assert remark.endswith("and 1,190 more")
    assert undecided(counts, ["getOrgLedger"]) == ["too little could be judged: 1 of 1,201 exchanges"]
    assert counts.to_json() == {"judged": 1, "not_judged": {"rate-limited": 1200}}


def test_an_operation_that_only_leads_elsewhere_is_inconclusive() -> None:
    counts = EvidenceCount()
    counts.add(exchange(302, {"location": "https://b.example/x"}))
    assert counts.missed == 1
    assert undecided(counts, ["getOrgBilling"])[0] == (
        "GET /org/billing is redirected: 302 to https://b.example/x"
    )
    counts.add(exchange(200, JSON, b"{}"))
    assert undecided(counts, ["getOrgBilling"]) == []


def test_every_reason_can_be_found_in_the_documentation_and_is_counted() -> None:
    counts = EvidenceCount()
    for reason in REASONS:
        counts.leave(NotJudged(reason), "x")
    assert len(counts.remarks()) == len(REASONS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "headers", "word"),
    [
        (307, {"location": "https://elsewhere.example/org/ledger", "content-type": "text/html"}, "elsewhere"),
        (502, {"content-type": "text/html"}, "a gateway or proxy answered"),
        (429, {"content-type": "text/plain", "retry-after": "0"}, "the rate was limited"),
    ],
)
def test_a_live_run_takes_no_intermediary_for_the_api(
    mutated_app: Any, token: Callable[..., str], status: int, headers: dict[str, str], word: str
) -> None:
    def change_response(path: str, was: int, own: dict[str, str], body: Any) -> Any:
        return (status, own | headers, body) if path == "/org/ledger" else (was, own, body)

    report = conform(mutated_app(change_response), token=token(), quick=True)
    response_rules = [finding for finding in report.errors if finding.operation == "getOrgLedger"]
    assert (report.verdict, response_rules) == ("inconclusive", [])
    assert any(word in text for text in (*report.notes, *report.reasons))
    assert any("getOrgLedger" in reason for reason in report.reasons)


@pytest.mark.slow
def test_a_network_that_asks_to_log_in_during_a_run_accuses_nobody(
    mutated_app: Any, token: Callable[..., str]
) -> None:
    """A captive portal answers every request with its page and 200 from some moment on."""
    asked = 0

    def change_response(path: str, was: int, own: dict[str, str], body: Any) -> Any:
        nonlocal asked
        asked += 1
        page = {"content-type": "text/html"}
        return (200, page, f"<html>Wi-Fi login {asked}</html>") if asked > 20 else (was, own, body)

    report = conform(mutated_app(change_response), token=token(), quick=True)
    assert (report.verdict, report.findings) == ("inconclusive", ())
    assert any("a gateway or proxy answered" in note for note in report.notes)
    assert any("too little could be judged" in reason for reason in report.reasons)


def test_a_page_is_the_apis_own_where_nothing_else_was_seen() -> None:
    evidence = EvidenceCount()
    page = exchange(200, HTML, b"<html>5 things</html>")
    assert evidence.add(page)
    assert evidence.add(exchange(200, JSON, b"{}"))
    assert not evidence.add(page)
    other = exchange(200, HTML, b"<html>6 things</html>", auth="expired")
    assert not evidence.add(other), "the same page for a token that is not good"
    assert evidence.add(exchange(200, HTML, b"<html>Welcome</html>", auth="expired"))
    assert evidence.add(exchange(200, HTML, b"{}")), "JSON that calls itself a page"
    assert evidence.add(exchange(200, HTML, b"<pre>Traceback (most recent call last)"))
