"""Evidence: what an exchange has to be, so that the API can be judged by it.

Between the API and us are proxies, caches, gateways, browsers and recorders. What one of them answered, cut,
kept back or left encoded says nothing about the API. Such an exchange is not judged: no rule is applied to
it, and the report says how many there were, and why. The same holds for recordings and for live runs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from orgbilling_openapi.redaction import redact
from orgbilling_openapi.strict_json import StrictJsonError

from orgbilling_conformance.api_description import PROBLEM
from orgbilling_conformance.content_codings import can_be_undone
from orgbilling_conformance.exchange import LOOKED_THROUGH, Exchange, NotJudged, Response, html_text, shorten

PAGE_CHARACTERS = 300
"""By how much of its text a page is known again."""

MOST_PAGES = 100
"""So many are kept: a page may be another one each time."""

NAMED = 10
"""How many exchanges are named in a remark; the others are counted."""

REASONS: dict[str, tuple[str, str]] = {
    "unanswered": (
        "a recorded request got no answer",
        "status 0 or less, or the client noted a failure: given up, blocked, cut off",
    ),
    "substituted": (
        "something else than the API answered",
        "the recorder says that a test or a proxy made the answer (`_wasFulfilled`)",
    ),
    "page": (
        "a page or a part of one was fetched, not the API",
        "`_resourceType`, `Sec-Fetch-Dest`, `Accept: text/html`, React and Turbo headers, `_rsc`; HTML "
        "from the origin of the page itself",
    ),
    "other-address": (
        "the address is not that of the API",
        "another address is given beside `--har`, or looks more like the API: it answers as described, is at "
        "`/api/v1`, has JSON, or is not on this machine",
    ),
    "address-unknown": (
        "nobody knows whether the address is that of the API",
        "several addresses look like the API; the one that is, is given beside `--har`",
    ),
    "cached": (
        "a cache or a service worker answered",
        "304; `_fromCache`, `_fetchType`, `_fetchedViaServiceWorker`",
    ),
    "redirect": (
        "it was redirected",
        "300 to 308 with a good token, or to the same place with any other; the `Location` is named, and an "
        "operation that gives nothing else makes the result inconclusive",
    ),
    "rate-limited": ("the rate was limited (429)", "429; a live run waits first, as `Retry-After` says"),
    "gateway": (
        "a gateway or proxy answered, not the API",
        "421, 502, 503, 504 that are no problem document; 407, 511, 520 to 530, 600 and more; an error that "
        "a content delivery network, firewall or proxy signs, by a header, `Server`, `Via` or its words; a "
        "challenge to the browser, with any status; a page with 200 from an operation that answers with JSON "
        "otherwise; HTML with 403 or 501 and more that names no framework, where the API answers other "
        "errors as problems",
    ),
    "body-missing": (
        "the body was not recorded",
        "`text` is missing or blacked out, the file beside the recording is missing",
    ),
    "body-cut": (
        "the body was not recorded to its end",
        "it is shorter than its `size`, or than `Content-Length` where there is no size",
    ),
    "body-encoded": (
        "the body is still encoded",
        "gzip and deflate are decoded, and Brotli and Zstandard where the extra `conformance` has installed "
        "their libraries; others are not, nor is what is damaged in a recording",
    ),
    "body-unreadable": (
        "the recorded body cannot be read",
        "`text` is no text, or is called base64 and is not; the file beside the recording cannot be read",
    ),
    "damaged": (
        "the recording is damaged there, or cut off",
        "an entry is no JSON, or the file ends in it; it is named by its index and the place of the damage",
    ),
    "unreadable": (
        "the entry of the API lacks what HAR 1.2 requires",
        "no status, or no headers with names; it is named by its index",
    ),
    "unreadable-elsewhere": (
        "the entry lacks what HAR 1.2 requires, and is none of the API",
        "the same, and its method and address are of something else, or cannot be read",
    ),
}
"""Why an exchange is not judged: the words of the remark, and what it is known by."""

BESIDE_THE_API = ("page", "other-address", "unreadable-elsewhere")
"""The reasons for which an exchange is none with the API; for all others it was asked, and not seen."""

PROXIES = (407, 511, *range(520, 531))
GATEWAYS = (421, 502, 503, 504)
REDIRECTS = (300, 301, 302, 303, 305, 306, 307, 308)
GOOD_TOKENS = ("first", "second", "unknown")

SIGNS = re.compile(
    r"via|cf-(ray|mitigated|cache-status)|x-amz-cf-.*|x-amzn-(errortype|waf-.*)|x-(amz-)?apigw-id|x-served-by"
    r"|(x-)?akamai-.*|x-azure-.*|x-ms-(forbidden-ip|gateway-.*)|x-iinfo|x-cdn.*|cdn-.*|x-sucuri-.*|x-vercel-.*"
    r"|x-nf-request-id|x-varnish.*|x-fastly-.*|x-cache.*|x-envoy-.*|x-kong-.*|fly-request-id|rndr-id"
    r"|x-datadome.*|x-px-.*|x-ec-.*|x-hw|x-bunny.*|x-squid-error|x-goog-iap-.*|x-firefox-spdy-proxy"
)
"""Names of headers that content delivery networks, firewalls and proxies write."""

CHALLENGES = ("cf-mitigated", "x-amzn-waf-action")
"""Names of headers with which a firewall asks the browser to prove itself, also with 202."""

PASSING_SERVERS = re.compile(
    r"cloudflare|google frontend|gws|ghs|gse|vercel|netlify|fastly|nginx|openresty|tengine|envoy|istio-envoy"
    r"|haproxy|traefik|caddy|apache(/|$| )|litespeed|fly/|railway|render|heroku|bunnycdn|keycdn|cdn77|gcore"
    r"|ats(/|$)|apachetrafficserver|tencent|edgeone|qrator|ddos-guard|wallarm|h2o|apisix|stackpath"
    r"|ec[asd]+ \(|edgecast|aliyun|yunjiasu",
    re.IGNORECASE,
)
"""Values of Server that a proxy writes on its own answers, some also on those that it passes on."""

OWN_SERVERS = re.compile(
    r"akamai|awselb|cloudfront|varnish|imperva|incapsula|sucuri|microsoft-azure-application-gateway|kong"
    r"|big-?ip|squid|bluecoat|zscaler|barracuda|fortiweb|fortigate|netscaler|citrix|radware|aws ?waf",
    re.IGNORECASE,
)
"""Values of Server that are on the answers of a gateway alone: it leaves that of the API as it is."""

GATEWAY_WORDS = re.compile(
    rb"<hr ?/?>\s*(<(center|p|address|small)>\s*)?(nginx|openresty|tengine|cloudflare|angie|microsoft-azure)"
    rb"|Reference&#32;&#35;|errors\.edgesuite\.net"
    rb"|Reference #[0-9a-f]+\.[0-9a-f]+|Incapsula incident|_Incapsula_Resource|Generated by cloudfront"
    rb"|Attention Required!|cdn-cgi/|/__cf_chl|^error code: 1[0-9]{3}|Sucuri Website Firewall"
    rb"|The requested URL was rejected\. Please consult|Microsoft-Azure-Application-Gateway"
    rb"|Varnish cache server|Guru Meditation|<address>Apache|captcha-delivery|Vercel Security Checkpoint"
    rb"|awswaf|^no healthy upstream|^upstream (connect error|request timeout)|^RBAC: access denied"
    rb"|^fault filter abort|^Jwt (is|verification)|That.s an error\.|FortiGuard|Zscaler"
    rb"|<h1>[0-9]{3} [\w ]+</h1>\s*(Request forbidden by administrative rules|No server is available)",
    re.IGNORECASE,
)
"""What gateways write into their pages, and at the beginning of their plain answers."""

FRAMEWORKS = re.compile(
    rb"Traceback|<pre>|stack ?trace|\bat [\w.$]+\(|Whitelabel Error Page|Werkzeug|Django|CSRF"
    rb"|Server Error in '/'|We're sorry, but something went wrong|HTTP Status [0-9]{3} ",
    re.IGNORECASE,
)
"""What frameworks of applications write into theirs."""

COMPRESSED = re.compile(rb"\x1f\x8b\x08|\x28\xb5\x2f\xfd|\x1f\xef\xbf\xbd\x08|\x1f\xc2\x8b\x08")
"""How gzip and Zstandard begin, and gzip that was taken for text."""

BINARY = re.compile("[\x00-\x08\x0e-\x1f\ufffd]")


@dataclass
class EvidenceCount:
    """How many exchanges were judged, and which were not: by reason, with the names of the first of each."""

    judged: Counter[str] = field(default_factory=Counter)
    not_judged: Counter[str] = field(default_factory=Counter)
    names: dict[str, dict[str, None]] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    problems: bool = False
    """Whether an error was a problem document: then pages of HTML for errors are an intermediary's."""
    missed_answers: dict[str, dict[str, None]] = field(default_factory=dict)
    """By operation: the statuses that good tokens got and that are not judged, each with the reason."""
    moved: set[str] = field(default_factory=set)
    """Where good tokens were redirected to: a redirect of a bad token to there says nothing."""
    answering: set[str] = field(default_factory=set)
    """Operations that have answered with JSON: a page with 200 in place of that is an intermediary's."""
    pages: set[str] = field(default_factory=set)
    """What such pages say, which good tokens got: that a bad token gets the same one says nothing."""

    def why_not_judged(self, exchange: Exchange) -> NotJudged | None:
        """Why an exchange shows nothing of the API, by itself and beside the others; None for evidence."""
        response = exchange.response
        if response.status in REDIRECTS and _place(response) in self.moved:
            return _redirect(response)
        if exchange.operation and (words := _page_words(response)) is not None:
            ours = exchange.request.auth in GOOD_TOKENS and exchange.operation in self.answering
            if ours or words in self.pages:
                return NotJudged("gateway", f"200 {response.media}")
        return why_not_judged(exchange, self.problems)

    def add(self, exchange: Exchange) -> bool:
        """Count an exchange; True if it may be judged."""
        reason = self.why_not_judged(exchange)
        if reason is None:
            self.problems = self.problems or is_problem(exchange.response)
            self.judged[exchange.operation] += 1
            if exchange.response.succeeded:
                self.answering.add(exchange.operation)
            return True
        self.leave(reason, exchange.name or exchange.request.line)
        if exchange.request.auth in GOOD_TOKENS:
            text = f"{exchange.response.status}, because {REASONS[reason.reason][0]}"
            self.missed_answers.setdefault(exchange.operation, {})[text] = None
        if (words := _page_words(exchange.response)) is not None and len(self.pages) < MOST_PAGES:
            self.pages.add(words)
        if reason.reason == "redirect":
            self.moved.add(_place(exchange.response))
            asked = f"{exchange.request.method} {exchange.request.path}"
            self.redirects.setdefault(exchange.operation, f"{asked} is redirected: {reason.detail}")
        return False

    def leave(self, reason: NotJudged, name: str) -> None:
        """Count an exchange that is not judged."""
        self.not_judged[reason.reason] += 1
        text = f"{name} ({reason.detail})" if reason.detail else name
        known = self.names.setdefault(reason.reason, {})
        if len(known) < NAMED:
            known.setdefault(shorten(redact(text), 200))

    @property
    def missed(self) -> int:
        """How many exchanges with the API show nothing of it."""
        return sum(count for reason, count in self.not_judged.items() if reason not in BESIDE_THE_API)

    def remarks(self) -> list[str]:
        """One remark for each reason: how many exchanges, and the first of them."""
        rows = []
        for reason, (text, _) in REASONS.items():
            if count := self.not_judged[reason]:
                names = list(self.names[reason])
                more = f" and {count - len(names):,} more" if count > len(names) else ""
                exchanges = f"{count:,} exchange{'s' * (count != 1)}"
                rows.append(f"not judged, because {text}: {exchanges}: {', '.join(names)}{more}")
        return rows

    def too_little(self) -> str:
        """Why the result is inconclusive, where most of the exchanges were not judged; else empty."""
        judged = sum(self.judged.values())
        if self.missed <= judged:
            return ""
        total = f"{judged + self.missed:,} exchange{'s' * (judged + self.missed != 1)}"
        return f"too little could be judged: {judged:,} of {total}"

    def to_json(self) -> dict[str, object]:
        """The counts, for the head of a report."""
        return {"judged": sum(self.judged.values()), "not_judged": dict(sorted(self.not_judged.items()))}


