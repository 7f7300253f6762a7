"""The whole stub in one process, at a frozen clock, driven as a client would."""

from __future__ import annotations

import asyncio
import io
import pickle
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import fields
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from weakref import WeakSet

import httpx
import pytest
from orgbilling_fixtures.personas.model import Persona
from orgbilling_fixtures.usage.history import UsageHistory
from orgbilling_openapi import control_description, description
from orgbilling_openapi.strict_json import JsonObject
from orgbilling_stubs.app import App, build
from orgbilling_stubs.auth import key_file
from orgbilling_stubs.auth.tokens import ClerkSession, mint_token
from orgbilling_stubs.billing import scheduler, state
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.billing.tenant_config import TenantConfig
from orgbilling_stubs.http.json_schemas import Schemas
from orgbilling_stubs.settings import Settings
from orgbilling_stubs.tenants import tenant_factory
from orgbilling_stubs.tenants.clock import wall_ms
from orgbilling_stubs.tenants.store.address import open_store as store_at
from orgbilling_stubs.tenants.store.postgres import PostgresStore
from orgbilling_stubs.tenants.store.protocol import Store
from orgbilling_stubs.tenants.store.sqlite import SqliteStore

CLOCK = "2026-03-10T12:00:00Z"
BASE = "http://127.0.0.1:4010"
CLIENT = httpx.Client(base_url=BASE)
"""Builds requests. They are sent without it: a client for each would take five times as long."""
STORES = {"memory": "memory:", "sqlite": "sqlite:///{folder}/log.db", "postgres": "{postgres}"}
"""The address of each store. The tests of stores and services run with every one of them."""
FORGETFUL = {"memory"}
"""The stores that are gone with the process."""


class Dashboard:
    """A client of one built stub."""

    def __init__(self, app: App) -> None:
        self.app = app
        self._key = key_file.load_signing_key()
        self._tokens: dict[tuple[str, str], str] = {}

    def token(self, organization: str, role: str = "admin") -> str:
        if (organization, role) not in self._tokens:
            self._tokens[organization, role] = mint_token(
                self._key, ClerkSession(organization, role), wall_ms()
            )
        return self._tokens[organization, role]

    def __call__(
        self,
        method: str,
        path: str,
        organization: str | None = "org_standard",
        *,
        role: str = "admin",
        headers: dict[str, str] | None = None,
        **options: Any,
    ) -> httpx.Response:
        sent = dict(headers or {})
        if organization is not None:
            sent["Authorization"] = f"Bearer {self.token(organization, role)}"
        url = path if path.startswith("/_mock") else f"/api/v1{path}"

        request = CLIENT.build_request(method, url, headers=sent, **options)

        async def send() -> httpx.Response:
            response = await httpx.ASGITransport(self.app.asgi).handle_async_request(request)
            await response.aread()
            response.request = request
            return response

        return asyncio.run(send())


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def _own_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORGBILLING_HOME", str(home))


class RememberedHistory(UsageHistory):
    """A usage history that draws each day once."""

    def __init__(self, persona: Persona, seed: int, organization: str, as_of_ms: int) -> None:
        super().__init__(persona, seed, organization, as_of_ms)
        self.day = cache(self.day)  # type: ignore[method-assign]


class SharingPickler(pickle.Pickler):
    """Writes a copy in which some parts are named by their identity, not copied."""

    def __init__(self, file: io.BytesIO, shared: dict[int, object]) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self._shared = shared

    def persistent_id(self, part: object) -> int | None:
        return id(part) if id(part) in self._shared else None


class SharingUnpickler(pickle.Unpickler):
    """Reads such a copy."""

    def __init__(self, content: bytes, shared: dict[int, object]) -> None:
        super().__init__(io.BytesIO(content))
        self._shared = shared

    def persistent_load(self, identity: int) -> object:
        return self._shared[identity]


