"""A real API on a port of its own, and a stub beside it on another one."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from orgbilling_stubs.app import App, build
from orgbilling_stubs.beside.settings import BesideMode, BesideSettings
from orgbilling_stubs.http.server.uvicorn_protocol import config
from orgbilling_stubs.settings import Settings
from serving import served

WAIT_S = 60


@contextmanager
def served_at(app: Any) -> Iterator[str]:
    """Serve an application, with our protocol where it is ours; its address."""
    with served(config(app)) as server:
        yield server.url


@dataclass
class Answer:
    """What the real API answers. pieces: of the body; the gate is waited for before the last of them."""

    status: int = 200
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    pieces: tuple[bytes, ...] = (b"{}",)
    gate: threading.Event | None = None
    cut: bool = False


@dataclass
class RealApi:
    """A real API that answers what a test says, and remembers what it was asked."""

    answer: Answer = field(default_factory=Answer)
    asked: list[tuple[str, str, list[tuple[bytes, bytes]], bytes]] = field(default_factory=list)
    awaited: threading.Event | None = None
    """What is waited for before anything is answered."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        target = scope["raw_path"].decode() + ("?" + scope["query_string"].decode()) * bool(
            scope["query_string"]
        )
        self.asked.append((scope["method"], target, list(scope["headers"]), body))
        answer = self.answer
        if self.awaited is not None:
            await asyncio.to_thread(self.awaited.wait, WAIT_S)
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        for piece in answer.pieces[:-1]:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        if answer.gate is not None:
            await asyncio.to_thread(answer.gate.wait, WAIT_S)
        if answer.cut:
            raise RuntimeError("the real API breaks down")
        await send({"type": "http.response.body", "body": answer.pieces[-1]})

    def answers(
        self,
        status: int,
        headers: list[tuple[bytes, bytes]],
        pieces: tuple[bytes, ...] = (b"{}",),
        gate: threading.Event | None = None,
        cut: bool = False,
    ) -> None:
        """Answer so from now on."""
        self.answer = Answer(status, headers, pieces, gate, cut)

    def headers(self) -> dict[str, str]:
        """The request headers of the last request."""
        return {name.decode(): value.decode() for name, value in self.asked[-1][2]}


@dataclass
class Pair:
    """A stub beside a real API."""

    app: App
    url: str

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.ask("GET", path, **options)

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        with httpx.Client(timeout=WAIT_S, trust_env=False) as client:
            return client.request(method, f"{self.url}{path}", **options)

    def journal(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.get("/_mock/v1/journal").json()["exchanges"]
        return rows

    def findings(self) -> set[tuple[str, str, str]]:
        """The findings, once everything that was asked is judged and compared."""
        real_api = self.app.real_api
        assert real_api is not None
        for task in list(real_api.comparison._tasks):
            compared = threading.Event()
            task.get_loop().call_soon_threadsafe(task.add_done_callback, lambda _, it=compared: it.set())
            assert compared.wait(WAIT_S)
        assert real_api.observer.wait(WAIT_S)
        return {finding.key for finding in real_api.observation.findings()}


Beside = Callable[..., Any]


@pytest.fixture
def beside() -> Beside:
    """Serve a stub beside an address; the options are those of `BesideSettings`."""

    @contextmanager
    def run(url: str, mode: BesideMode = BesideMode.OBSERVE, **options: Any) -> Iterator[Pair]:
        dialect = options.pop("dialect", None)
        chosen = BesideSettings(url, mode, **options)
        settings = Settings(host="127.0.0.1", dialect=dialect, beside=chosen)
        app = build(settings)
        with served_at(app.asgi) as address:
            yield Pair(app, address)

    return run


@pytest.fixture
def serving() -> Callable[[Any], Any]:
    """Serve an application: a context with its address."""
    return served_at


@pytest.fixture
def real() -> RealApi:
    """A real API that answers what a test says."""
    return RealApi()


@pytest.fixture
def pair(real: RealApi, beside: Beside) -> Iterator[Pair]:
    """A stub that observes it."""
    with served(config(real)) as server, beside(server.url) as running:
        yield running
        server.server.should_exit = True  # both stop at the same time


@pytest.fixture(scope="session")
def independent() -> Iterator[SimpleNamespace]:
    """Independent implementations of the API, of the tests of the conformance suite."""
    folder = str(Path(__file__).parents[2] / "conformance")
    sys.path.insert(0, folder)
    names = ("huma", "sparse", "session_tokens")
    yield SimpleNamespace(**{name: import_module(f"servers.{name}") for name in names})
    sys.path.remove(folder)