def why_not_judged(exchange: Exchange, problems: bool = False) -> NotJudged | None:
    """Why an exchange shows nothing of the API; None where it is evidence.

    problems: whether the API is known to answer errors as problem documents.
    """
    response = exchange.response
    not_judged = response.not_judged
    if not_judged is not None and not not_judged.reason.startswith("body-"):
        return not_judged
    return _intermediary(exchange, problems) or not_judged or _encoded(response)


def _intermediary(exchange: Exchange, problems: bool) -> NotJudged | None:
    """What something between the API and us answered, by its status."""
    response, status = exchange.response, exchange.response.status
    if status == 429:
        return NotJudged("rate-limited")
    if status == 304 and not exchange.request.header("if-none-match"):
        return NotJudged("cached", "304")
    if status in REDIRECTS and exchange.request.auth in GOOD_TOKENS:
        return _redirect(response)
    alone = status in PROXIES or status >= 600 or (status in GATEWAYS and not is_problem(response))
    page = problems and exchange.request.auth in GOOD_TOKENS and _is_page_of_none(response)
    if alone or page or _is_signed(response):
        return NotJudged("gateway", f"{status} {response.media}".strip())
    return None


def _redirect(response: Response) -> NotJudged:
    return NotJudged("redirect", f"{response.status} to {response.header('location') or 'nowhere'}")


