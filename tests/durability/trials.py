"""One trial: a script runs on a database to which something happens, and what is left is compared.

A trial returns the text of its problem, or None. The kinds of trials are in `TRIALS`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import resource
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from orgbilling_stubs.settings import SettingsError
from orgbilling_stubs.tenants.store.errors import StoreError

from durability.commands import Command, script
from durability.world import RULES, Client, World, build_app, bundle, observe, reference, token

SCRIPTS = 12
"""How many scripts there are: their undisturbed runs are computed once."""

Trial = Callable[[int, Path], str | None]
"""Runs one trial with a number and the path of its database."""


@lru_cache(maxsize=SCRIPTS)
def undisturbed(seed: int) -> tuple[list[Command], list[World], list[int]]:
    """The script of a seed, its worlds and its statuses."""
    commands = script(seed)
    return commands, *reference(commands)


@lru_cache(maxsize=SCRIPTS)
def statements(seed: int) -> int:
    """How many SQL statements the script of a seed executes."""
    with TemporaryDirectory() as folder:
        counter = Path(folder) / "count"

        def child() -> None:
            executed = _on_statements(lambda number: None)
            _play(Path(folder) / "log.db", script(seed), lambda index, status: None)
            counter.write_text(str(executed()))

        _wait(_fork(child))
        return int(counter.read_text())


def _fork(child: Callable[[], None]) -> int:
    """Run a function in a process of its own, which then exits."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        child()
        status = 0
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
    finally:
        os._exit(status)


