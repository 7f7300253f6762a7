"""`orgbilling serve --db`: servers on one file, locks of other programs, and files that cannot be used."""

from __future__ import annotations

import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import ClassVar

import httpx
import pytest
from postgres_server import PostgresServer

from tests.stubs.cli.test_serve import COMMAND, serving, token

pytestmark = pytest.mark.slow


class Server:
    """A client of one server, for one organization."""

    opened: ClassVar[list[httpx.Client]] = []

    def __init__(self, base: str) -> None:
        self.api = httpx.Client(base_url=base, headers=token("org_a"), timeout=30)
        self.opened.append(self.api)
        self.address = base.removesuffix("/api/v1")
        self._control = f"{self.address}/_mock/v1/organizations/org_a"

    def control(self, method: str, path: str = "", **body: object) -> httpx.Response:
        return httpx.request(method, self._control + path, json=body or None, timeout=30)

    def shown(self) -> dict[str, object]:
        """What the server says about the organization, without its own address."""
        description: dict[str, object] = self.control("GET").json()
        del description["$schema"]
        return description

    def balance(self) -> float:
        balance: float = self.api.get("/org/billing").json()["creditBalance"]
        return balance

    def redeem(self, code: str, key: str | None = None) -> httpx.Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        return self.api.post("/org/vouchers/redeem", json={"code": f"TEST-CREDIT-{code}"}, headers=headers)


@pytest.fixture(autouse=True)
def _connections_are_closed() -> Iterator[None]:
    """An open socket would be the error of whichever test comes next."""
    yield
    while Server.opened:
        Server.opened.pop().close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.db"


@pytest.fixture(params=["sqlite", "postgres"])
def servers(request: pytest.FixtureRequest, path: Path) -> Iterator[tuple[Server, Server]]:
    """Two processes that serve one database."""
    address = f"sqlite:///{path}"
    if request.param == "postgres":
        address = request.getfixturevalue("postgres_address")
    with ExitStack() as stack:
        options = ("--db", address, "--clock", "2026-03-10T12:00:00Z")
        first, second = (stack.enter_context(serving(*options))[1] for _ in range(2))
        yield Server(first), Server(second)


def test_nothing_of_a_deleted_organization_comes_back_on_another_server(
    servers: tuple[Server, Server],
) -> None:
    ours, theirs = servers
    opening = ours.balance()
    ours.redeem("5-a", "key-1")
    ours.control("POST", "/snapshots", name="before")
    page = ours.api.post("/org/billing/checkout", json={"amount": 50, "currency": "USD"}).json()["url"]
    assert httpx.get(page).status_code == 200
    ours.control("PUT", "/clock", mode="frozen", at="2026-04-01T00:00:00Z")
    assert theirs.control("GET", "/snapshots").json()["snapshots"] != []

    assert theirs.control("DELETE").status_code == 204
    assert ours.control("GET").status_code == 404
    assert httpx.get(page).status_code == 404
    theirs.redeem("9-b")
    assert ours.redeem("1-c", "key-1").status_code == 200  # another request under a former key
    for server in servers:
        assert server.balance() == opening + 10
        assert server.control("GET", "/snapshots").json()["snapshots"] == []
        assert "2026-03-10T12:00:00Z" in server.control("GET", "/clock").text
        assert server.redeem("9-b").status_code == 409
    assert ours.control("POST", "/snapshots/before/restore").status_code == 404
    assert ours.shown() == theirs.shown()


def test_what_drives_one_server_shows_on_the_other_at_once(servers: tuple[Server, Server]) -> None:
    ours, theirs = servers
    assert ours.control("PUT", "/scenario", scenario="low-balance").status_code == 200
    assert theirs.shown() == ours.shown()
    assert theirs.shown()["scenario"] == "low-balance"
    ours.control("PUT", "/clock", mode="frozen", at="2026-04-01T00:00:00Z")
    assert theirs.shown() == ours.shown()
    rules = f"{ours.address}/_mock/v1/faults"
    rule = {"operations": ["getOrgBilling"], "organizations": ["org_a"], "effect": {"status": 503}}
    identifier = httpx.post(rules, json=rule, timeout=30).json()["id"]
    assert theirs.api.get("/org/billing").status_code == 503
    httpx.delete(f"{rules}/{identifier}", timeout=30)
    assert theirs.api.get("/org/billing").status_code == 200
    before = theirs.balance()
    assert ours.redeem("7-once", "key-7").status_code == 200
    assert theirs.redeem("7-once", "key-7").status_code == 200
    assert theirs.balance() == before + 7
    assert theirs.control("POST", "/undo").status_code == 200
    assert ours.balance() == before
    checkout = ours.api.post("/org/billing/checkout", json={"amount": 50}).json()
    page = httpx.get(checkout["url"].replace(ours.address, theirs.address), timeout=30)
    assert page.status_code == 200
    console = httpx.get(f"{theirs.address}/_mock/?org=org_a", timeout=30, follow_redirects=True)
    assert console.status_code == 200