def _place(response: Response) -> str:
    """Where a response leads, without the query, which often repeats the request's."""
    return (response.header("location") or "").partition("?")[0]


def is_problem(response: Response) -> bool:
    """Whether it is an error with a problem document, as the API answers."""
    body = response.json
    return response.status >= 400 and response.media == PROBLEM and isinstance(body, dict)


def _is_signed(response: Response) -> bool:
    """Whether it is an error or a challenge of a network, firewall or proxy that names itself.

    Proxies sign what they pass on, too. So what an application may write, plain text and JSON, is theirs only
    by what is on no other answer.
    """
    if any(response.header(name) for name in CHALLENGES):
        return True
    words = bool(GATEWAY_WORDS.search(response.body[:LOOKED_THROUGH]))
    if response.status < 400 or is_problem(response):
        return words and response.media == "text/html"
    server = response.header("server") or ""
    if OWN_SERVERS.match(server) or response.header("x-amzn-errortype"):
        return True
    if response.media != "text/html":
        return words and "json" not in response.media
    signed = PASSING_SERVERS.match(server) or any(
        SIGNS.fullmatch(name.lower()) for name, _ in response.headers
    )
    return words or (bool(signed) and not _names_framework(response))


def _is_page_of_none(response: Response) -> bool:
    """Whether it is a page for an error of which no framework is known to have written it.

    A page with 500 that nobody signs is what many frameworks write when an application fails.
    """
    return response.media == "text/html" and (
        (response.status == 403 or response.status > 500) and not _names_framework(response)
    )


