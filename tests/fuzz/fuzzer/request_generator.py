"""Makes requests from a seed: valid ones, hostile ones, and those that use what earlier responses named."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from urllib.parse import quote, unquote, urlencode

from orgbilling_fixtures import personas, scenarios
from orgbilling_openapi import description
from orgbilling_openapi.operations import operations
from orgbilling_openapi.strict_json import JsonObject, JsonValue
from orgbilling_stubs.auth.bad_tokens import BAD_TOKENS
from orgbilling_stubs.auth.keys import SigningKey
from orgbilling_stubs.auth.tokens import ClerkSession, mint_token
from orgbilling_stubs.http.example_responses import ExampleValues
from orgbilling_stubs.tenants.clock import wall_ms

from fuzzer import hostile_values
from fuzzer.routes import Route

ORGANIZATIONS = ("org_standard", "org_low_balance", "org_contract_pending", "org_nulls", "org_fuzz")
WAITS = {"ms", "maxMs", "hangMs", "delay", "dripBytesPerSecond"}
"""Members that let a response wait; a fuzzer does not."""


def waits(faults: object) -> bool:
    """Whether fault rules let a response wait."""
    return any(f'"{name}"' in json.dumps(faults) for name in WAITS)


VALUES = {
    "organization": (*ORGANIZATIONS, "*"),
    "into": ("org_fork_1", "org_fork_2"),
    "name": ("snapshot", "s2"),
    "snapshot": ("snapshot", "s2"),
    "session": ("latest",),
    "index": ("0", "1"),
    "persona": tuple(personas.names()),
    "scenario": tuple(each.name for each in scenarios.load() if not waits(each.faults)),
    "code": ("WELCOME50", "TEST-CREDIT-25-a", "TEST-DISCOUNT-10-a", "TEST-EXPIRED-a", "FUZZ"),
    "contractId": ("11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"),
    "to": ("end-of-month", "next-charge", "contract-end", "credit-exhausted", "2026-04-01T00:00:00Z"),
    "at": ("2026-04-01T00:00:00Z", "2031-03-09T00:00:00Z"),
    "by": ("P1D", "P1M", "-P1D", "P1Y"),
    "webhook": ("0", "never", "0,0", "30"),
    "number": ("4242424242424242", "4000000000000002", "4000002500003155"),
    "expiry": ("12/29",),
    "cvc": ("123",),
    "card": ("4242", "3155"),
    "days": ("1", "30", "365"),
    "currency": ("USD", "usd", "EUR"),
}
"""Useful values of parameters and members, by name."""
ALIASES = {"rule": "id", "sessionId": "session"}
"""Names of parameters whose values responses give under another name."""
MOST_WAIT_MS = 5
WAITING = "waitForExchange"
"""Its response comes with the next request or after its timeout, so a sequence would stop there."""
RARE = {
    "importBundle",
    "exportBundle",
    "checkInvariants",
    "listCurrentResponses",
    "createOrganization",
    "forkOrganization",
    "setScenario",
}
RARE |= {
    "streamJournal",
    "advanceClock",
    "jumpClock",
    "setClock",
    "resetOrganization",
    "deleteOrganization",
    "listOrganizations",
}
"""Operations that compute a history anew; they are requested a quarter as often."""
ONE_IN = 4
MOST_KEPT = 30
API_NAMES = {operation.node["operationId"] for operation in operations(description.load())}
PAGE = re.compile(r"/_mock/(checkout|portal)/([^/\s\"'<>?]+)/([^/\s\"'<>?]+)(?:/invoices/([^/\s\"'<>?]+))?")


@dataclass(frozen=True)
class Request:
    """One request. target: path and query as they are sent."""

    route: str
    method: str
    target: bytes
    headers: Sequence[tuple[bytes, bytes]] = ()
    body: bytes = b""


@dataclass
class RequestGenerator:
    """Makes the requests of one sequence.

    key: signs tokens. random: where all choices come from.
    """

    routes: Sequence[Route]
    random: Random
    key: SigningKey
    _named: dict[str, list[str]] = field(default_factory=dict)
    """What responses have named, by the name of the member."""
    _sessions: list[tuple[str, str, str]] = field(default_factory=list)
    """The hosted pages that responses have named: `checkout` or `portal`, organization, session."""
    _bundle: bytes = b""
    """The last bundle that was exported."""
    _tokens: dict[tuple[str, str], bytes] = field(default_factory=dict)

    def next(self) -> Request:
        """The next request."""
        route = self.random.choice(self.routes)
        while route.name == WAITING or (route.name in RARE and self.random.randrange(ONE_IN)):
            route = self.random.choice(self.routes)
        hostility = self.random.choice((0.0, 0.0, 0.15, 0.5))
        method = route.method
        if self.random.random() < 0.04:
            method = self.random.choice(("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE"))
        elif method == "GET" and self.random.random() < 0.1:
            method = "HEAD"
        target = self._target(route, hostility)
        headers = self._headers(route, hostility)
        body = b""
        if route.body is not None or (method != "GET" and self.random.random() < 0.1):
            body = self._body(route, hostility)
            media_type = route.media_type.encode()
            if self.random.random() < hostility / 3:
                media_type = self.random.choice(hostile_values.MEDIA_TYPES)
            headers.append((b"content-type", media_type))
        return Request(route.name, method, target, headers, body)

    def learn(self, route: str, headers: Mapping[str, str], body: bytes) -> None:
        """Take names from a response: ids, codes, the paths of hosted pages; the bundle that it is."""
        if "x-trace-id" in headers and route in API_NAMES:
            self._keep("trace", headers["x-trace-id"])
        if route == "exportBundle" and b"\n" in body:
            self._bundle = body
        for kind, organization, session, number in PAGE.findall(body.decode("utf-8", "replace")):
            self._sessions.append((kind, unquote(organization), session))
            if number:
                self._keep("number", unquote(number))
        del self._sessions[:-MOST_KEPT]
        if body[:1] not in (b"{", b"[") or len(body) > 200_000:
            return
        try:
            self._learn_from(json.loads(body))
        except (ValueError, RecursionError):
            return

    def _learn_from(self, value: JsonValue) -> None:
        members = value.items() if isinstance(value, dict) else enumerate(value)
        for name, member in list(members)[:20]:
            if isinstance(member, (dict, list)):
                self._learn_from(member)
            elif isinstance(member, str) and isinstance(name, str) and len(member) < 300:
                self._keep(name, member)

    def _keep(self, name: str, value: str) -> None:
        kept = self._named.setdefault(name, [])
        if value not in kept:
            kept.append(value)
            del kept[:-MOST_KEPT]

    def _useful(self, name: str) -> str | None:
        """A value that makes sense for a parameter or member of this name, if one is known."""
        known = self._named.get(ALIASES.get(name, name), ())
        given = VALUES.get(name, ())
        if known and (not given or self.random.random() < 0.5):
            return self.random.choice(known)
        return self.random.choice(given) if given else None

    def _target(self, route: Route, hostility: float) -> bytes:
        texts = {"path": {}, "query": {}}
        for parameter in route.parameters:
            place, name = parameter["in"], parameter["name"]
            if place in texts and (place == "path" or self.random.random() < 0.5):
                texts[place][name] = self._text(route, parameter, hostility)
        kind = next(
            (kind for kind in ("checkout", "portal") if f"_mock/{kind}/" in route.template), "checkout"
        )
        sessions = [session for session in self._sessions if session[0] == kind]
        if "{session}" in route.template and sessions and self.random.random() > hostility:
            _, texts["path"]["organization"], texts["path"]["session"] = self.random.choice(sessions)
        path = re.sub(
            r"\{(\w+)\}", lambda match: quote(texts["path"].get(match[1], "x"), safe=""), route.template
        )
        if self.random.random() < hostility / 10:
            path += self.random.choice(("/", "//", "/..", "%2f", "%00", "?", ".json", ";a=b", "/%2e%2e/"))
        query = urlencode(texts["query"], errors="replace").encode()
        if self.random.random() < hostility / 3:
            query += b"&" + self.random.choice(hostile_values.QUERIES)
        return path.encode() + (b"?" + query if query else b"")

    def _text(self, route: Route, parameter: JsonObject, hostility: float) -> str:
        """The text of a parameter."""
        if self.random.random() < hostility:
            return self.random.choice(hostile_values.TEXTS)
        useful = self._useful(parameter["name"])
        if useful is not None and self.random.random() < 0.9:
            return useful
        value = self._example(parameter.get("schema", {}), route.document)
        return value if isinstance(value, str) else json.dumps(value)

    def _headers(self, route: Route, hostility: float) -> list[tuple[bytes, bytes]]:
        headers = [(b"host", b"127.0.0.1:4010")]
        if self.random.random() < hostility / 10:
            headers = [(b"host", self.random.choice(hostile_values.HEADER_VALUES))]
        if self.random.random() < 0.85:
            headers.append((b"authorization", b"Bearer " + self._token(hostility)))
        for name, values in hostile_values.HEADERS.items():
            if self.random.random() < hostility / 8:
                headers.append((name, self.random.choice(values)))
        if self.random.random() < 0.05:
            headers.append((b"idempotency-key", b"key-%d" % self.random.randrange(5)))
        for parameter in route.parameters:
            if parameter["in"] == "header" and self.random.random() < 0.3:
                text = self._text(route, parameter, hostility)
                headers.append((parameter["name"].lower().encode(), text.encode()[:4_000]))
        return [(name, b" ".join(value.split())) for name, value in headers]  # one line each

    def _token(self, hostility: float) -> bytes:
        organization = self.random.choice(ORGANIZATIONS)
        if self.random.random() < hostility / 10:
            organization = self.random.choice(hostile_values.TEXTS)[:200]
        kind = self.random.choice([*BAD_TOKENS]) if self.random.random() < 0.05 else ""
        token = self._tokens.get((organization, kind))
        if token is None:
            mint = BAD_TOKENS[kind].mint if kind else mint_token
            token = mint(self.key, ClerkSession(organization), wall_ms()).encode()
            self._tokens[organization, kind] = token
        return token

    def _body(self, route: Route, hostility: float) -> bytes:
        if self.random.random() < hostility / 4:
            return self.random.choice(hostile_values.JSON_TEXTS)
        if self._bundle and "ndjson" in route.media_type:
            return self._with_other_bytes(self._bundle) if self.random.random() < hostility else self._bundle
        value = self._example(route.body, route.document)
        if route.examples and self.random.random() < 0.6:
            value = self.random.choice(route.examples)
        elif self.random.random() < 0.9:
            value = self._with_useful(value)
        if self.random.random() < 2 * hostility:
            for _ in range(self.random.choice((1, 1, 2, 5))):
                value = self._with_hostile_part(value)
        if route.media_type == "application/x-www-form-urlencoded" and isinstance(value, dict):
            return urlencode(value, errors="replace").encode()
        if isinstance(value, str) and "ndjson" in route.media_type:
            return value.encode("utf-8", "replace")
        text = json.dumps(calm(value), ensure_ascii=self.random.random() < 0.5).encode("utf-8", "replace")
        return self._with_other_bytes(text) if self.random.random() < hostility / 8 else text

    def _with_other_bytes(self, text: bytes) -> bytes:
        """The bytes with some changed, cut or repeated."""
        start, end = sorted(self.random.randrange(len(text) + 1) for _ in range(2))
        return self.random.choice(
            (
                text[:start] + self.random.randbytes(1) + text[start + 1 :],
                text[:start],
                text[:start] + text[end:],
                text[:end] + text[start:],
                text[:start] + self.random.choice(hostile_values.JSON_TEXTS) + text[start:],
            )
        )

    def _example(self, schema: JsonValue, document: JsonObject) -> JsonValue:
        """A value that a schema allows, where one can be made."""
        try:
            return ExampleValues(document, self.random.getrandbits(64)).value(schema)
        except (ValueError, LookupError, TypeError):
            return self._hostile()

    def _with_useful(self, value: JsonValue) -> JsonValue:
        """The value with known names, codes and instants in place of made ones; some members are left out."""
        if not isinstance(value, dict):
            return value
        members = {}
        for name, member in value.items():
            if self.random.random() < 0.35:
                continue
            useful = self._useful(name) if isinstance(member, str) else None
            if useful is not None and self.random.random() < 0.8:
                members[name] = useful
            elif name in ("operations", "organizations") and isinstance(member, list):
                names = [route.name for route in self.routes[:13]]
                members[name] = [self.random.choice(names if name == "operations" else ORGANIZATIONS)]
            else:
                members[name] = self._with_useful(member)
        return members

    def _with_hostile_part(self, value: JsonValue, depth: int = 0) -> JsonValue:
        """The value with one hostile change somewhere."""
        choice = self.random.random()
        if isinstance(value, dict) and value and depth < 5 and choice < 0.6:
            name = self.random.choice([*value])
            return {**value, name: self._with_hostile_part(value[name], depth + 1)}
        if isinstance(value, list) and value and depth < 5 and choice < 0.6:
            index = self.random.randrange(len(value))
            return [*value[:index], self._with_hostile_part(value[index], depth + 1), *value[index + 1 :]]
        if isinstance(value, dict) and choice < 0.75:
            return {**value, self.random.choice(hostile_values.NAMES): self._hostile()}
        if isinstance(value, dict) and value and choice < 0.8:
            dropped = self.random.choice([*value])
            return {name: member for name, member in value.items() if name != dropped}
        if isinstance(value, list) and choice < 0.8:
            return [*value, *([self._hostile()] * self.random.choice((1, 2, 300)))]
        return self._hostile()

    def _hostile(self) -> JsonValue:
        kind = self.random.randrange(8)
        if kind < 3:
            return self.random.choice(hostile_values.TEXTS)
        if kind < 5:
            return self.random.choice(hostile_values.NUMBERS)
        nested: JsonValue = self.random.choice((None, True, False, [], {}, "x", 0))
        if kind == 7:
            for _ in range(self.random.choice((1, 3, 50, 98, 120, 300))):
                nested = (
                    [nested]
                    if self.random.random() < 0.5
                    else {self.random.choice(hostile_values.NAMES): nested}
                )
        return nested


def calm(value: JsonValue) -> JsonValue:
    """The value without long waits."""
    if isinstance(value, Mapping):
        return {
            name: (1_000_000 if name == "dripBytesPerSecond" else min(member, MOST_WAIT_MS))
            if name in WAITS and isinstance(member, (int, float)) and member > 0
            else calm(member)
            for name, member in value.items()
        }
    if isinstance(value, list):
        return [calm(item) for item in value]
    return value