def _wait(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _on_statements(callback: Callable[[int], None]) -> Callable[[], int]:
    """Call back before every SQL statement of this process, with its number; gives a function that counts."""
    connect, executed = sqlite3.connect, 0

    def traced(statement: str) -> None:
        nonlocal executed
        executed += 1
        callback(executed)

    def connecting(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection = connect(*arguments, **options)
        connection.set_trace_callback(traced)
        return connection

    sqlite3.connect = connecting  # type: ignore[assignment]
    return lambda: executed


def _play(path: Path, commands: Sequence[Command], note: Callable[[int, int], None]) -> Any:
    """Send commands to a stub on a database, and note the status of each as soon as it is known."""
    app = build_app(f"sqlite:///{path}")

    async def play() -> None:
        client = Client(app)
        for index, command in enumerate(commands):
            note(index, await client.send(command))

    asyncio.run(play())
    return app


@contextmanager
def _reopened(path: Path) -> Iterator[Any]:
    app = build_app(f"sqlite:///{path}")
    try:
        yield app
    finally:
        app.service.store.close()


def _difference(expected: World, observed: World) -> str:
    names = [name for name in expected.keys() | observed.keys() if expected.get(name) != observed.get(name)]
    return ", ".join(f"{name}: {expected.get(name)} became {observed.get(name)}" for name in sorted(names))


# Killed


def _killed(number: int, path: Path, arrange: Callable[[int], Callable[[], None]]) -> str | None:
    """Run a script in a process that is killed; then the world is as before the command in hand, or after it.

    arrange: gets the process id when the script is about to run, and what it returns is called in the parent.
    """
    seed = number % SCRIPTS
    commands, worlds, statuses = undisturbed(seed)
    reading, writing = os.pipe()

    def child() -> None:
        os.close(reading)
        arrange(seed)()
        _play(path, commands, lambda index, status: (os.write(writing, f"{status}\n".encode()), None)[1])

    pid = _fork(child)
    os.close(writing)
    with open(reading) as acknowledged:
        if arrange is _nothing:
            time.sleep(random.Random(number).random() * 0.6)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        answered = [int(line) for line in acknowledged]
    _wait(pid)
    if answered != statuses[: len(answered)]:
        return f"answered {answered}, and undisturbed {statuses[: len(answered)]}"
    with _reopened(path) as app:
        return _as_before_or_after(observe(app, worlds[-1]), len(answered), commands, worlds)


def _as_before_or_after(
    observed: World, count: int, commands: Sequence[Command], worlds: Sequence[World]
) -> str | None:
    """After `count` commands were acknowledged: nothing of the next one, or all of it."""
    candidates = worlds[count : count + 2]
    if observed in candidates:
        return None
    if count < len(commands) and commands[count].is_bulk:
        return _each_as_before_or_after(observed, *candidates)
    return f"after {count} commands, at {commands[count : count + 1]}: {_difference(candidates[0], observed)}"


def _each_as_before_or_after(observed: World, before: World, after: World) -> str | None:
    """A command for all organizations is one for each; the rules of an organization go with it."""
    for name in before.keys() | after.keys() | observed.keys():
        if name != RULES and observed.get(name) not in (before.get(name), after.get(name)):
            return f"of all organizations: {_difference(before, observed)}"
    rules = set(filter(None, observed[RULES].split(",")))
    if not set(filter(None, after[RULES].split(","))) <= rules <= set(before[RULES].split(",")):
        return f"rules of all organizations: {_difference(before, observed)}"
    return None


def _nothing(seed: int) -> Callable[[], None]:
    return lambda: None


def killed_at_a_statement(number: int, path: Path) -> str | None:
    """SIGKILL right before one SQL statement: each statement of a script has its turn."""

    def arrange(seed: int) -> Callable[[], None]:
        # Trial n of a script takes the statement that divides the script by the golden ratio, n times over.
        fatal = 1 + int((number // SCRIPTS * 0.618_033_988_749) % 1 * count)

        def kill(executed: int) -> None:
            if executed == fatal:
                os.kill(os.getpid(), signal.SIGKILL)

        return lambda: (_on_statements(kill), None)[1]

    count = statements(number % SCRIPTS)
    return _killed(number, path, arrange)


def killed_at_any_time(number: int, path: Path) -> str | None:
    """SIGKILL after a random time, also in the middle of a statement."""
    return _killed(number, path, _nothing)


# Full and locked


def _hindered(
    number: int, path: Path, hinder: Callable[[Any, random.Random], Callable[[int], None]]
) -> str | None:
    """Run a script that is hindered: commands answered 503 have done nothing, all others have been done."""
    commands = script(number % SCRIPTS)
    statuses: list[int] = []
    reading, writing = os.pipe()

    def child() -> None:
        app = build_app(f"sqlite:///{path}")
        hindrance = hinder(app, random.Random(number))

        async def play() -> None:
            client = Client(app)
            for index, command in enumerate(commands):
                hindrance(index)
                os.write(writing, f"{await client.send(command)}\n".encode())

        asyncio.run(play())

    pid = _fork(child)
    os.close(writing)
    with open(reading) as acknowledged:
        statuses = [int(line) for line in acknowledged]
    if (status := _wait(pid)) or len(statuses) != len(commands):
        return f"the server ended with {status} after {len(statuses)} commands"
    done = [(command, status) for command, status in zip(commands, statuses, strict=True) if status != 503]
    worlds, expected = reference([command for command, _ in done])
    if [status for _, status in done] != expected:
        return f"answered {statuses}, and without the refused ones {expected}"
    with _reopened(path) as app:
        observed = observe(app, worlds[-1])
    return None if observed == worlds[-1] else f"{statuses}: {_difference(worlds[-1], observed)}"


def full_database(number: int, path: Path) -> str | None:
    """The file may not grow for some commands: SQLite's own limit of pages."""

    def hinder(app: Any, draw: random.Random) -> Callable[[int], None]:
        database, full_from = app.service.store._db, draw.randrange(1, 10)
        full_until = full_from + draw.randrange(1, 5)

        def at(index: int) -> None:
            if index == full_from:
                database.execute(
                    f"PRAGMA max_page_count={database.execute('PRAGMA page_count').fetchone()[0]}"
                )
            elif index == full_until:
                database.execute("PRAGMA max_page_count=1000000")

        return at

    return _hindered(number, path, hinder)


def full_disk(number: int, path: Path) -> str | None:
    """No file may grow beyond a size: the operating system's limit, as with a quota or a full disk."""

    def hinder(app: Any, draw: random.Random) -> Callable[[int], None]:
        full_from = draw.randrange(1, 10)
        full_until, room = full_from + draw.randrange(1, 5), draw.randrange(0, 12_000)
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]

        def at(index: int) -> None:
            if index == full_from:
                limit = path.with_name(f"{path.name}-wal").stat().st_size + room
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
            elif index == full_until:
                resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))

        return at

    return _hindered(number, path, hinder)


def locked_database(number: int, path: Path) -> str | None:
    """Another program holds a write lock, for longer than a command waits at times."""

    def hinder(app: Any, draw: random.Random) -> Callable[[int], None]:
        locks = {draw.randrange(1, 12): draw.choice((0.02, 0.1, 0.1, 2.5)) for _ in range(2)}
        mode = draw.choice(("IMMEDIATE", "EXCLUSIVE"))

        def at(index: int) -> None:
            if index in locks:
                reading, writing = os.pipe()

                def hold() -> None:
                    other = sqlite3.connect(path, isolation_level=None, timeout=5)
                    other.execute(f"BEGIN {mode}")
                    os.write(writing, b"!")
                    time.sleep(locks[index])
                    other.execute("ROLLBACK")

                _fork(hold)
                os.close(writing)
                os.read(reading, 1)
                os.close(reading)

        return at

    return _hindered(number, path, hinder)


# Damaged


COLUMNS: Mapping[str, Sequence[str]] = {
    "record": (
        "organization", "generation", "sequence", "at_ms", "event", "batch", "idempotency_key", "fingerprint",
        "checksum",
    ),
    "log": ("organization", "generation", "sequence", "checksum"),
}  # fmt: skip
"""The columns of the tables; a column that is missing here fails a test."""
ROWS = ("lost", "doubled", "moved")
"""What can happen to a whole record."""
CLASSES = [(table, column) for table, columns in COLUMNS.items() for column in columns] + [
    (table, row) for table in COLUMNS for row in ROWS
]


def damaged_record(number: int, path: Path) -> str | None:
    """One value of one row changes, or a row is lost, doubled or moved: its log alone is damaged."""
    _, world = _written(number, path)
    table, part = CLASSES[number // SCRIPTS % len(CLASSES)]
    draw = random.Random(number)
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        changed = _damage(database, table, part, draw)
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return _only_damage(path, world, f"{table}.{part} ({changed})", deletable=True)


def _damage(database: sqlite3.Connection, table: str, part: str, draw: random.Random) -> str:
    """Change one row; what was changed."""
    for _ in range(50):
        rows = database.execute(f"SELECT rowid, * FROM {table}").fetchall()
        rowid, *values = draw.choice(rows)
        columns = COLUMNS[table]
        with suppress(sqlite3.IntegrityError), _all_or_nothing(database):
            if part == "lost":
                database.execute(f"DELETE FROM {table} WHERE rowid = ?", (rowid,))
            elif part in ("doubled", "moved"):
                place = columns.index("sequence")
                values[place] += draw.choice((-1, 1, 2, 1_000))
                if part == "moved" or table == "log":
                    database.execute(f"DELETE FROM {table} WHERE rowid = ?", (rowid,))
                database.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(values))})", values)
            else:
                changed = _other(values[columns.index(part)], draw)
                database.execute(f"UPDATE {table} SET {part} = ? WHERE rowid = ?", (changed, rowid))
                return f"row {rowid}: {changed!r:.60}"
            return f"row {rowid}"
    return "nothing"