def _page_words(response: Response) -> str | None:
    """What a page with 200 says, without digits, which may change each time; None for anything else."""
    if response.status != 200 or response.media != "text/html" or isinstance(response.json, dict | list):
        return None
    if _names_framework(response):  # the application's own: it shows an error, with the wrong status
        return None
    text = html_text(response.body[:LOOKED_THROUGH].decode("utf-8", "replace"))
    return re.sub(r"[0-9]+", "", text)[:PAGE_CHARACTERS]


def _names_framework(response: Response) -> bool:
    return bool(response.header("x-powered-by") or FRAMEWORKS.search(response.body[:LOOKED_THROUGH]))


def _encoded(response: Response) -> NotJudged | None:
    """A body whose content coding nobody has undone."""
    coding = ", ".join(response.codings)
    if COMPRESSED.match(response.body):
        return NotJudged("body-encoded", coding or "compressed") if coding or response.recorded else None
    if can_be_undone(response.codings) or not isinstance(response.parsed, StrictJsonError):
        return None
    text = response.body.decode("utf-8", "replace")
    return NotJudged("body-encoded", coding) if BINARY.search(text) else None


def undecided(counts: EvidenceCount, operations: Sequence[str]) -> list[str]:
    """What makes a result inconclusive: operations that only lead elsewhere, and too little to judge by."""
    rows = [
        shorten(where, 300)
        for operation, where in counts.redirects.items()
        if operation in operations and not counts.judged[operation]
    ]
    short = counts.too_little()
    return [*rows, *([short] if short else [])]
