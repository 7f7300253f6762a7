"""Who may see what: no token, bad tokens, and the token of another organization."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from orgbilling_openapi.invariants import INVARIANTS, InvariantResult

from orgbilling_conformance import sendable, tokens
from orgbilling_conformance.exchange import Exchange, Request, shown
from orgbilling_conformance.guard import KEYS
from orgbilling_conformance.judge import Judge
from orgbilling_conformance.rule import Observation
from orgbilling_conformance.scripted import law_operations
from orgbilling_conformance.sense import walk

LONGEST = 200
NAMED = ("entryId", "chargeId")
TOGETHER = ("window-tokens", "summary-balance", "summary-prices")


def credentials(judge: Judge) -> None:
    """No token, and every way to spoil one, on every operation that changes nothing."""
    derivable = tokens.split(judge.tokens.first) is not None
    keyed = tokens.KEYED if derivable and learn(judge) else ()
    for operation in judge.facts.gets:
        for kind in (*tokens.KINDS, *keyed):
            if kind in tokens.DERIVED and not derivable:
                continue
            judge.ask(operation.id, auth=kind, purpose="a token that does not authenticate")
        if operation in judge.facts.windows:
            judge.ask(operation.id, "days=0", auth="none", purpose="401 before 422")
            judge.ask(operation.id, "days=abc", auth="garbage", purpose="401 before 422")
    if not derivable:
        judge.skip(("token-bad",), ("*",), "the token is no JWT: only garbage was tried")


def learn(judge: Judge) -> bool:
    """Look for the public key that signs the token, where a target may publish it; False for none."""
    if judge.tokens.public is None and judge.options.documents:
        for path in KEYS:
            answer = judge.send(Request("GET", path, auth="none", purpose="its public key", rooted=True))
            if answer.response.status == 200:
                judge.tokens.public = tokens.public(answer.response.json, judge.tokens.first)
            if judge.tokens.public:
                return True
        judge.note("no public key is published: HS256 with it for a secret was not tried")
    return judge.tokens.public is not None


def pending(judge: Judge) -> None:
    """A session that has chosen no organization."""
    if judge.options.pending_token is None:
        judge.skip(("token-pending",), ("*",), "needs --pending-token")
        return
    _each(judge, "token-pending", "pending-session", "a session without an organization")


def expired(judge: Judge) -> None:
    """A token whose time is over."""
    if judge.options.expired_token is None:
        judge.skip(("token-expired",), ("*",), "needs --expired-token")
        return
    _each(judge, "token-expired", "expired", "an expired token")


def _each(judge: Judge, rule: str, auth: str, purpose: str) -> None:
    """Every operation that changes nothing, while the token is what it was given for."""
    names = [each.id for each in judge.facts.gets]
    for index, name in enumerate(names):
        if reason := judge.tokens.unfit(auth):
            judge.skip((rule,), names[index:] if index else ("*",), reason)
            return
        judge.ask(name, auth=auth, purpose=purpose)


def isolation(judge: Judge) -> None:
    """Two organizations, in turn."""
    reason = _lacking(judge)
    if reason:
        judge.skip(("isolation",), ("*",), reason)
        return
    for operation in judge.facts.gets:
        query = "days=365" if operation in judge.facts.windows else ""
        before, other, after = (
            judge.ask(operation.id, query, auth=auth, purpose="two organizations")
            for auth in ("first", "second", "first")
        )
        if not (before.response.succeeded and other.response.succeeded and after.response.succeeded):
            continue
        bodies = [each.response.json for each in (before, other, after)]
        mine, theirs, mixed = (owned(body) for body in bodies)
        if shared := (mine | mixed) & theirs:
            told = f"both see {shown(min(shared), 60)}"
            seen = Observation("isolation", "tenantId", "nothing in common", told)
            judge.observe(seen, operation.id, [before.request, other.request])
        if rows(bodies[0]) & rows(bodies[1]):
            told = "both see the same row, but for its tenantId"
            seen = Observation("isolation", "/*", "nothing in common", told, "law")
            judge.observe(seen, operation.id, [before.request, other.request])
        judge.passed("isolation", operation.id)
    _overrides(judge)
    _lawful(judge)


def _lawful(judge: Judge) -> None:
    """What the other organization sees belongs together, too: a cache could mix what names no tenant."""
    broken = _broken(judge)
    again = _broken(judge) if broken else {}
    for name in broken.keys() & again.keys():
        law = again[name].invariant
        seen = Observation("isolation", law.name, law.equation, f"{again[name].detail} (second token)", "law")
        judge.observe(seen, law_operations(law)[0], [])


def _broken(judge: Judge) -> dict[str, InvariantResult]:
    asked = (("getOrgBilling", ""), ("getOrgUsageSummary", "days=30"), ("getOrgLedger", "days=30"))
    bodies = {}
    for operation, query in asked:
        exchange = judge.ask(operation, query, auth="second", purpose="two organizations")
        if exchange.response.succeeded:
            bodies[operation + (f"?{query}" if query else "")] = exchange.response.json
    verdicts = (law.check(bodies) for law in INVARIANTS if law.name in TOGETHER)
    return {verdict.invariant.name: verdict for verdict in verdicts if verdict.holds is False}


def _lacking(judge: Judge) -> str:
    """Why isolation cannot be judged; empty if it can."""
    if judge.options.second_token is None:
        return "needs --second-token"
    one, other = (tokens.organization(each) for each in (judge.tokens.first, judge.options.second_token))
    if one is not None and one == other:
        return "both tokens name one organization"
    profile = judge.ask("getOrgBilling", auth="second", purpose="two organizations")
    return "" if profile.response.succeeded else f"the second token gets {profile.response.status}"


def _overrides(judge: Judge) -> None:
    """A request must not choose another organization than its token does."""
    other = judge.ask("getOrgBilling", auth="second", purpose="the other organization")
    tenant = _tenant(other)
    named = tokens.organization(judge.options.second_token) or tenant
    if tenant is None or named is None:
        return
    if len(tenant) + len(named) > LONGEST:
        return
    headers = tuple(
        (name, value)
        for name, value in (("X-Tenant-Id", tenant), ("X-Organization-Id", named), ("X-Org-Id", named))
        if sendable.VALUE.fullmatch(value)
    )
    asked = {"tenantId": tenant, "orgId": named, "organizationId": named}
    for query, sent in ((urlencode(asked, errors="replace"), ()), ("", headers)):
        answer = judge.ask("getOrgBilling", query, headers=sent, purpose="choosing another organization")
        if answer.response.succeeded and _tenant(answer) == tenant:
            told = "the profile of the other organization"
            seen = Observation("isolation", "/tenantId", "the token's organization, whatever is asked", told)
            judge.observe(seen, "getOrgBilling", [answer.request])


def _tenant(exchange: Exchange) -> str | None:
    body = exchange.response.json
    tenant = body.get("tenantId") if isinstance(body, dict) else None
    return tenant if isinstance(tenant, str) and tenant else None


def owned(body: Any) -> set[str]:
    """The tenants that an answer names."""
    return {
        each["tenantId"]
        for _, each in walk(body)
        if isinstance(each.get("tenantId"), str) and each["tenantId"]
    }


def rows(body: Any) -> set[str]:
    """The rows with an id of their own in a list, without the tenant: ids alone may count from 1 for each."""
    found = body if isinstance(body, list) else []
    kept = [row for row in found if isinstance(row, dict) and any(row.get(name) for name in NAMED)]
    return {json.dumps({k: v for k, v in row.items() if k != "tenantId"}, sort_keys=True) for row in kept}