@contextmanager
def _all_or_nothing(database: sqlite3.Connection) -> Iterator[None]:
    database.execute("BEGIN")
    try:
        yield
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")


def _other(value: int | str | bytes | None, draw: random.Random) -> int | str | bytes:
    """Another value of the same type: one bit is turned, or a part is missing."""
    if value is None:
        return "x"
    if isinstance(value, int):
        return value ^ (1 << draw.randrange(40))
    if not value or draw.random() < 0.2:
        return value[: len(value) // 2] + (value[:0] if value else "x" if isinstance(value, str) else b"x")
    place = draw.randrange(len(value))
    if isinstance(value, bytes):
        return value[:place] + bytes([value[place] ^ (1 << draw.randrange(8))]) + value[place + 1 :]
    return value[:place] + chr(ord(value[place]) ^ (1 << draw.randrange(6))) + value[place + 1 :]


def damaged_file(number: int, path: Path) -> str | None:
    """Some bytes anywhere in the file change: what is answered is true, or an error."""
    _, world = _written(number, path)
    draw = random.Random(number)
    content = bytearray(path.read_bytes())
    start, length = draw.randrange(len(content)), draw.choice((1, 1, 8, 512))
    for place in range(start, min(start + length, len(content))):
        content[place] ^= 1 << draw.randrange(8)
    path.write_bytes(content)
    return _only_damage(path, world, f"{length} bytes at {start}", deletable=False)


def _written(number: int, path: Path) -> tuple[list[Command], World]:
    """Run a whole script on the database, and close it; the world after it."""
    commands, worlds, _ = undisturbed(number % SCRIPTS)

    def child() -> None:
        _play(path, commands, lambda index, status: None).service.store.close()

    _wait(_fork(child))
    return commands, worlds[-1]


def _only_damage(path: Path, world: World, damage: str, *, deletable: bool) -> str | None:
    """What a server on the damaged file says is as it was, or an error; in a process that may crash."""
    reading, writing = os.pipe()

    def child() -> None:
        os.write(writing, (_examined(path, world, deletable=deletable) or "").encode()[:4_000])

    pid = _fork(child)
    os.close(writing)
    with open(reading) as found:
        problem = found.read()
    if status := _wait(pid):
        problem = f"the server ended with {status}"
    return f"{damage}: {problem}" if problem else None


def _examined(path: Path, world: World, *, deletable: bool) -> str | None:
    try:
        app = build_app(f"sqlite:///{path}")
    except (StoreError, SettingsError) as error:
        return f"cannot be opened: {error}" if deletable else None
    try:
        observed = observe(app, world)
    except StoreError as error:
        return f"cannot be listed: {error}" if deletable else None
    errors = {name: found for name, found in observed.items() if name != RULES and "_" in found}
    silent = [
        name
        for name in world.keys() | observed.keys()
        if name not in errors and name != RULES and observed.get(name) != world.get(name)
    ]
    if silent:
        return f"silent change: {_difference(world, observed)}"
    if observed[RULES] != world[RULES] and "damaged" not in observed[RULES]:
        return f"silent change of the rules: {_difference(world, observed)}"
    if not deletable:
        return None
    if len(errors) > 2:
        return f"more than the damaged log: {errors}"
    for name in errors:
        status = asyncio.run(Client(app).send(Command("DELETE", f"/_mock/v1/organizations/{name}")))
        if status not in (204, 404):
            return f"{name} cannot be deleted: {status}"
    rest = observe(app)
    expected = {name: found for name, found in world.items() if name not in errors}
    return (
        None
        if rest | {RULES: ""} == expected | {RULES: ""}
        else f"after deleting: {_difference(expected, rest)}"
    )


TRIALS: Mapping[str, tuple[Trial, int]] = {
    "killed at a statement": (killed_at_a_statement, 8),
    "killed at any time": (killed_at_any_time, 3),
    "damaged record": (damaged_record, 4),
    "damaged file": (damaged_file, 2),
    "full database": (full_database, 1),
    "full disk": (full_disk, 1),
    "locked database": (locked_database, 1),
}
"""The kinds of trials, with how many of twenty are of each."""


def prepare() -> None:
    """Compute once what every trial needs, before the first process is forked."""
    logging.disable()  # the server names what is wrong with each database
    for organization in ("org_a", "org_b", "org_c"):
        token(organization)
    bundle()
