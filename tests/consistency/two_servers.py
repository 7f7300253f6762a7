"""Real servers on one database, clients of all, and a nemesis that pauses and kills servers and database."""

from __future__ import annotations

import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from orgbilling_stubs.auth import key_file
from orgbilling_stubs.auth.tokens import ClerkSession, mint_token
from orgbilling_stubs.control.errors import ORGANIZATION_UNKNOWN
from orgbilling_stubs.tenants.clock import wall_ms
from orgbilling_stubs.tenants.store.errors import OUTCOME_UNKNOWN
from postgres_server import PostgresServer

from consistency.linearizability import NEVER, Kind, Operation, is_linearizable

ORGANIZATIONS = ("org_a", "org_b", "org_c")
CONTROL = "/_mock/v1"
VOUCHERS = [1 << place for place in range(8)]
"""What the vouchers are worth in USD: each another power of two."""
IMPORTED = 1 << 9
"""The balance of each organization of the bundle."""
CLIENTS = 4
TIMEOUT_S = 8.0
NOTHING_HAPPENED = (503, 409)
"""A database that is locked or away, and a conflict that was not resolved: the command was not executed."""


class Server:
    """A server process, which can be paused, killed and started again."""

    def __init__(self, database: str, defect: str = "") -> None:
        """defect: Python that spoils the server before it starts, to see whether that is noticed."""
        self._database, self._defect = database, defect
        self.url = ""
        self.start()

    def start(self) -> None:
        """Start the process, and wait until it listens."""
        code = f"{self._defect}\nfrom orgbilling_stubs.cli.main import run\nrun()"
        command = [sys.executable, "-c", code, "serve", "--port", "0", "--quiet"]
        command += [
            "--db",
            self._database,
            "--clock",
            "2026-03-10T12:00:00Z",
            "--persona",
            "empty",
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        listening = re.search(r"(http\S+)/api/v1", self._process.stdout.readline())
        assert listening is not None
        self.url = listening[1]

    def pause(self, seconds: float) -> None:
        """Stop the process for a while (SIGSTOP)."""
        self._process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """Kill the process (SIGKILL)."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


@dataclass
class Recorder:
    """The histories of the organizations, as their clients see them."""

    histories: dict[str, list[Operation]] = field(
        default_factory=lambda: {name: [] for name in ORGANIZATIONS}
    )
    unexpected: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, organizations: Iterator[str] | tuple[str, ...], operation: Operation) -> None:
        """Add an operation to the histories of organizations."""
        with self.lock:
            for organization in organizations:
                self.histories[organization].append(operation)


class Client(threading.Thread):
    """Sends drawn operations to drawn servers, one after the other, until it is told to stop."""

    def __init__(self, seed: int, servers: list[Server], recorder: Recorder, bundle: bytes) -> None:
        super().__init__(daemon=True)
        self._draw = random.Random(seed)
        self._servers, self._recorder, self._bundle = servers, recorder, bundle
        self.stopping = threading.Event()

    def run(self) -> None:
        with httpx.Client(timeout=TIMEOUT_S) as http:
            while not self.stopping.is_set():
                time.sleep(self._draw.random() * 0.02)
                self._operate(http)

    def _operate(self, http: httpx.Client) -> None:
        kinds: list[Kind] = ["read"] * 6 + ["redeem"] * 8 + ["create", "delete", "reset", "import"]  # type: ignore[list-item]
        kind, organization = self._draw.choice(kinds), self._draw.choice(ORGANIZATIONS)
        voucher, server = self._draw.choice(VOUCHERS), self._draw.choice(self._servers)
        concerned = ORGANIZATIONS if kind == "import" else (organization,)
        called = time.monotonic()
        try:
            answer = self._send(http, server.url, kind, organization, voucher)
        except httpx.ConnectError:
            return  # it has not been sent
        except httpx.TransportError:
            self._recorder.add(concerned, Operation(kind, called, NEVER, voucher=voucher))
            return
        operation = self._operation(kind, voucher, called, answer)
        if operation is not None:
            self._recorder.add(concerned, operation)

    def _send(
        self, http: httpx.Client, url: str, kind: Kind, organization: str, voucher: int
    ) -> httpx.Response:
        path = f"{url}{CONTROL}/organizations/{organization}"
        headers = {"Authorization": f"Bearer {TOKENS[organization]}"}
        if kind == "read":
            return http.get(f"{url}/api/v1/org/billing", headers=headers)
        if kind == "redeem":
            body = {"code": f"TEST-CREDIT-{voucher}-x"}
            return http.post(f"{url}/api/v1/org/vouchers/redeem", json=body, headers=headers)
        if kind == "create":
            body = {"organization": organization, "persona": "empty"}
            return http.post(f"{url}{CONTROL}/organizations", json=body)
        if kind == "delete":
            return http.delete(path)
        if kind == "reset":
            return http.post(f"{path}/reset")
        media = {"Content-Type": "application/x-ndjson"}
        return http.post(f"{url}{CONTROL}/bundle", content=self._bundle, headers=media)

    def _operation(self, kind: Kind, voucher: int, called: float, answer: httpx.Response) -> Operation | None:
        """The operation that was answered; None when nothing has happened."""
        returned, status = time.monotonic(), answer.status_code
        try:
            code = answer.json() if answer.content else {}
        except ValueError:  # a crash beyond every handler is answered with plain text
            code = {"detail": answer.text}
        if status < 300:
            member = {"read": "creditBalance", "redeem": "newBalance"}.get(kind)
            result = None if member is None else int(code[member])
            return Operation(kind, called, returned, result, voucher=voucher)
        refusals = {
            "redeem": "voucher has already been redeemed",
            "create": "the organization exists",
            "delete": ORGANIZATION_UNKNOWN.detail,
        }
        if status in (404, 409) and code["detail"] == refusals.get(kind):
            return Operation(kind, called, returned, refused=True, voucher=voucher)
        if code.get("detail") == OUTCOME_UNKNOWN.detail:
            return Operation(kind, called, NEVER, voucher=voucher)
        if status not in NOTHING_HAPPENED:
            self._recorder.unexpected.append(f"{kind}: {status} {answer.text}")
        return None


TOKENS: dict[str, str] = {}


def nemesis(
    draw: random.Random,
    servers: list[Server],
    until: float,
    may_kill: bool,
    database: PostgresServer | None = None,
    kills: int = 3,
) -> list[str]:
    """Pause and kill servers, and the database where there is one of its own, until a time; what it did."""
    done: list[str] = []
    while time.monotonic() < until:
        time.sleep(draw.random() * 0.4)
        server = draw.choice(servers)
        if (
            may_kill
            and sum("kill" in what for what in done) < kills
            and draw.random() < (0.25 if database is None else 0.6)
        ):
            done.append(_kill(draw, server, database))
        else:
            server.pause(draw.choice((0.02, 0.2, 0.6)))
            done.append("pause")
    return done


def _kill(draw: random.Random, server: Server, database: PostgresServer | None) -> str:
    """Kill a server, the database, or both, and start them again; what was killed."""
    what = "server" if database is None else draw.choice(("server", "database", "both"))
    if what in ("server", "both"):
        server.kill()
    if database is not None and what in ("database", "both"):
        database.kill()
        time.sleep(draw.choice((0.0, 0.3)))
        database.start()
    if what in ("server", "both"):
        server.start()
    return f"kill {what}"


@contextmanager
def running_servers(address: str, count: int, defect: str = "") -> Iterator[list[Server]]:
    """Servers on one database."""
    servers: list[Server] = []
    try:
        for _ in range(count):
            servers.append(Server(address, defect))
        yield servers
    finally:
        for server in servers:
            with suppress(ProcessLookupError):
                server.kill()


def recorded_bundle(server: Server) -> bytes:
    """A bundle of all organizations, each with the balance IMPORTED. They are deleted afterwards."""
    with httpx.Client(base_url=f"{server.url}{CONTROL}", timeout=60) as http:
        for organization in ORGANIZATIONS:
            http.post("/organizations", json={"organization": organization, "persona": "empty"})
            answer = http.post(f"/organizations/{organization}/adjustments", json={"amountUsd": IMPORTED})
            assert answer.json()["creditBalance"] == IMPORTED, answer.text
        bundle = http.get("/organizations/*/bundle").content
        http.delete("/organizations/*")
    return bundle


def play(
    seed: int,
    folder: Path,
    seconds: float,
    *,
    may_kill: bool = True,
    defect: str = "",
    database: PostgresServer | None = None,
    kills: int = 3,
) -> tuple[Recorder, list[str]]:
    """Let clients and a nemesis loose on servers for a while: the histories, and what the nemesis did.

    Four clients and two servers share a file. With a database, eight clients and three servers share that,
    and the nemesis kills it, too.
    """
    for organization in ORGANIZATIONS:
        session = ClerkSession(organization, ttl_s=86_400)
        TOKENS[organization] = mint_token(key_file.load_signing_key(), session, wall_ms())
    recorder = Recorder()
    address = f"sqlite:///{folder / 'log.db'}" if database is None else database.new_database()
    count, client_count = (2, CLIENTS) if database is None else (3, 2 * CLIENTS)
    with running_servers(address, count, defect) as servers:
        bundle = recorded_bundle(servers[0])
        clients = [Client(seed * 100 + number, servers, recorder, bundle) for number in range(client_count)]
        for client in clients:
            client.start()
        until = time.monotonic() + seconds
        done = nemesis(random.Random(seed), servers, until, may_kill, database, kills)
        for client in clients:
            client.stopping.set()
        for client in clients:
            client.join()  # its last request ends in time; what is not in the history must not happen later
        recorder.histories = {name: list(rows) for name, rows in recorder.histories.items()}
        _read_at_the_end(recorder, servers)
    return recorder, done


def _read_at_the_end(recorder: Recorder, servers: list[Server]) -> None:
    """Read each organization once more on each server: what was acknowledged has to be there."""
    with httpx.Client(timeout=60) as http:
        for server in servers:
            deadline = time.monotonic() + 60
            while http.get(f"{server.url}/_mock/ready").status_code != 200 and time.monotonic() < deadline:
                time.sleep(0.1)
        for organization in ORGANIZATIONS:
            for server in servers:
                called, headers = time.monotonic(), {"Authorization": f"Bearer {TOKENS[organization]}"}
                answer = http.get(f"{server.url}/api/v1/org/billing", headers=headers)
                if answer.status_code != 200:
                    recorder.unexpected.append(f"at the end: {answer.status_code} {answer.text}")
                    continue
                balance = int(answer.json()["creditBalance"])
                recorder.add((organization,), Operation("read", called, time.monotonic(), balance))


def problems(recorder: Recorder) -> list[str]:
    """What is wrong with recorded histories."""
    wrong = [
        f"{organization}: the history of {len(history)} operations is not linearizable"
        for organization, history in recorder.histories.items()
        if not is_linearizable(history, IMPORTED)
    ]
    return wrong + recorder.unexpected
