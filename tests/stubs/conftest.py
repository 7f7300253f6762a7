"""The whole stub in one process, at a frozen clock, driven as a client would."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from orgbilling_stubs.app import App, build
from orgbilling_stubs.auth import key_file
from orgbilling_stubs.auth.tokens import ClerkSession, mint_token
from orgbilling_stubs.settings import Settings
from orgbilling_stubs.tenants.clock import wall_ms
from orgbilling_stubs.tenants.store.sqlite import SqliteStore

CLOCK = "2026-03-10T12:00:00Z"
BASE = "http://127.0.0.1:4010"
STORES = {"memory": "memory:", "sqlite": "sqlite:///{folder}/log.db"}
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

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app.asgi)
            async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
                return await client.request(method, url, headers=sent, **options)

        return asyncio.run(send())


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def _own_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORGBILLING_HOME", str(home))


@pytest.fixture(autouse=True)
def _databases_are_closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process that ends closes its databases, and so does a test."""
    opened: list[SqliteStore] = []
    begin = SqliteStore.__init__

    def noting(self: SqliteStore, path: Path) -> None:
        begin(self, path)
        opened.append(self)

    monkeypatch.setattr(SqliteStore, "__init__", noting)
    yield
    for store in opened:
        store.close()


@pytest.fixture(params=STORES)
def store_address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty store of every kind."""
    return STORES[request.param].format(folder=tmp_path)


@pytest.fixture(params=STORES.keys() - FORGETFUL)
def lasting_store_address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty store of every kind that outlives the process."""
    return STORES[request.param].format(folder=tmp_path)


@pytest.fixture
def serve() -> Callable[..., Dashboard]:
    def start(**settings: Any) -> Dashboard:
        return Dashboard(build(Settings(**({"clock": CLOCK} | settings))))

    return start


@pytest.fixture
def dashboard(serve: Callable[..., Dashboard]) -> Dashboard:
    return serve()
