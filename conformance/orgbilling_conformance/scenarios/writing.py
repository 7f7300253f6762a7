"""Writing, where it was allowed: vouchers, checkouts, the portal, contracts, and undocumented methods."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote, urlsplit

from orgbilling_openapi.invariants import INVARIANTS

from orgbilling_conformance import asked
from orgbilling_conformance.exchange import Exchange, Request, shown
from orgbilling_conformance.guard import UNDOCUMENTED
from orgbilling_conformance.judge import Judge
from orgbilling_conformance.options import WRITES
from orgbilling_conformance.rule import Observation
from orgbilling_conformance.scenarios import crossorigin
from orgbilling_conformance.scenarios.equations import BY_COMMANDS, report
from orgbilling_conformance.scripted import law_id

NOBODY = "CONFORMANCE-NO-SUCH-CODE"
NO_CONTRACT = "00000000-0000-4000-8000-000000000000"
RACERS = 8
JSON_TYPE = (("Content-Type", "application/json"),)
LEDGER = "days=7"
NEEDS = {
    "redeem": "needs --allow-write redeem --voucher CODE",
    "checkout": "needs --allow-write checkout",
    "subscribe": "needs --allow-write subscribe --contract ID",
}
BODY_RULES = tuple(rule.id for rule in asked.RULES if rule.id.startswith("body-"))


def encode(value: Any) -> bytes:
    """JSON, as it is sent."""
    return json.dumps(value).encode()


def post(
    judge: Judge, operation: str, body: bytes | None, key: str = "", purpose: str = "", **more: Any
) -> Exchange:
    """Send a write."""
    headers = more.pop("headers", JSON_TYPE if body is not None else ())
    if key:
        headers = (*headers, ("Idempotency-Key", key))
    return judge.ask(operation, headers=headers, body=body, purpose=purpose, **more)


def wrong_bodies(member: str, good: Any, wrong: tuple[Any, ...]) -> list[tuple[str, bytes | None]]:
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
        *((f"{shown(value, 20)} as {member}", encode({member: value})) for value in wrong),
    ]


def bodies(judge: Judge) -> None:
    """Bodies that are wrong, for every write that is allowed; none of them can have an effect."""
    cases = {
        "redeem": wrong_bodies("code", NOBODY, (5, True, ["x"], {"a": 1}, "", 1.5)),
        "checkout": wrong_bodies("amount", 1000, ("10", True, 10.5, [5], 2**63, -5, 0, "ten")),
        "subscribe": wrong_bodies("contractId", NO_CONTRACT, (5, True, ["x"], "no-uuid", "")),
    }
    for name, rows in cases.items():
        if name not in judge.options.allow_write:
            judge.skip(BODY_RULES, (WRITES[name],), NEEDS[name])
            continue
        for what, body in rows:
            post(judge, WRITES[name], body, purpose=what)
        good = {
            "redeem": {"code": NOBODY},
            "checkout": {"amount": 1000},
            "subscribe": {"contractId": NO_CONTRACT},
        }
        text = (("Content-Type", "text/plain"),)
        post(judge, WRITES[name], encode(good[name]), purpose="text/plain", headers=text)
        for auth in ("none", "garbage", "signature", "alg-none"):
            post(
                judge,
                WRITES[name],
                encode(good[name]),
                auth=auth,
                purpose="a token that does not authenticate",
            )
        post(judge, WRITES[name], b"{}", auth="none", purpose="401 before 422")
    _alive(judge)


def _alive(judge: Judge) -> None:
    answer = judge.ask("getOrgBilling", purpose="is it still there")
    if answer.response.failure or answer.response.status >= 500:
        told = str(answer.response.status or answer.response.failure)
        judge.observe(Observation("crash", "status", "200", told), "getOrgBilling", [answer.request])
    judge.passed("crash", "getOrgBilling")


def read(judge: Judge) -> dict[str, Any]:
    """The bodies that a write can change."""
    found = {}
    for key, operation, query in (
        ("getOrgBilling", "getOrgBilling", ""),
        ("getOrgUsageSummary", "getOrgUsageSummary", ""),
        ("getOrgLedger?" + LEDGER, "getOrgLedger", LEDGER),
    ):
        exchange = judge.ask(operation, query, purpose="before and after")
        if exchange.response.succeeded:
            found[key] = exchange.response.json
    return found


def vouchers(judge: Judge) -> None:
    """The first voucher is raced and then tried again; a second one is redeemed with an idempotency key."""
    rules = ("voucher-once", "voucher-race", "voucher-unknown", "voucher-echo", "refused-harmless")
    operation = WRITES["redeem"]
    if "redeem" not in judge.options.allow_write:
        judge.skip((*rules, *_command_laws(20, 21)), (operation,), NEEDS["redeem"])
        return
    before = read(judge)
    unknown = post(judge, operation, encode({"code": NOBODY}), purpose="an unknown voucher")
    _refused(judge, "voucher-unknown", operation, unknown)
    if before and read(judge) != before and read(judge) != read(judge):
        judge.note("the account moves while nobody writes: what refused writes change was not judged")
    else:
        _harmless(judge, before, unknown)
    _closed(judge, judge.options.vouchers[0])
    _race(judge, operation, judge.options.vouchers[0])
    if len(judge.options.vouchers) > 1:
        _keyed(judge, operation, judge.options.vouchers[1])
    else:
        judge.skip(("idempotency",), (operation,), "needs a second --voucher")


def _command_laws(*numbers: int) -> tuple[str, ...]:
    return tuple(law_id(law) for law in INVARIANTS if law.number in numbers)


def _harmless(judge: Judge, before: dict[str, Any], exchange: Exchange) -> None:
    after = read(judge)
    if before and after and balance(before) != balance(after):
        seen = Observation("refused-harmless", "/creditBalance", str(balance(before)), str(balance(after)))
        judge.observe(seen, exchange.operation, [exchange.request])
    judge.passed("refused-harmless", exchange.operation)


def balance(bodies: dict[str, Any]) -> Any:
    """The balance of the profile among bodies."""
    profile = bodies.get("getOrgBilling")
    return profile.get("creditBalance") if isinstance(profile, dict) else None


def _refused(judge: Judge, rule: str, operation: str, exchange: Exchange) -> None:
    if 200 <= exchange.response.status < 300:
        seen = Observation(rule, "status", "refused", str(exchange.response.status))
        judge.observe(seen, operation, [exchange.request])
    judge.passed(rule, operation)


def _closed(judge: Judge, code: str) -> None:
    """The voucher itself, without a token, and with a member that the schema excludes.

    A sound server refuses both; what another one answers, the response rules judge.
    """
    for auth in ("none", "signature"):
        post(judge, WRITES["redeem"], encode({"code": code}), auth=auth, purpose="a voucher and no token")
    post(judge, WRITES["redeem"], encode({"code": code, "conformance": True}), purpose="an unknown member")


def _race(judge: Judge, operation: str, code: str) -> None:
    before = read(judge)

    def racer(_: int) -> Exchange:
        return post(judge, operation, encode({"code": code}), purpose="a race for one voucher")

    with ThreadPoolExecutor(RACERS) as pool:
        answers = list(pool.map(racer, range(RACERS)))
    after = read(judge)
    won = [each for each in answers if each.response.succeeded]
    if not won:
        told = f"the voucher was refused ({answers[0].response.status}): give one that is open"
        judge.skip(("voucher-once", "voucher-race", *_command_laws(20, 21)), (operation,), told)
        return
    if len(won) > 1:
        seen = Observation("voucher-race", "status", f"one success of {RACERS}", f"{len(won)} successes")
        judge.observe(seen, operation, [won[0].request])
    judge.passed("voucher-race", operation)
    for _ in range(2):
        again = post(judge, operation, encode({"code": code}), purpose="the voucher again")
        _refused(judge, "voucher-once", operation, again)
    spent = read(judge)
    if balance(after) != balance(spent) and balance(read(judge)) == balance(spent):
        seen = Observation("refused-harmless", "/creditBalance", str(balance(after)), str(balance(spent)))
        judge.observe(seen, operation, [won[0].request])
    _redeemed(judge, before, won[0], after)


def _redeemed(judge: Judge, before: dict[str, Any], answer: Exchange, after: dict[str, Any]) -> None:
    """What one redemption did: the laws of commands, and those of reading, hold after it."""
    bodies = {f"before:{key}": value for key, value in before.items()} | after
    bodies[answer.operation] = answer.response.json
    for law in INVARIANTS:
        if law.number in (*BY_COMMANDS[:2], 11):
            verdict = law.check(bodies)
            if verdict.holds is False:
                report(judge, verdict)
            elif verdict.holds:
                judge.passed(law_id(law), answer.operation)
            else:
                judge.skip((law_id(law),), (answer.operation,), verdict.detail)
    sent = json.loads(answer.request.body or b"{}").get("code")
    body = answer.response.json
    said = body.get("voucherCode") if isinstance(body, dict) else None
    if isinstance(said, str) and said.casefold() != str(sent).casefold():
        seen = Observation("voucher-echo", "/voucherCode", str(sent), shown(said))
        judge.observe(seen, answer.operation, [answer.request])
    judge.passed("voucher-echo", answer.operation)


def _keyed(judge: Judge, operation: str, code: str) -> None:
    key = f"conformance-{judge.options.seed}-{quote(code)}"[:200]
    before = read(judge)
    first = post(judge, operation, encode({"code": code}), key, "with an idempotency key")
    after = read(judge)
    again = post(judge, operation, encode({"code": code}), key, "the same key and body")
    other = post(judge, operation, encode({"code": NOBODY}), key, "the same key, another body")
    if not first.response.succeeded:
        judge.skip(
            ("idempotency",), (operation,), f"the second voucher was refused ({first.response.status})"
        )
        return
    _redeemed(judge, before, first, after)
    _same(judge, operation, first, again)
    _refused(judge, "idempotency", operation, other)
    if balance(after) != balance(read(judge)) == balance(read(judge)):
        seen = Observation("idempotency", "/creditBalance", "no second effect", "the balance moved")
        judge.observe(seen, operation, [again.request])


def _same(judge: Judge, operation: str, first: Exchange, again: Exchange) -> None:
    if again.response.json != first.response.json:
        seen = Observation(
            "idempotency", "body", "the first answer again", f"{again.response.status}, another"
        )
        judge.observe(seen, operation, [again.request])
    judge.passed("idempotency", operation)


def checkouts(judge: Judge) -> None:
    """A checkout: an address, another one next time, and no credit before it is paid."""
    rules, operation = ("checkout-url", "checkout-fresh", "checkout-pending"), WRITES["checkout"]
    judge.skip(_command_laws(22, 23), (operation,), "needs somebody who pays")
    if "checkout" not in judge.options.allow_write:
        judge.skip((*rules, "idempotency"), (operation,), NEEDS["checkout"])
        return
    before = read(judge)
    first, second = (post(judge, operation, encode({"amount": 1000}), purpose="a checkout") for _ in range(2))
    post(judge, operation, encode({"amount": 2500, "currency": "EUR"}), purpose="a currency")
    if not address(judge, "checkout-url", first):
        return
    if first.response.json == second.response.json:
        seen = Observation("checkout-fresh", "/url", "another address", "the same again")
        judge.observe(seen, operation, [second.request])
    judge.passed("checkout-fresh", operation)
    after = read(judge)
    if balance(before) != balance(after) and balance(after) == balance(read(judge)):
        seen = Observation("checkout-pending", "/creditBalance", str(balance(before)), str(balance(after)))
        judge.observe(seen, operation, [first.request])
    judge.passed("checkout-pending", operation)
    key = f"conformance-{judge.options.seed}-checkout"
    _same(
        judge, operation, *(post(judge, operation, encode({"amount": 1500}), key, "a key") for _ in range(2))
    )


def portal(judge: Judge) -> None:
    """A portal session, without a body and with an empty one."""
    operation = WRITES["portal"]
    if "portal" not in judge.options.allow_write:
        judge.skip(("portal-url",), (operation,), "needs --allow-write portal")
        return
    for body in (None, b"{}"):
        address(judge, "portal-url", post(judge, operation, body, purpose="a portal session"))
    for auth in ("none", "signature"):
        post(judge, operation, None, auth=auth, purpose="a token that does not authenticate")


def subscribe(judge: Judge) -> None:
    """A contract that was named, and one that is unknown."""
    operation = WRITES["subscribe"]
    if "subscribe" not in judge.options.allow_write:
        judge.skip(("subscribe-url", "subscribe-unknown"), (operation,), NEEDS["subscribe"])
        return
    unknown = post(judge, operation, encode({"contractId": NO_CONTRACT}), purpose="an unknown contract")
    _refused(judge, "subscribe-unknown", operation, unknown)
    sent = encode({"contractId": judge.options.contract_id})
    address(judge, "subscribe-url", post(judge, operation, sent, purpose="the contract"))


def address(judge: Judge, rule: str, exchange: Exchange) -> bool:
    """Judge the address in an answer; False where there is none to judge."""
    body = exchange.response.json
    if not exchange.response.succeeded or not isinstance(body, dict):
        judge.skip((rule,), (exchange.operation,), f"refused with {exchange.response.status}")
        return False
    parts = urlsplit(str(body.get("url")))
    if parts.scheme not in ("http", "https") or not parts.hostname:
        seen = Observation(rule, "/url", "an absolute http or https address", shown(body.get("url")))
        judge.observe(seen, exchange.operation, [exchange.request])
    judge.passed(rule, exchange.operation)
    return True


def methods(judge: Judge) -> None:
    """Methods and paths that no document names."""
    if "methods" not in judge.options.allow_write:
        judge.skip(("method", "allow", "route", "preflight"), ("*",), "needs --allow-write methods")
        return
    paths = sorted({each.path for each in judge.facts.operations.values()})
    for path in paths:
        known = {each.method: each.id for each in judge.facts.operations.values() if each.path == path}
        name = next(iter(known.values()))
        for method in UNDOCUMENTED:
            if method not in known and method not in ("HEAD", "OPTIONS"):
                _method(judge, name, Request(method, path, purpose="an undocumented method"))
        if "GET" in known:
            head = judge.send(Request("HEAD", path, purpose="HEAD"))
            if head.response.status >= 500:
                seen = Observation("method", "status", "below 500 to HEAD", str(head.response.status))
                judge.observe(seen, name, [head.request])
            if head.response.body:
                seen = Observation("method", "body", "no body to HEAD", f"{len(head.response.body)} bytes")
                judge.observe(seen, name, [head.request])
        crossorigin.preflight(judge, name, path, next(iter(known)))
    lost = judge.send(Request("GET", "/org/no-such-operation", purpose="an unknown path"))
    if lost.response.status not in (401, 403, 404):
        judge.observe(Observation("route", "status", "404", str(lost.response.status)), "", [lost.request])
    judge.passed("route", "")


def _method(judge: Judge, operation: str, request: Request) -> None:
    answer = judge.send(request)
    status = answer.response.status
    if status < 400:
        seen = Observation("method", "status", f"{request.method} refused", str(status))
        judge.observe(seen, operation, [request])
    elif status == 405 and not answer.response.header("allow"):
        judge.observe(Observation("allow", "header/Allow", "the methods", "absent"), operation, [request])
    elif status >= 500 and status != 501:
        judge.observe(Observation("method", "status", "405", str(status)), operation, [request])
    judge.passed("method", operation)
