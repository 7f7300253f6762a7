"""A stub on a store, as a client drives it, and what its store holds."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import httpx
from orgbilling_stubs.app import App, build
from orgbilling_stubs.auth import key_file
from orgbilling_stubs.auth.tokens import ClerkSession, mint_token
from orgbilling_stubs.billing.events import Record, encode
from orgbilling_stubs.settings import Settings
from orgbilling_stubs.tenants.clock import wall_ms
from orgbilling_stubs.tenants.store.errors import StoreError

from durability.commands import CONTROL, ORGANIZATIONS, Command

CLOCK = "2026-03-10T12:00:00Z"
BASE = "http://127.0.0.1:4010"
RULES = "rules"
"""Under this name a world has the ids of the standing fault rules."""

World = Mapping[str, str]
"""What a store holds: a digest of the log of each organization, or the code of the error of reading it."""


def build_app(db: str | None = None) -> App:
    """A stub with a frozen clock: the same commands write the same logs."""
    return build(Settings(clock=CLOCK, db=db))


class Client:
    """A client of a stub in this process."""

    def __init__(self, app: App) -> None:
        self._http = httpx.AsyncClient(transport=httpx.ASGITransport(app.asgi), base_url=BASE)

    async def send(self, command: Command) -> int:
        """Send a command; the status of the response."""
        headers = {}
        if command.organization is not None:
            headers["Authorization"] = f"Bearer {token(command.organization)}"
        if command.key is not None:
            headers["Idempotency-Key"] = command.key
        options: dict[str, Any] = {} if command.body is None else {"json": command.body}
        if command.bundle:
            headers["Content-Type"] = "application/x-ndjson"
            options = {"content": bundle()}
        answer = await self._http.request(command.method, command.path, headers=headers, **options)
        damaged = "stored log is damaged" in answer.text
        assert answer.status_code < 500 or answer.status_code == 503 or damaged, answer.text
        return answer.status_code


@cache
def token(organization: str) -> str:
    """A session token for an organization."""
    return mint_token(key_file.load_signing_key(), ClerkSession(organization, ttl_s=86_400), wall_ms())


@cache
def bundle() -> bytes:
    """A bundle of two organizations, each with a past."""
    app = build_app()

    async def record() -> bytes:
        client = Client(app)
        for organization, amount in (("org_a", 7), ("org_c", 8)):
            path = f"{CONTROL}/organizations/{organization}/adjustments"
            await client.send(Command("POST", path, {"amountUsd": amount}))
        answer = await client._http.get(f"{CONTROL}/organizations/*/bundle")
        return answer.content

    return asyncio.run(record())


def observe(app: App, names: Iterable[str] = ()) -> World:
    """What the store of a stub holds: all organizations, and those named."""
    store = app.service.store
    found = {}
    for name in dict.fromkeys([*store.organizations(), *names, *ORGANIZATIONS]):
        try:
            records = store.read(name)
        except StoreError as error:
            found[name] = error.code
            continue
        if records:
            found[name] = _digest(records)
    found[RULES] = asyncio.run(_rules(app))
    return found


async def _rules(app: App) -> str:
    answer = await Client(app)._http.get(f"{CONTROL}/faults")
    rules = answer.json().get("faults")
    return ",".join(rule["id"] for rule in rules) if rules is not None else str(answer.json().get("detail"))


def _digest(records: Sequence[Record]) -> str:
    rows = [
        (record.sequence, record.at_ms, record.batch, encode(record.event), record.idempotency)
        for record in records
    ]
    return hashlib.sha256(json.dumps(rows, default=str).encode()).hexdigest()[:16]


def reference(commands: Sequence[Command]) -> tuple[list[World], list[int]]:
    """The worlds before the first and after each command in a server that nobody disturbs; the statuses."""
    app = build_app()
    worlds, statuses = [observe(app)], []
    for command in commands:
        statuses.append(asyncio.run(Client(app).send(command)))
        worlds.append(observe(app))
    return worlds, statuses
