"""The stub in this process, tokens for it, and a way to change what it answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from orgbilling_conformance.api_description import ApiDescription, load
from orgbilling_conformance.exchange import Exchange, Request, Response
from orgbilling_conformance.guard import TargetGuard, allowed
from orgbilling_conformance.options import options
from orgbilling_conformance.suite import ConformanceSuite
from orgbilling_conformance.target import AppTarget
from orgbilling_conformance.tokens import RunTokens
from orgbilling_stubs.app import build
from orgbilling_stubs.auth import key_file
from orgbilling_stubs.auth.tokens import ClerkSession, mint_token
from orgbilling_stubs.settings import Settings
from orgbilling_stubs.tenants.clock import wall_ms

CLOCK = "2026-03-10T12:00:00Z"
ChangeResponse = Callable[[str, int, dict[str, str], Any], tuple[int, dict[str, str], Any]]


class MutatedApp:
    """An application whose answers are changed: path, status, headers and JSON in, the last three out."""

    def __init__(self, app: Any, change_response: ChangeResponse | None = None) -> None:
        self.app, self.change_response = app, change_response
        self.asked: list[tuple[str, str, str, bool]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"].removeprefix("/api/v1")
        sent = any(key == b"authorization" for key, _ in scope["headers"])
        self.asked.append((scope["method"], path, scope["query_string"].decode("latin-1"), sent))
        messages: list[Any] = []

        async def keep(message: Any) -> None:
            messages.append(message)

        await self.app(scope, receive, keep)
        body = b"".join(message.get("body", b"") for message in messages[1:])
        headers = {key.decode(): value.decode() for key, value in messages[0]["headers"]}
        status = messages[0]["status"]
        if self.change_response is not None and body and "json" in headers.get("content-type", ""):
            status, headers, changed = self.change_response(path, status, headers, json.loads(body))
            body = json.dumps(changed).encode()
            headers["content-length"] = str(len(body))
        rows = [(key.encode(), value.encode()) for key, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": rows})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="session", autouse=True)
def _home(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ORGBILLING_HOME", str(tmp_path_factory.mktemp("judged")))
        patch.delenv("GITHUB_ACTIONS", raising=False)
        yield


@pytest.fixture(scope="session")
def stub(_home: None) -> Any:
    return build(Settings(clock=CLOCK)).asgi


@pytest.fixture(scope="session")
def token(_home: None) -> Callable[..., str]:
    key, now = key_file.load_signing_key(), wall_ms()

    def make(organization: str = "org_new_org", age_ms: int = 0, **session: Any) -> str:
        return mint_token(key, ClerkSession(organization, **session), now - age_ms)

    return make


@pytest.fixture
def mutated_app(stub: Any) -> Callable[..., MutatedApp]:
    return lambda change_response=None: MutatedApp(stub, change_response)


@pytest.fixture(scope="session")
def api() -> ApiDescription:
    return load()


@pytest.fixture
def suite(stub: Any, api: ApiDescription, token: Callable[..., str]) -> Any:
    """Make a suite over an application; what it opened is closed."""
    opened = []

    def make(app: Any = None, **given: Any) -> ConformanceSuite:
        chosen = options(**({"token": token()} | given))
        target = AppTarget(app or stub)
        opened.append(target)
        rows = [(operation.id, operation.method, operation.path) for operation in api.operations.values()]
        guard = TargetGuard(target, allowed(rows, chosen, target), chosen)
        return ConformanceSuite(api, guard, RunTokens(chosen), chosen, target.base)

    yield make
    for target in opened:
        target.close()


@pytest.fixture
def exchange(api: ApiDescription) -> Callable[..., Exchange]:
    """Make an exchange without sending anything."""

    def make(operation: str = "getOrgBilling", status: int = 200, body: Any = None, **more: Any) -> Exchange:
        described = api.operations[operation]
        media = more.pop("media", "application/json" if status == 200 else "application/problem+json")
        headers = tuple({"content-type": media, **more.pop("headers", {})}.items())
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        failure = more.pop("failure", "")
        sent = {"method": described.method, "path": described.path} | more
        return Exchange(Request(**sent), Response(status, headers, content, 0.01, failure), operation)

    return make


@pytest.fixture
def data() -> Path:
    return Path(__file__).parent / "data"
