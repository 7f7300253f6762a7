"""A stub with everything that watches it, behind a real uvicorn, spoken to through a raw socket."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import pytest
import uvicorn
from orgbilling_openapi import description as descriptions
from orgbilling_stubs.api.operations import operation_handlers
from orgbilling_stubs.auth import key_file
from orgbilling_stubs.auth.authorization import Authorizer
from orgbilling_stubs.auth.tokens import ClerkSession, mint_token
from orgbilling_stubs.auth.verification import Authenticator
from orgbilling_stubs.beside.handlers import real_api_handlers
from orgbilling_stubs.checkout.completion import CheckoutCompletion
from orgbilling_stubs.checkout.sessions import CheckoutSessions
from orgbilling_stubs.checkout.settings import HostedPageSettings
from orgbilling_stubs.control import operations
from orgbilling_stubs.control.application import control_application
from orgbilling_stubs.control.current_responses import CurrentResponses
from orgbilling_stubs.control.server import ControlServer
from orgbilling_stubs.faults import effects
from orgbilling_stubs.faults import handlers as faults
from orgbilling_stubs.faults.rules import FaultRule
from orgbilling_stubs.http.application import assemble
from orgbilling_stubs.http.origin_policy import NetworkSettings
from orgbilling_stubs.http.server.uvicorn_protocol import config
from orgbilling_stubs.instrumentation import instrument
from orgbilling_stubs.journal import handlers as journal
from orgbilling_stubs.journal.exchange import Exchange
from orgbilling_stubs.tenants import clock as clocks
from orgbilling_stubs.tenants import tenant_factory
from orgbilling_stubs.tenants.persona_registry import PersonaRegistry
from orgbilling_stubs.tenants.service import Service
from orgbilling_stubs.tenants.store.memory import MemoryStore
from serving import served

CLOCK = "2026-03-10T12:00:00Z"


def _no_responses() -> CurrentResponses:
    raise AssertionError("no test of the faults asks for the current responses")


class Answer(NamedTuple):
    """What came over the wire. ended: how the connection did: "open", "closed" or "reset"."""

    status: int
    headers: dict[str, str]
    body: bytes
    ended: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class World:
    """One server on a port of its own."""

    def __init__(self, settings: uvicorn.Config | None = None) -> None:
        self._settings = settings
        description = descriptions.load()
        personas = PersonaRegistry(())
        key = key_file.load_signing_key()
        clock = clocks.from_option(CLOCK)
        self.service = Service(MemoryStore(), clock, tenant_factory.tenant_config, personas.of, 1)
        handlers = operation_handlers(description, self.service)
        authorizer = Authorizer(Authenticator("trust", key), clocks.wall_ms)
        self.instrumentation = instrument(description, self.service, personas, handlers)
        instrumentation = self.instrumentation
        server = ControlServer(
            self.service,
            personas,
            key,
            instrumentation.rules,
            "",
            clocks.wall_ms,
        )
        more = {
            **faults.fault_handlers(instrumentation.rules),
            **journal.journal_handlers(
                instrumentation.journal, None, instrumentation.coverage.items.operations
            ),
            **journal.coverage_handlers(instrumentation.coverage),
            **real_api_handlers(None),
        }
        checkouts = CheckoutCompletion(CheckoutSessions(self.service, HostedPageSettings()))
        driving = operations.control_handlers(server, checkouts, instrumentation.journal, _no_responses)
        control_api = control_application(
            {**driving, **more},
            1,
            NetworkSettings(),
            self.service.store,
        )
        self.app = assemble(
            description,
            handlers,
            authorizer.authorize,
            recorder=self.instrumentation.recorder.record,
            fault_injection=self.instrumentation.fault_injection,
        )
        self.app.mount({"/_mock/v1": control_api, "/_mock/docs": control_api})
        self._key = key
        self._tokens: dict[tuple[str, str], str] = {}
        settings = self._settings or config(self.app)
        settings.app = self.app
        self._serving = ExitStack()
        self.port, self.server = self._serving.enter_context(served(settings))

    def stop(self) -> None:
        self._serving.close()

    def fault(self, **members: Any) -> FaultRule:
        """Put a rule in force; what is no field of a rule is a JSON member of its effect."""
        own = {name: members.pop(name) for name in list(members) if name in FaultRule.__dataclass_fields__}
        return self.instrumentation.rules.add(FaultRule(effects.parse(members), **own))

    def token(self, organization: str = "org_standard", role: str = "admin") -> str:
        if (organization, role) not in self._tokens:
            self._tokens[organization, role] = mint_token(
                self._key, ClerkSession(organization, role), clocks.wall_ms()
            )
        return self._tokens[organization, role]

    def request(
        self,
        path: str,
        body: Any = None,
        organization: str | None = "org_standard",
        headers: dict[str, str] | None = None,
        method: str | None = None,
    ) -> bytes:
        content = b"" if body is None else json.dumps(body).encode()
        sent = {"Host": "127.0.0.1"}
        if organization is not None:
            sent["Authorization"] = f"Bearer {self.token(organization)}"
        if body is not None:
            sent |= {"Content-Type": "application/json", "Content-Length": str(len(content))}
        sent |= headers or {}
        target = path if path.startswith("/_mock") else f"/api/v1{path}"
        lines = [f"{method or ('POST' if body is not None else 'GET')} {target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in sent.items()]
        return "\r\n".join([*lines, "", ""]).encode() + content

    def connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def __call__(self, path: str, body: Any = None, **request: Any) -> Answer:
        """Send a request and read to the end of its answer."""
        with self.connect() as connection:
            connection.sendall(self.request(path, body, **request))
            return read(connection, head=request.get("method") == "HEAD")

    @staticmethod
    def read(connection: socket.socket) -> Answer:
        """One answer on an open connection."""
        return read(connection)

    def exchanges(self) -> list[Exchange]:
        """The journal, newest first."""
        return list(self.instrumentation.journal.newest())

    def drive(self, method: str, path: str, body: Any = None) -> Any:
        """Call the control API."""
        answer = self(f"/_mock/v1{path}", body, organization=None, method=method)
        assert answer.status < 500, answer
        return answer.json if answer.body else answer.status


def read(connection: socket.socket, *, head: bool = False) -> Answer:
    """One answer, byte by byte as it comes, until it is complete or the connection ends."""
    content, ended = b"", "open"
    while ended == "open" and not complete(content, head):
        try:
            part = connection.recv(65536)
        except ConnectionResetError:
            ended = "reset"
            break
        ended = "open" if part else "closed"
        content += part
    top, _, body = content.partition(b"\r\n\r\n")
    lines = top.decode("latin-1").split("\r\n")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, value = line.split(": ", 1)
        headers[name.lower()] = ", ".join(filter(None, (headers.get(name.lower()), value)))
    status = int(lines[0].split(" ")[1]) if content else 0
    return Answer(status, headers, body, ended)


def complete(content: bytes, head: bool) -> bool:
    top, end, body = content.partition(b"\r\n\r\n")
    if not end:
        return False
    if head or top.startswith((b"HTTP/1.1 204", b"HTTP/1.1 304")):
        return True
    length = top.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
    return bool(length) and len(body) >= int(length)


@pytest.fixture(scope="session")
def _world(home: Any) -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ORGBILLING_HOME", str(home))
        world = World()
    yield world
    world.stop()


@pytest.fixture
def world(_world: World) -> Iterator[World]:
    _world.instrumentation.rules.clear()
    _world.instrumentation.journal.clear()
    _world.instrumentation.coverage.reset(0)
    yield _world
    _world.instrumentation.rules.clear()


@pytest.fixture
def organization(request: pytest.FixtureRequest) -> str:
    """An organization that no other test knows."""
    return "org_standard_" + "".join(c if c.isalnum() else "_" for c in request.node.name)[:80]


@pytest.fixture(scope="session")
def is_problem() -> Callable[[Answer], bool]:
    import jsonschema_rs

    description = descriptions.load()
    root = {"$ref": "#/components/schemas/ErrorModel", "components": description["components"]}
    validator = jsonschema_rs.Draft202012Validator(root, validate_formats=True)

    def check(answer: Answer) -> bool:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json["status"] == answer.status
        return validator.is_valid(answer.json)

    return check


@pytest.fixture(params=["httptools", "h11"])
def plain_world(home: Any, request: pytest.FixtureRequest) -> Iterator[World]:
    """A server under plain uvicorn and asyncio, as `uvicorn --factory orgbilling_stubs.app:asgi` has it."""
    plain = uvicorn.Config("later:app", log_config=None, lifespan="off", http=request.param, loop="asyncio")
    world = World(plain)
    yield world
    world.stop()


@pytest.fixture
def world_of_its_own(home: Any) -> World:
    """A server for a test that stops it."""
    return World()