def test_servers_that_create_and_delete_at_once_agree_in_the_end(servers: tuple[Server, Server]) -> None:
    ours, theirs = servers
    statuses: set[int] = set()

    def churn(server: Server, number: int) -> None:
        for step in range(40):
            statuses.add(server.redeem(f"1-{number}-{step}").status_code)
            if step % 8 == number:
                statuses.add(server.control("DELETE").status_code)
            if step % 5 == number:
                statuses.add(server.control("POST", "/reset").status_code)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(churn, servers, (0, 1)))
    # 409 write_conflict: the organization was deleted and created again before the command was written
    assert statuses <= {200, 204, 404, 409}
    assert ours.api.get("/org/ledger").json() == theirs.api.get("/org/ledger").json()
    assert ours.shown() == theirs.shown()
    assert ours.control("GET", "/invariants").json()["organizations"][0]["holds"]


def test_a_lock_of_another_program_stops_one_request_and_nothing_else(path: Path) -> None:
    with serving("--db", f"sqlite:///{path}", "--quiet") as (process, base):
        server = Server(base)
        before = server.balance()
        with ThreadPoolExecutor(1) as pool, closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            waiting = pool.submit(server.redeem, "5-a")
            for _ in range(5):
                health = httpx.get(f"{base.removesuffix('/api/v1')}/healthz")
                assert health.elapsed.total_seconds() < 1
                assert server.balance() == before
            assert not waiting.done()
            refused = waiting.result()
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
            assert 2 <= refused.elapsed.total_seconds() < 10
            other.execute("ROLLBACK")
        assert server.redeem("5-a").status_code == 200
        assert server.balance() == before + 5
        process.terminate()
        assert process.stdout is not None
        said = process.stdout.read()
    assert said.count("database_locked") == 1
    assert "Traceback" not in said


def test_a_database_that_is_away_is_a_503_until_it_is_back_and_nothing_is_lost() -> None:
    with closing(PostgresServer({"fsync": "on"})) as database:
        options = ("--db", database.new_database(), "--quiet")
        with serving(*options) as (_, base):
            server = Server(base)
            before = server.balance()
            assert server.redeem("5-kept").status_code == 200
            database.kill()
            for path in ("/org/billing", "/org/ledger"):
                problem = server.api.get(path)
                assert (problem.status_code, problem.headers["retry-after"]) == (503, "2")
                assert problem.headers["content-type"] == "application/problem+json"
            assert server.redeem("5-refused").status_code == 503
            assert server.control("GET").status_code == 503
            assert httpx.get(f"{server.address}/_mock/ready", timeout=30).status_code == 503
            assert httpx.get(f"{server.address}/_mock/health", timeout=30).status_code == 200
            database.start()
            deadline = time.monotonic() + 60
            while httpx.get(f"{server.address}/_mock/ready", timeout=30).status_code != 200:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            assert server.balance() == before + 5
            assert server.redeem("5-kept").status_code == 409


def foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE VIEW record AS SELECT 1 AS sequence")


def older(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE record (organization TEXT, sequence INTEGER)")
        db.execute("PRAGMA user_version=2")


FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "of another program": (foreign, "is a database of something else"),
    "older": (older, "was written by another version (format 2; this one reads format 3)"),
    "no database": (lambda path: path.write_bytes(b"a letter to a friend" * 999), "file is not a database"),
    "a folder": (Path.mkdir, "it is not a file"),
    "in no folder": (lambda path: path.parent.rmdir(), "there is no folder"),
}


@pytest.mark.parametrize(("prepare", "problem"), FILES.values(), ids=FILES)
def test_a_file_that_cannot_be_used_is_one_line(
    path: Path, prepare: Callable[[Path], object], problem: str
) -> None:
    prepare(path)
    command = [*COMMAND, "serve", "--port", "0", "--db", f"sqlite:///{path}"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 2
    assert result.stderr.startswith("orgbilling: ")
    assert problem in result.stderr
    assert len(result.stderr.splitlines()) == 1