class RememberedHistories:
    """Runs each history once: another tenant of the same configuration gets a copy of its end.

    To run through a history takes 50 ms, to copy its end 3 ms. What belongs to the configuration is shared.
    """

    MOST = 64
    LOG = ("config", "version", "generation", "billing_events")
    """What is no part of the history."""

    def __init__(self) -> None:
        self._advance = scheduler.advance
        self._fresh: WeakSet[Tenant] = WeakSet()
        self._seen: set[str] = set()
        self._ends: OrderedDict[str, tuple[bytes, dict[int, object]]] = OrderedDict()

    def new_tenant(self, config: TenantConfig) -> Tenant:
        """In place of the function of `billing.state`."""
        tenant = Tenant(config)
        self._fresh.add(tenant)
        return tenant

    def advance(self, tenant: Tenant, until_ms: int) -> None:
        """In place of the function of `billing.scheduler`."""
        if tenant in self._fresh:
            self._fresh.discard(tenant)
            if until_ms >= tenant.config.as_of_ms:
                self._run_history(tenant)
        self._advance(tenant, until_ms)

    def _run_history(self, tenant: Tenant) -> None:
        key = repr(tenant.config)
        if key in self._ends:
            self._ends.move_to_end(key)
            content, shared = self._ends[key]
            vars(tenant).update(SharingUnpickler(content, shared).load())
        elif key in self._seen:  # what comes but once, as when an opening balance is solved, is not kept
            self._advance(tenant, tenant.config.as_of_ms)
            self._ends[key] = self._end_of(tenant)
            if len(self._ends) > self.MOST:
                self._ends.popitem(last=False)
        self._seen.add(key)

    def _end_of(self, tenant: Tenant) -> tuple[bytes, dict[int, object]]:
        config, file = tenant.config, io.BytesIO()
        values = [getattr(config, field.name) for field in fields(config)]
        parts = [*values, *(part for value in values if isinstance(value, tuple) for part in value)]
        shared = {id(part): part for part in (config, *parts) if not isinstance(part, int | str | None)}
        SharingPickler(file, shared).dump(
            {name: value for name, value in vars(tenant).items() if name not in self.LOG}
        )
        return file.getvalue(), shared


@pytest.fixture(scope="session", autouse=True)
def _histories_are_run_once() -> Iterator[None]:
    """Most tests ask for the same few organizations, and most of the work for one is its history."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tenant_factory, "UsageHistory", lru_cache(maxsize=32)(RememberedHistory))
        remembered = RememberedHistories()
        patch.setattr(state, "new_tenant", remembered.new_tenant)
        patch.setattr(scheduler, "advance", remembered.advance)
        yield


@pytest.fixture(scope="session", autouse=True)
def _shipped_schemas_are_compiled_once() -> Iterator[None]:
    """Most tests assemble a stub, and a third of the work is to compile the schemas of its descriptions."""
    shipped = (description.load(), control_description.load())
    compiled: dict[tuple[int, bool], tuple[Any, Any]] = {}
    begin = Schemas.__init__

    def share(self: Schemas, document: JsonObject, *, tolerant: bool = False) -> None:
        begin(self, document, tolerant=tolerant)
        if document in shipped:
            key = (shipped.index(document), tolerant)
            self._validators, self._one_sided = compiled.setdefault(key, ({}, {}))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Schemas, "__init__", share)
        yield


@pytest.fixture(autouse=True)
def _databases_are_closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process that ends closes its databases, and so does a test."""
    opened: list[Store] = []
    begin, begin_postgres = SqliteStore.__init__, PostgresStore.__init__

    def noting(self: SqliteStore, path: Path) -> None:
        begin(self, path)
        self._db.execute("PRAGMA synchronous=OFF")  # no test turns the power off, and waiting takes time
        opened.append(self)

    def noting_postgres(self: PostgresStore, *arguments: Any, **options: Any) -> None:
        begin_postgres(self, *arguments, **options)
        opened.append(self)

    monkeypatch.setattr(SqliteStore, "__init__", noting)
    monkeypatch.setattr(PostgresStore, "__init__", noting_postgres)
    yield
    for store in opened:
        store.close()


@pytest.fixture
def open_store() -> Iterator[Callable[[str], Store]]:
    """Opens stores, and closes them after the test."""
    with ExitStack() as stack:
        yield lambda address: stack.enter_context(closing(store_at(address)))


@pytest.fixture(params=STORES)
def store_address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty store of every kind."""
    return empty_store(request, tmp_path)


@pytest.fixture(params=[name for name in STORES if name not in FORGETFUL])
def lasting_store_address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty store of every kind that outlives the process."""
    return empty_store(request, tmp_path)


def empty_store(request: pytest.FixtureRequest, folder: Path) -> str:
    """The address of an empty store of the kind that a test asks for."""
    address = STORES[request.param]
    if address == "{postgres}":
        return str(request.getfixturevalue("postgres_address"))
    return address.format(folder=folder)


@pytest.fixture
def serve() -> Callable[..., Dashboard]:
    def start(**settings: Any) -> Dashboard:
        return Dashboard(build(Settings(**({"clock": CLOCK} | settings))))

    return start


@pytest.fixture
def dashboard(serve: Callable[..., Dashboard]) -> Dashboard:
    return serve()
