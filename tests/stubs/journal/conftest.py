"""Exchanges made by hand, and a stub in one process whose every answer is journaled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from orgbilling_openapi import description as descriptions
from orgbilling_stubs.api.operations import operation_handlers
from orgbilling_stubs.auth import key_file
from orgbilling_stubs.auth.authorization import Authorizer
from orgbilling_stubs.auth.principal import Principal
from orgbilling_stubs.auth.tokens import ClerkSession, mint_token
from orgbilling_stubs.auth.verification import Authenticator
from orgbilling_stubs.http.application import assemble
from orgbilling_stubs.instrumentation import instrument
from orgbilling_stubs.journal.exchange import Exchange
from orgbilling_stubs.tenants import clock as clocks
from orgbilling_stubs.tenants import tenant_factory
from orgbilling_stubs.tenants.persona_registry import PersonaRegistry
from orgbilling_stubs.tenants.service import Service
from orgbilling_stubs.tenants.store.memory import MemoryStore

WHO = Principal("org_a", "admin", "user_1", "sess_1", 1_800_000_000_000)
PLAIN = Exchange(
    trace="0" * 32,
    began_ns=1_795_345_200_123_000_000,
    took_ns=1_234_567,
    organization="org_a",
    operation="getOrgBilling",
    method="GET",
    path="/api/v1/org/billing",
    query=b"",
    request_headers=[(b"host", b"localhost")],
    credentials="bearer",
    principal=WHO,
    request_body=b"",
    status=200,
    response_headers=[(b"content-type", b"application/json")],
    response_body=b'{"a":1}',
    response_size=7,
    error=None,
    version_before=0,
    version_after=0,
    generation=0,
    now_ms=0,
    fault=None,
    answered_by="stub",
    held_bytes=1_000,
)


@pytest.fixture
def exchange() -> Callable[..., Exchange]:
    def make(trace: Any = 0, **members: Any) -> Exchange:
        return PLAIN._replace(trace=f"{trace:032x}", **members)

    return make


class Watched:
    """A stub and what watches it."""

    def __init__(self) -> None:
        description = descriptions.load()
        self.key = key_file.load_signing_key()
        personas = PersonaRegistry(())
        clock = clocks.from_option("2026-03-10T12:00:00Z")
        self.service = Service(MemoryStore(), clock, tenant_factory.tenant_config, personas.of, 1)
        handlers = operation_handlers(description, self.service)
        authorizer = Authorizer(Authenticator("trust", self.key), clocks.wall_ms)
        self.instrumentation = instrument(description, self.service, personas, handlers)
        self.journal = self.instrumentation.journal
        self.app = assemble(
            description,
            handlers,
            authorizer.authorize,
            recorder=self.instrumentation.recorder.record,
            fault_injection=self.instrumentation.fault_injection,
        )
        self.token = mint_token(self.key, ClerkSession("org_standard"), clocks.wall_ms())

    def __call__(self, method: str, path: str, **options: Any) -> httpx.Response:
        return asyncio.run(self.send(method, path, **options))

    async def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        options["headers"] = {"Authorization": f"Bearer {self.token}"} | options.get("headers", {})
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:4010") as client:
            return await client.request(method, f"/api/v1{path}", **options)

    def newest(self) -> Exchange:
        return next(self.journal.newest())

    def explained(self, answer: httpx.Response) -> dict[str, Any]:
        found = self.journal.get(answer.headers["x-trace-id"])
        assert found is not None
        return self.journal.explain(found)


@pytest.fixture
def watched() -> Watched:
    return Watched()
