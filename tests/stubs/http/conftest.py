from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jsonschema_rs
import pytest
from orgbilling_openapi import description as descriptions
from orgbilling_stubs.auth.errors import AuthError
from orgbilling_stubs.http.application import HttpSettings, assemble
from orgbilling_stubs.http.context import EncodedReply, Handler, Reply, RequestContext

PREFIX = "/api/v1"
MEMBER = "Bearer member"
ADMIN = "Bearer admin"

PROFILE = {
    "tenantId": "3f2b8c1e-0000-4000-8000-000000000001",
    "billingMode": "prepaid",
    "creditBalance": 12.5,
    "postpaidLimitUsd": 0.0,
    "outstandingUsd": 0.0,
    "currency": "USD",
    "freeCreditGranted": True,
    "inputTokenPricePer1KUsd": 0.001,
    "outputTokenPricePer1KUsd": 0.002,
    "tokenPricePer1KUsd": 0.0015,
    "charPricePerMonthUsd": 1.0,
    "eventPrices": {"diary": 0.1},
    "servicePrices": {"tts": 0.3},
    "updatedAt": "2026-01-01T00:00:00Z",
}


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """Drives an ASGI application with exactly the bytes a test wants."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.client = ("127.0.0.1", 50_000)
        self.seen: list[RequestContext] = []

    def __call__(
        self,
        method: str,
        path: str,
        body: bytes | list[bytes] | None = None,
        query: bytes = b"",
        token: str | None = ADMIN,
        headers: Mapping[str, str] | None = None,
        typed: bool = True,
    ) -> Answer:
        parts = body if isinstance(body, list) else [body or b""]
        named = {"host": "localhost:4010", **({"authorization": token} if token else {})}
        if body is not None and typed:
            named["content-type"] = "application/json"
        named |= headers or {}
        if body is not None and "content-length" not in named:
            named |= {"transfer-encoding": "chunked"} if isinstance(body, list) else {}
            named.setdefault("content-length", str(len(parts[0])))
        full = path if path.startswith((PREFIX, "/_mock/")) or path in ("/", "/healthz") else PREFIX + path
        scope = {
            "type": "http",
            "method": method,
            "path": full,
            "raw_path": full.encode(),
            "query_string": query,
            "headers": [(k.lower().encode("latin-1"), v.encode("latin-1")) for k, v in named.items()],
            "scheme": "http",
            "server": ("127.0.0.1", 4010),
            "client": self.client,
        }
        return asyncio.run(self._run(scope, parts))

    async def _run(self, scope: dict[str, Any], parts: list[bytes]) -> Answer:
        waiting = list(parts)
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            if not waiting:
                return {"type": "http.disconnect"}
            part = waiting.pop(0)
            await asyncio.sleep(0)
            return {"type": "http.request", "body": part, "more_body": bool(waiting)}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        headers = {name.decode(): value.decode("latin-1") for name, value in sent[0]["headers"]}
        return Answer(sent[0]["status"], headers, b"".join(each.get("body", b"") for each in sent[1:]))


def admit(headers: Any, method: str, values: Any) -> str:
    named = dict(headers)
    token = named.get(b"authorization", b"").decode("latin-1")
    if not token:
        raise AuthError("token_missing")
    if token not in (MEMBER, ADMIN):
        raise AuthError("token_malformed")
    if token == MEMBER and method not in ("GET", "HEAD"):
        raise AuthError("admin_required")
    return token


def redeem(call: RequestContext) -> Reply:
    return Reply(
        {"voucherCode": call.body["code"], "creditAmountUsd": 5.0, "newBalance": 17.5, "message": "redeemed"}
    )


HANDLERS: dict[str, Handler] = {
    "getOrgBilling": lambda call: Reply(PROFILE),
    "redeemOrgVoucher": redeem,
    "createOrgBillingCheckout": lambda call: Reply({"url": f"{call.base_url}/pay"}),
    "createOrgBillingPortal": lambda call: Reply({"url": f"{call.base_url}/portal"}),
    "getOrgLedger": lambda call: EncodedReply(b"[]"),
    "getOrgModelPricing": lambda call: Reply(None),
}


@pytest.fixture
def make() -> Callable[..., Client]:
    def client(settings: HttpSettings | None = None, contract: Any = None, **handlers: Handler) -> Client:
        table = {**HANDLERS, **handlers}
        return Client(assemble(contract or descriptions.load(), table, admit, settings=settings))

    return client


@pytest.fixture
def profile() -> dict[str, Any]:
    return dict(PROFILE)


@pytest.fixture
def ask(make: Callable[..., Client]) -> Client:
    return make()


@pytest.fixture(scope="session")
def is_problem() -> Callable[[Answer], bool]:
    contract = descriptions.load()
    root = {"$ref": "#/components/schemas/ErrorModel", "components": contract["components"]}
    validator = jsonschema_rs.Draft202012Validator(root, validate_formats=True)

    def check(answer: Answer) -> bool:
        body = answer.json
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["link"] == f'<{PREFIX}/schemas/ErrorModel.json>; rel="describedBy"'
        assert next(iter(body)) == "$schema"
        assert body["status"] == answer.status
        assert len(answer.headers["x-trace-id"]) == 32
        return validator.is_valid(body)

    return check
