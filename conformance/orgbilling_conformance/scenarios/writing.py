"""Writing, where it was allowed: vouchers, checkouts, the portal, contracts, and undocumented methods."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

from orgbilling_openapi.invariants import INVARIANTS
from orgbilling_openapi.strict_json import JsonObject, JsonValue

from orgbilling_conformance.exchange import Exchange, Headers, Request, address_parts, shorten
from orgbilling_conformance.guard import UNDOCUMENTED
from orgbilling_conformance.options import WRITES
from orgbilling_conformance.rules.invariants import invariant_rule_id
from orgbilling_conformance.rules.registry import RULES
from orgbilling_conformance.rules.rule import RuleViolation
from orgbilling_conformance.scenarios import access
from orgbilling_conformance.scenarios.invariants import BY_COMMANDS, report_violation
from orgbilling_conformance.suite import ConformanceSuite

NOBODY = "CONFORMANCE-NO-SUCH-CODE"
NO_CONTRACT = "00000000-0000-4000-8000-000000000000"
RACERS = 8
JSON_TYPE = (("Content-Type", "application/json"),)
NEEDS = {
    "redeem": "needs --allow-write redeem --voucher CODE",
    "checkout": "needs --allow-write checkout",
    "subscribe": "needs --allow-write subscribe --contract ID",
}
BODY_RULES = tuple(rule for rule in RULES if rule.startswith("body-"))


def encode(value: JsonValue) -> bytes:
    """JSON, as it is sent."""
    return json.dumps(value).encode()


def post(
    suite: ConformanceSuite,
    operation: str,
    body: bytes | None,
    key: str = "",
    purpose: str = "",
    *,
    headers: Headers | None = None,
    auth: str = "first",
) -> Exchange:
    """Send a write."""
    sent: Headers = headers if headers is not None else JSON_TYPE if body is not None else ()
    if key:
        sent = (*sent, ("Idempotency-Key", key))
    return suite.ask(operation, headers=sent, body=body, purpose=purpose, auth=auth)


def wrong_bodies(
    member: str, good: JsonValue, wrong: tuple[JsonValue, ...]
) -> list[tuple[str, bytes | None]]:
    """Bodies that no documented server accepts, each with what is wrong."""
    right = {member: good}
    return [
        ("no body", None),
        ("an empty object", b"{}"),
        ("no JSON", b'{"' + member.encode() + b'":'),
        ("two values", encode(right) + b" " + encode(right)),
        ("an array", encode([right])),
        ("null", b"null"),
        ("a string", encode("x")),
        ("invalid UTF-8", b'{"' + member.encode() + b'":"\xff\xfe"}'),
        ("deep nesting", b"[" * 20_000 + b"]" * 20_000),
        ("too large", encode(right) + b" " * 1_100_000),
        ("null in the member", encode({member: None})),
        ("an unknown member", encode({**right, "conformance": 1})),
        *((f"{shorten(value, 20)} as {member}", encode({member: value})) for value in wrong),
    ]


def bodies(suite: ConformanceSuite) -> None:
    """Bodies that are wrong, for every write that is allowed; none of them can have an effect."""
    cases = {
        "redeem": wrong_bodies("code", NOBODY, (5, True, ["x"], {"a": 1}, "", 1.5)),
        "checkout": wrong_bodies("amount", 1000, ("10", True, 10.5, [5], 2**63, -5, 0, "ten")),
        "subscribe": wrong_bodies("contractId", NO_CONTRACT, (5, True, ["x"], "no-uuid", "")),
    }
    for name, rows in cases.items():
        if name not in suite.options.allow_write:
            suite.skip(BODY_RULES, (WRITES[name],), NEEDS[name])
            continue
        for what, body in rows:
            post(suite, WRITES[name], body, purpose=what)
        good = {
            "redeem": {"code": NOBODY},
            "checkout": {"amount": 1000},
            "subscribe": {"contractId": NO_CONTRACT},
        }
        text = (("Content-Type", "text/plain"),)
        post(suite, WRITES[name], encode(good[name]), purpose="text/plain", headers=text)
        for auth in ("none", "garbage", "signature", "alg-none"):
            post(
                suite,
                WRITES[name],
                encode(good[name]),
                auth=auth,
                purpose="a token that does not authenticate",
            )
        post(suite, WRITES[name], b"{}", auth="none", purpose="401 before 422")
    _alive(suite)


def _alive(suite: ConformanceSuite) -> None:
    answer = suite.ask("getOrgBilling", purpose="is it still there")
    if not suite.judges(answer):
        return
    if answer.response.failure or answer.response.status >= 500:
        observed = str(answer.response.status or answer.response.failure)
        suite.violation("crash", "status", "200", observed, answer)
    suite.evaluated("crash", "getOrgBilling")


def read(suite: ConformanceSuite) -> JsonObject:
    """The bodies that a write can change."""
    reads = (("getOrgBilling", ""), ("getOrgUsageSummary", ""), ("getOrgLedger", "days=7"))
    return suite.bodies(reads, "before and after")


def vouchers(suite: ConformanceSuite) -> None:
    """The first voucher is raced and then tried again; a second one is redeemed with an idempotency key."""
    rules = (
        "voucher-once",
        "voucher-race",
        "voucher-unknown",
        "voucher-echo",
        "refused-harmless",
        "idempotency-refusal",
    )
    operation = WRITES["redeem"]
    if "redeem" not in suite.options.allow_write:
        suite.skip((*rules, *_command_rules(20, 21)), (operation,), NEEDS["redeem"])
        return
    before = read(suite)
    unknown = post(suite, operation, encode({"code": NOBODY}), purpose="an unknown voucher")
    _refused(suite, "voucher-unknown", operation, unknown)
    if before and read(suite) != before and read(suite) != read(suite):
        suite.note("the account moves while nobody writes: what rejected writes change was not checked")
    else:
        _harmless(suite, before, unknown)
    _refused_under_key(suite, operation)
    _closed(suite, suite.options.vouchers[0])
    _race(suite, operation, suite.options.vouchers[0])
    if len(suite.options.vouchers) > 1:
        _keyed(suite, operation, suite.options.vouchers[1])
    else:
        suite.skip(("idempotency",), (operation,), "needs a second --voucher")


def _command_rules(*numbers: int) -> tuple[str, ...]:
    return tuple(invariant_rule_id(invariant) for invariant in INVARIANTS if invariant.number in numbers)


def _harmless(suite: ConformanceSuite, before: JsonObject, exchange: Exchange) -> None:
    after = read(suite)
    if None in (balance(before), balance(after)):
        return
    if balance(before) != balance(after):
        suite.violation(
            "refused-harmless", "/creditBalance", str(balance(before)), str(balance(after)), exchange
        )
    suite.evaluated("refused-harmless", exchange.operation)


def balance(bodies: JsonObject) -> JsonValue:
    """The balance of the profile among bodies."""
    profile = bodies.get("getOrgBilling")
    return profile.get("creditBalance") if isinstance(profile, dict) else None


def check_balance(suite: ConformanceSuite, rule: str, before: JsonObject, exchange: Exchange) -> None:
    """Report a balance that an exchange changed; one that moves again may have moved by itself."""
    after = read(suite)
    if None in (balance(before), balance(after)):
        return
    if balance(before) != balance(after) == balance(read(suite)):
        suite.violation(rule, "/creditBalance", str(balance(before)), str(balance(after)), exchange)
    suite.evaluated(rule, exchange.operation)


def _refused(suite: ConformanceSuite, rule: str, operation: str, exchange: Exchange) -> None:
    if not suite.judges(exchange):
        return
    if 200 <= exchange.response.status < 300:
        suite.violation(rule, "status", "refused", str(exchange.response.status), exchange)
    suite.evaluated(rule, operation)


def _closed(suite: ConformanceSuite, code: str) -> None:
    """The voucher itself, without a token, and with a member that the schema excludes.

    A sound server refuses both; what another one answers, the response rules evaluate.
    """
    for auth in ("none", "signature"):
        post(suite, WRITES["redeem"], encode({"code": code}), auth=auth, purpose="a voucher and no token")
    post(suite, WRITES["redeem"], encode({"code": code, "conformance": True}), purpose="an unknown member")


def _race(suite: ConformanceSuite, operation: str, code: str) -> None:
    before = read(suite)

    def racer(_: int) -> Exchange:
        return post(suite, operation, encode({"code": code}), purpose="a race for one voucher")

    with ThreadPoolExecutor(RACERS) as pool:
        answers = list(pool.map(racer, range(RACERS)))
    after = read(suite)
    won = [answer for answer in answers if answer.response.succeeded]
    if not won:
        observed = f"the voucher was refused ({answers[0].response.status}): give one that is open"
        suite.skip(("voucher-once", "voucher-race", *_command_rules(20, 21)), (operation,), observed)
        return
    if len(won) > 1:
        suite.violation("voucher-race", "status", f"one success of {RACERS}", f"{len(won)} successes", won[0])
    suite.evaluated("voucher-race", operation)
    for _ in range(2):
        again = post(suite, operation, encode({"code": code}), purpose="the voucher again")
        _refused(suite, "voucher-once", operation, again)
    check_balance(suite, "refused-harmless", after, won[0])
    _redeemed(suite, before, won[0], after)


def _redeemed(suite: ConformanceSuite, before: JsonObject, answer: Exchange, after: JsonObject) -> None:
    """What one redemption did: the invariants of commands, and those of reading, hold after it."""
    bodies = {f"before:{key}": value for key, value in before.items()} | after
    bodies[answer.operation] = answer.response.json
    for invariant in INVARIANTS:
        if invariant.number in (*BY_COMMANDS[:2], 11):
            verdict = invariant.check(bodies)
            if verdict.holds is False:
                report_violation(suite, verdict)
            elif verdict.holds:
                suite.evaluated(invariant_rule_id(invariant), answer.operation)
            else:
                suite.skip((invariant_rule_id(invariant),), (answer.operation,), verdict.detail)
    sent = json.loads(answer.request.body or b"{}").get("code")
    body = answer.response.json
    echoed = body.get("voucherCode") if isinstance(body, dict) else None
    if isinstance(echoed, str) and echoed.casefold() != str(sent).casefold():
        suite.violation("voucher-echo", "/voucherCode", str(sent), shorten(echoed), answer)
    suite.evaluated("voucher-echo", answer.operation)


def _keyed(suite: ConformanceSuite, operation: str, code: str) -> None:
    key = f"conformance-{suite.options.seed}-{quote(code)}"[:200]
    before = read(suite)
    first = post(suite, operation, encode({"code": code}), key, "with an idempotency key")
    after = read(suite)
    again = post(suite, operation, encode({"code": code}), key, "the same key and body")
    other = post(suite, operation, encode({"code": NOBODY}), key, "the same key, another body")
    if not first.response.succeeded:
        suite.skip(
            ("idempotency",), (operation,), f"the second voucher was refused ({first.response.status})"
        )
        return
    _redeemed(suite, before, first, after)
    _same(suite, operation, first, again)
    _refused(suite, "idempotency", operation, other)
    now = balance(read(suite))
    if None not in (balance(after), now) and balance(after) != now == balance(read(suite)):
        suite.violation("idempotency", "/creditBalance", "no second effect", "the balance moved", again)


def _refused_under_key(suite: ConformanceSuite, operation: str) -> None:
    """A refusal is repeated under its key: another body is then refused because of the key.

    It changes nothing, since neither voucher exists.
    """
    key = f"conformance-{suite.options.seed}-refused"
    first = post(suite, operation, encode({"code": NOBODY}), key, "an unknown voucher, with a key")
    again = post(suite, operation, encode({"code": NOBODY}), key, "the same key and body")
    other = post(suite, operation, encode({"code": f"{NOBODY}-2"}), key, "the same key, another body")
    status = first.response.status
    if not all(map(suite.judges, (first, again, other))):
        return
    if again.response.status != status:
        suite.violation("idempotency-refusal", "status", str(status), str(again.response.status), again)
    elif other.response.succeeded or other.response.status == status:
        observed = str(other.response.status)
        suite.violation("idempotency-refusal", "status", "refused because of the key", observed, other)
    suite.evaluated("idempotency-refusal", operation)


def _same(suite: ConformanceSuite, operation: str, first: Exchange, again: Exchange) -> None:
    if not suite.judges(first) or not suite.judges(again):
        return
    if again.response.json != first.response.json:
        suite.violation(
            "idempotency", "body", "the first answer again", f"{again.response.status}, another", again
        )
    suite.evaluated("idempotency", operation)


def checkouts(suite: ConformanceSuite) -> None:
    """A checkout: an address, another one next time, and no credit before it is paid."""
    rules, operation = ("checkout-url", "checkout-fresh", "checkout-pending"), WRITES["checkout"]
    suite.skip(_command_rules(22, 23), (operation,), "needs somebody who pays")
    if "checkout" not in suite.options.allow_write:
        suite.skip((*rules, "idempotency"), (operation,), NEEDS["checkout"])
        return
    before = read(suite)
    first, second = (post(suite, operation, encode({"amount": 1000}), purpose="a checkout") for _ in range(2))
    post(suite, operation, encode({"amount": 2500, "currency": "EUR"}), purpose="a currency")
    if not address(suite, "checkout-url", first):
        return
    if first.response.json == second.response.json:
        suite.violation("checkout-fresh", "/url", "another address", "the same again", second)
    suite.evaluated("checkout-fresh", operation)
    check_balance(suite, "checkout-pending", before, first)
    key = f"conformance-{suite.options.seed}-checkout"
    _same(
        suite, operation, *(post(suite, operation, encode({"amount": 1500}), key, "a key") for _ in range(2))
    )


def portal(suite: ConformanceSuite) -> None:
    """A portal session, without a body and with an empty one."""
    operation = WRITES["portal"]
    if "portal" not in suite.options.allow_write:
        suite.skip(("portal-url",), (operation,), "needs --allow-write portal")
        return
    for body in (None, b"{}"):
        address(suite, "portal-url", post(suite, operation, body, purpose="a portal session"))
    for auth in ("none", "signature"):
        post(suite, operation, None, auth=auth, purpose="a token that does not authenticate")


def subscribe(suite: ConformanceSuite) -> None:
    """A contract that was named, and one that is unknown."""
    operation = WRITES["subscribe"]
    if "subscribe" not in suite.options.allow_write:
        suite.skip(("subscribe-url", "subscribe-unknown"), (operation,), NEEDS["subscribe"])
        return
    unknown = post(suite, operation, encode({"contractId": NO_CONTRACT}), purpose="an unknown contract")
    _refused(suite, "subscribe-unknown", operation, unknown)
    sent = encode({"contractId": suite.options.contract_id})
    address(suite, "subscribe-url", post(suite, operation, sent, purpose="the contract"))


def address(suite: ConformanceSuite, rule: str, exchange: Exchange) -> bool:
    """Check the address in a response; False where there is none."""
    body = exchange.response.json
    if not exchange.response.succeeded or not isinstance(body, dict):
        suite.skip((rule,), (exchange.operation,), f"refused with {exchange.response.status}")
        return False
    parts = address_parts(str(body.get("url")))
    if parts.scheme not in ("http", "https") or not parts.hostname:
        suite.violation(rule, "/url", "an absolute http or https address", shorten(body.get("url")), exchange)
    suite.evaluated(rule, exchange.operation)
    return True


def methods(suite: ConformanceSuite) -> None:
    """Methods and paths that no document names."""
    if "methods" not in suite.options.allow_write:
        suite.skip(("method", "allow", "route", "preflight"), ("*",), "needs --allow-write methods")
        return
    paths = sorted({operation.path for operation in suite.api.operations.values()})
    for path in paths:
        documented = {
            operation.method: operation.id
            for operation in suite.api.operations.values()
            if operation.path == path
        }
        name = next(iter(documented.values()))
        for method in UNDOCUMENTED:
            if method not in documented and method not in ("HEAD", "OPTIONS"):
                _method(suite, name, Request(method, path, purpose="an undocumented method"))
        if "GET" in documented:
            head = suite.send(Request("HEAD", path, purpose="HEAD"))
            judged = suite.judges(head)
            if judged and head.response.status >= 500:
                violation = RuleViolation("method", "status", "below 500 to HEAD", str(head.response.status))
                suite.fail(violation, name, [head.request])
            if judged and head.response.body:
                observed = f"{len(head.response.body)} bytes"
                suite.fail(RuleViolation("method", "body", "no body to HEAD", observed), name, [head.request])
        access.preflight(suite, name, path, next(iter(documented)))
    lost = suite.send(Request("GET", "/org/no-such-operation", purpose="an unknown path"))
    if not suite.judges(lost):
        return
    if lost.response.status not in (401, 403, 404):
        suite.violation("route", "status", "404", str(lost.response.status), lost)
    suite.evaluated("route", "")


def _method(suite: ConformanceSuite, operation: str, request: Request) -> None:
    answer = suite.send(request)
    status = answer.response.status
    if not suite.judges(answer):
        return
    if status < 400:
        violation = RuleViolation("method", "status", f"{request.method} refused", str(status))
        suite.fail(violation, operation, [request])
    elif status == 405 and not answer.response.header("allow"):
        suite.fail(RuleViolation("allow", "header/Allow", "the methods", "absent"), operation, [request])
    elif status >= 500 and status != 501:
        suite.fail(RuleViolation("method", "status", "405", str(status)), operation, [request])
    suite.evaluated("method", operation)
