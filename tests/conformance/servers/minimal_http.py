"""As much HTTP as a server of thirteen operations needs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

BASE = "/api/v1/org"
GETS = {
    "billing": "getOrgBilling",
    "characters": "listOrgActiveCharacters",
    "contract": "getOrgContract",
    "events": "getOrgContextEngineEvents",
    "ledger": "getOrgLedger",
    "model-pricing": "getOrgModelPricing",
    "service-agreements": "listOrgServiceAgreements",
    "service-usage": "getOrgServiceUsage",
    "usage-summary": "getOrgUsageSummary",
}
POSTS = {
    "billing/checkout": "checkout",
    "billing/portal": "portal",
    "contract/subscribe": "subscribe",
    "vouchers/redeem": "redeem",
}
WINDOWED = {"characters", "events", "ledger", "service-usage", "usage-summary"}
# Members of the bodies: name -> (type, required).
BODIES: dict[str, dict[str, tuple[type, bool]]] = {
    "billing/checkout": {"amount": (int, True), "currency": (str, False)},
    "contract/subscribe": {"contractId": (str, True)},
    "vouchers/redeem": {"code": (str, True)},
}
LIMIT = 2**20
INT64 = range(-(2**63), 2**63)


@dataclass(frozen=True)
class Request:
    """What was asked."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes

    @property
    def name(self) -> str:
        """The path below the common one."""
        return self.path.removeprefix(f"{BASE}/") if self.path.startswith(f"{BASE}/") else ""


@dataclass(frozen=True)
class Response:
    """What is answered."""

    status: int
    body: bytes = b""
    media: str = ""
    headers: dict[str, str] = field(default_factory=dict)


class HttpError(Exception):
    """Something is wrong with a request; rows as (location, message, value)."""

    def __init__(self, status: int, detail: str, *rows: tuple[str, str, Any], **headers: str) -> None:
        super().__init__(detail)
        self.status, self.detail, self.rows = status, detail, rows
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def asgi(answer: Callable[[Request], Response]) -> Any:
    """An ASGI application."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await _lifespan(receive, send)
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
        }
        response = answer(Request(scope["method"], scope["path"], query, headers, body))
        sent = {**({"content-type": response.media} if response.media else {}), **response.headers}
        if response.status not in (204, 304):
            sent["content-length"] = str(len(response.body))
        raw = [(name.encode(), value.encode()) for name, value in sent.items()]
        await send({"type": "http.response.start", "status": response.status, "headers": raw})
        await send(
            {"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else response.body}
        )

    return app


async def _lifespan(receive: Any, send: Any) -> None:
    while True:
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return


def dump(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False, allow_nan=False).encode()


def constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


def parse(body: bytes, malformed: int = 400) -> Any:
    """A JSON document; raises HttpError for anything else."""
    try:
        return json.loads(body.decode(), parse_constant=constant)
    except (ValueError, RecursionError):
        raise HttpError(malformed, "malformed body", ("body", "malformed JSON", None)) from None


def fits(value: Any, kind: type, whole_floats: bool) -> bool:
    """Whether a JSON value is of a documented type: an int64, or a string."""
    if kind is str:
        return isinstance(value, str)
    if isinstance(value, float) and whole_floats and value == int(value):
        value = int(value)
    return isinstance(value, int) and not isinstance(value, bool) and value in INT64


def check(name: str, document: Any, whole_floats: bool) -> list[tuple[str, str, Any]]:
    """What is wrong with the body of an operation."""
    if not isinstance(document, dict):
        return [("body", "expected object", document)]
    members = BODIES[name]
    errors: list[tuple[str, str, Any]] = []
    for key, (kind, required) in members.items():
        if key not in document and required:
            errors.append(("body", f"expected required property {key} to be present", document))
        elif key in document and not fits(document[key], kind, whole_floats):
            errors.append(
                (f"body.{key}", "expected integer" if kind is int else "expected string", document[key])
            )
    unknown = document.keys() - members.keys() - {"$schema"}
    return [*errors, *((f"body.{key}", "unexpected property", document) for key in sorted(unknown))]
